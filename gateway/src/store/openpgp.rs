//! What is kept for OpenPGP: our keys, the user's certificates, and which messages were read. `peer` is
//! [`crate::keeper::Peer::key`].

use openpgp_xmpp::{Fingerprint, Key, MessageId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::trust::{SET, Trust};
use super::{Error, Result, Sealer, UserId};

/// Our key towards this user, and when it was made, in seconds since 1970; if it was.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn key(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str) -> Result<Option<(Key, i64)>> {
    let sql = "SELECT sealed, at FROM openpgp_keys WHERE user = ?1 AND contact = ?2";
    let row = db
        .prepare_cached(sql)?
        .query_row(params![user.0, peer], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
    let Some((sealed, at)) = row.optional()? else { return Ok(None) };
    let octets = sealer.open_octets("openpgp_keys", &sealed)?;
    Ok(Some((Key::read(&octets).map_err(|_| Error::Seal)?, at)))
}

/// Keeps a new one.
///
/// # Errors
/// SQLite's.
pub fn set_key(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str, key: &Key, at: i64) -> Result<()> {
    let octets = key.octets().map_err(|_| Error::Seal)?;
    let sealed = sealer.seal_octets("openpgp_keys", &octets)?;
    let sql = "INSERT INTO openpgp_keys (user, contact, sealed, at) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![user.0, peer, sealed, at])?;
    Ok(())
}

/// One of the user's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What people compare.
    pub fingerprint: String,
    /// All of it.
    pub octets: Vec<u8>,
    /// Whether the user's server lists it now.
    pub listed: bool,
    /// What people have said of it.
    pub trust: Trust,
}

/// The user's certificates that were seen.
///
/// # Errors
/// SQLite's.
pub fn known(db: &Transaction<'_>, user: UserId) -> Result<Vec<Known>> {
    let sql =
        "SELECT fingerprint, octets, listed, trust FROM openpgp_certificates WHERE user = ?1 ORDER BY fingerprint";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map([user.0], |row| {
        let trust = Trust::read(&row.get::<_, String>(3)?);
        Ok(Known { fingerprint: row.get(0)?, octets: row.get(1)?, listed: row.get(2)?, trust })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps what the user's server lists now, each with its octets if they came. Of one whose octets did not come the earlier ones
/// stay. What is not listed any more goes, unless people have spoken of it.
///
/// # Errors
/// SQLite's.
pub fn set_listed(db: &Transaction<'_>, user: UserId, certificates: &[(Fingerprint, Option<Vec<u8>>)]) -> Result<()> {
    db.execute("UPDATE openpgp_certificates SET listed = 0 WHERE user = ?1", [user.0])?;
    for (fingerprint, octets) in certificates {
        let name = fingerprint.to_string();
        match octets {
            Some(octets) => db.execute(
                "INSERT INTO openpgp_certificates (user, fingerprint, octets, listed, told) VALUES (?1, ?2, ?3, 1, 0)
                 ON CONFLICT DO UPDATE SET octets = excluded.octets, listed = 1",
                params![user.0, name, octets],
            )?,
            None => db.execute(
                "UPDATE openpgp_certificates SET listed = 1 WHERE user = ?1 AND fingerprint = ?2",
                params![user.0, name],
            )?,
        };
    }
    db.execute(
        "DELETE FROM openpgp_certificates WHERE user = ?1 AND listed = 0 AND trust = ?2",
        params![user.0, Trust::Blind.name()],
    )?;
    Ok(())
}

/// Keeps what people say of a certificate.
///
/// # Errors
/// SQLite's.
pub fn set_trust(db: &Transaction<'_>, user: UserId, fingerprint: &str, trust: Trust) -> Result<()> {
    let sql = format!("UPDATE openpgp_certificates SET {SET} WHERE user = ?1 AND fingerprint = ?2");
    db.execute(&sql, params![user.0, fingerprint, trust.name()])?;
    Ok(())
}

/// Forgets a certificate: when it is listed again, it is a new one.
///
/// # Errors
/// SQLite's.
pub fn forget(db: &Transaction<'_>, user: UserId, fingerprint: &str) -> Result<()> {
    db.execute("DELETE FROM openpgp_certificates WHERE user = ?1 AND fingerprint = ?2", params![user.0, fingerprint])?;
    Ok(())
}

/// Whether a message was read before.
///
/// # Errors
/// SQLite's.
pub fn is_seen(db: &Transaction<'_>, user: UserId, id: &MessageId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM openpgp_seen WHERE user = ?1 AND id = ?2)";
    Ok(db.query_row(sql, params![user.0, id.0.as_slice()], |row| row.get(0))?)
}

/// It is read; remembered until then, in seconds since 1970. What is too old to come again goes.
///
/// # Errors
/// SQLite's.
pub fn see(db: &Transaction<'_>, user: UserId, id: &MessageId, now: i64, until: i64) -> Result<()> {
    db.execute("DELETE FROM openpgp_seen WHERE until < ?1", [now])?;
    let sql = "INSERT INTO openpgp_seen (user, id, until) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    db.execute(sql, params![user.0, id.0.as_slice(), until])?;
    Ok(())
}

/// Our keys towards this user, each with the peer whose it is.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn all_own(db: &Transaction<'_>, sealer: &Sealer, user: UserId) -> Result<Vec<(String, Key)>> {
    let mut query = db.prepare_cached("SELECT contact FROM openpgp_keys WHERE user = ?1 ORDER BY contact")?;
    let peers: Vec<String> = query.query_map([user.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut all = Vec::new();
    for peer in peers {
        all.extend(key(db, sealer, user, &peer)?.map(|(key, _)| (peer, key)));
    }
    Ok(all)
}
