//! Service discovery (XEP-0030): what the gateway is, what contacts are, and what both can do.

use std::sync::Arc;

use esession::namespaces::PUBLIC_KEY;
use jid::BareJid;
use minidom::Element;

use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::{adhoc, avatar, caps, nodes, ns, policy};
use crate::commands;
use crate::keeper::Keeper;

/// What every conversation of ours can do.
const CONVERSATION: [&str; 7] =
    [ns::CHATSTATES, ns::RECEIPTS, ns::DISPLAYED_MARKERS, ns::SID, ns::ESESSION, ns::SESSION_FORM, PUBLIC_KEY];
/// What a contact can do besides.
const CONTACT: [&str; 10] = [
    ns::CAPS,
    ns::CORRECTION,
    ns::RETRACTION,
    ns::REPLY,
    ns::REACTIONS,
    ns::FALLBACK,
    ns::OOB,
    xmpp_files::sfs::SFS,
    xmpp_files::sfs::ESFS,
    openpgp_xmpp::nodes::IM,
];
/// What every JID of ours answers.
const EVERYWHERE: [&str; 4] = [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PING, ns::VCARD];

/// disco#info of the gateway, its data policy included.
pub fn gateway_info(keeper: &Keeper) -> Element {
    let network = keeper.network.descriptor();
    let name = keeper.settings.name.clone().unwrap_or_else(|| format!("{} gateway", network.name));
    let own = [
        ns::CAPS,
        ns::COMMANDS,
        ns::DATA_FORMS,
        ns::ESCAPING,
        ns::GATEWAY,
        ns::LAST,
        ns::REGISTER,
        ns::SEARCH,
        ns::TIME,
        ns::VERSION,
    ];
    element("query", ns::DISCO_INFO)
        .with_child(identity("gateway", network.gateway_type, Some(&name)))
        .with_children(EVERYWHERE.into_iter().chain(CONVERSATION).chain(own).map(feature))
        .with_child(policy::of_gateway(&network))
        .with_child(policy::of_network(&network))
}

/// disco#info of a contact's client.
pub fn client_info(keeper: &Keeper) -> Element {
    element("query", ns::DISCO_INFO)
        .with_child(identity("client", "pc", Some(keeper.network.descriptor().name)))
        .with_children(EVERYWHERE.into_iter().chain(CONVERSATION).chain(CONTACT).map(feature))
        .with_children(nodes::notify().iter().map(|node| feature(node)))
}

/// disco#info of a contact's account.
fn account_info() -> Element {
    let pubsub = ["", "#retrieve-items", "#persistent-items", "#access-open"];
    element("query", ns::DISCO_INFO)
        .with_child(identity("account", "registered", None))
        .with_child(identity("pubsub", "pep", None))
        .with_children(EVERYWHERE.map(feature))
        .with_children(pubsub.map(|part| feature(&format!("{}{part}", ns::PUBSUB))))
}

/// Answers a disco request to the gateway.
pub async fn gateway(keeper: &Arc<Keeper>, asker: &BareJid, iq: &Element, query: &Element) -> Element {
    let node = query.attr("node").filter(|node| !node.is_empty());
    if query.has_ns(ns::DISCO_ITEMS) {
        return match node {
            None => answer(iq).with_child(items(None)),
            Some(ns::COMMANDS) => answer(iq).with_child(command_items(keeper, asker).await),
            Some(node) if commands::find(node).is_some() => answer(iq).with_child(items(Some(node))),
            Some(_) => refusal(iq, Condition::ItemNotFound, ""),
        };
    }
    match node {
        Some(ns::COMMANDS) => {
            let info = info(ns::COMMANDS).with_child(identity("automation", "command-list", Some("Commands")));
            answer(iq).with_child(info.with_child(feature(ns::DISCO_ITEMS)))
        }
        Some(node) if commands::find(node).is_some() => {
            let title = commands::find(node).map(|command| command.title);
            let info = info(node).with_child(identity("automation", "command-node", title));
            answer(iq).with_child(info.with_child(feature(ns::COMMANDS)).with_child(feature(ns::DATA_FORMS)))
        }
        node => give(iq, node, gateway_info(keeper)),
    }
}

/// Answers a disco request to a contact's bare JID.
pub fn account(keeper: &Keeper, iq: &Element, query: &Element, contact: &BareJid) -> Element {
    let node = query.attr("node").filter(|node| !node.is_empty());
    match (query.has_ns(ns::DISCO_ITEMS), node) {
        (true, None) => {
            let nodes = avatar::NODES
                .into_iter()
                .chain(nodes::NODES)
                .map(|node| element("item", ns::DISCO_ITEMS).with("jid", contact.as_str()).with("node", node));
            answer(iq).with_child(items(None).with_children(nodes))
        }
        (false, None) => answer(iq).with_child(account_info()),
        // Some clients ask the bare JID for the caps of a presence.
        (false, Some(_)) => give(iq, node, client_info(keeper)),
        (true, Some(_)) => refusal(iq, Condition::ItemNotFound, ""),
    }
}

/// Answers a disco request to a contact's full JID.
pub fn client(keeper: &Keeper, iq: &Element, query: &Element) -> Element {
    let node = query.attr("node").filter(|node| !node.is_empty());
    match (query.has_ns(ns::DISCO_ITEMS), node) {
        (true, None) => answer(iq).with_child(items(None)),
        (true, Some(_)) => refusal(iq, Condition::ItemNotFound, ""),
        (false, node) => give(iq, node, client_info(keeper)),
    }
}

/// With no node, or with the one that our caps advertise for it (XEP-0115, section 6.2).
fn give(iq: &Element, node: Option<&str>, info: Element) -> Element {
    match node {
        None => answer(iq).with_child(info),
        Some(node) if caps::is_own_node(node, &info) => answer(iq).with_child(info.with("node", node)),
        Some(_) => refusal(iq, Condition::ItemNotFound, ""),
    }
}

async fn command_items(keeper: &Arc<Keeper>, asker: &BareJid) -> Element {
    let offered = adhoc::items(keeper, asker).await;
    let item = |(node, name): (&str, &str)| {
        element("item", ns::DISCO_ITEMS).with("jid", keeper.domain.as_str()).with("node", node).with("name", name)
    };
    items(Some(ns::COMMANDS)).with_children(offered.into_iter().map(item))
}

fn items(node: Option<&str>) -> Element {
    element("query", ns::DISCO_ITEMS).with_some("node", node)
}

fn info(node: &str) -> Element {
    element("query", ns::DISCO_INFO).with("node", node)
}

fn identity(category: &str, kind: &str, name: Option<&str>) -> Element {
    element("identity", ns::DISCO_INFO).with("category", category).with("type", kind).with_some("name", name)
}

fn feature(var: &str) -> Element {
    element("feature", ns::DISCO_INFO).with("var", var)
}
