//! Whether the database is the one that was here last, or a copy that was put back.
//!
//! A copy has sessions whose keys have served since, and does not know what was read since. Beside the database lies a file that
//! is written whenever the gateway starts and stops, and by nobody else; the database knows it by its inode and by the time of
//! its last change, which no program that restores files can set. So a copy of the database alone meets a newer file, and a copy
//! of both meets a file that was changed since. What takes back the whole file system (a snapshot of a machine) is not noticed.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Error, Result, unix};

/// Looks whether the database was put back; then nothing of it is used that may be used only once. To be called at the start.
///
/// # Errors
/// SQLite's, or that the file beside it cannot be written.
pub(super) fn settle(db: &mut Connection, path: &Path) -> Result<bool> {
    let before: Option<(i64, String)> =
        db.query_row("SELECT inode, changed FROM witness", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let is_copy = before.is_some_and(|before| found(path).ok() != Some(before));
    let transaction = db.transaction()?;
    if is_copy {
        forget(&transaction)?;
    }
    write(&transaction, path, is_copy)?;
    transaction.commit()?;
    Ok(is_copy)
}

/// Writes the file anew: what was copied before is older from here on.
///
/// # Errors
/// As [`settle`].
pub(super) fn renew(db: &mut Connection, path: &Path) -> Result<()> {
    let transaction = db.transaction()?;
    write(&transaction, path, false)?;
    Ok(transaction.commit()?)
}

/// Since when what is not known was not read either, in seconds since 1970: 0 if it was never put back.
///
/// # Errors
/// SQLite's.
pub fn since(db: &Transaction<'_>) -> Result<i64> {
    Ok(db.query_row("SELECT since FROM witness", [], |row| row.get(0)).optional()?.unwrap_or_default())
}

fn write(db: &Transaction<'_>, path: &Path, is_copy: bool) -> Result<()> {
    let content = "Drawbridge tells by this file whether the database beside it was put back from a copy.\n";
    let replaced = |error| Error::Witness(beside(path), error);
    // Always another change: the time of one may be that of the one before, where clocks are coarse.
    let _ = std::fs::remove_file(beside(path));
    put(&beside(path), content).map_err(replaced)?;
    let (inode, changed) = found(path).map_err(replaced)?;
    db.execute("INSERT OR IGNORE INTO witness (one, inode, changed) VALUES (1, 0, '')", [])?;
    db.execute("UPDATE witness SET inode = ?1, changed = ?2", params![inode, changed])?;
    if is_copy {
        db.execute("UPDATE witness SET since = ?1", [unix(std::time::SystemTime::now())])?;
    }
    Ok(())
}

/// On the disk before the database says so: a machine that loses power then has put nothing back.
fn put(path: &Path, content: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Sessions whose keys have served since; keys that sessions have begun with since, and that would be taken again.
fn forget(db: &Transaction<'_>) -> Result<()> {
    for table in ["omemo_sessions", "omemo_prekeys", "omemo_prekeys_taken", "published"] {
        db.execute(&format!("DELETE FROM {table}"), [])?;
    }
    Ok(())
}

fn found(path: &Path) -> std::io::Result<(i64, String)> {
    let found = std::fs::symlink_metadata(beside(path))?;
    let inode = i64::from_ne_bytes(found.ino().to_ne_bytes());
    Ok((inode, format!("{}.{:09}", found.ctime(), found.ctime_nsec())))
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("witness")
}
