//! Public keys of ESessions: ours, one for each contact, and those of the user's clients (XEP-0116, section 9).

use drawbridge_bridge::Secret;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, Sealer, UserId};

/// How a key stands that a client has signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The first one of this client. It is remembered.
    First,
    /// It was there before.
    Known,
    /// People compared codes in a session that it signed.
    Verified,
    /// This client had another one. It is remembered from now on.
    Other,
}

/// The key (PKCS #8) that we sign with in this conversation, once there is one. `peer` is [`crate::keeper::Peer::key`].
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn own(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str) -> Result<Option<Secret>> {
    let sql = "SELECT sealed FROM signing_keys WHERE user = ?1 AND contact = ?2";
    let sealed: Option<Vec<u8>> = db.query_row(sql, params![user.0, peer], |row| row.get(0)).optional()?;
    sealed.map(|sealed| Ok(Secret::new(sealer.open::<Vec<u8>>("signing", &sealed)?))).transpose()
}

/// Keeps the key that we sign with.
///
/// # Errors
/// SQLite's.
pub fn set_own(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str, key: &Secret) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO signing_keys (user, contact, sealed) VALUES (?1, ?2, ?3)",
        params![user.0, peer, sealer.seal("signing", &key.expose())?],
    )?;
    Ok(())
}

/// A client has signed with this key, in its one spelling; `signs` if in a negotiation of three messages.
///
/// # Errors
/// SQLite's.
pub fn meet(db: &Transaction<'_>, user: UserId, client: &str, key: &str, signs: bool) -> Result<Standing> {
    let sql = "UPDATE client_keys SET signs = ?3 WHERE user = ?1 AND key = ?2 RETURNING verified";
    let known: Option<bool> = db.query_row(sql, params![user.0, key, signs], |row| row.get(0)).optional()?;
    if let Some(verified) = known {
        return Ok(if verified { Standing::Verified } else { Standing::Known });
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM client_keys WHERE user = ?1 AND client = ?2)";
    let others: bool = db.query_row(sql, params![user.0, client], |row| row.get(0))?;
    let sql = "INSERT INTO client_keys (user, key, client, signs) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![user.0, key, client, signs])?;
    // Anybody between us and the client can show keys; what people verified is not pushed out by them.
    db.execute(
        "DELETE FROM client_keys WHERE user = ?1 AND verified = 0 AND rowid NOT IN
         (SELECT rowid FROM client_keys WHERE user = ?1 AND verified = 0 ORDER BY rowid DESC LIMIT ?2)",
        params![user.0, MOST],
    )?;
    Ok(if others { Standing::Other } else { Standing::First })
}

/// A key of one of the user's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// Its one spelling.
    pub key: String,
    /// The client that showed it first, by its resource.
    pub client: String,
    /// People compared codes in a session that it signed, or its fingerprint.
    pub verified: bool,
}

/// All keys that the user's clients have signed with, the oldest first.
///
/// # Errors
/// SQLite's.
pub fn all(db: &Transaction<'_>, user: UserId) -> Result<Vec<ClientKey>> {
    let mut query = db.prepare("SELECT key, client, verified FROM client_keys WHERE user = ?1 ORDER BY rowid")?;
    let rows = query
        .query_map([user.0], |row| Ok(ClientKey { key: row.get(0)?, client: row.get(1)?, verified: row.get(2)? }))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// A key is the user's no more.
///
/// # Errors
/// SQLite's.
pub fn forget(db: &Transaction<'_>, user: UserId, key: &str) -> Result<()> {
    db.execute("DELETE FROM client_keys WHERE user = ?1 AND key = ?2", params![user.0, key])?;
    Ok(())
}

/// Whether the last session that this client signed was negotiated in three messages.
///
/// # Errors
/// SQLite's.
pub fn signs(db: &Transaction<'_>, user: UserId, client: &str) -> Result<bool> {
    let sql = "SELECT signs FROM client_keys WHERE user = ?1 AND client = ?2 ORDER BY rowid DESC LIMIT 1";
    Ok(db.query_row(sql, params![user.0, client], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// This client is not asked in three messages any more.
///
/// # Errors
/// SQLite's.
pub fn signs_no_more(db: &Transaction<'_>, user: UserId, client: &str) -> Result<()> {
    db.execute("UPDATE client_keys SET signs = 0 WHERE user = ?1 AND client = ?2", params![user.0, client])?;
    Ok(())
}

/// Unverified keys of one user that are remembered.
const MOST: i64 = 64;

/// People compared codes in a session that this key signed, or its fingerprint.
///
/// # Errors
/// SQLite's.
pub fn verify(db: &Transaction<'_>, user: UserId, key: &str) -> Result<()> {
    db.execute("UPDATE client_keys SET verified = 1 WHERE user = ?1 AND key = ?2", params![user.0, key])?;
    Ok(())
}
