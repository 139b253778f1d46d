//! What others share, what is refused of it, and what they are shown; what is opened, and where one connects for it.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod aesgcm;
mod captions;
#[path = "../../../esession/tests/stories/dice.rs"]
mod dice;
mod egress;
mod fuzzed;
mod malformed;
mod opened;
mod private;
mod sharing;
mod world;
mod written;
