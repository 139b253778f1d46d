//! What others share, what is refused of it, and what they are shown; what is opened, and where one connects for it.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod aesgcm;
#[path = "../../../esession/tests/stories/dice.rs"]
mod dice;
mod opened;
mod sharing;
mod world;
