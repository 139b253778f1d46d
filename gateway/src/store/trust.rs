//! What people have said of a device or a key.

use rusqlite::{Transaction, params};

use super::{Result, UserId};

/// What they have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: it is trusted as long as they have said of no other that it is theirs.
    Blind,
    /// It is theirs.
    Verified,
    /// It is not.
    Distrusted,
}

/// Of what was verified once and is distrusted since. It goes on to stand against blind trust: else whoever can say that one is
/// lost, be it by forging words in clear, would have all others trusted again.
const LOST: &str = "lost";

/// For an update of what people say (`?3`).
pub(super) const SET: &str =
    "trust = CASE WHEN ?3 = 'distrusted' AND trust IN ('verified', 'lost') THEN 'lost' ELSE ?3 END";

impl Trust {
    /// As the database has it. What is unknown is not trusted.
    pub(super) fn read(name: &str) -> Self {
        [Self::Blind, Self::Verified].into_iter().find(|known| known.name() == name).unwrap_or(Self::Distrusted)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Verified => "verified",
            Self::Distrusted => "distrusted",
        }
    }

    /// Whether it counts, if people have verified anything of the user's: blind trust before verification.
    pub fn counts(self, any_verified: bool) -> bool {
        match self {
            Self::Verified => true,
            Self::Distrusted => false,
            Self::Blind => !any_verified,
        }
    }
}

/// Whether people have ever verified one of the user's devices or keys, or compared the codes of a session. One of any kind is
/// enough for all: else whoever verifies the one could be written to, and written for, by a forged other.
///
/// # Errors
/// SQLite's.
pub fn any_verified(db: &Transaction<'_>, user: UserId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM omemo_devices WHERE user = ?1 AND trust IN (?2, ?3)
                              UNION ALL SELECT 1 FROM openpgp_certificates WHERE user = ?1 AND trust IN (?2, ?3)
                              UNION ALL SELECT 1 FROM client_keys WHERE user = ?1 AND verified = 1
                              UNION ALL SELECT 1 FROM retained WHERE user = ?1 AND verified = 1 AND pending = 0)";
    Ok(db.query_row(sql, params![user.0, Trust::Verified.name(), LOST], |row| row.get(0))?)
}
