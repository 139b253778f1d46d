//! Encryption towards the user's clients: which protection a conversation has, and the machines that provide it.
//!
//! - [`policy`]: what we accept in a negotiation, and what we may truthfully say in it.
//! - [`negotiation`]: one half-open ESession; its arithmetic runs on blocking threads.
//! - [`endpoints`]: the sessions of one conversation, one a client of the user.
//! - [`comparison`]: what people compare of a session.
//! - [`own_key`]: what a contact signs with. [`published`]: its options for offline sessions.
//! - [`pairing`]: codes that clients are given in the place of comparing.
//! - [`limiter`]: how many negotiations may be half open.

pub mod comparison;
pub mod endpoints;
pub mod limiter;
pub mod negotiation;
pub mod omemo;
pub mod openpgp;
pub mod own_key;
pub mod pairing;
pub mod policy;
pub mod published;
