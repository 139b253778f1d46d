//! The store key: 32 octets that everything at rest is sealed with.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use drawbridge_bridge::Secret;
use zeroize::Zeroizing;

use super::{Config, ConfigError, secret};

const KEY_LEN: usize = 32;
/// `LoadCredential=key:…`
const CREDENTIAL: &str = "key";

impl Config {
    /// The store key (32 octets): from the systemd credential `key`, else from `key_file`, else from `data_dir/key`,
    /// which is made at the first start, readable by its owner alone.
    ///
    /// # Errors
    /// As [`Config::known_store_key`].
    pub fn store_key(&self) -> Result<Secret, ConfigError> {
        if self.known_store_key()?.is_none() {
            let path = self.own_key_path();
            create(&path).map_err(|source| ConfigError::KeyNotCreated { path, source })?;
        }
        read(&self.key_path())
    }

    /// The store key, if there is one already; `None` only before the first start.
    ///
    /// # Errors
    /// A key that was named must exist and be 64 hexadecimal digits or base64 of 32 octets. The key of a database that
    /// exists must exist: another one would open nothing of it.
    pub fn known_store_key(&self) -> Result<Option<Secret>, ConfigError> {
        let (path, database) = (self.key_path(), self.database());
        if path.exists() || self.named_key_path().is_some() {
            return read(&path).map(Some);
        }
        if database.exists() { Err(ConfigError::KeyLost { path, database }) } else { Ok(None) }
    }
    /// Where the store key is, or will be made.
    pub fn key_path(&self) -> PathBuf {
        self.named_key_path().unwrap_or_else(|| self.own_key_path())
    }

    fn named_key_path(&self) -> Option<PathBuf> {
        let credential = self.credentials.as_ref().map(|dir| dir.join(CREDENTIAL)).filter(|path| path.exists());
        credential.or_else(|| self.key_file.clone())
    }

    fn own_key_path(&self) -> PathBuf {
        self.data_dir.join("key")
    }
}

fn read(path: &Path) -> Result<Secret, ConfigError> {
    let text = secret::read("key_file", path)?;
    decode(&text).ok_or_else(|| {
        let problem = format!("{} does not hold a key", path.display());
        ConfigError::invalid("key_file", problem, "it must be 64 hexadecimal digits, or base64 of 32 octets")
    })
}

/// Writes a new key so that a crash leaves either none or a whole one behind.
fn create(path: &Path) -> io::Result<()> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    getrandom::fill(key.as_mut_slice()).map_err(|error| io::Error::other(error.to_string()))?;
    let text = Zeroizing::new(BASE64_STANDARD.encode(key.as_slice()) + "\n");

    let unfinished = path.with_extension("new");
    if unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Unlike a rename, a link never replaces a key that another process made meanwhile.
    fs::hard_link(&unfinished, path)?;
    fs::remove_file(&unfinished)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn decode(text: &Secret) -> Option<Secret> {
    let text = text.expose_text()?.trim();
    let octets =
        Zeroizing::new(if text.len() == 2 * KEY_LEN { from_hex(text)? } else { BASE64_STANDARD.decode(text).ok()? });
    (octets.len() == KEY_LEN).then(|| Secret::new(octets.as_slice()))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
