//! Which transaction ids were used, in a file of the login: what makes a send idempotent across restarts.
//!
//! Real networks remember transaction ids on their servers; this one has none. One JSON object a line, each led by its
//! line end, so that a line torn by a crash spoils no other. It has ids, no content. It is not synced to the disk: it
//! must survive the process, and the far side of this network does not survive the host either. A logout wipes it.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use drawbridge_bridge::{RemoteId, TxnId};
use serde::{Deserialize, Serialize};

/// The ids of all messages sent by one login.
#[derive(Debug)]
pub struct SentLog {
    path: PathBuf,
    file: File,
    known: HashMap<TxnId, RemoteId>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    txn: TxnId,
    remote_id: RemoteId,
}

impl SentLog {
    /// Opens the log of the login that lives in `dir`.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("sent.jsonl");
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let known = fs::read_to_string(&path)?
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .map(|Line { txn, remote_id }| (txn, remote_id))
            .collect();
        Ok(Self { path, file, known })
    }

    /// The far id of the message that was sent under `txn`.
    pub fn get(&self, txn: &TxnId) -> Option<&RemoteId> {
        self.known.get(txn)
    }

    /// Remembers a message, before it is given to the far side.
    ///
    /// # Errors
    /// The file system's; then nothing is remembered.
    pub fn record(&mut self, txn: TxnId, remote_id: RemoteId) -> io::Result<()> {
        let line = serde_json::to_string(&Line { txn: txn.clone(), remote_id: remote_id.clone() })?;
        self.file.write_all(format!("\n{line}").as_bytes())?;
        self.known.insert(txn, remote_id);
        Ok(())
    }

    /// Wipes the file.
    ///
    /// # Errors
    /// The file system's.
    pub fn wipe(&mut self) -> io::Result<()> {
        self.known.clear();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
