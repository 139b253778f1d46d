//! Errors by what the keeper should do about them.

use std::time::Duration;

/// Why a request to a network failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Try again, after the time the network asked for, if it asked.
    #[error("the network does not answer at the moment: {reason}")]
    Transient {
        /// For people; no identities, no content.
        reason: String,
        /// The network's own wish.
        after: Option<Duration>,
    },
    /// The network refuses, and will refuse again.
    #[error("{0}")]
    Rejected(String),
    /// The login is not valid any more: the user must log in again.
    #[error("the network does not accept this login any more")]
    LoggedOut,
    /// There is no such person, conversation or event.
    #[error("not found on the network")]
    NotFound,
    /// What the user typed does not fit; says which part and why.
    #[error("{0}")]
    BadInput(String),
}

/// Why one message did not go out. Decides retry, stanza error, and the text that the sender reads.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// Try the same message again under the same [`crate::TxnId`], not before `after`.
    #[error("the network does not answer at the moment: {reason}")]
    Transient {
        /// For people; no identities, no content.
        reason: String,
        /// The network's own wish.
        after: Option<Duration>,
    },
    /// It may or may not have arrived: the same [`crate::TxnId`] again is safe and settles it.
    #[error("the network did not say whether the message arrived")]
    Uncertain,
    /// The network refuses this message for good.
    #[error("{0}")]
    Rejected(String),
    /// The recipient's devices or identity are not trusted under the user's policy.
    #[error("{0}")]
    NotTrusted(String),
    /// Larger than the network takes.
    #[error("the message is too long for the network")]
    TooBig,
    /// Too old to be sent safely.
    #[error("the message could not be delivered in time")]
    Expired,
    /// The login is not valid any more.
    #[error("the network does not accept this login any more")]
    LoggedOut,
}
