//! XML in and out, never trusting either side.
//!
//! - [`forest`]: raw events to elements, counting depth and size before any tree is built (a deep tree ends the process:
//!   its drop is recursive).
//! - [`fragment()`]: what came out of a decryption, parsed as an isolated piece.
//! - [`serialize`]: elements to text that every XML 1.0 parser takes as what it says.

pub(crate) mod forest;
mod fragment;
mod namespaces;
mod write;

#[cfg(test)]
mod fragment_tests;
#[cfg(test)]
mod write_tests;

pub use fragment::{FragmentError, fragment};
pub use write::{serialize, width};

/// The namespace of stanzas inside this process, whatever the stream calls it.
pub const CLIENT: &str = "jabber:client";
/// The namespace of the stream's own elements (RFC 6120, section 4.8.1).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// The namespace of the defined conditions (RFC 6120, section 8.3).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// How much XML one stanza, or one decrypted fragment, may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of elements; the stanza is the first.
    pub max_depth: usize,
    /// Octets on the wire. A server closes the stream of a component that sends more than its own limit.
    pub max_stanza: usize,
}

impl Default for Limits {
    /// 64 levels; 500 KiB, below the 512 KiB that Prosody allows a component.
    fn default() -> Self {
        Self { max_depth: 64, max_stanza: 500 * 1024 }
    }
}

/// What made a stanza too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Excess {
    /// More than [`Limits::max_depth`].
    TooDeep,
    /// More than [`Limits::max_stanza`], on the wire or in memory.
    TooLarge,
}

impl Excess {
    /// For the `text` of a stanza error.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooDeep => "too deep",
            Self::TooLarge => "too large",
        }
    }
}
