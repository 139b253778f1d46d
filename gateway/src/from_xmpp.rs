//! The children of a message from the user, decrypted or clear, to what crosses. Pair: [`crate::to_xmpp`].

use drawbridge_bridge::Plaintext;
use minidom::Element;

use crate::xmpp::ns;

/// What a message from the user says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What was written.
    pub text: Option<Plaintext>,
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

/// Reads the children. What is unknown is passed over.
pub fn read<'a>(children: impl IntoIterator<Item = &'a Element>) -> Said {
    let mut said = Said::default();
    for child in children {
        let id = || child.attr("id").map(str::to_owned);
        match (child.name(), child.ns().as_str()) {
            ("body", ns::CLIENT) if said.text.is_none() && !child.text().is_empty() => {
                said.text = Some(Plaintext::new(child.text()));
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_xmpp;

    #[test]
    fn what_to_xmpp_writes_from_xmpp_reads() {
        let text = Plaintext::new("<b>☕ & more</b>");
        let said = read(&to_xmpp::text(&text, "m1", None));
        assert_eq!(said.text, Some(text));
        assert_eq!(said.origin_id.as_deref(), Some("m1"));
        assert!(said.wants_receipt);
        assert_eq!(read(&[to_xmpp::received("m2")]).received.as_deref(), Some("m2"));
        assert_eq!(read(&[to_xmpp::displayed("m3")]).displayed.as_deref(), Some("m3"));
        assert_eq!(read(&[to_xmpp::typing(true)]).typing, Some(true));
        assert_eq!(read(&[to_xmpp::typing(false)]).typing, Some(false));
    }

    #[test]
    fn a_body_of_another_namespace_is_not_a_body() {
        assert_eq!(read(&[Element::bare("body", "http://www.w3.org/1999/xhtml")]), Said::default());
    }
}
