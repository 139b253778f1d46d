//! The user's devices and keys that they have not been told of.

use omemo::DeviceId;
use omemo::ratchet::PublicKey;
use rusqlite::{Connection, Transaction, params};

use super::{Result, UserId};

/// What was not seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum New {
    /// A device with OMEMO, and what it is known by in its Curve25519 form.
    Device(DeviceId, PublicKey),
    /// An OpenPGP key, by its fingerprint.
    Key(String),
}

/// Whom the end of an earlier process kept from hearing what it had taken.
pub(super) fn prepare(connection: &Connection) -> Result<()> {
    let sql =
        "UPDATE omemo_devices SET told = 0 WHERE told = 2; UPDATE openpgp_certificates SET told = 0 WHERE told = 2";
    Ok(connection.execute_batch(sql)?)
}

/// Whether there is something to be told.
///
/// # Errors
/// SQLite's.
pub fn any(db: &Transaction<'_>, user: UserId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM omemo_devices WHERE user = ?1 AND told = 0
                              UNION ALL SELECT 1 FROM openpgp_certificates WHERE user = ?1 AND told = 0)";
    Ok(db.prepare_cached(sql)?.query_row([user.0], |row| row.get(0))?)
}

/// All that is to be told, by whoever takes it: nobody else does meanwhile. Then it is [`settle`]d.
///
/// # Errors
/// SQLite's.
pub fn take(db: &Transaction<'_>, user: UserId) -> Result<Vec<New>> {
    let sql = "UPDATE omemo_devices SET told = 2 WHERE user = ?1 AND told = 0 RETURNING device, identity";
    let mut query = db.prepare_cached(sql)?;
    let devices = query.query_map([user.0], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, [u8; 32]>(1)?)))?;
    let mut new = Vec::new();
    for row in devices {
        let (device, identity) = row?;
        new.extend(DeviceId::new(device).map(|device| New::Device(device, PublicKey(identity))));
    }
    let sql = "UPDATE openpgp_certificates SET told = 2 WHERE user = ?1 AND told = 0 RETURNING fingerprint";
    for fingerprint in db.prepare_cached(sql)?.query_map([user.0], |row| row.get(0))? {
        new.push(New::Key(fingerprint?));
    }
    Ok(new)
}

/// The user was told of it, or could not be.
///
/// # Errors
/// SQLite's.
pub fn settle(db: &Transaction<'_>, user: UserId, new: &New, told: bool) -> Result<()> {
    match new {
        New::Device(device, _) => db.execute(
            "UPDATE omemo_devices SET told = ?3 WHERE user = ?1 AND device = ?2 AND told = 2",
            params![user.0, device.get(), told],
        )?,
        New::Key(fingerprint) => db.execute(
            "UPDATE openpgp_certificates SET told = ?3 WHERE user = ?1 AND fingerprint = ?2 AND told = 2",
            params![user.0, fingerprint, told],
        )?,
    };
    Ok(())
}
