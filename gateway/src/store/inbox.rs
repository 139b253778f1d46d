//! XMPP to far, first half: what arrived, and whether it arrived before.

use drawbridge_bridge::ContactId;
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

/// Stores a message with its outbox row, unless the same sender sent the same `id` before.
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
    if let Some(id) = id {
        let key = params![user.0, contact.as_str(), id];
        let before: Option<bool> = db
            .query_row("SELECT sent FROM inbox WHERE user = ?1 AND contact = ?2 AND id = ?3", key, |row| row.get(0))
            .optional()?;
        match before {
            Some(true) => return Ok(Arrival::Sent),
            Some(false) => {
                if crossing.unwritten {
                    outbox::refill(db, sealer, user, contact, id, &crossing.text)?;
                }
                return Ok(Arrival::Waiting);
            }
            None => {}
        }
        db.execute(
            "INSERT INTO inbox (user, contact, id, at) VALUES (?1, ?2, ?3, ?4)",
            params![user.0, contact.as_str(), id, at],
        )?;
    }
    outbox::add(db, sealer, user, contact, crossing, at)?;
    Ok(Arrival::Fresh)
}

/// Forgets ids that are older than `before`; a repeat after that would be a new message.
///
/// # Errors
/// SQLite's.
pub fn prune(db: &Transaction<'_>, before: i64) -> Result<()> {
    db.execute("DELETE FROM inbox WHERE at < ?1 AND sent = 1", [before])?;
    db.execute("DELETE FROM seen WHERE at < ?1", [before])?;
    db.execute("DELETE FROM links WHERE at < ?1", [before])?;
    Ok(())
}
