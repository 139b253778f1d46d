//! XMPP to far, second half: what has still to be sent, one ordered queue per conversation.

use drawbridge_bridge::{ContactId, RemoteId, TxnId};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::links::{self, Link};
use super::unwritten::{self, Queue};
use super::{Result, Sealer, UserId, inbox};
use crate::message::{Kind, Message};

/// A message about to be stored.
#[derive(Debug, Clone)]
pub struct NewCrossing {
    /// Makes the send idempotent.
    pub txn: TxnId,
    /// What it says.
    pub message: Message,
    /// Whom to answer.
    pub reply: ReplyTo,
    /// Whether the words must not be written to the disk, not even sealed.
    pub unwritten: bool,
    /// Whether they must go nowhere but into an encrypted conversation.
    pub guarded: bool,
}

/// Whom to tell about the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The full JID that sent it.
    pub to: String,
    /// The id that receipts name: the origin id inside the encryption, or the stanza's own.
    pub id: Option<String>,
    /// The id of the stanza itself, that errors name.
    pub stanza: Option<String>,
    /// Whether a receipt was asked for (XEP-0184).
    pub receipt: bool,
    /// Whether it came encrypted.
    pub secure: bool,
}

/// A message that waits to be sent.
#[derive(Debug, Clone)]
pub struct Crossing {
    /// Its place in the order.
    pub seq: i64,
    /// Makes the send idempotent.
    pub txn: TxnId,
    /// What it says. `None`: it was not to be stored, and went with an earlier process.
    pub message: Option<Message>,
    /// Whom to answer.
    pub reply: ReplyTo,
    /// When it was stored, in seconds since 1970.
    pub at: i64,
    /// Whether it must go nowhere but into an encrypted conversation.
    pub guarded: bool,
}

/// A message whose words went with an earlier process.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Its place in the order.
    pub seq: i64,
    /// Whom to tell.
    pub reply: ReplyTo,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    message: Option<Message>,
    reply: ReplyTo,
    #[serde(default)]
    guarded: bool,
}

pub(super) fn add(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    crossing: &NewCrossing,
    at: i64,
) -> Result<()> {
    let NewCrossing { txn, message, reply, unwritten, guarded } = crossing;
    let sealed = Sealed { message: unwritten::written(message, *unwritten), reply: reply.clone(), guarded: *guarded };
    db.execute(
        "INSERT INTO outbox (user, contact, txn, sealed, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![user.0, contact.as_str(), txn.as_str(), sealer.seal("outbox", &sealed)?, at],
    )?;
    if *unwritten {
        unwritten::keep(db, sealer, Queue::Outbox, db.last_insert_rowid(), message)?;
    }
    Ok(())
}

/// A message that waits is repeated, perhaps in a session that promises more than the one before: from here on that holds.
/// Words that must not be written are wiped where they are, and come back where they went with an earlier process.
pub(super) fn repeated(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    id: &str,
    crossing: &NewCrossing,
) -> Result<()> {
    for (seq, Sealed { message, reply, guarded }) in queue(db, sealer, user, contact)? {
        if reply.id.as_deref() != Some(id) {
            continue;
        }
        let message = message.filter(|_| !crossing.unwritten);
        if message.is_none() && unwritten::recall(db, sealer, Queue::Outbox, seq, None)?.is_none() {
            unwritten::keep(db, sealer, Queue::Outbox, seq, &crossing.message)?;
        }
        let sealed = Sealed { message, reply, guarded: guarded || crossing.guarded };
        db.execute("UPDATE outbox SET sealed = ?2 WHERE seq = ?1", params![seq, sealer.seal("outbox", &sealed)?])?;
        break;
    }
    Ok(())
}

/// The rows of a conversation, in order.
fn queue(db: &Transaction<'_>, sealer: &Sealer, user: UserId, contact: &ContactId) -> Result<Vec<(i64, Sealed)>> {
    let mut query = db.prepare("SELECT seq, sealed FROM outbox WHERE user = ?1 AND contact = ?2 ORDER BY seq")?;
    let rows =
        query.query_map(params![user.0, contact.as_str()], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (seq, sealed) = row?;
        Ok((seq, sealer.open("outbox", &sealed)?))
    })
    .collect()
}

/// The head of the conversation's queue.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn head(db: &Transaction<'_>, sealer: &Sealer, user: UserId, contact: &ContactId) -> Result<Option<Crossing>> {
    let row: Option<(i64, String, Vec<u8>, i64)> = db
        .query_row(
            "SELECT seq, txn, sealed, at FROM outbox WHERE user = ?1 AND contact = ?2 ORDER BY seq LIMIT 1",
            params![user.0, contact.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    row.map(|(seq, txn, sealed, at)| {
        let Sealed { message, reply, guarded } = sealer.open("outbox", &sealed)?;
        let message = unwritten::recall(db, sealer, Queue::Outbox, seq, message)?;
        Ok(Crossing { seq, txn: TxnId::new(txn), message, reply, at, guarded })
    })
    .transpose()
}

/// The network has accepted it: the text goes, the link stays.
///
/// # Errors
/// SQLite's.
pub fn sent(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    crossing: &Crossing,
    remote: &RemoteId,
    at: i64,
) -> Result<()> {
    db.execute("DELETE FROM outbox WHERE seq = ?1", [crossing.seq])?;
    if let Some(id) = &crossing.reply.id {
        settle(db, user, contact, id, inbox::SENT)?;
    }
    let relation = crossing.message.as_ref().and_then(|message| message.relation.as_ref());
    let target = match relation {
        Some(relation) => links::target(db, user, contact, &relation.stanza)?.map(|target| target.remote),
        None => None,
    };
    let first = match (relation.map(|relation| relation.kind), target) {
        (Some(Kind::Retraction), Some(target)) => return links::retract(db, user, contact, &target).map(drop),
        (Some(Kind::Retraction | Kind::Reactions), _) => return Ok(()),
        (Some(Kind::Correction), target) => target,
        (Some(Kind::Reply) | None, _) => None,
    };
    // Some XEPs name a message by its origin id, others by the stanza's.
    for stanza in [&crossing.reply.id, &crossing.reply.stanza].into_iter().flatten() {
        links::add(db, user, contact, &Link { stanza, remote, first: first.as_ref(), mine: true }, at)?;
    }
    Ok(())
}

/// It will never be sent, unless the sender tries it again under the same id.
///
/// # Errors
/// SQLite's.
pub fn failed(db: &Transaction<'_>, user: UserId, contact: &ContactId, crossing: &Crossing) -> Result<()> {
    remove(db, user, contact, crossing.seq, &crossing.reply)
}

fn remove(db: &Transaction<'_>, user: UserId, contact: &ContactId, seq: i64, reply: &ReplyTo) -> Result<()> {
    db.execute("DELETE FROM outbox WHERE seq = ?1", [seq])?;
    match &reply.id {
        Some(id) => settle(db, user, contact, id, inbox::GIVEN_UP),
        None => Ok(()),
    }
}

fn settle(db: &Transaction<'_>, user: UserId, contact: &ContactId, id: &str, sent: u8) -> Result<()> {
    let sql = "UPDATE inbox SET sent = ?4 WHERE user = ?1 AND contact = ?2 AND id = ?3";
    db.execute(sql, params![user.0, contact.as_str(), id, sent])?;
    Ok(())
}

/// The network never got the head, which has no words any more: it is to be given up with everything behind it that has none
/// either (and was not tried yet), so that what is repeated comes in its order. Gives whom to tell, in that order; nobody,
/// if the words came back meanwhile.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn lost(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    head: &Crossing,
) -> Result<Vec<Lost>> {
    let mut lost = Vec::new();
    for (seq, Sealed { message, reply, .. }) in queue(db, sealer, user, contact)? {
        match unwritten::recall(db, sealer, Queue::Outbox, seq, message)? {
            Some(_) if seq == head.seq => return Ok(Vec::new()),
            Some(_) => {}
            None => lost.push(Lost { seq, reply }),
        }
    }
    Ok(lost)
}

/// Who wrote these has been told that they are lost. One whose words came back meanwhile stays.
///
/// # Errors
/// SQLite's.
pub fn forget(db: &Transaction<'_>, sealer: &Sealer, user: UserId, contact: &ContactId, told: &[Lost]) -> Result<()> {
    for Lost { seq, reply } in told {
        if unwritten::recall(db, sealer, Queue::Outbox, *seq, None)?.is_none() {
            remove(db, user, contact, *seq, reply)?;
        }
    }
    Ok(())
}

/// Whether something waits in this conversation, in either direction.
///
/// # Errors
/// SQLite's.
pub fn has_work(db: &Transaction<'_>, user: UserId, contact: &ContactId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE user = ?1 AND contact = ?2)
                   OR EXISTS (SELECT 1 FROM deliveries WHERE user = ?1 AND contact = ?2)";
    Ok(db.query_row(sql, params![user.0, contact.as_str()], |row| row.get(0))?)
}

/// The contacts of a user for whom something waits, in either direction.
///
/// # Errors
/// SQLite's.
pub fn contacts_with_work(db: &Transaction<'_>, user: UserId) -> Result<Vec<ContactId>> {
    let mut query = db.prepare(
        "SELECT contact FROM outbox WHERE user = ?1 UNION SELECT contact FROM deliveries WHERE user = ?1 ORDER BY 1",
    )?;
    let rows = query.query_map([user.0], |row| Ok(ContactId::new(row.get::<_, String>(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
