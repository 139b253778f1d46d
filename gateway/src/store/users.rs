//! Who registered.

use std::str::FromStr;

use drawbridge_bridge::KeySharing;
use jid::BareJid;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Result;

/// Row id of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// Encryption towards the user's client (design, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Never in clear.
    Require,
    /// In clear until the client encrypts once; from then on required.
    #[default]
    Prefer,
    /// Encryption is answered but not demanded, also where it was used before.
    Off,
}

impl Policy {
    /// As users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Prefer => "prefer",
            Self::Off => "off",
        }
    }
}

impl FromStr for Policy {
    type Err = ();
    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "require" => Ok(Self::Require),
            "prefer" => Ok(Self::Prefer),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

/// A registered user of one network.
#[derive(Debug, Clone)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Their account.
    pub jid: BareJid,
    /// What they want of encryption towards their client.
    pub policy: Policy,
    /// Which far devices get keys.
    pub sharing: KeySharing,
}

/// Makes the user known; returns the row that there was, if there was one.
///
/// # Errors
/// SQLite's.
pub fn add(db: &Transaction<'_>, network: &str, jid: &BareJid) -> Result<User> {
    // What was before them is nothing to them.
    db.execute(
        "INSERT INTO users (network, jid, told) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![network, jid.as_str(), Once::PutBack as i64],
    )?;
    get(db, network, jid)?.ok_or(super::Error::Sqlite(rusqlite::Error::QueryReturnedNoRows))
}

/// One user.
///
/// # Errors
/// SQLite's.
pub fn get(db: &Transaction<'_>, network: &str, jid: &BareJid) -> Result<Option<User>> {
    let sql = "SELECT id, jid, policy, sharing FROM users WHERE network = ?1 AND jid = ?2";
    Ok(db.query_row(sql, params![network, jid.as_str()], read).optional()?)
}

/// All users of a network.
///
/// # Errors
/// SQLite's.
pub fn all(db: &Transaction<'_>, network: &str) -> Result<Vec<User>> {
    let mut query = db.prepare("SELECT id, jid, policy, sharing FROM users WHERE network = ?1 ORDER BY id")?;
    let rows = query.query_map([network], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets the user and everything that belongs to them.
///
/// # Errors
/// SQLite's.
pub fn remove(db: &Transaction<'_>, user: UserId) -> Result<()> {
    db.execute("DELETE FROM users WHERE id = ?1", [user.0])?;
    Ok(())
}

/// Sets what the user wants of encryption towards their client.
///
/// # Errors
/// SQLite's.
pub fn set_policy(db: &Transaction<'_>, user: UserId, policy: Policy) -> Result<()> {
    db.execute("UPDATE users SET policy = ?2 WHERE id = ?1", params![user.0, policy.as_str()])?;
    Ok(())
}

/// Sets which far devices get keys.
///
/// # Errors
/// SQLite's.
pub fn set_sharing(db: &Transaction<'_>, user: UserId, sharing: KeySharing) -> Result<()> {
    let text = if sharing == KeySharing::All { "all" } else { "cross-signed" };
    db.execute("UPDATE users SET sharing = ?2 WHERE id = ?1", params![user.0, text])?;
    Ok(())
}

/// Things a user is told once. `true` if this is the first time.
///
/// # Errors
/// SQLite's.
pub fn tell_once(db: &Transaction<'_>, user: UserId, what: Once) -> Result<bool> {
    let changed =
        db.execute("UPDATE users SET told = told | ?2 WHERE id = ?1 AND told & ?2 = 0", params![user.0, what as i64])?;
    Ok(changed > 0)
}

/// Everybody is told this again.
///
/// # Errors
/// SQLite's.
pub(crate) fn untell(db: &Transaction<'_>, what: Once) -> Result<()> {
    db.execute("UPDATE users SET told = told & ~?1", [what as i64])?;
    Ok(())
}

/// What a user is told once. (2 was something that nobody is told any more.)
#[derive(Debug, Clone, Copy)]
pub enum Once {
    /// Which rooms are not bridged.
    RoomsNotBridged = 1,
    /// That reactions go in clear though messages do not.
    ReactionsInClear = 4,
    /// That the database was put back from a copy.
    PutBack = 8,
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let jid: String = row.get(1)?;
    let policy: String = row.get(2)?;
    let sharing: String = row.get(3)?;
    Ok(User {
        id: UserId(row.get(0)?),
        jid: BareJid::new(&jid)
            .map_err(|e| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(e)))?,
        policy: policy.parse().unwrap_or(Policy::Require),
        sharing: if sharing == "all" { KeySharing::All } else { KeySharing::CrossSigned },
    })
}
