//! What a message says, whether it came in the clear or out of a session.

use minidom::Element;

use crate::about::{About, Kind};
use crate::stanza::{self, CLIENT};

/// XEP-0184.
pub(crate) const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0085.
pub(crate) const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0333.
pub(crate) const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0380.
pub(crate) const EME: &str = "urn:xmpp:eme:0";
const STANZA_IDS: &str = "urn:xmpp:sid:0";
const DELAY: &str = "urn:xmpp:delay";

/// The parts of a message that this client understands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// `<body/>`; of reactions, their signs; of a retraction, nothing to be read.
    pub(crate) body: Option<String>,
    /// What it is to an earlier message.
    pub(crate) about: Option<About>,
    /// Whether the peer is typing, if it says so (XEP-0085).
    pub(crate) typing: Option<bool>,
    /// The peer wants a receipt (XEP-0184).
    pub(crate) wants_receipt: bool,
    /// Ids of our messages that have arrived.
    pub(crate) received: Vec<String>,
    /// Ids of our messages that were read (XEP-0333).
    pub(crate) displayed: Vec<String>,
    /// The id the author gave the message (XEP-0359).
    pub(crate) origin_id: Option<String>,
    /// When it was written, if it was held back on its way (XEP-0203).
    pub(crate) delayed: Option<String>,
}

impl Content {
    /// Reads the children of a stanza, or the elements out of a session.
    pub(crate) fn read<'a>(children: impl IntoIterator<Item = &'a Element>) -> Self {
        let children: Vec<_> = children.into_iter().collect();
        let mut content = Self::default();
        for child in &children {
            let id = || child.attr("id").map(str::to_owned);
            match (child.ns().as_str(), child.name()) {
                (CLIENT, "body") if content.body.is_none() => content.body = Some(child.text()),
                (CHAT_STATES, "composing") => content.typing = Some(true),
                (CHAT_STATES, _) => content.typing = Some(false),
                (RECEIPTS, "request") => content.wants_receipt = true,
                (RECEIPTS, "received") => content.received.extend(id()),
                (CHAT_MARKERS, "displayed") => content.displayed.extend(id()),
                (STANZA_IDS, "origin-id") => content.origin_id = id(),
                (DELAY, "delay") => content.delayed = child.attr("stamp").map(str::to_owned),
                _ => {}
            }
        }
        if let Some((about, signs)) = About::read(children) {
            content.body = match about.kind {
                Kind::Reactions => signs,
                Kind::Retraction => Some(String::new()),
                Kind::Reply | Kind::Correction => content.body,
            };
            content.about = Some(about);
        }
        content
    }
}

/// A message with all that belongs to it: body, state, request for a receipt, marker and origin id.
pub(crate) fn chat_message(id: &str, text: &str, about: Option<&About>) -> Vec<Element> {
    let mut said = about.map_or_else(|| vec![stanza::text("body", CLIENT, text)], |about| about.write(text));
    said.extend([
        Element::bare("active", CHAT_STATES),
        Element::bare("request", RECEIPTS),
        Element::bare("markable", CHAT_MARKERS),
        stanza::with_id("origin-id", STANZA_IDS, id),
    ]);
    said
}

/// The receipt for a message.
pub(crate) fn receipt(id: &str) -> Vec<Element> {
    vec![stanza::with_id("received", RECEIPTS, id)]
}

/// The marker for a message that was shown.
pub(crate) fn displayed(id: &str) -> Vec<Element> {
    vec![stanza::with_id("displayed", CHAT_MARKERS, id)]
}

/// A chat state on its own.
pub(crate) fn typing(on: bool) -> Vec<Element> {
    vec![Element::bare(if on { "composing" } else { "paused" }, CHAT_STATES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let content = Content::read(&chat_message("7", "tea & cake", None));
        let expected = Content {
            body: Some("tea & cake".to_owned()),
            typing: Some(false),
            wants_receipt: true,
            origin_id: Some("7".to_owned()),
            ..Content::default()
        };
        assert_eq!(content, expected);
        assert_eq!(Content::read(&receipt("7")).received, ["7"]);
        assert_eq!(Content::read(&displayed("7")).displayed, ["7"]);
        assert_eq!(Content::read(&typing(true)).typing, Some(true));
    }
}
