//! The daemon's socket for the host's own terminal: `DATA/control.sock`, lines of JSON.
//!
//! Whoever may open the socket is the operator: it is open to the daemon's own user (and root) alone. A connection
//! carries one [`Request`]; for [`Request::Run`] the two sides then take turns, [`Reply`] by [`Turn`].

mod client;
mod report;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drawbridge_bridge::Secret;
use serde::{Deserialize, Serialize};

use crate::commands::{Answers, Form};

pub use client::{Client, Stdio, Terminal};
pub use report::{NetworkReport, StatusReport, UserReport};
pub use server::{Control, listen};

/// The longest line in octets.
const MAX_LINE: u64 = 256 * 1024;

/// Why the daemon and its operator cannot talk.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("drawbridge does not run (nobody answers at {}); start it with \"drawbridge run\"", .0.display())]
    NotRunning(PathBuf),
    /// Somebody else listens.
    #[error("drawbridge runs already (it answers at {}); stop it first", .0.display())]
    RunsAlready(PathBuf),
    /// The socket is not for this user.
    #[error("you may not open {}; run this as the user drawbridge runs as, or as root", .0.display())]
    NotYours(PathBuf),
    /// The socket cannot be made or used.
    #[error("{}: {source}", path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The other side ended or said something else than agreed, as another version might.
    #[error("the daemon broke off; does it have the same version?")]
    BrokeOff,
    /// The terminal ended.
    #[error("nothing more to read from the terminal")]
    NoInput,
    /// What was asked did not work, in words for people.
    #[error("{0}")]
    Failed(String),
}

/// What the operator wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the daemon is doing.
    Status,
    /// Who is registered.
    Users,
    /// A command for a user, as that user could run it.
    Run {
        /// Its name.
        command: String,
        /// For whom: a bare JID.
        user: String,
        /// On which network, by kind or component JID; needed if it is not clear.
        network: Option<String>,
    },
}

/// The operator's next word while a command runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Turn {
    /// Answers to a form; none after something was shown.
    Answers(#[serde(with = "answers")] Answers),
    /// Give up.
    Cancel,
}

/// What the daemon says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How it is doing.
    Status(StatusReport),
    /// Who is registered.
    Users(Vec<UserReport>),
    /// Ask this, and answer with [`Turn::Answers`].
    Form {
        /// What to ask.
        form: Form,
        /// What was wrong with the answers before.
        trouble: Option<String>,
    },
    /// Show this, and answer with empty [`Turn::Answers`].
    Show(String),
    /// Over.
    Done(String),
    /// Over, without success.
    Failed(String),
}

/// Where the socket is.
pub fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Answers on their way through the socket, which never leaves the host.
mod answers {
    use serde::ser::SerializeMap;
    use serde::{Deserializer, Serializer};

    use super::{Answers, BTreeMap, Deserialize, Secret};

    pub(super) fn serialize<S: Serializer>(answers: &Answers, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(answers.values.len()))?;
        for (name, value) in &answers.values {
            map.serialize_entry(name, value.expose_text().unwrap_or_default())?;
        }
        map.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Answers, D::Error> {
        let values = BTreeMap::<String, String>::deserialize(from)?;
        Ok(Answers { values: values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect() })
    }
}
