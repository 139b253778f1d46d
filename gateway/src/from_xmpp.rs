//! The children of a message from the user, decrypted or clear, to what crosses. Pair: [`crate::to_xmpp`].

use minidom::Element;

use crate::message::{Kind, Message};
use crate::xmpp::ns;

mod related;

/// What a message from the user says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What was written, or done to an earlier message.
    pub message: Option<Message>,
    /// The sender's own id of the message (XEP-0359).
    pub origin_id: Option<String>,
    /// Whether a receipt is asked for (XEP-0184).
    pub wants_receipt: bool,
    /// The message that the client has received (XEP-0184).
    pub received: Option<String>,
    /// The message that the user has read (XEP-0333).
    pub displayed: Option<String>,
    /// Whether the user types (XEP-0085).
    pub typing: Option<bool>,
}

impl Said {
    /// Some clients leave beside what they seal what they want a receipt for, and what they correct. The latter counts only if
    /// what the server could have written there is trusted.
    pub fn take_from_beside(&mut self, beside: Self, trusted: bool) {
        self.wants_receipt |= beside.wants_receipt;
        let relation = beside.message.and_then(|message| message.relation);
        let correction = relation.filter(|relation| trusted && relation.kind == Kind::Correction);
        if let Some(message) = self.message.as_mut().filter(|message| message.relation.is_none()) {
            message.relation = correction;
        }
    }
}

/// Reads the children. What is unknown is passed over.
pub fn read<'a>(children: impl IntoIterator<Item = &'a Element>) -> Said {
    let children: Vec<_> = children.into_iter().collect();
    let mut said = Said { message: related::read(&children), ..Said::default() };
    for child in children {
        let id = || child.attr("id").map(str::to_owned);
        match (child.name(), child.ns().as_str()) {
            ("origin-id", ns::SID) => said.origin_id = id(),
            ("request", ns::RECEIPTS) => said.wants_receipt = true,
            ("received", ns::RECEIPTS) => said.received = id(),
            ("displayed", ns::DISPLAYED_MARKERS) => said.displayed = id(),
            ("composing", ns::CHATSTATES) => said.typing = Some(true),
            ("active" | "paused" | "inactive" | "gone", ns::CHATSTATES) => said.typing = Some(false),
            _ => {}
        }
    }
    said
}

/// What a user says of themself in a presence: in words (RFC 6121, section 4.7.2.2), else as a mood (XEP-0107).
pub fn status<'a>(children: impl IntoIterator<Item = &'a Element>) -> Option<String> {
    let (mut words, mut mood) = (None, None);
    for child in children {
        match (child.name(), child.ns().as_str()) {
            ("status", ns::CLIENT) if words.is_none() => words = Some(child.text()).filter(|text| !text.is_empty()),
            ("mood", ns::MOOD) => mood = mood_in_words(child),
            _ => {}
        }
    }
    words.or(mood)
}

fn mood_in_words(mood: &Element) -> Option<String> {
    let text = mood.get_child("text", ns::MOOD).map(Element::text).filter(|text| !text.is_empty());
    let name = mood.children().find(|child| child.has_ns(ns::MOOD) && child.name() != "text");
    let name = name.map(|name| name.name().replace('_', " "));
    match (name, text) {
        (Some(name), Some(text)) => Some(format!("{name}: {text}")),
        (name, text) => name.or(text),
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_bridge::Plaintext;

    use super::*;
    use crate::to_xmpp::{self, Sealed};

    #[test]
    fn what_to_xmpp_writes_from_xmpp_reads() {
        let message = Message::says(Plaintext::new("<b>☕ & more</b>"));
        let said = read(&to_xmpp::message(&message, "m1", None, Sealed::Whole, |_| None));
        assert_eq!(said.message, Some(message));
        assert_eq!(said.origin_id.as_deref(), Some("m1"));
        assert!(said.wants_receipt);
        assert_eq!(read(&[to_xmpp::received("m2")]).received.as_deref(), Some("m2"));
        assert_eq!(read(&[to_xmpp::displayed("m3")]).displayed.as_deref(), Some("m3"));
        assert_eq!(read(&[to_xmpp::typing(true)]).typing, Some(true));
        assert_eq!(read(&[to_xmpp::typing(false)]).typing, Some(false));
    }

    #[test]
    fn a_status_is_what_somebody_says_or_how_they_feel() {
        let children = |xml: &str| {
            let root: Element = format!("<presence xmlns='jabber:client'>{xml}</presence>").parse().unwrap();
            root.children().cloned().collect::<Vec<_>>()
        };
        let mood = "<mood xmlns='http://jabber.org/protocol/mood'><in_awe/><text>the sea</text></mood>";
        assert_eq!(status(&children(mood)).as_deref(), Some("in awe: the sea"));
        assert_eq!(status(&children(&format!("{mood}<status>away</status>"))).as_deref(), Some("away"));
        assert_eq!(status(&children("<status/><show>away</show>")), None);
    }

    #[test]
    fn a_body_of_another_namespace_is_not_a_body() {
        assert_eq!(read(&[Element::bare("body", "http://www.w3.org/1999/xhtml")]), Said::default());
    }
}
