//! Retained secrets of ESessions, one row a peer client, sealed (XEP-0116, section 6.4; pending until confirmed).

use rusqlite::{Row, Transaction, params};

use super::{Result, Sealer, UserId};
use drawbridge_bridge::Secret;

/// A stored secret. `peer` is [`crate::keeper::Peer::key`].
#[derive(Debug, Clone)]
pub struct Retained {
    /// Row id: the caller's name for it in a negotiation.
    pub id: i64,
    /// The secret.
    pub secret: Secret,
    /// Stored, but the peer has not yet shown that it has it too.
    pub pending: bool,
    /// The whole chain was compared by people.
    pub verified: bool,
}

/// A secret about to be stored.
#[derive(Debug, Clone)]
pub struct NewRetained {
    /// The secret.
    pub secret: Secret,
    /// Whether the peer has still to show that it has it too.
    pub pending: bool,
    /// Whether the chain it continues was compared by people.
    pub verified: bool,
    /// The client's resource, as its server says.
    pub client: String,
    /// The code of the session was one that cannot be searched.
    pub commits: bool,
}

/// All secrets shared with the user's clients in one conversation, newest first.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn all(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str) -> Result<Vec<Retained>> {
    let sql = "SELECT id, sealed, pending, verified FROM retained WHERE user = ?1 AND contact = ?2 ORDER BY id DESC";
    let mut query = db.prepare(sql)?;
    let rows = query.query_map(params![user.0, peer], |row: &Row<'_>| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, bool>(2)?, row.get::<_, bool>(3)?))
    })?;
    rows.map(|row| {
        let (id, sealed, pending, verified) = row?;
        let octets: Vec<u8> = sealer.open("retained", &sealed)?;
        Ok(Retained { id, secret: Secret::new(octets), pending, verified })
    })
    .collect()
}

/// Stores a secret; returns its row id.
///
/// # Errors
/// SQLite's.
pub fn add(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str, new: &NewRetained, at: i64) -> Result<i64> {
    let NewRetained { secret, pending, verified, client, commits } = new;
    db.execute(
        "INSERT INTO retained (user, contact, sealed, pending, verified, used, client, commits)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![user.0, peer, sealer.seal("retained", &secret.expose())?, pending, verified, at, client, commits],
    )?;
    Ok(db.last_insert_rowid())
}

/// Whether this client has shown that it holds a secret of this conversation, and if so, whether one was verified.
///
/// # Errors
/// SQLite's.
pub fn held_by(db: &Transaction<'_>, user: UserId, peer: &str, client: &str) -> Result<Option<bool>> {
    let sql = "SELECT max(verified) FROM retained
               WHERE user = ?1 AND contact = ?2 AND pending = 0 AND (client IS NULL OR client = ?3)";
    Ok(db.query_row(sql, params![user.0, peer, client], |row| row.get(0))?)
}

/// Whether a session of this client, with any contact, had a code that cannot be searched.
///
/// # Errors
/// SQLite's.
pub fn commits(db: &Transaction<'_>, user: UserId, client: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM retained WHERE user = ?1 AND client = ?2 AND pending = 0 AND commits = 1)";
    Ok(db.query_row(sql, params![user.0, client], |row| row.get(0))?)
}

/// The peer has shown that it has the new secret: it is kept, the one it grew from goes.
///
/// # Errors
/// SQLite's.
pub fn confirm(db: &Transaction<'_>, new: i64, old: Option<i64>) -> Result<()> {
    db.execute("UPDATE retained SET pending = 0 WHERE id = ?1", [new])?;
    if let Some(old) = old {
        db.execute("DELETE FROM retained WHERE id = ?1 AND id <> ?2", params![old, new])?;
    }
    Ok(())
}

/// People compared codes: the chain is verified from here on.
///
/// # Errors
/// SQLite's.
pub fn verify(db: &Transaction<'_>, id: i64) -> Result<()> {
    db.execute("UPDATE retained SET verified = 1 WHERE id = ?1", [id])?;
    Ok(())
}

/// Keeps the newest `keep` pending and the newest `keep` confirmed ones, and of these what people have verified: what anybody can cause
/// pushes out none of those, nor a pending one a confirmed one.
///
/// # Errors
/// SQLite's.
pub fn prune(db: &Transaction<'_>, user: UserId, peer: &str, keep: usize) -> Result<()> {
    for pending in [false, true] {
        db.execute(
            "DELETE FROM retained WHERE user = ?1 AND contact = ?2 AND pending = ?3 AND (pending OR NOT verified) AND id NOT IN
             (SELECT id FROM retained WHERE user = ?1 AND contact = ?2 AND pending = ?3 ORDER BY id DESC LIMIT ?4)",
            params![user.0, peer, pending, i64::try_from(keep).unwrap_or(i64::MAX)],
        )?;
    }
    Ok(())
}
