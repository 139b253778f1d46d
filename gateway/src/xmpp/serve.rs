//! iq requests: each is answered by a task of its own, so that a slow network delays nobody else.

use std::sync::Arc;

use drawbridge_bridge::{ContactId, ContactInfo, Error};
use esession::namespaces::PUBLIC_KEY;
use jid::Jid;
use minidom::Element;
use tokio::sync::OwnedSemaphorePermit;

use super::error::{Condition, refusal};
use super::route::{may_use, no_contact, register_first, registered};
use super::{about, adhoc, avatar, disco, nodes, ns, prompt, register, search, vcard};
use crate::keeper::{Keeper, Peer};
use crate::store::{User, contacts};

/// Answers an iq `get` or `set`; anything else is dropped.
pub(super) fn iq(keeper: &Arc<Keeper>, from: Jid, to: &Jid, iq: Element) {
    if !matches!(iq.attr("type"), Some("get" | "set")) {
        return;
    }
    let (keeper, to) = (keeper.clone(), to.clone());
    let place = keeper.requests.begin_serving();
    tokio::spawn(async move {
        let answer = answer(&keeper, place, &from, &to, &iq).await;
        let _ = keeper.out.send(answer).await;
    });
}

/// The answer to an iq `get` or `set`, whichever way it came; `place` is what it may take up of the gateway.
pub(crate) async fn answer(
    keeper: &Arc<Keeper>,
    place: Option<OwnedSemaphorePermit>,
    from: &Jid,
    to: &Jid,
    iq: &Element,
) -> Element {
    match (place, payload(iq), keeper.peer(&to.to_bare())) {
        (None, ..) => refusal(iq, Condition::ResourceConstraint, "too much at once, try again"),
        (_, None, _) => refusal(iq, Condition::BadRequest, "a request has exactly one child"),
        (_, _, None) => refusal(iq, Condition::ItemNotFound, &no_contact(keeper, &to.to_bare())),
        (_, Some(payload), Some(Peer::Gateway)) => of_gateway(keeper, from, iq, payload).await,
        (_, Some(payload), Some(Peer::Contact(contact))) => of_contact(keeper, from, to, &contact, iq, payload).await,
    }
}

/// RFC 6120, section 8.2.3: a request has exactly one child.
fn payload(iq: &Element) -> Option<&Element> {
    let mut children = iq.children();
    children.next().filter(|_| children.next().is_none())
}

async fn of_gateway(keeper: &Arc<Keeper>, from: &Jid, iq: &Element, payload: &Element) -> Element {
    let asker = from.to_bare();
    let gets = iq.attr("type") == Some("get");
    match (payload.name(), payload.ns().as_str()) {
        ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if gets => disco::gateway(keeper, &asker, iq, payload).await,
        ("ping", ns::PING) if gets => about::ping(iq),
        ("query", ns::VERSION) if gets => about::version(iq),
        ("time", ns::TIME) if gets => about::time(iq),
        ("query", ns::LAST) if gets => about::last(iq, &Peer::Gateway),
        ("vCard", ns::VCARD) => vcard::of_gateway(keeper, iq),
        ("query", ns::REGISTER) => register::handle(keeper, iq).await,
        ("command", ns::COMMANDS) => adhoc::handle(keeper, iq).await,
        ("pubsub", ns::PUBSUB) if !gets && let Some(answer) = nodes::subscribed(iq, payload) => answer,
        ("pubsub", ns::PUBSUB) | ("pubkey", PUBLIC_KEY) if gets => {
            match (user(keeper, from).await, nodes::of_gateway(payload)) {
                (Ok(user), Some(node)) => nodes::handle(keeper, &user, &Peer::Gateway, node, iq).await,
                (Ok(user), None) if payload.name() == "pubkey" => nodes::key(keeper, &user, &Peer::Gateway, iq).await,
                _ => refusal(iq, Condition::ServiceUnavailable, ""),
            }
        }
        ("query", ns::GATEWAY | ns::SEARCH) => match user(keeper, from).await {
            Err(condition) => refusal(iq, condition, &why_not(keeper, condition)),
            Ok(_) if payload.has_ns(ns::GATEWAY) => prompt::handle(keeper, &asker, iq).await,
            Ok(_) => search::handle(keeper, &asker, iq).await,
        },
        _ => refusal(iq, Condition::ServiceUnavailable, ""),
    }
}

/// Contacts are there for registered users alone: to others no address says whether anybody is behind it.
async fn of_contact(
    keeper: &Arc<Keeper>,
    from: &Jid,
    to: &Jid,
    contact: &ContactId,
    iq: &Element,
    payload: &Element,
) -> Element {
    let Ok(user) = user(keeper, from).await else { return refusal(iq, Condition::ServiceUnavailable, "") };
    if to.resource().is_some_and(|resource| resource.as_str() != super::RESOURCE) {
        return refusal(iq, Condition::ServiceUnavailable, "");
    }
    let gets = iq.attr("type") == Some("get");
    match (payload.name(), payload.ns().as_str()) {
        ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if gets && to.is_full() => disco::client(keeper, iq, payload),
        ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if gets => disco::account(keeper, iq, payload, &to.to_bare()),
        ("ping", ns::PING) if gets => about::ping(iq),
        ("pubsub", ns::PUBSUB) if gets && let Some(node) = nodes::wanted(payload) => {
            nodes::handle(keeper, &user, &Peer::Contact(contact.clone()), node, iq).await
        }
        ("pubkey", PUBLIC_KEY) if gets => nodes::key(keeper, &user, &Peer::Contact(contact.clone()), iq).await,
        ("pubsub", ns::PUBSUB) if !gets && let Some(answer) = nodes::subscribed(iq, payload) => answer,
        ("vCard", ns::VCARD) | ("pubsub", ns::PUBSUB) => match looks(keeper, &user, contact).await {
            Ok(contact) if payload.name() == "vCard" => vcard::of_contact(keeper, iq, &contact),
            Ok(contact) => avatar::handle(iq, &contact),
            Err(Error::NotFound) => refusal(iq, Condition::ItemNotFound, "there is no such person"),
            Err(_) => refusal(iq, Condition::RemoteServerTimeout, "the network does not answer at the moment"),
        },
        _ => refusal(iq, Condition::ServiceUnavailable, ""),
    }
}

/// The sender as a user who may ask for more than the gateway tells everybody.
async fn user(keeper: &Keeper, from: &Jid) -> Result<User, Condition> {
    if !may_use(keeper, from) {
        return Err(Condition::Forbidden);
    }
    registered(keeper, from).await.ok_or(Condition::RegistrationRequired)
}

fn why_not(keeper: &Keeper, condition: Condition) -> String {
    match condition {
        Condition::RegistrationRequired => register_first(keeper),
        _ => "you may not use this gateway".to_owned(),
    }
}

/// Name and picture: as stored for the user's own contacts, as the network says for others.
async fn looks(keeper: &Keeper, user: &User, contact: &ContactId) -> Result<ContactInfo, Error> {
    let (id, key) = (user.id, contact.clone());
    if let Ok(Some(row)) = keeper.store.call(move |db, _| contacts::get(db, id, &key)).await {
        return Ok(row.info);
    }
    let Some(session) = keeper.accounts.session(&user.jid) else {
        return Err(Error::Transient { reason: "the login is not up".to_owned(), after: None });
    };
    session.contact(contact).await
}
