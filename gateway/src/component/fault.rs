//! Why there is no connection.

use minidom::Element;

use crate::xml;

/// Why a connection ended, or did not begin. Names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// No server at the address.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The server does not accept the secret (`not-authorized`).
    #[error("the server refused the secret")]
    NotAuthorized,
    /// The server does not know the component's domain (`host-unknown`, `host-gone`).
    #[error("the server does not know the component's domain")]
    HostUnknown,
    /// The server still has an earlier connection of this component (`conflict`).
    #[error("the server believes that an earlier connection still lives")]
    Conflict,
    /// The server ended the stream with this error (RFC 6120, section 4.9.3).
    #[error("the server ended the stream: {0}")]
    StreamError(&'static str),
    /// The server ended the stream without an error.
    #[error("the server closed the stream")]
    Closed,
    /// The connection broke.
    #[error("the connection was cut")]
    Cut,
    /// The server sent nothing, not even its answer to a ping.
    #[error("the server fell silent")]
    Silent,
    /// The server does not read.
    #[error("the server stopped reading")]
    Stalled,
    /// The server sent something that is not an XMPP stream.
    #[error("the server sent something that is not XMPP")]
    Malformed,
    /// The server sent a stanza without end.
    #[error("the server sent a stanza without end")]
    Flood,
    /// It was us.
    #[error("the link was stopped")]
    Stopped,
}

impl Fault {
    /// Reads the server's `stream:error`.
    pub(super) fn from_stream_error(error: &Element) -> Self {
        const NS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
        let condition = error.children().find(|child| child.has_ns(NS) && child.name() != "text");
        match condition.map_or("", Element::name) {
            "not-authorized" => Self::NotAuthorized,
            "host-unknown" | "host-gone" => Self::HostUnknown,
            "conflict" => Self::Conflict,
            name => Self::StreamError(OTHERS.iter().find(|other| **other == name).unwrap_or(&"undefined-condition")),
        }
    }
}

/// The other conditions of RFC 6120, section 4.9.3, so that a server's text never gets into a log.
const OTHERS: [&str; 20] = [
    "bad-format",
    "bad-namespace-prefix",
    "connection-timeout",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "undefined-condition",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
];

impl From<xml::forest::Fault> for Fault {
    fn from(fault: xml::forest::Fault) -> Self {
        match fault {
            xml::forest::Fault::Xml(_) => Self::Malformed,
            xml::forest::Fault::Flood => Self::Flood,
        }
    }
}
