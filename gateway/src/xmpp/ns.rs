//! XMPP namespaces that we use and `xmpp_parsers::ns` has under no name, together with those it has.

pub use crate::xml::{CLIENT, STANZA_ERRORS};
pub use esession::namespaces::{ESESSION, SESSION_FORM};
pub use xmpp_parsers::ns::{
    AVATAR_DATA, AVATAR_METADATA, CAPS, CARBONS, CHATSTATES, DATA_FORMS, DELAY, DISCO_INFO, DISCO_ITEMS,
    DISPLAYED_MARKERS, FORWARD, MAM, MOOD, NICK, OOB, PING, PUBSUB, PUBSUB_ERRORS, PUBSUB_EVENT, RECEIPTS, REGISTER,
    ROSTER, SID, TIME, VCARD, VCARD_UPDATE, VERSION,
};

/// Ad-hoc commands (XEP-0050).
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// A gateway's address prompt (XEP-0100).
pub const GATEWAY: &str = "jabber:iq:gateway";
/// Last activity (XEP-0012).
pub const LAST: &str = "jabber:iq:last";
/// Finding people (XEP-0055).
pub const SEARCH: &str = "jabber:iq:search";
/// The feature of an entity that escapes local parts (XEP-0106).
pub const ESCAPING: &str = "jid\\20escaping";
/// Data policy (XEP-0504).
pub const DATA_POLICY: &str = "urn:xmpp:data-policy:0";
/// Privileges of a component, as ejabberd up to 23.04 writes them (XEP-0356 0.1 to 0.3).
pub const PRIVILEGE_1: &str = "urn:xmpp:privilege:1";
/// Privileges of a component (XEP-0356 since 0.4).
pub const PRIVILEGE_2: &str = "urn:xmpp:privilege:2";
/// Processing hints (XEP-0334).
pub const HINTS: &str = "urn:xmpp:hints";
/// Last message correction (XEP-0308).
pub const CORRECTION: &str = "urn:xmpp:message-correct:0";
/// Message retraction (XEP-0424).
pub const RETRACTION: &str = "urn:xmpp:message-retract:1";
/// Message retraction before its version 0.4, and what it lay in (XEP-0422).
pub const RETRACTION_0: &str = "urn:xmpp:message-retract:0";
/// See [`RETRACTION_0`].
pub const FASTENING: &str = "urn:xmpp:fasten:0";
/// Message replies (XEP-0461).
pub const REPLY: &str = "urn:xmpp:reply:0";
/// Message reactions (XEP-0444).
pub const REACTIONS: &str = "urn:xmpp:reactions:0";
/// Fallback indication (XEP-0428).
pub const FALLBACK: &str = "urn:xmpp:fallback:0";
/// Where files are put (XEP-0363).
pub const UPLOAD: &str = "urn:xmpp:http:upload:0";
/// Explicit message encryption (XEP-0380).
pub const EME: &str = "urn:xmpp:eme:0";
