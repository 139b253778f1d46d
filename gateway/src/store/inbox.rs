//! XMPP to far, first half: what arrived, and whether it arrived before.

use std::borrow::Cow;

use drawbridge_bridge::{ContactId, TxnId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{NewCrossing, Result, Sealer, UserId, outbox};

/// What the database knows of a message that just came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// New: it is stored and will be sent.
    Fresh,
    /// A repeat of one that still waits to be sent.
    Waiting,
    /// A repeat of one that the network has accepted.
    Sent,
}

/// How a message stands: `sent` of its row.
pub(super) const WAITING: u8 = 0;
pub(super) const SENT: u8 = 1;
pub(super) const GIVEN_UP: u8 = 2;

/// Stores a message with its outbox row, unless the same sender sent the same `id` before. One that was given up goes under
/// the transaction that it had.
///
/// The key holds the authenticated sender, so nobody can suppress somebody else's message (XEP-0359, section 6).
///
/// # Errors
/// SQLite's.
pub fn arrive(
    db: &Transaction<'_>,
    sealer: &Sealer,
    user: UserId,
    contact: &ContactId,
    id: Option<&str>,
    crossing: &NewCrossing,
    at: i64,
) -> Result<Arrival> {
    let mut crossing = Cow::Borrowed(crossing);
    if let Some(id) = id {
        let key = params![user.0, contact.as_str(), id];
        let before: Option<(u8, Option<String>)> = db
            .query_row("SELECT sent, txn FROM inbox WHERE user = ?1 AND contact = ?2 AND id = ?3", key, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match before {
            Some((SENT, _)) => return Ok(Arrival::Sent),
            Some((WAITING, _)) => {
                outbox::repeated(db, sealer, user, contact, id, &crossing)?;
                return Ok(Arrival::Waiting);
            }
            Some((_, Some(txn))) => crossing.to_mut().txn = TxnId::new(txn),
            Some((_, None)) | None => {}
        }
        db.execute(
            "INSERT OR REPLACE INTO inbox (user, contact, id, at, txn) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![user.0, contact.as_str(), id, at, crossing.txn.as_str()],
        )?;
    }
    outbox::add(db, sealer, user, contact, &crossing, at)?;
    Ok(Arrival::Fresh)
}

/// Whether the user has written to the contact, as far back as is remembered.
///
/// # Errors
/// SQLite's.
pub fn has_any(db: &Transaction<'_>, user: UserId, contact: &ContactId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM inbox WHERE user = ?1 AND contact = ?2)";
    Ok(db.query_row(sql, params![user.0, contact.as_str()], |row| row.get(0))?)
}

/// Forgets ids that are older than `before`; a repeat after that would be a new message.
///
/// # Errors
/// SQLite's.
pub fn prune(db: &Transaction<'_>, before: i64) -> Result<()> {
    db.execute("DELETE FROM inbox WHERE at < ?1 AND sent <> ?2", params![before, WAITING])?;
    db.execute("DELETE FROM seen WHERE at < ?1", [before])?;
    db.execute("DELETE FROM links WHERE at < ?1", [before])?;
    db.execute("DELETE FROM reactions WHERE at < ?1", [before])?;
    Ok(())
}
