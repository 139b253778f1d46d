//! What is kept for OMEMO: our devices, the user's, and their sessions. `peer` is [`crate::keeper::Peer::key`].

use omemo::ratchet::{Device, Identity, Prekeys, PublicKey};
use omemo::{DeviceId, DeviceList, Dialect};
use rusqlite::{OptionalExtension, Transaction, params};

use super::trust::SET;
pub use super::trust::Trust;
use super::{Error, Result, Sealer, UserId, trust_messages};

/// A device of ours.
#[derive(Debug, Clone)]
pub struct Own {
    /// Its number.
    pub device: DeviceId,
    /// What it is known by.
    pub identity: Identity,
}

/// Our device towards this user, if it was made.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn own(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str) -> Result<Option<Own>> {
    let sql = "SELECT device, sealed FROM omemo_identities WHERE user = ?1 AND contact = ?2";
    let row = db
        .prepare_cached(sql)?
        .query_row(params![user.0, peer], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((device, sealed)) = row.optional()? else { return Ok(None) };
    let secret = sealer.open_octets("omemo_identities", &sealed)?;
    let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| Error::Seal)?;
    let device = DeviceId::new(device).ok_or(Error::Seal)?;
    Ok(Some(Own { device, identity: Identity::from_secret(secret) }))
}

/// Keeps a new one.
///
/// # Errors
/// SQLite's.
pub fn set_own(db: &Transaction<'_>, sealer: &Sealer, user: UserId, peer: &str, own: &Own) -> Result<()> {
    let sealed = sealer.seal_octets("omemo_identities", own.identity.secret().expose())?;
    let sql = "INSERT INTO omemo_identities (user, contact, device, sealed) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![user.0, peer, own.device.get(), sealed])?;
    Ok(())
}

/// Its prekeys in a dialect, if some were made.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn prekeys(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    peer: &str,
    dialect: Dialect,
) -> Result<Option<Prekeys>> {
    let sql = "SELECT sealed FROM omemo_prekeys WHERE user = ?1 AND contact = ?2 AND dialect = ?3";
    let row = db.prepare_cached(sql)?.query_row(params![user.0, peer, code(dialect)], |row| row.get::<_, Vec<u8>>(0));
    let Some(sealed) = row.optional()? else { return Ok(None) };
    let octets = sealer.open_octets("omemo_prekeys", &sealed)?;
    Prekeys::from_state(&octets).map(Some).map_err(|_| Error::Seal)
}

/// Keeps them as they are now.
///
/// # Errors
/// SQLite's.
pub fn set_prekeys(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    peer: &str,
    dialect: Dialect,
    prekeys: &Prekeys,
) -> Result<()> {
    let sealed = sealer.seal_octets("omemo_prekeys", &prekeys.to_state())?;
    let sql = "INSERT INTO omemo_prekeys (user, contact, dialect, sealed) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET sealed = excluded.sealed";
    db.execute(sql, params![user.0, peer, code(dialect), sealed])?;
    Ok(())
}

/// The sessions with one of the user's devices.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn sessions(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    peer: &str,
    (dialect, device): (Dialect, DeviceId),
) -> Result<Device> {
    let sql = "SELECT sealed FROM omemo_sessions WHERE user = ?1 AND contact = ?2 AND dialect = ?3 AND device = ?4";
    let key = params![user.0, peer, code(dialect), device.get()];
    let row = db.prepare_cached(sql)?.query_row(key, |row| row.get::<_, Vec<u8>>(0));
    let Some(sealed) = row.optional()? else { return Ok(Device::default()) };
    let octets = sealer.open_octets("omemo_sessions", &sealed)?;
    Device::from_state(&octets).map_err(|_| Error::Seal)
}

/// Keeps them as they are now.
///
/// # Errors
/// SQLite's.
pub fn set_sessions(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    peer: &str,
    (dialect, device): (Dialect, DeviceId),
    sessions: &Device,
) -> Result<()> {
    let sealed = sealer.seal_octets("omemo_sessions", &sessions.to_state())?;
    let sql = "INSERT INTO omemo_sessions (user, contact, dialect, device, sealed) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET sealed = excluded.sealed";
    db.execute(sql, params![user.0, peer, code(dialect), device.get(), sealed])?;
    Ok(())
}

/// Those of a device's prekeys that nobody of ours has begun a session with, as far as the device still has them. Once all are
/// taken, all count as free again.
///
/// # Errors
/// SQLite's.
pub fn free_prekeys(
    db: &Transaction<'_>,
    user: UserId,
    (dialect, device): (Dialect, DeviceId),
    published: &[u32],
) -> Result<Vec<u32>> {
    let key = params![user.0, code(dialect), device.get()];
    let sql = "SELECT prekey FROM omemo_prekeys_taken WHERE user = ?1 AND dialect = ?2 AND device = ?3";
    let mut query = db.prepare_cached(sql)?;
    let taken: Vec<u32> = query.query_map(key, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for gone in taken.iter().filter(|prekey| !published.contains(prekey)) {
        let sql = "DELETE FROM omemo_prekeys_taken WHERE user = ?1 AND dialect = ?2 AND device = ?3 AND prekey = ?4";
        db.prepare_cached(sql)?.execute(params![user.0, code(dialect), device.get(), gone])?;
    }
    let free: Vec<u32> = published.iter().copied().filter(|prekey| !taken.contains(prekey)).collect();
    Ok(if free.is_empty() { published.to_vec() } else { free })
}

/// A session was begun with this one.
///
/// # Errors
/// SQLite's.
pub fn take_prekey(
    db: &Transaction<'_>,
    user: UserId,
    (dialect, device): (Dialect, DeviceId),
    prekey: u32,
) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO omemo_prekeys_taken (user, dialect, device, prekey) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![user.0, code(dialect), device.get(), prekey])?;
    Ok(())
}

/// The devices that there are sessions with.
///
/// # Errors
/// SQLite's.
pub fn heard(db: &Transaction<'_>, user: UserId, peer: &str, dialect: Dialect) -> Result<DeviceList> {
    let sql = "SELECT device FROM omemo_sessions WHERE user = ?1 AND contact = ?2 AND dialect = ?3 ORDER BY device";
    let mut query = db.prepare_cached(sql)?;
    let devices = query.query_map(params![user.0, peer, code(dialect)], |row| row.get::<_, u32>(0))?;
    let devices: Vec<u32> = devices.collect::<rusqlite::Result<_>>()?;
    Ok(DeviceList::new(devices.into_iter().filter_map(DeviceId::new)))
}

/// The user's devices as their server has listed them; `None` if it never has.
///
/// # Errors
/// SQLite's.
pub fn list(db: &Transaction<'_>, user: UserId, dialect: Dialect) -> Result<Option<DeviceList>> {
    let sql = "SELECT devices FROM omemo_lists WHERE user = ?1 AND dialect = ?2";
    let row = db.prepare_cached(sql)?.query_row(params![user.0, code(dialect)], |row| row.get::<_, String>(0));
    let numbers = row.optional()?;
    Ok(numbers.map(|numbers| {
        DeviceList::new(numbers.split(' ').filter_map(|number| number.parse().ok()).filter_map(DeviceId::new))
    }))
}

/// Keeps the list.
///
/// # Errors
/// SQLite's.
pub fn set_list(db: &Transaction<'_>, user: UserId, dialect: Dialect, list: &DeviceList) -> Result<()> {
    let numbers: Vec<String> = list.iter().map(|device| device.to_string()).collect();
    let sql = "INSERT INTO omemo_lists (user, dialect, devices) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET devices = excluded.devices";
    db.execute(sql, params![user.0, code(dialect), numbers.join(" ")])?;
    Ok(())
}

/// One of the user's devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub device: DeviceId,
    /// What it is known by, in its Curve25519 form.
    pub identity: PublicKey,
    /// What people have said of it.
    pub trust: Trust,
}

/// The user's devices that were seen.
///
/// # Errors
/// SQLite's.
pub fn known(db: &Transaction<'_>, user: UserId) -> Result<Vec<Known>> {
    let mut query =
        db.prepare_cached("SELECT device, identity, trust FROM omemo_devices WHERE user = ?1 ORDER BY device")?;
    let rows = query
        .query_map([user.0], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, [u8; 32]>(1)?, row.get::<_, String>(2)?)))?;
    let mut known = Vec::new();
    for row in rows {
        let (device, identity, trust) = row?;
        let trust = Trust::read(&trust);
        known.extend(DeviceId::new(device).map(|device| Known { device, identity: PublicKey(identity), trust }));
    }
    Ok(known)
}

/// Keeps what people say of a device.
///
/// # Errors
/// SQLite's.
pub fn set_trust(db: &Transaction<'_>, user: UserId, device: DeviceId, trust: Trust) -> Result<()> {
    let sql = format!("UPDATE omemo_devices SET {SET} WHERE user = ?1 AND device = ?2");
    db.execute(&sql, params![user.0, device.get(), trust.name()])?;
    Ok(())
}

/// Forgets a device with all sessions: when it shows itself again, it is a new one.
///
/// # Errors
/// SQLite's.
pub fn forget(db: &Transaction<'_>, user: UserId, device: DeviceId) -> Result<()> {
    db.execute(
        "DELETE FROM omemo_trust_messages WHERE user = ?1 AND sender IN (
             SELECT identity FROM omemo_devices WHERE user = ?1 AND device = ?2)",
        params![user.0, device.get()],
    )?;
    for table in ["omemo_devices", "omemo_sessions", "omemo_prekeys_taken"] {
        db.execute(&format!("DELETE FROM {table} WHERE user = ?1 AND device = ?2"), params![user.0, device.get()])?;
    }
    Ok(())
}

/// Our devices towards this user, each with the peer whose it is.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn all_own(db: &Transaction<'_>, sealer: &Sealer, user: UserId) -> Result<Vec<(String, Own)>> {
    let mut query = db.prepare_cached("SELECT contact FROM omemo_identities WHERE user = ?1 ORDER BY contact")?;
    let peers: Vec<String> = query.query_map([user.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut all = Vec::new();
    for peer in peers {
        all.extend(own(db, sealer, user, &peer)?.map(|own| (peer, own)));
    }
    Ok(all)
}

/// Notes what one of the user's devices is known by, the first time. `false` if it was another identity: then nothing is kept.
///
/// # Errors
/// SQLite's.
pub fn meet(db: &Transaction<'_>, user: UserId, device: DeviceId, identity: &PublicKey) -> Result<bool> {
    let sql = "SELECT identity FROM omemo_devices WHERE user = ?1 AND device = ?2";
    let row = db.prepare_cached(sql)?.query_row(params![user.0, device.get()], |row| row.get::<_, Vec<u8>>(0));
    match row.optional()? {
        Some(known) => Ok(known == identity.0),
        None => {
            let sql = "INSERT INTO omemo_devices (user, device, identity, told) VALUES (?1, ?2, ?3, 0)";
            db.execute(sql, params![user.0, device.get(), identity.0])?;
            trust_messages::settle(db, user)?;
            Ok(true)
        }
    }
}

fn code(dialect: Dialect) -> u8 {
    match dialect {
        Dialect::Axolotl => 1,
        Dialect::Omemo2 => 2,
    }
}
