//! What this client says it can do: service discovery and entity capabilities (XEP-0030, XEP-0115).

use std::collections::BTreeSet;

use minidom::Element;
use xmpp_parsers::caps::{Caps, compute_disco, hash_caps};
use xmpp_parsers::disco::{DiscoInfoResult, Identity};
use xmpp_parsers::hashes::Algo;

use crate::about;
use crate::content::{CHAT_MARKERS, CHAT_STATES, RECEIPTS};
use crate::stanza;

const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const PING: &str = "urn:xmpp:ping";
const VERSION: &str = "jabber:iq:version";
const NODE: &str = "https://drawbridge.example/esession-chat";

/// The `<c/>` for our presence, by which others learn that they may start a session.
pub(crate) fn caps() -> Option<Element> {
    let hash = hash_caps(&compute_disco(&info(None)), Algo::Sha_1).ok()?;
    Some(Caps::new(NODE, hash).into())
}

/// Answers a request about ourselves; `None` if it is about something we do not have.
pub(crate) fn answer(request: &Element) -> Option<Element> {
    let query = request.children().next()?;
    let result = stanza::answer(request, "result");
    match (query.ns().as_str(), query.name()) {
        (DISCO_INFO, "query") => Some(result.append(Element::from(info(query.attr("node")))).build()),
        (DISCO_ITEMS, "query") => Some(result.append(Element::bare("query", DISCO_ITEMS)).build()),
        (PING, "ping") => Some(result.build()),
        (VERSION, "query") => {
            let name = stanza::text("name", VERSION, "esession-chat");
            let version = stanza::text("version", VERSION, env!("CARGO_PKG_VERSION"));
            Some(result.append(Element::builder("query", VERSION).append(name).append(version).build()).build())
        }
        _ => None,
    }
}

fn info(node: Option<&str>) -> DiscoInfoResult {
    let features = [
        esession::namespaces::ESESSION,
        esession::namespaces::ENCRYPTED,
        esession::namespaces::SESSION_FORM,
        RECEIPTS,
        CHAT_STATES,
        CHAT_MARKERS,
        DISCO_INFO,
        PING,
        VERSION,
        "http://jabber.org/protocol/caps",
        "http://jabber.org/protocol/nick",
    ];
    DiscoInfoResult {
        node: node.map(str::to_owned),
        identities: vec![Identity::new("client", "console", "en", "esession-chat")],
        features: features.into_iter().chain(about::FEATURES).map(str::to_owned).collect::<BTreeSet<_>>(),
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner::parse_element;

    #[test]
    fn a_gateway_that_asks_sees_that_sessions_may_be_started() {
        let caps = caps().unwrap();
        let node = format!("{}#{}", caps.attr("node").unwrap(), caps.attr("ver").unwrap());
        let request =
            format!("<iq type='get' id='1' from='gw.example/x'><query xmlns='{DISCO_INFO}' node='{node}'/></iq>");
        let answer = answer(&parse_element(&request).unwrap()).unwrap();
        assert_eq!((answer.attr("to"), answer.attr("id")), (Some("gw.example/x"), Some("1")));
        let query = answer.get_child("query", DISCO_INFO).unwrap();
        assert_eq!(query.attr("node"), Some(node.as_str()));
        let features: Vec<_> = query.children().filter_map(|child| child.attr("var")).collect();
        for feature in ["http://www.xmpp.org/extensions/xep-0116.html#ns", "urn:xmpp:ssn", "urn:xmpp:receipts"] {
            assert!(features.contains(&feature), "{feature}");
        }
    }

    #[test]
    fn what_we_do_not_have_is_not_answered_here() {
        let request = parse_element("<iq type='get' id='1'><query xmlns='jabber:iq:last'/></iq>").unwrap();
        assert_eq!(answer(&request), None);
    }
}
