//! A terminal XMPP client that speaks encrypted sessions (ESessions, XEP-0116).
//!
//! [`Chat`] is the client without input or output; [`cli::main`] puts it on a terminal, or on JSON lines, and on a stream.

#![forbid(unsafe_code)]

mod about;
mod chat;
pub mod cli;
mod command;
mod connector;
mod content;
pub mod conversation;
mod disco;
mod effects;
mod event;
mod forms;
pub mod inner;
mod json;
mod link;
mod outbox;
mod presence;
mod prompt_ack;
mod published_keys;
mod requests;
mod run;
mod secrets;
mod stanza;
mod tap;
mod terminal;
mod trace;
mod wire;

pub use about::{About, Kind};
pub use chat::Chat;
pub use command::{Command, Values};
pub use effects::{Moment, Output, Settings};
pub use event::{Chain, Event, Field, Form, KeyInfo, Note, RosterItem, SessionEvent, SessionKeys, SessionState};
pub use secrets::{KeyRing, KeyStanding, SecretBook, SecretFile, SecretFileError};
