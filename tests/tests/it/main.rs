//! The stories, in one test program: linking matrix-sdk once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a story stops where it fails")]

mod daemon;
mod matrix_peers;
mod processes;
mod prosody;
mod supply;
