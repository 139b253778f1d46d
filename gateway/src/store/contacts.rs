//! The user's far contacts, as their roster should show them.

use drawbridge_bridge::{ContactId, ContactInfo, ConvId, event::Avatar};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::protections::{self, Protection};
use super::{Result, UserId};

/// Presence subscriptions between the user and a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subscription {
    /// The user receives the contact's presence.
    pub subscribed: bool,
    /// We have asked the user for theirs.
    pub asked: bool,
    /// The user gives us theirs.
    pub granted: bool,
}

/// One contact of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who, with name and avatar.
    pub info: ContactInfo,
    /// The direct conversation, once there is one.
    pub conv: Option<ConvId>,
    /// Whether that is encrypted on the far side.
    pub encrypted: bool,
    /// Whether `conv` is an invitation that the user has not answered.
    pub invite: bool,
    /// Presence subscriptions.
    pub subscription: Subscription,
    /// Whether one of the user's clients has ever encrypted the conversation.
    pub protected: bool,
    /// Why delivery to this contact stops until the user confirms.
    pub blocked: Option<String>,
}

const COLUMNS: &str =
    "contact, name, avatar, avatar_type, conv, encrypted, invite, subscribed, asked, granted, protected, blocked";

/// Makes sure that there is a row.
///
/// # Errors
/// SQLite's.
pub fn ensure(db: &Transaction<'_>, user: UserId, contact: &ContactId) -> Result<Contact> {
    db.execute(
        "INSERT INTO contacts (user, contact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![user.0, contact.as_str()],
    )?;
    get(db, user, contact)?.ok_or(super::Error::Sqlite(rusqlite::Error::QueryReturnedNoRows))
}

/// One contact.
///
/// # Errors
/// SQLite's.
pub fn get(db: &Transaction<'_>, user: UserId, contact: &ContactId) -> Result<Option<Contact>> {
    let sql = format!("SELECT {COLUMNS} FROM contacts WHERE user = ?1 AND contact = ?2");
    Ok(db.query_row(&sql, params![user.0, contact.as_str()], read).optional()?)
}

/// The contact whose direct conversation `conv` is.
///
/// # Errors
/// SQLite's.
pub fn of_conversation(db: &Transaction<'_>, user: UserId, conv: &ConvId) -> Result<Option<Contact>> {
    let sql = format!("SELECT {COLUMNS} FROM contacts WHERE user = ?1 AND conv = ?2");
    Ok(db.query_row(&sql, params![user.0, conv.as_str()], read).optional()?)
}

/// All contacts of a user.
///
/// # Errors
/// SQLite's.
pub fn all(db: &Transaction<'_>, user: UserId) -> Result<Vec<Contact>> {
    let mut query = db.prepare(&format!("SELECT {COLUMNS} FROM contacts WHERE user = ?1 ORDER BY contact"))?;
    let rows = query.query_map([user.0], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Points the contact to its direct conversation; a conversation belongs to one contact at a time.
///
/// # Errors
/// SQLite's.
pub fn set_conversation(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    conv: &ConvId,
    encrypted: bool,
    invite: bool,
) -> Result<()> {
    ensure(db, user, contact)?;
    db.execute(
        "UPDATE contacts SET conv = NULL, invite = 0 WHERE user = ?1 AND conv = ?2 AND contact <> ?3",
        params![user.0, conv.as_str(), contact.as_str()],
    )?;
    db.execute(
        "UPDATE contacts SET conv = ?3, encrypted = ?4, invite = ?5 WHERE user = ?1 AND contact = ?2",
        params![user.0, contact.as_str(), conv.as_str(), encrypted, invite],
    )?;
    Ok(())
}

/// The direct conversation is over.
///
/// # Errors
/// SQLite's.
pub fn clear_conversation(db: &Transaction<'_>, user: UserId, conv: &ConvId) -> Result<()> {
    db.execute(
        "UPDATE contacts SET conv = NULL, invite = 0, encrypted = 0 WHERE user = ?1 AND conv = ?2",
        params![user.0, conv.as_str()],
    )?;
    Ok(())
}

/// Name and avatar, as the network has them now. `true` if something changed.
///
/// # Errors
/// SQLite's.
pub fn set_info(db: &Transaction<'_>, user: UserId, info: &ContactInfo) -> Result<bool> {
    let before = ensure(db, user, &info.id)?;
    let (octets, kind) = info.avatar.as_ref().map(|a| (a.octets.as_slice(), a.media_type.as_str())).unzip();
    db.execute(
        "UPDATE contacts SET name = ?3, avatar = ?4, avatar_type = ?5 WHERE user = ?1 AND contact = ?2",
        params![user.0, info.id.as_str(), info.name, octets, kind],
    )?;
    Ok(before.info != *info)
}

/// Presence subscriptions.
///
/// # Errors
/// SQLite's.
pub fn set_subscription(db: &Transaction<'_>, user: UserId, contact: &ContactId, to: Subscription) -> Result<()> {
    ensure(db, user, contact)?;
    db.execute(
        "UPDATE contacts SET subscribed = ?3, asked = ?4, granted = ?5 WHERE user = ?1 AND contact = ?2",
        params![user.0, contact.as_str(), to.subscribed, to.asked, to.granted],
    )?;
    Ok(())
}

/// The conversation must stay encrypted towards the user's clients, of which this one encrypts in this way.
///
/// # Errors
/// SQLite's.
pub fn protect(
    db: &Transaction<'_>,
    user: UserId,
    contact: &ContactId,
    resource: &str,
    protection: Protection,
) -> Result<()> {
    ensure(db, user, contact)?;
    db.execute(
        "UPDATE contacts SET protected = 1 WHERE user = ?1 AND contact = ?2",
        params![user.0, contact.as_str()],
    )?;
    protections::note(db, user, contact.as_str(), resource, protection)
}

/// Stops or resumes delivery to a contact.
///
/// # Errors
/// SQLite's.
pub fn set_blocked(db: &Transaction<'_>, user: UserId, contact: &ContactId, why: Option<&str>) -> Result<()> {
    ensure(db, user, contact)?;
    db.execute(
        "UPDATE contacts SET blocked = ?3 WHERE user = ?1 AND contact = ?2",
        params![user.0, contact.as_str(), why],
    )?;
    Ok(())
}

/// Forgets the contact.
///
/// # Errors
/// SQLite's.
pub fn remove(db: &Transaction<'_>, user: UserId, contact: &ContactId) -> Result<()> {
    db.execute("DELETE FROM contacts WHERE user = ?1 AND contact = ?2", params![user.0, contact.as_str()])?;
    protections::forget(db, user, contact.as_str())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let octets: Option<Vec<u8>> = row.get(2)?;
    let media_type: Option<String> = row.get(3)?;
    Ok(Contact {
        info: ContactInfo {
            id: ContactId::new(row.get::<_, String>(0)?),
            name: row.get(1)?,
            avatar: octets.zip(media_type).map(|(octets, media_type)| Avatar { media_type, octets }),
        },
        conv: row.get::<_, Option<String>>(4)?.map(ConvId::new),
        encrypted: row.get(5)?,
        invite: row.get(6)?,
        subscription: Subscription { subscribed: row.get(7)?, asked: row.get(8)?, granted: row.get(9)? },
        protected: row.get(10)?,
        blocked: row.get(11)?,
    })
}
