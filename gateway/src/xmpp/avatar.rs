//! A contact's personal nodes (XEP-0163), read only: picture (XEP-0084) and name (XEP-0172).

use base64::{Engine, engine::general_purpose::STANDARD};
use drawbridge_bridge::{ContactInfo, event::Avatar};
use jid::{FullJid, Jid};
use minidom::Element;
use sha1::{Digest, Sha1};

use super::element::{Build, element, random_id, stanza};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::{Keeper, Peer};
use crate::store::Contact;

/// Larger pictures do not fit a stanza.
const LARGEST: usize = 96 * 1024;

/// The nodes that every contact has.
pub const NODES: [&str; 3] = [ns::AVATAR_METADATA, ns::AVATAR_DATA, ns::NICK];

/// The picture, if it can be served.
pub fn servable(picture: Option<&Avatar>) -> Option<&Avatar> {
    picture.filter(|picture| !picture.octets.is_empty() && picture.octets.len() <= LARGEST)
}

/// The picture's id: SHA-1 in hexadecimal (XEP-0084, section 4.2; XEP-0153 uses the same).
pub fn hash(picture: &Avatar) -> String {
    use std::fmt::Write;
    Sha1::digest(&picture.octets).iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Answers a pubsub request to a contact's bare JID. `contact` is what we know about them.
pub fn handle(iq: &Element, contact: &ContactInfo) -> Element {
    let request = iq.get_child("pubsub", ns::PUBSUB);
    if iq.attr("type") == Some("set") {
        let subscribes = request.is_some_and(|pubsub| pubsub.has_child("subscribe", ns::PUBSUB));
        return if subscribes { no_subscriptions(iq) } else { refusal(iq, Condition::Forbidden, "") };
    }
    let Some(items) = request.and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB)) else {
        return refusal(iq, Condition::FeatureNotImplemented, "");
    };
    let wanted = items.get_child("item", ns::PUBSUB).and_then(|item| item.attr("id"));
    let found = items.attr("node").and_then(|node| Some((node, item(contact, node)?)));
    match found {
        Some((node, item)) if wanted.is_none_or(|id| item.attr("id") == Some(id)) => {
            let items = element("items", ns::PUBSUB).with("node", node).with_child(item);
            answer(iq).with_child(element("pubsub", ns::PUBSUB).with_child(items))
        }
        _ => refusal(iq, Condition::ItemNotFound, ""),
    }
}

/// Tells a client of a contact's picture (XEP-0163, section 4.3), also that there is none any more.
pub fn event(keeper: &Keeper, contact: &Contact, client: &FullJid) -> Option<Element> {
    let from = keeper.jid(&Peer::Contact(contact.info.id.clone()))?;
    let item = item(&contact.info, ns::AVATAR_METADATA).unwrap_or_else(|| {
        element("item", ns::PUBSUB).with("id", "none").with_child(element("metadata", ns::AVATAR_METADATA))
    });
    let mut moved = element("item", ns::PUBSUB_EVENT).with_some("id", item.attr("id"));
    moved.append_child(item.children().next()?.clone());
    let items = element("items", ns::PUBSUB_EVENT).with("node", ns::AVATAR_METADATA).with_child(moved);
    Some(
        stanza("message", &Jid::from(from), &Jid::from(client.clone()))
            .with("type", "headline")
            .with("id", random_id())
            .with_child(element("event", ns::PUBSUB_EVENT).with_child(items)),
    )
}

fn item(contact: &ContactInfo, node: &str) -> Option<Element> {
    if node == ns::NICK {
        let nick = element("nick", ns::NICK).with_text(contact.name.as_deref()?);
        return Some(element("item", ns::PUBSUB).with("id", "current").with_child(nick));
    }
    let picture = servable(contact.avatar.as_ref())?;
    let payload = match node {
        ns::AVATAR_METADATA => {
            let info = element("info", ns::AVATAR_METADATA)
                .with("id", hash(picture))
                .with("type", picture.media_type.as_str())
                .with("bytes", picture.octets.len().to_string());
            element("metadata", ns::AVATAR_METADATA).with_child(info)
        }
        ns::AVATAR_DATA => element("data", ns::AVATAR_DATA).with_text(&STANDARD.encode(&picture.octets)),
        _ => return None,
    };
    Some(element("item", ns::PUBSUB).with("id", hash(picture)).with_child(payload))
}

/// XEP-0060, section 6.1.3.10.
fn no_subscriptions(iq: &Element) -> Element {
    let mut refusal = refusal(iq, Condition::FeatureNotImplemented, "");
    if let Some(error) = refusal.get_child_mut("error", ns::CLIENT) {
        error.append_child(element("unsupported", ns::PUBSUB_ERRORS).with("feature", "subscribe"));
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_bridge::ContactId;

    fn bob() -> ContactInfo {
        let avatar = Avatar { media_type: "image/png".to_owned(), octets: b"abc".to_vec() };
        ContactInfo {
            id: ContactId::new("@bob:example.org"),
            name: Some("Bob & <Co>".to_owned()),
            avatar: Some(avatar),
        }
    }

    fn request(node: &str) -> Element {
        let items = element("items", ns::PUBSUB).with("node", node);
        element("iq", ns::CLIENT)
            .with("type", "get")
            .with("from", "alice@example.org/a")
            .with("to", "bob@gw.example.org")
            .with_child(element("pubsub", ns::PUBSUB).with_child(items))
    }

    #[test]
    fn the_picture_is_told_by_its_hash_and_given_by_it() {
        let told = handle(&request(ns::AVATAR_METADATA), &bob());
        let id = "a9993e364706816aba3e25717850c26c9cd0d89d"; // SHA-1 of "abc"
        let item = |answer: &Element| {
            let items = answer.get_child("pubsub", ns::PUBSUB).unwrap().get_child("items", ns::PUBSUB).unwrap().clone();
            items.get_child("item", ns::PUBSUB).unwrap().clone()
        };
        let metadata = item(&told).get_child("metadata", ns::AVATAR_METADATA).unwrap().clone();
        assert_eq!(metadata.get_child("info", ns::AVATAR_METADATA).unwrap().attr("bytes"), Some("3"));
        assert_eq!(item(&told).attr("id"), Some(id));
        let given = handle(&request(ns::AVATAR_DATA), &bob());
        assert_eq!(item(&given).attr("id"), Some(id));
        assert_eq!(item(&given).get_child("data", ns::AVATAR_DATA).unwrap().text(), "YWJj");
    }

    #[test]
    fn other_nodes_are_not_there_and_nobody_publishes() {
        let answer = handle(&request("urn:xmpp:omemo:2:devices"), &bob());
        let error = answer.get_child("error", ns::CLIENT).unwrap();
        assert_eq!(error.attr("code"), Some("404"), "Profanity reads this number");
        assert!(error.has_child("item-not-found", ns::STANZA_ERRORS));
        let publish = request(ns::NICK).with("type", "set");
        assert!(String::from(&handle(&publish, &bob())).contains("forbidden"));
    }
}
