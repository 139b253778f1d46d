//! Whether the store key is the one that the database was made with.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{Error, Result, Sealer};

/// What is sealed. Its content does not matter: that it opens is the proof.
const PURPOSE: &str = "proof";

/// Whether this key opens an existing database. Changes nothing.
///
/// # Errors
/// [`Error::OtherKey`], or SQLite's.
pub fn prove_key(path: &Path, sealer: &Sealer) -> Result<()> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match table_exists(&db, "proof")? {
        true => check(&db, sealer).map(|_| ()),
        false => check_older(&db, sealer),
    }
}

/// Checks the key; a database that has no proof yet gets one.
pub(super) fn settle(db: &Connection, sealer: &Sealer) -> Result<()> {
    if !check(db, sealer)? {
        check_older(db, sealer)?;
        db.execute("INSERT INTO proof (one, sealed) VALUES (1, ?1)", [sealer.seal(PURPOSE, &PURPOSE)?])?;
    }
    Ok(())
}

/// `false` if there is nothing to check it by.
fn check(db: &Connection, sealer: &Sealer) -> Result<bool> {
    let sealed: Option<Vec<u8>> = db.query_row("SELECT sealed FROM proof", [], |row| row.get(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(false) };
    sealer.open::<String>(PURPOSE, &sealed).map_err(|_| Error::OtherKey)?;
    Ok(true)
}

/// A database of the first version has no proof: a login in it serves as well.
fn check_older(db: &Connection, sealer: &Sealer) -> Result<()> {
    if !table_exists(db, "logins")? {
        return Ok(());
    }
    let sealed: Option<Vec<u8>> = db.query_row("SELECT sealed FROM logins LIMIT 1", [], |row| row.get(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(()) };
    sealer.open::<serde::de::IgnoredAny>("login", &sealed).map(|_| ()).map_err(|_| Error::OtherKey)
}

fn table_exists(db: &Connection, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    Ok(db.query_row(sql, [name], |row| row.get(0))?)
}
