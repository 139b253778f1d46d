//! How we see that a server is up.

use super::Log;
use crate::servers::loopback;

/// The sign that a process is ready to serve.
#[derive(Clone)]
pub enum Ready {
    /// It answers on this loopback port: what we say, and what the answer must contain.
    Answers {
        /// Where it listens.
        port: u16,
        /// What we say first.
        say: String,
        /// What then comes back.
        hear: &'static str,
    },
    /// It prints a line that contains this.
    Says(&'static str),
}

impl Ready {
    pub(crate) fn check(&self, log: &Log) -> bool {
        match self {
            Self::Answers { port, say, hear } => loopback::ask(*port, say, hear).is_ok(),
            Self::Says(text) => log.find(text).is_some(),
        }
    }
}
