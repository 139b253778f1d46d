//! Who reads what, and what nobody reads.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod certificates;
mod clients;
mod crossing;
#[path = "../../../esession/tests/stories/dice.rs"]
mod dice;
mod fuzzed;
mod gnupg;
mod keys;
mod nodes;
mod refused;
mod refused_packets;
mod world;
