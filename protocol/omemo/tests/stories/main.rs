//! What is read of others, what is refused, and what others read of us.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../esession/tests/stories/dice.rs"]
mod dice;
mod elements;
mod envelopes;
mod fuzzed;
mod trust_messages;
mod vectors;
