//! What a session promises, and what it does when somebody lies.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod dice;
mod exchange;
mod messages;
mod network;
mod payloads;
mod vectors;
mod world;
