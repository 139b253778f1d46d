//! A user's account on the network.

use drawbridge_bridge::{ContactId, LoginId, LoginRecord, Secret};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, Sealer, UserId};

/// A login as it is stored.
#[derive(Debug, Clone)]
pub struct Login {
    /// Whose.
    pub user: UserId,
    /// What the bridge opens.
    pub record: LoginRecord,
}

/// Stores a granted login; a user has one at a time.
///
/// # Errors
/// SQLite's; a second login of the same user is a constraint error.
pub fn add(db: &Transaction<'_>, sealer: &Sealer, login: &Login) -> Result<()> {
    let sealed = sealer.seal("login", &login.record.state.expose())?;
    db.execute(
        "INSERT INTO logins (id, user, account, sealed) VALUES (?1, ?2, ?3, ?4)",
        params![login.record.id.as_str(), login.user.0, login.record.account.as_str(), sealed],
    )?;
    Ok(())
}

/// The user's login.
///
/// # Errors
/// SQLite's, or a seal that does not open.
pub fn get(db: &Transaction<'_>, sealer: &Sealer, user: UserId) -> Result<Option<Login>> {
    let row: Option<(String, String, Vec<u8>)> = db
        .query_row("SELECT id, account, sealed FROM logins WHERE user = ?1", [user.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    row.map(|(id, account, sealed)| {
        let state: Vec<u8> = sealer.open("login", &sealed)?;
        Ok(Login {
            user,
            record: LoginRecord { id: LoginId::new(id), account: ContactId::new(account), state: Secret::new(state) },
        })
    })
    .transpose()
}

/// Stores a granted login in the place of the one there was; what was under way stays.
///
/// # Errors
/// SQLite's.
pub fn replace(db: &Transaction<'_>, sealer: &Sealer, login: &Login) -> Result<()> {
    db.execute("DELETE FROM logins WHERE user = ?1", [login.user.0])?;
    add(db, sealer, login)
}

/// The ids of all logins, of every network.
///
/// # Errors
/// SQLite's.
pub fn ids(db: &Transaction<'_>) -> Result<Vec<String>> {
    let mut query = db.prepare("SELECT id FROM logins")?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets all that a login had under way, contacts included.
///
/// # Errors
/// SQLite's.
pub fn clear(db: &Transaction<'_>, user: UserId) -> Result<()> {
    for table in ["contacts", "inbox", "outbox", "positions", "seen", "deliveries", "links"] {
        db.execute(&format!("DELETE FROM {table} WHERE user = ?1"), [user.0])?;
    }
    Ok(())
}

/// Forgets the login and all it had under way; the user stays registered.
///
/// # Errors
/// SQLite's.
pub fn remove(db: &Transaction<'_>, user: UserId) -> Result<()> {
    clear(db, user)?;
    db.execute("DELETE FROM logins WHERE user = ?1", [user.0])?;
    Ok(())
}
