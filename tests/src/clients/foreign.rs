//! `tests/peer`: an XMPP client in another language, which has ESessions from the documents and shares no code with ours.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{ChatAccount, JsonLines};
use crate::{Error, process::bound_to_us, programs};

const SOON: Duration = Duration::from_secs(30);

/// Such a client at work; everything that JSON lines can do, and shorthands.
pub struct ForeignClient(JsonLines);

impl ForeignClient {
    /// Starts it and waits until it is online. What it keeps, and its log, lie in `dir`, under the account's JID, which
    /// names a resource.
    pub fn start(dir: &Path, account: &ChatAccount) -> Result<Self, Error> {
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/client.py");
        let mut command = bound_to_us(programs::python("venv")?);
        let file = account.jid.replace('/', "-");
        command.arg("-B").arg(client).args(["--account", &account.jid, "--port", &account.port.to_string()]);
        command.arg("--kept").arg(dir.join(format!("{file}.json")));
        command.env("PEER_PASSWORD", &account.password);
        let name = format!("the foreign client of {}", account.jid);
        let mut lines = JsonLines::start(name, command, dir.join(file + ".log"))?;
        lines.expect_event("online", SOON)?;
        Ok(Self(lines))
    }

    /// What all further sessions must have as their other shared secret, or nothing.
    pub fn set_password(&mut self, password: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "password", "password": password }))
    }

    /// Asks for a session, and waits for it.
    pub fn secure(&mut self, with: &str) -> Result<Value, Error> {
        self.0.send(&json!({ "command": "start", "with": with }))?;
        self.0.expect_event("session", SOON)
    }

    /// Sends words in the session, with a new key if so said.
    pub fn say(&mut self, text: &str, rekey: bool) -> Result<(), Error> {
        self.0.send(&json!({ "command": "send", "text": text, "rekey": rekey }))
    }

    /// The next words that came in the session.
    pub fn next_message(&mut self) -> Result<String, Error> {
        let message = self.0.expect_event("message", SOON)?;
        Ok(message["text"].as_str().unwrap_or_default().to_owned())
    }

    /// Ends the session; whether the other end has confirmed that it lacks nothing.
    pub fn end(&mut self) -> Result<bool, Error> {
        self.0.send(&json!({ "command": "end" }))?;
        Ok(self.0.expect_event("ended", SOON)?["acknowledged"] == true)
    }
}

impl Deref for ForeignClient {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.0
    }
}

impl DerefMut for ForeignClient {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.0
    }
}
