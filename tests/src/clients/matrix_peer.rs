//! The program `matrix_peer`: somebody on Matrix who knows nothing of Drawbridge.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    process::ExitStatus,
    time::Duration,
};

use serde_json::{Value, json};

use super::JsonLines;
use crate::{Error, process::bound_to_us, programs, servers::Synapse};

/// A login, the first sync and the keys take a second; a busy machine more.
const LOGIN: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(60);

/// A running Matrix client; everything that JSON lines can do, and shorthands that wait for the answer.
pub struct MatrixPeer {
    lines: JsonLines,
    user: String,
    next_id: u64,
}

impl MatrixPeer {
    /// Makes the account and logs it in from a new device whose store and log lie in `dir`.
    pub fn create(dir: &Path, synapse: &Synapse, name: &str, password: &str) -> Result<Self, Error> {
        synapse.add_user(name, password)?;
        Self::start(dir, synapse, name, password, &[])
    }

    /// Logs an account in. A device whose store is in `dir` already is used again.
    ///
    /// `more`: further arguments, as `matrix_peer --help` tells them.
    pub fn start(dir: &Path, synapse: &Synapse, name: &str, password: &str, more: &[&str]) -> Result<Self, Error> {
        let mut command = bound_to_us(programs::built("matrix_peer", "MATRIX_PEER_BIN")?);
        command.args(["--homeserver", &synapse.url(), "--user", name, "--store"]).arg(dir.join(name)).args(more);
        command.env("MATRIX_PEER_PASSWORD", password);
        let mut lines = JsonLines::start(format!("matrix_peer of {name}"), command, dir.join(format!("{name}.log")))?;
        let ready = lines.expect_event("ready", LOGIN)?;
        Ok(Self { lines, user: text(&ready, "user"), next_id: 0 })
    }

    /// The full user id.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Makes an encrypted direct chat with somebody and gives its room id.
    pub fn create_dm(&mut self, user: &str) -> Result<String, Error> {
        let answer = self.ask(json!({ "command": "create_dm", "user": user }))?;
        Ok(text(&answer, "room"))
    }

    /// Sends text to a room (`!…`) or into the direct chat with a user (`@…`, made when there is none); gives the event id.
    pub fn say(&mut self, to: &str, body: &str) -> Result<String, Error> {
        let key = if to.starts_with('@') { "user" } else { "room" };
        let answer = self.ask(json!({ "command": "send", key: to, "text": body }))?;
        Ok(text(&answer, "event_id"))
    }

    /// Waits for a message from somebody else with exactly this body.
    pub fn hear(&mut self, body: &str, timeout: Duration) -> Result<Value, Error> {
        let wanted = |event: &Value| event["event"] == "message" && event["body"] == body && event["mine"] == false;
        self.lines.expect(&format!("message {body:?}"), timeout, wanted)
    }

    /// Gives a command and waits for its answer; an answer that is an error is an error.
    pub fn ask(&mut self, mut command: Value) -> Result<Value, Error> {
        self.next_id += 1;
        let id = self.next_id;
        command["id"] = json!(id);
        self.lines.send(&command)?;
        let answer = self.lines.expect(&format!("answer to {command}"), ANSWER, |event| event["id"] == id)?;
        if answer["event"] == "error" {
            return Err(Error::Refused {
                asked: format!("{} of {command}", self.user),
                answer: text(&answer, "error"),
            });
        }
        Ok(answer)
    }

    /// Lets it finish what it does and leave.
    pub fn finish(mut self) -> Result<ExitStatus, Error> {
        self.lines.finish()
    }
}

impl Deref for MatrixPeer {
    type Target = JsonLines;
    fn deref(&self) -> &JsonLines {
        &self.lines
    }
}

impl DerefMut for MatrixPeer {
    fn deref_mut(&mut self) -> &mut JsonLines {
        &mut self.lines
    }
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
