//! How a login stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a login stands, for people and for presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginState {
    /// On the way up.
    Connecting,
    /// The network answers.
    Online,
    /// The network does not answer; it is tried again and again. Says why.
    Waiting(String),
    /// The network has ended the login: the user must log in again.
    LoggedOut,
    /// Something broke that trying again does not mend. Says what.
    Failed(String),
}

impl LoginState {
    /// Whether only a new login helps.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::LoggedOut | Self::Failed(_))
    }
}

impl fmt::Display for LoginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Online => f.write_str("online"),
            Self::Waiting(reason) => write!(f, "waiting to try again: {reason}"),
            Self::LoggedOut => f.write_str("logged out by the network"),
            Self::Failed(reason) => write!(f, "stopped: {reason}"),
        }
    }
}
