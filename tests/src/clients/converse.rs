//! Converse.js, a client that people use: in a browser, through `tests/peer/converse.py`. It prefers the newer dialect.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{ChatAccount, JsonLines, OmemoClient};
use crate::{Error, process::bound_to_us, programs, servers::Prosody};

const SOON: Duration = Duration::from_secs(60);

/// Such a client at work; everything that JSON lines can do, and shorthands.
pub struct Converse(JsonLines);

impl Converse {
    /// What it is by itself.
    pub const BOTH: &'static [&'static str] = &[OmemoClient::OLDER, OmemoClient::NEWER];

    /// Starts it and waits until it has published its keys. What the browser keeps, and its log, lie in `dir`, under the
    /// account's JID, which names a resource.
    pub fn start(dir: &Path, server: &Prosody, account: &ChatAccount, speaks: &[&str]) -> Result<Self, Error> {
        programs::installed("chromium")?;
        let mut command = bound_to_us(programs::python("omemo")?);
        command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/converse.py"));
        let file = account.jid.replace('/', "-");
        command.arg("--converse").arg(programs::kept("converse/dist")?);
        command.args(["--account", &account.jid, "--websocket", &server.websocket()]);
        command.arg("--kept").arg(dir.join(format!("{file}.converse")));
        command.arg("--speaks").args(speaks);
        command.env("PEER_PASSWORD", &account.password);
        let mut lines =
            JsonLines::start(format!("Converse of {}", account.jid), command, dir.join(file + ".converse.log"))?;
        lines.expect_event("online", SOON)?;
        Ok(Self(lines))
    }

    /// Types words.
    pub fn say(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "send", "to": to, "text": text }))
    }

    /// Types other words over the last ones.
    pub fn correct(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "correct", "to": to, "text": text }))
    }

    /// Loads the page again: what it keeps is what the browser has stored.
    pub fn reload(&mut self) -> Result<(), Error> {
        self.0.send(&json!({ "command": "reload" }))?;
        self.0.expect_event("online", SOON).map(drop)
    }

    /// Waits until exactly these words have come encrypted; the dialect.
    pub fn hear(&mut self, text: &str) -> Result<String, Error> {
        let wanted = |event: &Value| event["event"] == "message" && event["text"] == text;
        let event = self.0.expect(&format!("encrypted {text:?}"), SOON, wanted)?;
        Ok(event["dialect"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until it shows that the words of its own have arrived.
    pub fn receipt(&mut self, text: &str) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "receipt" && event["text"] == text;
        self.0.expect(&format!("receipt of {text:?}"), SOON, wanted)
    }
}

impl Deref for Converse {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.0
    }
}

impl DerefMut for Converse {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.0
    }
}
