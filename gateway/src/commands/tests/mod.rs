//! The commands in their three dresses, on a network that asks for a password.

mod chat;
mod forms;
mod host;
mod questions;
mod sessions;
mod world;
