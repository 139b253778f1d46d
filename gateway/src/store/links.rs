//! Which stanza is which far event.

use drawbridge_bridge::{ContactId, RemoteId};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Result, UserId};

/// One stanza that is a far event.
pub(super) struct Link<'a> {
    pub(super) stanza: &'a str,
    pub(super) remote: &'a RemoteId,
    /// Of a correction: the far event of the message in its first form.
    pub(super) first: Option<&'a RemoteId>,
    pub(super) mine: bool,
}

/// A message that others can be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its far event, in its first form.
    pub remote: RemoteId,
    /// Whether the user wrote it.
    pub mine: bool,
    /// Whether it was taken back.
    pub gone: bool,
}

/// An id that is linked already stays what it is: ids that a server can choose must not move another message's.
pub(super) fn add(db: &Transaction<'_>, user: UserId, contact: &ContactId, link: &Link<'_>, at: i64) -> Result<()> {
    let Link { stanza, remote, first, mine } = link;
    db.execute(
        "INSERT INTO links (user, contact, stanza, remote, first, mine, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING",
        params![user.0, contact.as_str(), stanza, remote.as_str(), first.map(RemoteId::as_str), mine, at],
    )?;
    Ok(())
}

/// The message that the user's client knows under this id.
///
/// # Errors
/// SQLite's.
pub fn target(db: &Transaction<'_>, user: UserId, contact: &ContactId, stanza: &str) -> Result<Option<Target>> {
    let sql = "SELECT coalesce(first, remote), mine, gone FROM links WHERE user = ?1 AND contact = ?2 AND stanza = ?3";
    let read = |row: &Row<'_>| {
        Ok(Target { remote: RemoteId::new(row.get::<_, String>(0)?), mine: row.get(1)?, gone: row.get(2)? })
    };
    Ok(db.query_row(sql, params![user.0, contact.as_str(), stanza], read).optional()?)
}

/// The id under which the user's client knows a message in its first form, and whether the user wrote it.
///
/// # Errors
/// SQLite's.
pub fn first_stanza(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    remote: &RemoteId,
) -> Result<Option<(String, bool)>> {
    let sql = "SELECT stanza, mine FROM links WHERE user = ?1 AND contact = ?2 AND first IS NULL AND remote = coalesce(
                   (SELECT first FROM links WHERE user = ?1 AND contact = ?2 AND remote = ?3 AND first IS NOT NULL), ?3)
               ORDER BY rowid LIMIT 1";
    let key = params![user.0, contact.as_str(), remote.as_str()];
    Ok(db.query_row(sql, key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The other stanzas that the same far event was told in, in their first forms and in order: the caption of a file, if this is
/// the file; the file too, if this is what was told before it could be decrypted.
///
/// # Errors
/// SQLite's.
pub fn other_parts(db: &Transaction<'_>, user: UserId, contact: &ContactId, stanza: &str) -> Result<Vec<String>> {
    let sql = "SELECT other.stanza FROM links JOIN links AS other USING (user, contact, remote)
               WHERE user = ?1 AND contact = ?2 AND links.stanza = ?3 AND other.stanza <> ?3
                     AND links.first IS NULL AND other.first IS NULL ORDER BY other.rowid";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(params![user.0, contact.as_str(), stanza], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A message is taken back, in all its forms. `false` if it was before, or is not known.
///
/// # Errors
/// SQLite's.
pub fn retract(db: &Transaction<'_>, user: UserId, contact: &ContactId, remote: &RemoteId) -> Result<bool> {
    let sql = "UPDATE links SET gone = 1 WHERE user = ?1 AND contact = ?2 AND (remote = ?3 OR first = ?3) AND gone = 0";
    Ok(db.execute(sql, params![user.0, contact.as_str(), remote.as_str()])? > 0)
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
