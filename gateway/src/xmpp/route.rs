//! Where every stanza goes. Here and nowhere else it is decided who may ask what: the sender's address is the only
//! thing about a stanza that the XMPP server vouches for.

use std::sync::Arc;

use jid::{BareJid, Jid};
use minidom::Element;

use super::element::{recipient, sender};
use super::error::{Condition, refuse};
use super::{ns, presence, privilege, serve};
use crate::address;
use crate::crossing;
use crate::keeper::{Keeper, Peer};
use crate::store::{User, users};

/// Takes one stanza from the XMPP server. Returns once what must keep its order is queued; answers come later.
pub async fn route(keeper: &Arc<Keeper>, stanza: Element) {
    let (Some(from), Some(to)) = (sender(&stanza), recipient(&stanza)) else {
        tracing::debug!(kind = stanza.name(), "a stanza without addresses is dropped");
        return;
    };
    if to.domain() != keeper.domain.domain() {
        return refuse_with(keeper, &stanza, Condition::ItemNotFound, "this address is not here").await;
    }
    match stanza.name() {
        "iq" if is_sealed(&stanza) && may_use(keeper, &from) => sealed(keeper, &from, &to.to_bare(), stanza).await,
        "iq" if matches!(stanza.attr("type"), Some("result" | "error")) => {
            let awaited = keeper.requests.resolve(&stanza);
            tracing::debug!(%from, awaited, "an answer came");
        }
        // A server that trusts us with the presence of its users' contacts (XEP-0356, section 7) shows us our own.
        "presence" if is_ours(keeper, &from) => {}
        _ if is_ours(keeper, &from) => {
            refuse_with(keeper, &stanza, Condition::Forbidden, "gateways do not talk to each other").await;
        }
        "iq" => serve::iq(keeper, from, &to, stanza),
        "presence" => presence(keeper, from, to.to_bare(), stanza).await,
        "message" => message(keeper, from, to.to_bare(), stanza).await,
        _ => {}
    }
}

/// Whether the sender is a JID of ours, or of another network of this daemon: what they said would go in circles.
fn is_ours(keeper: &Keeper, from: &Jid) -> bool {
    from.domain() == keeper.domain.domain()
        || keeper.config.networks.iter().any(|network| network.jid.domain() == from.domain())
}

/// Whether the sender can be a person who may use the gateway.
pub(super) fn may_use(keeper: &Keeper, from: &Jid) -> bool {
    from.node().is_some() && keeper.accounts.allowed(&from.to_bare())
}

/// The sender as a registered user.
pub(super) async fn registered(keeper: &Keeper, from: &Jid) -> Option<User> {
    keeper.accounts.user(keeper, &from.to_bare()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a user cannot be looked up");
        None
    })
}

async fn presence(keeper: &Arc<Keeper>, from: Jid, to: BareJid, stanza: Element) {
    let due = stanza.attr("type") == Some("subscribe"); // all other kinds are never answered by an error
    let refusal = if !may_use(keeper, &from) {
        Some((Condition::Forbidden, "you may not use this gateway".to_owned()))
    } else {
        let user = registered(keeper, &from).await;
        match keeper.peer(&to) {
            None => Some((Condition::ItemNotFound, no_contact(keeper, &to))),
            Some(Peer::Contact(_)) if user.is_none() => Some((Condition::RegistrationRequired, register_first(keeper))),
            Some(peer) => {
                presence::handle(keeper, &from, user.as_ref(), peer, &stanza).await;
                if is_sealed(&stanza) && stanza.attr("type").is_none() {
                    return sealed(keeper, &from, &to, stanza).await;
                }
                None
            }
        }
    };
    if let Some((condition, text)) = refusal.filter(|_| due) {
        refuse_with(keeper, &stanza, condition, &text).await;
    }
}

/// Presence and iq with encrypted content belong to the conversation whose session it is in.
async fn sealed(keeper: &Arc<Keeper>, from: &Jid, to: &BareJid, stanza: Element) {
    let Some(peer) = keeper.peer(to) else {
        return refuse_with(keeper, &stanza, Condition::ItemNotFound, &no_contact(keeper, to)).await;
    };
    match registered(keeper, from).await {
        Some(user) => keeper.crossings.stanza(keeper, &user, peer, stanza).await,
        None => refuse_with(keeper, &stanza, Condition::RegistrationRequired, &register_first(keeper)).await,
    }
}

/// Whether a stanza has encrypted content (XEP-0200), an error perhaps in its error.
fn is_sealed(stanza: &Element) -> bool {
    let mut children =
        stanza.children().chain(stanza.get_child("error", ns::CLIENT).into_iter().flat_map(Element::children));
    children.any(esession::namespaces::is_encrypted)
}

async fn message(keeper: &Arc<Keeper>, from: Jid, to: BareJid, stanza: Element) {
    if keeper.privileges.take(keeper, &stanza) || privilege::is_own_copy(&stanza) {
        return;
    }
    if from.node().is_none() {
        tracing::debug!(%from, "a message of a server is dropped");
        return;
    }
    if !may_use(keeper, &from) {
        return refuse_with(keeper, &stanza, Condition::Forbidden, "you may not use this gateway").await;
    }
    if stanza.attr("type") == Some("headline") && from.is_bare() && stanza.has_child("event", ns::PUBSUB_EVENT) {
        return told(keeper, &from, &stanza).await;
    }
    if matches!(stanza.attr("type"), Some("groupchat" | "headline")) {
        return refuse_with(keeper, &stanza, Condition::ServiceUnavailable, "there are no rooms here").await;
    }
    if is_wrapper(&stanza) {
        // Carbons and archives are nobody's to send us (CVE-2017-5589).
        return refuse_with(keeper, &stanza, Condition::NotAcceptable, "copies of messages are not taken here").await;
    }
    let Some(peer) = keeper.peer(&to) else {
        return refuse_with(keeper, &stanza, Condition::ItemNotFound, &no_contact(keeper, &to)).await;
    };
    let user = match (registered(keeper, &from).await, &peer) {
        (Some(user), _) => Some(user),
        (None, Peer::Gateway) if stanza.attr("type") != Some("error") => acquaint(keeper, &from).await,
        (None, _) => None,
    };
    match user {
        Some(user) => keeper.crossings.stanza(keeper, &user, peer, stanza).await,
        None => refuse_with(keeper, &stanza, Condition::RegistrationRequired, &register_first(keeper)).await,
    }
}

/// News of a user's nodes, from their account (XEP-0163).
async fn told(keeper: &Arc<Keeper>, from: &Jid, news: &Element) {
    if let Some(user) = registered(keeper, from).await {
        crossing::acquaintance::told(keeper, &user, news).await;
    }
}

/// Whoever may use the gateway may also talk to it before anything else: that is how most people register.
async fn acquaint(keeper: &Keeper, from: &Jid) -> Option<User> {
    let (network, jid) = (keeper.network.descriptor().id, from.to_bare());
    match keeper.store.call(move |db, _| users::add(db, network, &jid)).await {
        Ok(user) => Some(user),
        Err(error) => {
            tracing::error!(%error, "a user cannot be stored");
            None
        }
    }
}

fn is_wrapper(message: &Element) -> bool {
    // `private` beside them is a client's wish to its server (XEP-0280, section 9), and none of our business.
    let copy = |child: &Element| child.is("sent", ns::CARBONS) || child.is("received", ns::CARBONS);
    message.children().any(|child| copy(child) || child.has_ns(ns::MAM))
}

pub(super) fn register_first(keeper: &Keeper) -> String {
    format!("register with {} first", keeper.domain)
}

/// Why there is nobody at an address; for what looks like a typed id, the right address.
pub(super) fn no_contact(keeper: &Keeper, to: &BareJid) -> String {
    let typed = to.node().and_then(|local| address::typed(local.as_str()));
    let contact = typed.and_then(|typed| keeper.network.parse_contact(&typed));
    match contact.and_then(|contact| keeper.jid(&Peer::Contact(contact))) {
        Some(jid) => format!("the address of this contact is {jid}"),
        None => "no contact can have this address".to_owned(),
    }
}

async fn refuse_with(keeper: &Keeper, stanza: &Element, condition: Condition, text: &str) {
    if let Some(refusal) = refuse(stanza, condition, text) {
        let _ = keeper.out.send(refusal).await;
    }
}
