//! What the user's devices say of each other (XEP-0434). As automatic trust management has it (XEP-0450), it counts once people
//! have verified who says it, and waits until then, and until what it is about is met.

use omemo::ratchet::PublicKey;
use omemo::trust_message::{Decision, KeyId, MAX_DECISIONS};
use rusqlite::{Transaction, params};

use super::omemo::{known, set_trust};
use super::trust::Trust;
use super::{Result, UserId};

/// What waits of all devices of a user together.
const MOST: usize = 1000;

/// A device has said this of others of the same user.
///
/// # Errors
/// SQLite's.
pub fn hear(db: &Transaction<'_>, user: UserId, sender: &PublicKey, decisions: &[Decision]) -> Result<()> {
    for Decision { key, trusted, .. } in decisions {
        let trust = if *trusted { Trust::Verified } else { Trust::Distrusted };
        db.execute(
            "INSERT OR REPLACE INTO omemo_trust_messages (user, sender, identity, trust) VALUES (?1, ?2, ?3, ?4)",
            params![user.0, sender.0, key.0, trust.name()],
        )?;
    }
    db.execute(
        "DELETE FROM omemo_trust_messages WHERE user = ?1 AND sender = ?2 AND rowid NOT IN (
             SELECT rowid FROM omemo_trust_messages WHERE user = ?1 AND sender = ?2 ORDER BY rowid DESC LIMIT ?3)",
        params![user.0, sender.0, MAX_DECISIONS],
    )?;
    db.execute(
        "DELETE FROM omemo_trust_messages WHERE user = ?1 AND rowid NOT IN (
             SELECT rowid FROM omemo_trust_messages WHERE user = ?1 ORDER BY rowid DESC LIMIT ?2)",
        params![user.0, MOST],
    )?;
    settle(db, user)
}

/// Does what verified devices have said, as far as it is about devices that are known. What people have said of a device
/// themselves stays: nobody else makes it trusted again.
///
/// # Errors
/// SQLite's.
pub fn settle(db: &Transaction<'_>, user: UserId) -> Result<()> {
    // What is verified by this may have said something of others.
    while settle_once(db, user)? {}
    Ok(())
}

/// The next thing that changes something. `false` if there is none.
fn settle_once(db: &Transaction<'_>, user: UserId) -> Result<bool> {
    let devices = known(db, user)?;
    for Said { row, sender, about, trust } in said(db, user)? {
        let counts = devices.iter().any(|it| it.identity.0 == sender && it.trust == Trust::Verified);
        if !counts {
            continue;
        }
        let about = about.identities();
        let Some(device) = devices.iter().find(|it| about.contains(&it.identity)) else { continue };
        db.execute("DELETE FROM omemo_trust_messages WHERE rowid = ?1", [row])?;
        if device.trust != Trust::Distrusted && device.trust != trust {
            set_trust(db, user, device.device, trust)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// One that waits.
struct Said {
    row: i64,
    sender: [u8; 32],
    about: KeyId,
    trust: Trust,
}

fn said(db: &Transaction<'_>, user: UserId) -> Result<Vec<Said>> {
    let sql = "SELECT rowid, sender, identity, trust FROM omemo_trust_messages WHERE user = ?1 ORDER BY rowid";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map([user.0], |row| {
        let trust = Trust::read(&row.get::<_, String>(3)?);
        Ok(Said { row: row.get(0)?, sender: row.get(1)?, about: KeyId(row.get(2)?), trust })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
