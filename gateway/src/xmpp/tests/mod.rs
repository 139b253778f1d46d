//! What XMPP people meet at the gateway, told as stories: their server's stanzas in, ours out.

mod presences;
mod questions;
mod rosters;
mod senders;
mod subscriptions;
pub(crate) mod world;
