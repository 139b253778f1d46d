//! `esession-chat --json`: the XMPP user.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};

use super::JsonLines;
use crate::{Error, process::bound_to_us, programs, servers::XmppServer};

const ONLINE: Duration = Duration::from_secs(30);

/// An XMPP account, and where its server listens.
#[derive(Clone, Debug)]
pub struct ChatAccount {
    /// Bare JID, or full JID to choose the resource.
    pub jid: String,
    /// Its password.
    pub password: String,
    /// The loopback port of its server.
    pub port: u16,
}

impl ChatAccount {
    /// Makes an account on that server.
    pub fn create(server: &impl XmppServer, name: &str, password: &str) -> Result<Self, Error> {
        let jid = server.add_user(name, password)?;
        Ok(Self { jid, password: password.to_owned(), port: server.client_port() })
    }

    /// The same account with another device.
    pub fn with_resource(&self, resource: &str) -> Self {
        Self { jid: format!("{}/{resource}", self.bare()), ..self.clone() }
    }

    /// Its JID without a device.
    pub fn bare(&self) -> &str {
        self.jid.split('/').next().unwrap_or_default()
    }
}

/// A running chat client; everything that JSON lines can do, and shorthands.
pub struct Chat {
    lines: JsonLines,
    /// Questions so far: each has an id of its own.
    pub(crate) asked: u32,
}

impl Chat {
    /// Starts it for a conversation with the JID `with` and waits until it is online; `more` are further arguments
    /// (`--trace`, …). Its log and the secrets that it keeps lie in `dir`, under the account's JID.
    pub fn start(dir: &Path, account: &ChatAccount, with: &str, more: &[&str]) -> Result<Self, Error> {
        let mut command = program(dir, account, with)?;
        command.args(["--json", "--insecure-plaintext", "--server", &format!("127.0.0.1:{}", account.port)]).args(more);
        command.env("ESESSION_CHAT_PASSWORD", &account.password);
        let log = dir.join(file(account) + ".log");
        let mut lines = JsonLines::start(format!("esession-chat of {}", account.jid), command, log)?;
        lines.expect_event("online", ONLINE)?;
        Ok(Self { lines, asked: 0 })
    }

    /// What an OpenPGP certificate has to sign to certify the key of this client. (It need not be online.)
    pub fn statement(dir: &Path, account: &ChatAccount, with: &str) -> Result<String, Error> {
        let mut command = program(dir, account, with)?;
        let output = command.args(["--public-key", "--print-statement"]).output();
        let output = output.map_err(Error::io("running esession-chat"))?;
        let [statement, complaint] = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        let refused = Error::Refused { asked: "printing a statement".into(), answer: complaint };
        if output.status.success() { Ok(statement) } else { Err(refused) }
    }

    /// Sends text to the contact that it was started with.
    pub fn say(&mut self, text: &str) -> Result<(), Error> {
        self.lines.send(&json!({ "command": "send", "text": text }))
    }

    /// Waits for a message with exactly this text, encrypted or not: the event says it.
    pub fn hear(&mut self, text: &str, timeout: Duration) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "message" && event["text"] == text;
        self.lines.expect(&format!("message {text:?}"), timeout, wanted)
    }
}

/// The program, with what it keeps.
fn program(dir: &Path, account: &ChatAccount, with: &str) -> Result<Command, Error> {
    let mut command = bound_to_us(programs::built("esession-chat", "ESESSION_CHAT_BIN")?);
    command.args(["--account", &account.jid, "--with", with]);
    command.arg("--state-dir").arg(dir.join(file(account)));
    Ok(command)
}

fn file(account: &ChatAccount) -> String {
    account.jid.replace('/', "-")
}

impl Deref for Chat {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.lines
    }
}

impl DerefMut for Chat {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.lines
    }
}
