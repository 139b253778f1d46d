//! Whether the database is the one that was here last, or a copy that was put back.
//!
//! A copy has sessions whose keys have served since, and does not know what was read since. Beside the database lies a file that
//! is written anew when the gateway starts and stops and every few minutes, and by nobody else; the database knows it by its
//! inode and by the time of its last change, which no program that restores files can set. So a copy of the database alone, from
//! before the file was last written, meets another file, and a copy of both meets a file that was changed since. What takes back
//! the whole file system (a snapshot of a machine) is not noticed.
//!
//! There are two names, in turn: until the database has the new file, the one before is there.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::users::{self, Once};
use super::{Error, Result, unix};

/// Looks whether the database was put back; then nothing of it is used that may be used only once. To be called at the start.
///
/// # Errors
/// SQLite's, or that the file beside it cannot be written.
pub(super) fn settle(db: &mut Connection, path: &Path) -> Result<bool> {
    let before = known(db)?;
    let is_copy = before.is_some_and(|it| found(&beside(path, it.turn)).ok() != Some((it.inode, it.changed)));
    write(db, path, is_copy)?;
    Ok(is_copy)
}

/// Writes the file anew: what was copied before is older from here on.
///
/// # Errors
/// As [`settle`].
pub(super) fn renew(db: &mut Connection, path: &Path) -> Result<()> {
    write(db, path, false)
}

/// Since when what is not known was not read either, in seconds since 1970: 0 if it was never put back.
///
/// # Errors
/// SQLite's.
pub fn since(db: &Transaction<'_>) -> Result<i64> {
    Ok(db.query_row("SELECT since FROM witness", [], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// The file as the database has it.
struct Known {
    turn: bool,
    inode: i64,
    changed: String,
}

fn known(db: &Connection) -> Result<Option<Known>> {
    let read = |row: &Row<'_>| Ok(Known { turn: row.get(0)?, inode: row.get(1)?, changed: row.get(2)? });
    Ok(db.query_row("SELECT turn, inode, changed FROM witness", [], read).optional()?)
}

fn write(db: &mut Connection, path: &Path, is_copy: bool) -> Result<()> {
    let turn = !known(db)?.is_some_and(|before| before.turn);
    let (file, before) = (beside(path, turn), beside(path, !turn));
    let replaced = |error| Error::Witness(file.clone(), error);
    put(&file).map_err(replaced)?;
    let (inode, changed) = found(&file).map_err(replaced)?;
    let transaction = db.transaction()?;
    let sql = "INSERT INTO witness (one, turn, inode, changed) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET turn = excluded.turn, inode = excluded.inode, changed = excluded.changed";
    transaction.execute(sql, params![turn, inode, changed])?;
    if is_copy {
        forget(&transaction)?;
        users::untell(&transaction, Once::PutBack)?;
        transaction.execute("UPDATE witness SET since = ?1", [unix(std::time::SystemTime::now())])?;
    }
    transaction.commit()?;
    let _ = std::fs::remove_file(before);
    Ok(())
}

/// On the disk before the database says so: a machine that loses power in between has put nothing back. Always another file:
/// the time of a change may be that of the one before, where clocks are coarse.
fn put(path: &Path) -> std::io::Result<()> {
    let _ = std::fs::remove_file(path);
    let mut file = File::create(path)?;
    file.write_all(b"Drawbridge tells by this file whether the database beside it was put back from a copy.\n")?;
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

fn found(file: &Path) -> std::io::Result<(i64, String)> {
    let found = std::fs::symlink_metadata(file)?;
    let inode = i64::from_ne_bytes(found.ino().to_ne_bytes());
    Ok((inode, format!("{}.{:09}", found.ctime(), found.ctime_nsec())))
}

fn beside(path: &Path, turn: bool) -> PathBuf {
    path.with_extension(if turn { "witness-1" } else { "witness-0" })
}
