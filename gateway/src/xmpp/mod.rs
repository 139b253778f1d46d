//! What the gateway serves on the XMPP shore: one file per protocol.
//!
//! [`route`] takes every stanza and hands it on. iq handlers (called by `serve`) take the request and give the answer
//! back; sender and recipient are addresses by then, and the recipient is ours. Whether the sender may ask is decided
//! by `route` and `serve`, but for registration and commands, which decide themselves.
//!
//! - [`element`], [`ns`], [`error`]: building stanzas, names on the wire, answers and refusals.
//! - [`requests`]: our own iq requests.
//! - [`disco`], [`caps`], [`policy`], [`about`]: what we are and can do.
//! - [`presence`], [`shown`], [`subscription`], [`abilities`]: who is there, what they see and may see, what their clients
//!   can do.
//! - [`roster`], [`privilege`]: contacts in the user's roster, and what the server lets us do about it.
//! - [`nodes`]: what contacts give out for encryption.
//! - [`prompt`], [`search`], [`vcard`], [`avatar`]: finding contacts, and how they look.
//! - [`register`], [`adhoc`]: registration and commands.

pub mod abilities;
pub mod about;
pub mod adhoc;
pub mod avatar;
pub mod caps;
mod clients;
pub mod disco;
pub mod element;
pub mod error;
pub mod nodes;
pub mod ns;
pub mod policy;
pub mod presence;
pub mod privilege;
pub mod prompt;
pub mod register;
pub mod requests;
pub mod roster;
pub mod route;
pub mod search;
pub mod serve;
pub mod shown;
pub mod subscription;
mod told_nodes;
pub mod vcard;

#[cfg(test)]
pub(crate) mod tests;

/// The one resource of every contact and of the gateway itself.
pub const RESOURCE: &str = "drawbridge";
