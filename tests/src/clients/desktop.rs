//! Clients with windows that people use. A helper in `tests/peer` stands in each where a person would: it types, presses and reads.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};

use super::{ChatAccount, JsonLines};
use crate::{Error, servers::Authority};

const SOON: Duration = Duration::from_secs(60);

/// Such a client at work; everything that JSON lines can do, and shorthands.
pub struct Desktop {
    lines: JsonLines,
    kept: PathBuf,
}

impl Desktop {
    /// Starts a helper and waits until its client is online. What it keeps, and its log, lie in `dir`, under the account's JID,
    /// which names a resource, and the name of the client.
    pub(super) fn start(dir: &Path, account: &ChatAccount, name: &str, mut command: Command) -> Result<Self, Error> {
        let file = format!("{}.{name}", account.jid.replace('/', "-"));
        let kept = dir.join(&file);
        command.args(["--account", &account.jid]).arg("--kept").arg(&kept);
        if let Some(authority) = Authority::beside(dir) {
            command.arg("--authority").arg(authority);
        }
        command.env("PEER_PASSWORD", &account.password);
        let mut lines = JsonLines::start(format!("{name} of {}", account.jid), command, dir.join(file + ".log"))?;
        lines.expect_event("online", SOON)?;
        Ok(Self { lines, kept })
    }

    /// Waits until it can encrypt in the chat with them.
    pub fn chooses_protection(&mut self, with: &str) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "choose", "to": with }))?;
        self.lines.expect_event("chosen", SOON).map(drop)
    }

    /// Types words, as soon as it can encrypt them.
    pub fn say(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "send", "to": to, "text": text }))
    }

    /// Types other words over the last ones.
    pub fn correct(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "correct", "to": to, "text": text }))
    }

    /// Chooses a file to send, as soon as it can encrypt it.
    pub fn share(&mut self, to: &str, file: &Path) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "share", "to": to, "file": file }))
    }

    /// Loads the page of a client in a browser again: what it keeps is what the browser has stored.
    pub fn reload(&mut self) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "reload" }))?;
        self.lines.expect_event("online", SOON).map(drop)
    }

    /// Waits until exactly these words have come encrypted; the dialect, if the client tells it.
    pub fn hear(&mut self, text: &str) -> Result<String, Error> {
        let event = self.told("message", text)?;
        Ok(event["dialect"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until other words stand in the place of earlier ones of a contact.
    pub fn sees_correction(&mut self, text: &str) -> Result<(), Error> {
        self.told("updated", text).map(drop)
    }

    /// Waits until it shows that the words of its own have arrived.
    pub fn receipt(&mut self, text: &str) -> Result<(), Error> {
        self.told("receipt", text).map(drop)
    }

    /// Everything that it kept is gone, after its end.
    pub fn forgets_everything(&self) -> Result<(), Error> {
        fs::remove_dir_all(&self.kept).map_err(Error::io("removing what a client kept"))
    }

    fn told(&mut self, name: &str, text: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == name && event["text"] == text;
        self.lines.expect(&format!("{name} {text:?}"), SOON, wanted)
    }
}

impl Deref for Desktop {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.lines
    }
}

impl DerefMut for Desktop {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.lines
    }
}
