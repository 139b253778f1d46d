//! The data directory and what is in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::control::socket;
use crate::run;

/// The data directory and the store key.
pub(super) fn all(config: &Config) -> Vec<Finding> {
    let mut findings = directory(&config.data_dir);
    findings.push(key(&config.key_path()));
    findings.extend(opens(config));
    findings
}

/// Whether the key is the database's, once there is one.
fn opens(config: &Config) -> Option<Finding> {
    if !config.database().exists() {
        return None;
    }
    Some(match run::prove_key(config) {
        Ok(()) => Finding::Well("the store key opens the database".into()),
        Err(error) => {
            let text = error.to_string();
            let (what, fix) = text.split_once("; ").unwrap_or((&text, "see that drawbridge can read and write it"));
            Finding::fault(what, fix)
        }
    })
}

/// Whether a daemon has this data directory.
pub(super) fn daemon_runs(config: &Config) -> bool {
    std::os::unix::net::UnixStream::connect(socket(&config.data_dir)).is_ok()
}

/// There, ours, private, writable.
pub(super) fn directory(dir: &Path) -> Vec<Finding> {
    let shown = dir.display();
    let metadata = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return vec![Finding::fault(format!("{shown} is no directory"), "name a directory as data_dir")],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::doubtful(
                format!("the data directory {shown} does not exist yet"),
                "drawbridge run makes it, if it may; else create it for the user drawbridge runs as, mode 0700",
            )];
        }
        Err(error) => {
            let fix = "run this as the user drawbridge runs as, or as root";
            return vec![Finding::fault(format!("the data directory {shown}: {error}"), fix)];
        }
    };
    let mut findings = Vec::new();
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        findings.push(Finding::doubtful(
            format!("other users of this host can look into {shown} (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        ));
    }
    match probe(dir) {
        Ok(()) => findings.push(Finding::Well(format!("the data directory {shown} can be written"))),
        Err(error) => findings.push(Finding::fault(
            format!("the data directory {shown} (of user {}) cannot be written: {error}", metadata.uid()),
            "give it to the user drawbridge runs as, and see that the disk is not full",
        )),
    }
    findings
}

/// Writes to the disk as a database would.
fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join(".doctor");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let written = file.write_all(b"probe").and_then(|()| file.sync_all());
    fs::remove_file(&path)?;
    written
}

/// Private, or not there yet.
pub(super) fn key(path: &Path) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 == 0 => {
            Finding::Well(format!("the store key {shown} is private"))
        }
        Ok(metadata) => Finding::doubtful(
            format!("the store key {shown} can be read by others (mode {:04o})", metadata.permissions().mode() & 0o777),
            format!("chmod 600 {shown}"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::Well(format!("the store key {shown} is made at the first start"))
        }
        Err(error) => Finding::fault(format!("the store key {shown}: {error}"), "make it readable for drawbridge"),
    }
}
