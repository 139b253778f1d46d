//! Far to XMPP, first half: where each conversation stands, and what was seen.

use drawbridge_bridge::{ConvId, Position, RemoteId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, UserId};

/// Where the conversation stands.
///
/// # Errors
/// SQLite's.
pub fn get(db: &Transaction<'_>, user: UserId, conv: &ConvId) -> Result<Option<Position>> {
    Ok(db
        .query_row(
            "SELECT position FROM positions WHERE user = ?1 AND conv = ?2",
            params![user.0, conv.as_str()],
            |row| row.get::<_, String>(0),
        )
        .optional()?
        .map(Position::new))
}

/// Moves on.
///
/// # Errors
/// SQLite's.
pub fn set(db: &Transaction<'_>, user: UserId, conv: &ConvId, position: &Position) -> Result<()> {
    db.execute(
        "INSERT INTO positions (user, conv, position) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET position = excluded.position",
        params![user.0, conv.as_str(), position.as_str()],
    )?;
    Ok(())
}

/// Marks an event as seen. `false` if it was seen before.
///
/// # Errors
/// SQLite's.
pub fn see(
    db: &Transaction<'_>,
    user: UserId,
    conv: &ConvId,
    remote: &RemoteId,
    version: u32,
    at: i64,
) -> Result<bool> {
    let rows = db.execute(
        "INSERT INTO seen (user, conv, remote, version, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![user.0, conv.as_str(), remote.as_str(), version, at],
    )?;
    Ok(rows > 0)
}
