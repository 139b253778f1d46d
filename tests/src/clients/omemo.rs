//! `tests/peer/omemo_client.py`: an XMPP client with OMEMO, of libraries that other people made.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Value, json};

use super::{ChatAccount, JsonLines};
use crate::{Error, process::bound_to_us, programs, servers::Authority};

const SOON: Duration = Duration::from_secs(30);

/// Such a client at work; everything that JSON lines can do, and shorthands.
pub struct OmemoClient(JsonLines);

impl OmemoClient {
    /// The older dialect.
    pub const OLDER: &'static str = "eu.siacs.conversations.axolotl";
    /// The newer one.
    pub const NEWER: &'static str = "urn:xmpp:omemo:2";

    /// Starts it with these dialects and waits until it has published its keys. What it keeps, and its log, lie in `dir`,
    /// under the account's JID, which names a resource.
    pub fn start(dir: &Path, account: &ChatAccount, speaks: &[&str]) -> Result<Self, Error> {
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/omemo_client.py");
        let mut command = bound_to_us(programs::python("omemo")?);
        let file = account.jid.replace('/', "-");
        command.arg("-B").arg(client).args(["--account", &account.jid, "--port", &account.port.to_string()]);
        command.arg("--kept").arg(kept(dir, account));
        command.arg("--speaks").args(speaks);
        if let Some(authority) = Authority::beside(dir) {
            command.arg("--authority").arg(authority);
        }
        command.env("PEER_PASSWORD", &account.password);
        let name = format!("the OMEMO client of {}", account.jid);
        let mut lines = JsonLines::start(name, command, dir.join(file + ".omemo.log"))?;
        lines.expect_event("online", SOON)?;
        Ok(Self(lines))
    }

    /// Everything that it kept is gone, after its end.
    pub fn forgets_everything(dir: &Path, account: &ChatAccount) -> Result<(), Error> {
        fs::remove_file(kept(dir, account)).map_err(Error::io("removing what a client kept"))
    }

    /// Waits until the server has told which devices a contact has, in all dialects that this client speaks.
    pub fn meet(&mut self, contact: &str, speaks: &[&str]) -> Result<(), Error> {
        for dialect in speaks {
            let told = |event: &Value| event["from"] == contact && event["dialect"] == *dialect;
            while !told(&self.0.expect_event("devices", SOON)?) {}
        }
        Ok(())
    }

    /// Sends something that is about an earlier message, with words or without: `beside` is its XML.
    pub fn does(&mut self, to: &str, id: &str, text: Option<&str>, beside: &str) -> Result<(), Error> {
        self.0.send(&json!({ "command": "send", "to": to, "id": id, "text": text, "beside": beside }))?;
        self.0.expect_event("sent", SOON).map(drop)
    }

    /// Puts a file on the server, and sends where it is with its key.
    pub fn share(&mut self, to: &str, name: &str, octets: &[u8]) -> Result<(), Error> {
        let octets = BASE64.encode(octets);
        self.0.send(&json!({ "command": "share", "to": to, "name": name, "octets": octets }))?;
        self.0.expect_event("sent", SOON).map(drop)
    }

    /// Sends words; the dialects that they were encrypted in.
    pub fn say(&mut self, to: &str, text: &str) -> Result<Value, Error> {
        self.0.send(&json!({ "command": "send", "to": to, "text": text }))?;
        Ok(self.0.expect_event("sent", SOON)?["dialects"].clone())
    }

    /// The next words that came encrypted: what, and in which dialect.
    pub fn next_message(&mut self) -> Result<(String, String), Error> {
        let message = self.0.expect_event("message", SOON)?;
        let field = |name| message[name].as_str().unwrap_or_default().to_owned();
        Ok((field("text"), field("dialect")))
    }
}

fn kept(dir: &Path, account: &ChatAccount) -> PathBuf {
    dir.join(account.jid.replace('/', "-") + ".omemo")
}

impl Deref for OmemoClient {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.0
    }
}

impl DerefMut for OmemoClient {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.0
    }
}
