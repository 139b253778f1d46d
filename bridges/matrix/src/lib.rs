//! Matrix as a network of Drawbridge, through matrix-sdk. The only crate that names it.
//!
//! [`MatrixNetwork`] is all there is to see; the rest is reached through the traits of `drawbridge_bridge`.
//!
//! - `network`, `contact_id`: what the network is called, and how ids are read and written.
//! - `login`, `homeserver`, `device`: signing in as the user's own device, and opening it again.
//! - `session`: a live login; `sync` is its loop, `timeline` fills holes, `envelope`, `words` and `attachment` translate what comes.
//! - `send`, `annotate`, `media`, `admission`, `direct`, `profile`, `signals`, `trust`: what the keeper may ask, one facet each.
//! - `html`, `styling`: formatted text, from Matrix and to it.
//! - `standing`: what a room is to the user; `company`: who else is there; `baseline`: where a login's news begins;
//!   `undecryptable`: what waits for its key; `journal`: what must survive.

// The futures of matrix-sdk are deeper than the compiler's default limit.
#![recursion_limit = "256"]

mod admission;
mod annotate;
mod attachment;
mod baseline;
mod company;
mod contact_id;
mod device;
mod digest;
mod direct;
mod envelope;
mod error;
mod homeserver;
mod html;
mod identity;
mod journal;
mod login;
mod media;
mod network;
mod profile;
mod resend;
mod rooms;
mod send;
mod session;
mod signals;
mod standing;
mod styling;
mod sync;
mod timeline;
mod trust;
mod undecryptable;
mod words;

pub use network::MatrixNetwork;
