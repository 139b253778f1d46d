//! Nodes of contacts that are about encryption (XEP-0060): options for who writes while they are away (XEP-0187), and their
//! keys (XEP-0189). Each has one item.

use esession::namespaces::{ESESSION, OFFLINE, PUBLIC_KEY};
use minidom::Element;

use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::{Keeper, Peer};
use crate::secure::{own_key, published};
use crate::store::User;

/// Which of these nodes is asked for.
pub fn wanted(pubsub: &Element) -> Option<&str> {
    let node = pubsub.get_child("items", ns::PUBSUB)?.attr("node")?;
    [OFFLINE, ESESSION, PUBLIC_KEY].contains(&node).then_some(node)
}

/// What is in one of them. The options are the same for everybody who may ask.
pub async fn handle(keeper: &Keeper, user: &User, peer: &Peer, node: &str, iq: &Element) -> Element {
    let found = match node {
        PUBLIC_KEY => own_key::given_out(keeper, user.id, peer).await,
        _ => published::options(keeper, user.id, peer).await,
    };
    let Some(found) = found else { return refusal(iq, Condition::InternalServerError, "") };
    let item = element("item", ns::PUBSUB).with("id", "current").with_child(found);
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
