//! Nodes of contacts that are about encryption (XEP-0060): options for who writes while they are away (XEP-0187), their keys
//! (XEP-0189), and their device for OMEMO (XEP-0384). Each has one item.

use drawbridge_bridge::ContactId;
use esession::namespaces::{ESESSION, OFFLINE, PUBLIC_KEY};
use jid::FullJid;
use minidom::Element;
use omemo::nodes::{self, Node};
use omemo::{DeviceList, Dialect};
use openpgp_xmpp::nodes::{NOTIFY, Node as OpenPgp, PUBLIC_KEYS, item_id};

use super::element::{Build, element, random_id, stanza};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::{Keeper, Peer};
use crate::secure::omemo::Us;
use crate::secure::{self, own_key, published};
use crate::store::{self, User};

/// The ones that have one name.
pub const NODES: [&str; 5] = [
    PUBLIC_KEY,
    "eu.siacs.conversations.axolotl.devicelist",
    "urn:xmpp:omemo:2:devices",
    "urn:xmpp:omemo:2:bundles",
    PUBLIC_KEYS,
];

/// Which of these nodes is asked for.
pub fn wanted(pubsub: &Element) -> Option<&str> {
    let node = pubsub.get_child("items", ns::PUBSUB)?.attr("node")?;
    let is_ours = || Node::read(node).is_some() || OpenPgp::read(node).is_some();
    ([OFFLINE, ESESSION, PUBLIC_KEY].contains(&node) || is_ours()).then_some(node)
}

/// Which of them the gateway itself has: nobody leaves messages for it.
pub fn of_gateway(pubsub: &Element) -> Option<&str> {
    wanted(pubsub).filter(|node| ![OFFLINE, ESESSION].contains(node))
}

/// What is in one of them. The options are the same for everybody who may ask.
pub async fn handle(keeper: &Keeper, user: &User, peer: &Peer, node: &str, iq: &Element) -> Element {
    let found = match (node, Node::read(node)) {
        (_, Some(node)) => match omemo(keeper, user, peer, node, &items_asked(iq)).await {
            Ok(Some(item)) => Some(item),
            Ok(None) => return refusal(iq, Condition::ItemNotFound, ""),
            Err(error) => {
                tracing::error!(%error, "cannot read or make a device for OMEMO");
                None
            }
        },
        _ if let Some(node) = OpenPgp::read(node) => match openpgp(keeper, user, peer, node).await {
            Ok(Some(item)) => Some(item),
            Ok(None) => return refusal(iq, Condition::ItemNotFound, ""),
            Err(error) => {
                tracing::error!(%error, "cannot read or make a key for OpenPGP");
                None
            }
        },
        (PUBLIC_KEY, _) => own_key::given_out(keeper, user.id, peer).await.map(current),
        _ => published::options(keeper, user.id, peer).await.map(current),
    };
    let Some(item) = found else { return refusal(iq, Condition::InternalServerError, "") };
    let items = element("items", ns::PUBSUB).with("node", node).with_child(item);
    answer(iq).with_child(element("pubsub", ns::PUBSUB).with_child(items))
}

/// The key, asked for directly (XEP-0189, section 7).
pub async fn key(keeper: &Keeper, user: &User, peer: &Peer, iq: &Element) -> Element {
    match own_key::given_out(keeper, user.id, peer).await {
        Some(key) => answer(iq).with_child(key),
        None => refusal(iq, Condition::InternalServerError, ""),
    }
}

/// The item that a node of OMEMO has, if it has one of those that are asked for. The device is made when somebody asks.
async fn omemo(
    keeper: &Keeper,
    user: &User,
    peer: &Peer,
    node: Node,
    asked: &[String],
) -> store::Result<Option<Element>> {
    let Some(account) = keeper.jid(peer) else { return Ok(None) };
    let us = Us { user: user.id, peer: peer.key().to_owned(), account: account.to_string() };
    let asked = asked.to_vec();
    let is_asked = move |id: &str| asked.is_empty() || asked.iter().any(|asked| asked == id);
    keeper
        .store
        .call(move |db, sealer| {
            let own = us.own(db, sealer)?.device;
            let item = |id: &str, payload| element("item", ns::PUBSUB).with("id", id).with_child(payload);
            let found = match node {
                Node::Devices(dialect) => Some(current(DeviceList::new([own]).to_element(dialect))),
                Node::Bundle(device) if device == own => Some(current(us.bundle(db, sealer, Dialect::Axolotl)?)),
                Node::Bundle(_) => None,
                Node::Bundles if is_asked(&own.to_string()) => {
                    Some(item(&own.to_string(), us.bundle(db, sealer, Dialect::Omemo2)?))
                }
                Node::Bundles => None,
            };
            Ok(found)
        })
        .await
}

/// The item that a node of OpenPGP has (XEP-0373, section 4). The key is made when somebody asks.
async fn openpgp(keeper: &Keeper, user: &User, peer: &Peer, node: OpenPgp) -> store::Result<Option<Element>> {
    let Some(account) = keeper.jid(peer) else { return Ok(None) };
    let us = Us { user: user.id, peer: peer.key().to_owned(), account: account.to_string() };
    let found = keeper.store.call(move |db, sealer| match node {
        OpenPgp::List => Ok(Some(current(secure::openpgp::list(&us, db, sealer)?))),
        OpenPgp::Key(print) => {
            let found = secure::openpgp::public(&us, db, sealer, &print.to_string())?;
            let item = |(key, at)| Some(element("item", ns::PUBSUB).with("id", item_id(at)?).with_child(key));
            Ok(found.and_then(item))
        }
    });
    found.await
}

/// The answer to who subscribes to a contact's devices or unsubscribes (XEP-0060, sections 6.1 and 6.2), as clients do that
/// have no presence of the contact. There is nothing to remember: a device stays what it is.
pub fn subscribed(iq: &Element, pubsub: &Element) -> Option<Element> {
    let change = pubsub.children().find(|child| ["subscribe", "unsubscribe"].contains(&child.name()))?;
    let is_list =
        |node: &&str| matches!(Node::read(node), Some(Node::Devices(_))) || OpenPgp::read(node) == Some(OpenPgp::List);
    let node = change.attr("node").filter(is_list)?;
    if change.name() == "unsubscribe" {
        return Some(answer(iq));
    }
    let subscription = element("subscription", ns::PUBSUB).with("node", node).with_some("jid", change.attr("jid"));
    let subscription = subscription.with("subscription", "subscribed");
    Some(answer(iq).with_child(element("pubsub", ns::PUBSUB).with_child(subscription)))
}

/// Tells a client of a contact's device, in the dialects of OMEMO that it watches, and of its OpenPGP key (XEP-0163, section 4.3).
pub async fn events(
    keeper: &Keeper,
    user: &User,
    contact: &ContactId,
    client: &FullJid,
    [older, newer, keys]: [bool; 3],
) -> Vec<Element> {
    let peer = Peer::Contact(contact.clone());
    let Some(from) = keeper.jid(&peer) else { return Vec::new() };
    let mut found = Vec::new();
    for (dialect, _) in Dialect::ALL.into_iter().zip([older, newer]).filter(|(_, watched)| *watched) {
        found.push((nodes::devices(dialect), omemo(keeper, user, &peer, Node::Devices(dialect), &[]).await));
    }
    if keys {
        found.push((PUBLIC_KEYS, openpgp(keeper, user, &peer, OpenPgp::List).await));
    }
    let event = |(node, item): (&str, store::Result<Option<Element>>)| {
        let item =
            item.inspect_err(|error| tracing::error!(%error, "cannot read or make a device or a key")).ok()??;
        let list = item.children().cloned();
        let item = element("item", ns::PUBSUB_EVENT).with("id", "current").with_children(list);
        let items = element("items", ns::PUBSUB_EVENT).with("node", node).with_child(item);
        let message = stanza("message", &from.clone().into(), &client.clone().into());
        let message = message.with("type", "headline").with("id", random_id());
        Some(message.with_child(element("event", ns::PUBSUB_EVENT).with_child(items)))
    };
    found.into_iter().filter_map(event).collect()
}

/// Which items are asked for by their names; all if none is named.
fn items_asked(iq: &Element) -> Vec<String> {
    let items = iq.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
    let named = items.into_iter().flat_map(Element::children).filter_map(|item| item.attr("id"));
    named.map(str::to_owned).collect()
}

/// The one item of a node that has one.
fn current(payload: Element) -> Element {
    element("item", ns::PUBSUB).with("id", "current").with_child(payload)
}

/// The features by which the user's server tells us of their devices (XEP-0163, section 4.3.2); Psi looks at them, too.
pub fn notify() -> [String; 3] {
    let [older, newer] = Dialect::ALL.map(|dialect| format!("{}+notify", nodes::devices(dialect)));
    [older, newer, NOTIFY.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_that_are_listed_are_those_that_are_served() {
        for node in NODES.into_iter().filter(|node| *node != PUBLIC_KEY) {
            assert!(Node::read(node).is_some() || OpenPgp::read(node).is_some(), "{node}");
        }
    }
}
