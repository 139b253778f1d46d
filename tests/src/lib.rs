//! Drawbridge as a whole: real servers and real clients that the tests and the demo start, drive and take down.
//!
//! Everything here blocks its thread: a story reads from top to bottom, and what runs at the same time runs in other
//! processes anyway.
#![recursion_limit = "256"]

pub mod clients;
mod error;
mod process;
mod programs;
mod sample;
pub mod servers;
pub mod simulation;
mod stage;
mod story;
mod world;

pub use error::Error;
pub use process::{Process, Ready};
pub use sample::Sample;
pub use stage::Stage;
pub use story::RosterItem;
pub use world::World;
