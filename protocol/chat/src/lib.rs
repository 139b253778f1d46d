//! A terminal XMPP client that speaks encrypted sessions (ESessions, XEP-0116).
//!
//! [`Chat`] is the client without input or output; the binary puts it on a terminal, or on JSON lines, and on a stream.

#![forbid(unsafe_code)]

mod chat;
mod command;
mod content;
pub mod conversation;
mod disco;
mod effects;
mod event;
mod forms;
pub mod inner;
mod outbox;
mod presence;
mod requests;
mod secrets;
mod stanza;

pub use chat::Chat;
pub use command::{Command, Values};
pub use effects::{Moment, Output, Settings};
pub use event::{Chain, Event, Field, Form, Note, RosterItem, SessionEvent, SessionKeys, SessionState};
pub use secrets::{SecretBook, SecretFile, SecretFileError};
