//! The directory of a login.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use drawbridge_bridge::LoginId;

use crate::store::{self, Store, logins};

/// Where the login's own files are.
pub(super) fn of(data: &Path, login: &LoginId) -> PathBuf {
    data.join("logins").join(login.as_str())
}

/// A name that nobody has used: 16 random octets. `None` if the host gives no random numbers.
pub(super) fn new_id() -> Option<LoginId> {
    let mut octets = [0u8; 16];
    getrandom::fill(&mut octets).ok()?;
    Some(LoginId::new(octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>()))
}

/// A login's directory before the login is granted: gone on drop, unless it was kept.
pub(super) struct Provisional {
    dir: PathBuf,
    kept: bool,
}

impl Provisional {
    /// Makes the directory, open to us alone.
    pub(super) fn make(data: &Path, login: &LoginId) -> io::Result<Self> {
        let dir = of(data, login);
        let mut private = DirBuilder::new();
        private.mode(0o700);
        if let Some(all) = dir.parent() {
            private.recursive(true).create(all)?;
        }
        private.recursive(false).create(&dir)?;
        Ok(Self { dir, kept: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    /// The login was granted: the directory stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        if !self.kept {
            remove(&self.dir);
        }
    }
}

/// Deletes a login's directory.
pub(super) fn remove(dir: &Path) {
    if let Err(error) = std::fs::remove_dir_all(dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a login's directory could not be removed");
    }
}

/// Deletes the directories that no stored login has: a crash in the middle of a login leaves one. To be called once,
/// before anybody can log in.
///
/// # Errors
/// SQLite's.
pub async fn sweep(store: &Store, data: &Path) -> store::Result<()> {
    let known: HashSet<String> = store.call(|db, _| logins::ids(db)).await?.into_iter().collect();
    let Ok(found) = std::fs::read_dir(data.join("logins")) else {
        return Ok(());
    };
    for entry in found.flatten() {
        if !entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
            tracing::info!("removing what an unfinished login left behind");
            remove(&entry.path());
        }
    }
    Ok(())
}
