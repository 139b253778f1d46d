//! What the protocol promises, and what it does when somebody lies.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod algorithms;
mod bad_values;
mod chain;
mod dice;
mod downgrade;
mod ends;
mod fuzzed;
mod gajim;
mod hostile_stanzas;
mod hybrid;
mod keystream;
mod malformed;
mod management;
mod mutations;
mod network;
mod normalization;
mod offline;
mod passwords;
mod public_keys;
mod published_key;
mod repudiation;
mod requirements;
mod secrecy;
mod session;
mod three_message;
mod vectors;
mod vouchers;
mod world;
