//! What a session promises, and what it does when somebody lies.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod dice;
mod vectors;
