//! The book of secrets on disk: one file per account, readable by its owner only, replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jid::BareJid;
use zeroize::Zeroizing;

use super::SecretBook;

/// Where the secrets of one account are kept.
#[derive(Clone, Debug)]
pub struct SecretFile {
    path: PathBuf,
}

/// The secrets could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The disk, or permissions.
    #[error("cannot {action} the retained secrets in {path}: {source}")]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is damaged or of another program.
    #[error("{path} is not a file of retained secrets (move it away to start afresh): {source}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
}

impl SecretFile {
    /// The file of `account` below the state directory.
    #[must_use]
    pub fn new(state_dir: &Path, account: &BareJid) -> Self {
        Self { path: state_dir.join(file_name(account)) }
    }

    /// Reads the book; a file that is not there is an empty book.
    ///
    /// # Errors
    /// See [`SecretFileError`].
    pub fn load(&self) -> Result<SecretBook, SecretFileError> {
        let json = match fs::read_to_string(&self.path) {
            Ok(json) => Zeroizing::new(json),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SecretBook::default()),
            Err(source) => return Err(self.io("read", source)),
        };
        SecretBook::from_json(&json).map_err(|source| SecretFileError::Format { path: self.path.clone(), source })
    }

    /// Replaces the file. Durable on return.
    ///
    /// # Errors
    /// See [`SecretFileError`].
    pub fn save(&self, book: &SecretBook) -> Result<(), SecretFileError> {
        let json = book.to_json().map_err(|source| SecretFileError::Format { path: self.path.clone(), source })?;
        self.replace(json.as_bytes()).map_err(|source| self.io("write", source))
    }

    fn replace(&self, octets: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let draft = self.path.with_extension("new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        File::open(folder)?.sync_all()
    }

    fn io(&self, action: &'static str, source: io::Error) -> SecretFileError {
        SecretFileError::Io { action, path: self.path.clone(), source }
    }
}

/// A JID as a file name: everything unusual as `=` and two hexadecimal digits.
fn file_name(account: &BareJid) -> String {
    let mut name = String::new();
    for octet in account.as_str().bytes() {
        if octet.is_ascii_alphanumeric() || b"@.-_%".contains(&octet) {
            name.push(char::from(octet));
        } else {
            name.push_str(&format!("={octet:02x}"));
        }
    }
    name + ".secrets.json"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use esession::{RetainedSecret, Secret};

    use super::*;

    #[test]
    fn the_book_survives_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let account = BareJid::new("alice@example.org").unwrap();
        let bob = BareJid::new("bob@example.org").unwrap();
        let file = SecretFile::new(&folder.path().join("state"), &account);
        let mut book = file.load().unwrap();
        book.add_pending(&bob, &RetainedSecret::new(0, Secret::new(&[7; 32]), true), None, 1);
        file.save(&book).unwrap();
        file.save(&book).unwrap();
        assert_eq!(file.load().unwrap().of(&bob, 1)[0].value().expose(), [7; 32]);
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretFile::new(folder.path(), &BareJid::new("alice@example.org").unwrap());
        fs::write(&file.path, "{").unwrap();
        assert!(matches!(file.load(), Err(SecretFileError::Format { .. })));
    }

    #[test]
    fn no_account_can_name_a_file_elsewhere() {
        assert_eq!(file_name(&BareJid::new("a=b*@example.org").unwrap()), "a=3db=2a@example.org.secrets.json");
    }
}
