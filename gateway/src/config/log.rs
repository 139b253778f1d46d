//! `[log]`: how much is logged, and how.

use serde::{Deserialize, Serialize};

use super::word::words;

/// `[log]`. What each level means is written in [`crate::log`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How much.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
    /// More directives of `tracing_subscriber::EnvFilter`, separated by commas; they win over the built-in ones, also
    /// over those that keep identities out of the log.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text, filter: String::new() }
    }
}

words! {
    /// How much is logged.
    LogLevel {
        /// Only what needs a person.
        Error = "error",
        /// And what may need one.
        Warn = "warn",
        /// And what happens to the daemon as a whole.
        Info = "info",
        /// And what happens to single users; may name them.
        Debug = "debug",
        /// And single stanzas and events, without content.
        Trace = "trace",
    }
}

words! {
    /// How log lines are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}
