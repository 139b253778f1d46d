//! The gateway's address prompt (XEP-0100, section 6.3): what people write for a contact, to the contact's JID.

use std::sync::Arc;

use drawbridge_bridge::{ContactId, Error};
use jid::BareJid;
use minidom::Element;

use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::{Keeper, Peer};

/// Answers a request of a registered user.
pub async fn handle(keeper: &Arc<Keeper>, user: &BareJid, iq: &Element) -> Element {
    if iq.attr("type") == Some("get") {
        return ask(keeper, iq);
    }
    let typed = iq
        .get_child("query", ns::GATEWAY)
        .and_then(|query| query.get_child("prompt", ns::GATEWAY))
        .map(Element::text)
        .unwrap_or_default();
    let Some(contact) = read(keeper, &typed) else {
        let text = format!("this is no {} id; write it as {}", name(keeper), example(keeper));
        return refusal(iq, Condition::NotAcceptable, &text);
    };
    match check(keeper, user, &contact).await {
        Ok(()) => {}
        Err(Error::NotFound) => return refusal(iq, Condition::ItemNotFound, &format!("{contact} is not known there")),
        Err(Error::LoggedOut) => return refusal(iq, Condition::NotAuthorized, &Error::LoggedOut.to_string()),
        Err(Error::Transient { reason, .. }) => return refusal(iq, Condition::RemoteServerTimeout, &reason),
        Err(error) => return refusal(iq, Condition::NotAcceptable, &error.to_string()),
    }
    let Some(jid) = keeper.jid(&Peer::Contact(contact)) else {
        return refusal(iq, Condition::NotAcceptable, "this id is too long for an XMPP address");
    };
    // Clients read either: `jid` by the text of the specification, `prompt` by its older schema.
    let query = element("query", ns::GATEWAY)
        .with_child(element("jid", ns::GATEWAY).with_text(jid.as_str()))
        .with_child(element("prompt", ns::GATEWAY).with_text(jid.as_str()));
    answer(iq).with_child(query)
}

/// What people type or paste for a contact: an id, a link, the local part of our own JID for them, or that JID.
pub fn read(keeper: &Keeper, typed: &str) -> Option<ContactId> {
    let typed = typed.trim();
    let ours = BareJid::new(typed).ok().filter(|jid| jid.node().is_some() && jid.domain() == keeper.domain.domain());
    if let Some(ours) = ours {
        return contact_at(keeper, &ours);
    }
    keeper
        .network
        .parse_contact(typed)
        .or_else(|| contact_at(keeper, &keeper.domain.domain().with_node_str(typed).ok()?))
}

fn contact_at(keeper: &Keeper, jid: &BareJid) -> Option<ContactId> {
    match keeper.peer(jid)? {
        Peer::Contact(contact) => Some(contact),
        Peer::Gateway => None,
    }
}

/// Whether the person exists. Nobody asks while the login is down.
async fn check(keeper: &Keeper, user: &BareJid, contact: &ContactId) -> Result<(), Error> {
    let Some(session) = keeper.accounts.session(user) else { return Ok(()) };
    match session.directory() {
        Some(directory) => directory.resolve(contact).await.map(drop),
        None => Ok(()),
    }
}

fn ask(keeper: &Keeper, iq: &Element) -> Element {
    let words = format!("The {} id of the contact, as {}", name(keeper), example(keeper));
    let query = element("query", ns::GATEWAY)
        .with_child(element("desc", ns::GATEWAY).with_text(&words))
        .with_child(element("prompt", ns::GATEWAY).with_text(&format!("{} id", name(keeper))));
    answer(iq).with_child(query)
}

fn name(keeper: &Keeper) -> &'static str {
    keeper.network.descriptor().name
}

fn example(keeper: &Keeper) -> &'static str {
    keeper.network.descriptor().contact_example
}
