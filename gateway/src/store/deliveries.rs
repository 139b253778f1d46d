//! Far to XMPP, second half: what has still to reach the user's client, one ordered queue per conversation.

use drawbridge_bridge::{ContactId, RemoteId};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::unwritten::{self, Queue};
use super::{Result, Sealer, UserId, links, links::Link};
use crate::message::Message;

/// What the user's client is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What it says. `None`: it was not to be stored, and went with an earlier process.
    pub message: Option<Message>,
    /// Whether it is kept in memory only.
    pub unwritten: bool,
    /// Whether the user wrote them, in another client.
    pub mine: bool,
    /// When, in seconds since 1970, by the network's word.
    pub time: Option<i64>,
}

/// A delivery about to be stored.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The id the user's client sees.
    pub stanza: String,
    /// The far event, where there is one.
    pub remote: Option<RemoteId>,
    /// Of a correction: the far event of the message in its first form.
    pub first: Option<RemoteId>,
    /// What it says.
    pub message: Message,
    /// Whether it must not be written to the disk, not even sealed.
    pub unwritten: bool,
    /// As [`Parcel::mine`].
    pub mine: bool,
    /// As [`Parcel::time`].
    pub time: Option<i64>,
}

/// A delivery that waits.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its place in the order.
    pub seq: i64,
    /// The id the user's client sees.
    pub stanza: String,
    /// What to show.
    pub parcel: Parcel,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    message: Option<Message>,
    mine: bool,
    time: Option<i64>,
}

/// Stores a delivery, unless one of the same id waits already.
///
/// # Errors
/// SQLite's.
pub fn add(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    delivery: &NewDelivery,
    at: i64,
) -> Result<()> {
    let NewDelivery { stanza, remote, first, message, unwritten, mine, time } = delivery;
    let sealed = Sealed { message: unwritten::written(message, *unwritten), mine: *mine, time: *time };
    let rows = db.execute(
        "INSERT INTO deliveries (user, contact, stanza, remote, sealed, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
        params![
            user.0,
            contact.as_str(),
            stanza,
            remote.as_ref().map(RemoteId::as_str),
            sealer.seal("delivery", &sealed)?,
            at
        ],
    )?;
    if *unwritten && rows > 0 {
        unwritten::keep(db, sealer, Queue::Deliveries, db.last_insert_rowid(), message)?;
    }
    if let Some(remote) = remote {
        let link = Link { stanza, remote, first: first.as_ref(), mine: *mine };
        links::add(db, user, contact, &link, at)?;
    }
    Ok(())
}

/// Those behind `after`, in order, at most `limit`.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn waiting(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    after: i64,
    limit: usize,
) -> Result<Vec<Delivery>> {
    read(db, sealer, "", user, contact, after, limit)
}

/// The first ones that do not lie at the user's server yet, at most `limit`.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn to_leave(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    limit: usize,
) -> Result<Vec<Delivery>> {
    read(db, sealer, "AND left_for_later = 0", user, contact, 0, limit)
}

fn read(
    db: &Transaction<'_>,
    sealer: &Sealer,
    which: &str,
    user: UserId,
    contact: &ContactId,
    after: i64,
    limit: usize,
) -> Result<Vec<Delivery>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT seq, stanza, sealed FROM deliveries WHERE user = ?1 AND contact = ?2 AND seq > ?3 {which}
         ORDER BY seq LIMIT ?4"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![user.0, contact.as_str(), after, limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    rows.map(|row| {
        let (seq, stanza, sealed) = row?;
        let Sealed { message, mine, time } = sealer.open("delivery", &sealed)?;
        let unwritten = message.is_none();
        let message = unwritten::recall(db, sealer, Queue::Deliveries, seq, message)?;
        Ok(Delivery { seq, stanza, parcel: Parcel { message, unwritten, mine, time } })
    })
    .collect()
}

/// Changes what one says.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn change(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    seq: i64,
    change: impl FnOnce(&mut Message),
) -> Result<()> {
    let sql = "SELECT sealed FROM deliveries WHERE user = ?1 AND seq = ?2";
    let Some(sealed) = db.query_row(sql, params![user.0, seq], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
        return Ok(());
    };
    let mut row: Sealed = sealer.open("delivery", &sealed)?;
    let is_unwritten = row.message.is_none();
    let Some(mut message) = unwritten::recall(db, sealer, Queue::Deliveries, seq, row.message)? else { return Ok(()) };
    change(&mut message);
    if is_unwritten {
        return unwritten::change(db, sealer, Queue::Deliveries, seq, &message);
    }
    row.message = Some(message);
    db.execute("UPDATE deliveries SET sealed = ?2 WHERE seq = ?1", params![seq, sealer.seal("delivery", &row)?])?;
    Ok(())
}

/// It lies at the user's server.
///
/// # Errors
/// SQLite's.
pub fn left(db: &Transaction<'_>, user: UserId, seq: i64) -> Result<()> {
    db.execute("UPDATE deliveries SET left_for_later = 1 WHERE user = ?1 AND seq = ?2", params![user.0, seq])?;
    Ok(())
}

/// The client has it: it goes. `false` if no such delivery waits.
///
/// # Errors
/// SQLite's.
pub fn done(db: &Transaction<'_>, user: UserId, contact: &ContactId, stanza: &str) -> Result<bool> {
    let rows = db.execute(
        "DELETE FROM deliveries WHERE user = ?1 AND contact = ?2 AND stanza = ?3",
        params![user.0, contact.as_str(), stanza],
    )?;
    Ok(rows > 0)
}

/// How many wait for the user, in all conversations.
///
/// # Errors
/// SQLite's.
pub fn count(db: &Transaction<'_>, user: UserId) -> Result<i64> {
    Ok(db.query_row("SELECT count(*) FROM deliveries WHERE user = ?1", [user.0], |row| row.get(0))?)
}
