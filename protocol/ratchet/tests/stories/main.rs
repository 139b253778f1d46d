//! What a session promises, and what it does when somebody lies.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "../../../esession/tests/stories/dice.rs"]
mod dice;
mod exchange;
mod fuzzed;
mod messages;
mod network;
mod payloads;
mod published;
mod script;
mod vectors;
mod world;
