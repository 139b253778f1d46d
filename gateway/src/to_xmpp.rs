//! What crosses, to the children of a message for the user's client, to be sealed or sent in clear.
//! Pair: [`crate::from_xmpp`].

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use drawbridge_bridge::Plaintext;
use minidom::Element;

use crate::xmpp::element::{Build, element};
use crate::xmpp::ns;

/// A text under an id of its own, with a receipt asked for and markable as read. `sent` is told when it lies back
/// (XEP-0203).
pub fn text(text: &Plaintext, id: &str, sent: Option<SystemTime>) -> Vec<Element> {
    let mut children = vec![
        element("body", ns::CLIENT).with_text(text.expose()),
        element("origin-id", ns::SID).with("id", id),
        element("request", ns::RECEIPTS),
        element("markable", ns::DISPLAYED_MARKERS),
    ];
    if let Some(stamp) = sent.map(stamp) {
        children.push(element("delay", ns::DELAY).with("stamp", stamp));
    }
    children
}

/// Words of the gateway itself, which need neither receipt nor mark.
pub fn words(text: &str) -> Vec<Element> {
    vec![element("body", ns::CLIENT).with_text(text)]
}

/// The network has accepted the user's message (XEP-0184).
pub fn received(id: &str) -> Element {
    element("received", ns::RECEIPTS).with("id", id)
}

/// The contact has read the user's message (XEP-0333).
pub fn displayed(id: &str) -> Element {
    element("displayed", ns::DISPLAYED_MARKERS).with("id", id)
}

/// The contact types, or stopped (XEP-0085).
pub fn typing(on: bool) -> Element {
    element(if on { "composing" } else { "paused" }, ns::CHATSTATES)
}

/// A time as XEP-0082 writes it.
fn stamp(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stamps_are_utc() {
        assert_eq!(stamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000 + 3_661)), "2026-11-23T01:01:01Z");
    }
}
