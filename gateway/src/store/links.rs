//! Which stanza is which far event.

use drawbridge_bridge::{ContactId, RemoteId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, UserId};

pub(super) fn add(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    stanza: &str,
    remote: &RemoteId,
    mine: bool,
    at: i64,
) -> Result<()> {
    db.execute(
        "INSERT INTO links (user, contact, stanza, remote, mine, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET remote = excluded.remote",
        params![user.0, contact.as_str(), stanza, remote.as_str(), mine, at],
    )?;
    Ok(())
}

/// The far event of a stanza that was delivered to the user.
///
/// # Errors
/// SQLite's.
pub fn remote_of(db: &Transaction<'_>, user: UserId, contact: &ContactId, stanza: &str) -> Result<Option<RemoteId>> {
    Ok(db
        .query_row(
            "SELECT remote FROM links WHERE user = ?1 AND contact = ?2 AND stanza = ?3 AND mine = 0",
            params![user.0, contact.as_str(), stanza],
            |row| row.get::<_, String>(0),
        )
        .optional()?
        .map(RemoteId::new))
}

/// The user's stanza that became a far event, for a read mark on it. A mark on another event (the contact's own, or
/// one not linked) stands for the user's newest message before it; `None` if there is none.
///
/// # Errors
/// SQLite's.
pub fn mine_up_to(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    remote: &RemoteId,
) -> Result<Option<String>> {
    let key = params![user.0, contact.as_str(), remote.as_str()];
    let exact: Option<(i64, bool, String)> = db
        .query_row(
            "SELECT rowid, mine, stanza FROM links WHERE user = ?1 AND contact = ?2 AND remote = ?3",
            key,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    match exact {
        None => Ok(None),
        Some((_, true, stanza)) => Ok(Some(stanza)),
        Some((rowid, false, _)) => Ok(db
            .query_row(
                "SELECT stanza FROM links WHERE user = ?1 AND contact = ?2 AND mine = 1 AND rowid < ?3
                 ORDER BY rowid DESC LIMIT 1",
                params![user.0, contact.as_str(), rowid],
                |row| row.get(0),
            )
            .optional()?),
    }
}
