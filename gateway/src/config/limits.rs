//! `[limits]`: what others may make us hold or do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// How deep elements may nest, in a stanza and in what was decrypted from one.
    pub max_depth: usize,
    /// Octets of one stanza, either way.
    pub max_stanza: usize,
    /// Octets of one message's text.
    pub max_message: usize,
    /// Half-open ESession negotiations of one bare JID.
    pub negotiations_per_user: usize,
    /// Half-open ESession negotiations in all.
    pub negotiations: usize,
    /// How long a negotiation may take; seconds in the file.
    #[serde(with = "seconds")]
    pub negotiation_timeout: Duration,
    /// How long a conversation in which nothing happens and nothing waits stays in memory; seconds in the file.
    #[serde(with = "seconds")]
    pub conversation_idle: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_stanza: 256 * 1024,
            max_message: 64 * 1024,
            negotiations_per_user: 4,
            negotiations: 1024,
            negotiation_timeout: Duration::from_secs(120),
            conversation_idle: Duration::from_secs(600),
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // XML trees are built and dropped recursively: about 1000 levels overflow a thread's stack.
        within("limits.max_depth", self.max_depth, 8, 256)?;
        // Below 512 KiB, where XMPP servers end the stream (Prosody's component_stanza_size_limit).
        within("limits.max_stanza", self.max_stanza, 16 * 1024, 512 * 1024 - 1)?;
        // What is encrypted and escaped grows; a message must still fit its stanza.
        within("limits.max_message", self.max_message, 1, self.max_stanza / 2)?;
        within("limits.negotiations_per_user", self.negotiations_per_user, 1, self.negotiations)?;
        within("limits.negotiations", self.negotiations, 1, 1_000_000)?;
        within("limits.negotiation_timeout", self.negotiation_timeout.as_secs(), 5, 3600)?;
        within("limits.conversation_idle", self.conversation_idle.as_secs(), 1, 86_400)
    }
}

pub(super) fn within<N: PartialOrd + Copy + std::fmt::Display>(
    key: &str,
    value: N,
    least: N,
    most: N,
) -> Result<(), ConfigError> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(ConfigError::invalid(key, format!("{value} is out of range"), format!("use {least} to {most}")))
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}
