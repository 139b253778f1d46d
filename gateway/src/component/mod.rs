//! The XEP-0114 link to the XMPP server.
//!
//! [`open`] starts one task that keeps one stream up for ever: it reads whatever comes, at once, into a bounded queue
//! (a server does not push back, it buffers), refuses what is too deep or too large, and writes what is queued. What is
//! sent passes a filter, so that no stanza of ours makes the server close the stream for everybody.
//!
//! **The link loses stanzas silently when it breaks**; nothing of XEP-0114 acknowledges. [`Outgoing::send`] returning
//! `Ok` means "written to the socket", no more. Whoever promises more needs receipts.

mod answer;
mod backoff;
mod connect;
mod connection;
mod fault;
mod framer;
mod outgoing;
mod prompt_ack;
mod supervision;
mod tally;

#[cfg(test)]
mod tests;

use drawbridge_bridge::{CancellationToken, Secret};
use jid::BareJid;
use minidom::Element;
use tokio::sync::mpsc;

pub use crate::xml::{Excess, Limits};
pub use fault::Fault;
pub use outgoing::{Outgoing, SendError};
pub use tally::Counts;

/// Incoming items that may wait for the gateway. Beyond, senders are told to try again later.
const INCOMING: usize = 1024;
/// Places in the incoming queue that only [`Incoming::Up`] and [`Incoming::Down`] may take.
const RESERVED: usize = 4;

/// Where and how to connect.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// The component's own JID: a domain.
    pub jid: BareJid,
    /// `host:port`, or `unix:/path/of/socket`. The protocol is in clear: it should not leave the host.
    pub server: String,
    /// Shared with the server. Sent only as a hash with the stream's id.
    pub secret: Secret,
    /// For each stanza, in and out.
    pub limits: Limits,
}

/// The link, for its owner. Dropping `incoming` ends it.
#[derive(Debug)]
pub struct Link {
    /// To the server; clone it at will.
    pub outgoing: Outgoing,
    /// From the server, in the order of the stream. Ends after the stop.
    pub incoming: mpsc::Receiver<Incoming>,
}

/// What comes from the link.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Connected and authenticated. Stanzas may be sent.
    Up,
    /// Disconnected. Everything sent and not answered may be lost, in both directions.
    Down,
    /// A `message`, `presence` or `iq` in `jabber:client`, addressed to our domain.
    Stanza(Element),
    /// A stanza over the limits, of which only the head was kept.
    Refused(Refused),
}

/// A stanza that was not let in. The link has sent the error if one was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub excess: Excess,
    /// `message`, `presence` or `iq`.
    pub kind: String,
    /// Who sent it, as written.
    pub from: Option<String>,
    /// To whom.
    pub to: Option<String>,
    /// Its `id`.
    pub id: Option<String>,
    /// Its `type`.
    pub stanza_type: Option<String>,
    /// Whether the sender was told.
    pub answered: bool,
}

/// The link at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Not yet connected.
    Connecting,
    /// Stanzas may be sent.
    Up,
    /// Disconnected for this reason; another attempt follows.
    Down(Fault),
    /// Stopped for good.
    Stopped,
}

/// Opens the link in a task of its own, which connects, and connects again for ever, until `stop`.
pub fn open(config: LinkConfig, stop: CancellationToken) -> Link {
    supervision::open(config, stop, supervision::Pace::default())
}
