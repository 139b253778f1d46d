//! GnuPG, with a keyring of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, programs};

/// Such a keyring.
pub struct GnuPg {
    home: PathBuf,
}

impl GnuPg {
    /// In this folder.
    pub fn new(home: &Path) -> Result<Self, Error> {
        let private = fs::Permissions::from_mode(0o700);
        let made = fs::create_dir_all(home).and_then(|()| fs::set_permissions(home, private));
        made.map_err(Error::io("making a home for GnuPG"))?;
        Ok(Self { home: home.to_owned() })
    }

    /// Asks nobody for anything; what it prints.
    pub fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(programs::installed("gpg")?);
        command.arg("--homedir").arg(&self.home);
        command.args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]).args(arguments);
        let output = command.output().map_err(Error::io("running gpg"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let answer = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Refused { asked: format!("gpg {}", arguments.join(" ")), answer })
    }

    /// Of the key with this in its name.
    pub fn fingerprint(&self, whose: &str) -> Result<String, Error> {
        let certificates = self.run(&["--list-keys", "--with-colons", whose])?;
        let print = certificates.lines().find(|line| line.starts_with("fpr")).and_then(|line| line.split(':').nth(9));
        Ok(print.unwrap_or_default().to_owned())
    }

    /// The folder.
    pub fn home(&self) -> &Path {
        &self.home
    }
}

/// It has left an agent.
impl Drop for GnuPg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.home).args(["--kill", "all"]).status();
    }
}
