//! Which reactions there are to a message. Far networks have each as an event, XMPP has all of one person as a set.

use drawbridge_bridge::{ContactId, Plaintext, RemoteId};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::unwritten::{self, Queue};
use super::{Result, Sealer, UserId};
use crate::message::Message;

/// One reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Its place in the order.
    pub seq: i64,
    /// Its far event.
    pub remote: RemoteId,
    /// The sign. `None`: it was not to be stored, and went with an earlier process.
    pub sign: Option<Plaintext>,
}

/// A reaction about to be stored.
#[derive(Debug, Clone)]
pub struct NewReaction {
    /// The far event of the message in its first form.
    pub target: RemoteId,
    /// As [`Reaction::remote`].
    pub remote: RemoteId,
    /// Whether the user reacts.
    pub mine: bool,
    /// The sign.
    pub sign: Plaintext,
    /// Whether it must not be written to the disk, not even sealed.
    pub unwritten: bool,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    sign: Option<Message>,
}

/// Stores a reaction; `false` if it is there.
///
/// # Errors
/// SQLite's.
pub fn add(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    reaction: &NewReaction,
    at: i64,
) -> Result<bool> {
    let NewReaction { target, remote, mine, sign, unwritten } = reaction;
    let sign = Message::says(sign.clone());
    let sealed = sealer.seal("reaction", &Sealed { sign: unwritten::written(&sign, *unwritten) })?;
    let rows = db.execute(
        "INSERT INTO reactions (user, contact, target, remote, mine, sealed, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING",
        params![user.0, contact.as_str(), target.as_str(), remote.as_str(), mine, sealed, at],
    )?;
    if *unwritten && rows > 0 {
        unwritten::keep(db, sealer, Queue::Reactions, db.last_insert_rowid(), &sign)?;
    }
    Ok(rows > 0)
}

/// The reactions of one person to a message, oldest first.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn of(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    target: &RemoteId,
    mine: bool,
) -> Result<Vec<Reaction>> {
    let mut query = db.prepare_cached(
        "SELECT seq, remote, sealed FROM reactions WHERE user = ?1 AND contact = ?2 AND target = ?3 AND mine = ?4
         ORDER BY seq",
    )?;
    let rows = query.query_map(params![user.0, contact.as_str(), target.as_str(), mine], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    rows.map(|row| {
        let (seq, remote, sealed) = row?;
        let Sealed { sign } = sealer.open("reaction", &sealed)?;
        let sign = unwritten::recall(db, sealer, Queue::Reactions, seq, sign)?;
        Ok(Reaction { seq, remote: RemoteId::new(remote), sign: sign.map(|sign| sign.text) })
    })
    .collect()
}

/// One is taken back by who gave it: the message that it was to. `None` if there is none.
///
/// # Errors
/// SQLite's.
pub fn remove(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    remote: &RemoteId,
    mine: bool,
) -> Result<Option<RemoteId>> {
    let sql = "DELETE FROM reactions WHERE user = ?1 AND contact = ?2 AND remote = ?3 AND mine = ?4 RETURNING target";
    let target: Option<String> =
        db.query_row(sql, params![user.0, contact.as_str(), remote.as_str(), mine], |row| row.get(0)).optional()?;
    Ok(target.map(RemoteId::new))
}
