//! The tables, version by version. A published step is never edited; a new one is added below it.

use rusqlite::Connection;

use super::{Error, Result, introductions, unwritten};

/// Each step brings the file from the version of its index to the next one.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
];

/// `secure_delete` overwrites what is deleted; FULL makes a commit survive loss of power.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    if rusqlite::version_number() < 3_051_003 {
        return Err(Error::OldSqlite(rusqlite::version().to_owned()));
    }
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
    )?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(Error::Newer { found, known });
    }
    for (index, step) in STEPS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    introductions::prepare(connection)?;
    unwritten::prepare(connection)
}
