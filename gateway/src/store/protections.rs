//! How the user's clients encrypt what they write: each is answered as it has written last. `peer` is
//! [`crate::keeper::Peer::key`].

use rusqlite::{Transaction, params};

use super::{Result, UserId};

/// How something is encrypted towards the user's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// In sessions of XEP-0116.
    ESession,
    /// By OMEMO (XEP-0384).
    Omemo,
    /// By OpenPGP (XEP-0373).
    OpenPgp,
}

/// What the user's clients have used last in one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protections(Vec<(String, Protection)>);

/// So many clients are remembered: some take a new name each time.
const MOST_CLIENTS: usize = 8;

impl Protection {
    const ALL: [Self; 3] = [Self::ESession, Self::Omemo, Self::OpenPgp];

    fn code(self) -> u8 {
        match self {
            Self::ESession => 1,
            Self::Omemo => 2,
            Self::OpenPgp => 3,
        }
    }
}

impl Protections {
    /// Whether one of the clients uses this.
    pub fn has(&self, protection: Protection) -> bool {
        self.0.iter().any(|(_, used)| *used == protection)
    }

    /// What a client uses.
    pub fn of(&self, resource: &str) -> Option<Protection> {
        self.0.iter().find(|(client, _)| client == resource).map(|(_, used)| *used)
    }

    /// Whether nothing was encrypted so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is used in a conversation.
///
/// # Errors
/// SQLite's.
pub fn of(db: &Transaction<'_>, user: UserId, peer: &str) -> Result<Protections> {
    let sql = "SELECT resource, protection FROM protections WHERE user = ?1 AND contact = ?2";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(params![user.0, peer], |row| Ok((row.get(0)?, row.get::<_, u8>(1)?)))?;
    let mut used = Vec::new();
    for row in rows {
        let (resource, code) = row?;
        used.extend(Protection::ALL.into_iter().find(|it| it.code() == code).map(|it| (resource, it)));
    }
    Ok(Protections(used))
}

/// A client has written in this way.
///
/// # Errors
/// SQLite's.
pub fn note(db: &Transaction<'_>, user: UserId, peer: &str, resource: &str, protection: Protection) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO protections (user, contact, resource, protection) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![user.0, peer, resource, protection.code()])?;
    // The last client of each kind stays: it may only read.
    let sql = "DELETE FROM protections WHERE user = ?1 AND contact = ?2 AND (resource = '' OR rowid NOT IN (
                   SELECT * FROM (SELECT rowid FROM protections WHERE user = ?1 AND contact = ?2 ORDER BY rowid DESC LIMIT ?3)
                   UNION SELECT max(rowid) FROM protections WHERE user = ?1 AND contact = ?2 GROUP BY protection))";
    db.prepare_cached(sql)?.execute(params![user.0, peer, MOST_CLIENTS])?;
    Ok(())
}

/// A client has written in clear, and might: nothing is encrypted from here on.
///
/// # Errors
/// SQLite's.
pub fn forget(db: &Transaction<'_>, user: UserId, peer: &str) -> Result<()> {
    db.execute("DELETE FROM protections WHERE user = ?1 AND contact = ?2", params![user.0, peer])?;
    Ok(())
}

/// In how many conversations with contacts this is used.
///
/// # Errors
/// SQLite's.
pub fn count(db: &Transaction<'_>, user: UserId, protection: Protection) -> Result<usize> {
    let sql = "SELECT count(DISTINCT contact) FROM protections WHERE user = ?1 AND protection = ?2 AND contact <> ''";
    Ok(db.query_row(sql, params![user.0, protection.code()], |row| row.get(0))?)
}
