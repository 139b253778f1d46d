//! Gajim, a client that people use: on a screen that nobody sees, through `tests/peer/gajim_client.py`. It speaks the older dialect.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{ChatAccount, JsonLines};
use crate::{Error, process::bound_to_us, programs};

const SOON: Duration = Duration::from_secs(60);
/// Debian's, which has Gajim's modules; the first one on the `PATH` may be another.
const PYTHON: &str = "/usr/bin/python3";

/// Such a client at work; everything that JSON lines can do, and shorthands.
pub struct Gajim(JsonLines);

impl Gajim {
    /// Starts it and waits until it is online. What it keeps, and its log, lie in `dir`, under the account's JID, which names
    /// a resource.
    pub fn start(dir: &Path, account: &ChatAccount) -> Result<Self, Error> {
        for program in ["gajim", "Xvfb"] {
            programs::installed(program)?;
        }
        let mut command = bound_to_us(PYTHON);
        command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/gajim_client.py"));
        let file = account.jid.replace('/', "-");
        command.args(["--account", &account.jid, "--port", &account.port.to_string()]);
        command.arg("--kept").arg(dir.join(format!("{file}.gajim")));
        command.env("PEER_PASSWORD", &account.password);
        let mut lines = JsonLines::start(format!("Gajim of {}", account.jid), command, dir.join(file + ".gajim.log"))?;
        lines.expect_event("online", SOON)?;
        Ok(Self(lines))
    }

    /// Types words, as soon as it can encrypt them.
    pub fn say(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "send", "to": to, "text": text }))
    }

    /// Types other words over the last ones.
    pub fn correct(&mut self, to: &str, text: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "correct", "to": to, "text": text }))
    }

    /// Waits until exactly these words have come encrypted.
    pub fn hear(&mut self, text: &str) -> Result<(), Error> {
        let wanted = |event: &Value| event["event"] == "message" && event["text"] == text;
        self.0.expect(&format!("encrypted {text:?}"), SOON, wanted).map(drop)
    }

    /// Waits until other words stand in the place of earlier ones of a contact.
    pub fn sees_correction(&mut self, text: &str) -> Result<(), Error> {
        let wanted = |event: &Value| event["event"] == "updated" && event["text"] == text;
        self.0.expect(&format!("correction to {text:?}"), SOON, wanted).map(drop)
    }

    /// Waits until it shows that the words of its own have arrived.
    pub fn receipt(&mut self, text: &str) -> Result<(), Error> {
        let wanted = |event: &Value| event["event"] == "receipt" && event["text"] == text;
        self.0.expect(&format!("receipt of {text:?}"), SOON, wanted).map(drop)
    }
}

impl Deref for Gajim {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.0
    }
}

impl DerefMut for Gajim {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.0
    }
}
