//! The presence that a user sees of the gateway and of a contact.

use drawbridge_bridge::Availability;
use jid::{BareJid, Jid};
use minidom::Element;

use super::element::{Build, element, stanza};
use super::{avatar, caps, disco, ns};
use crate::accounts::LoginState;
use crate::keeper::{Keeper, Peer};
use crate::secure::policy;
use crate::store::{Contact, User};

/// The gateway is always there; its status says how the login stands.
pub fn gateway(keeper: &Keeper, user: &BareJid, registered: bool) -> Option<Element> {
    let status = match keeper.accounts.state(user) {
        Some(LoginState::Online) => keeper.accounts.account(user).map(|account| format!("logged in as {account}")),
        Some(state) => Some(state.to_string()),
        None if registered => Some("not logged in".to_owned()),
        None => None,
    };
    let presence = from(keeper, &Peer::Gateway, user)?;
    let presence = presence.with_children(status.map(|text| element("status", ns::CLIENT).with_text(&text)));
    Some(presence.with_children(caps::advertise(&disco::gateway_info(keeper))))
}

/// A contact, with name and picture; not there while the login is not up. Whoever is offline on the network is shown
/// as away for long: they can be written to, and clients would otherwise warn and leave features out.
///
/// What they say of themselves is encrypted where the conversation is ([`crate::crossing`]).
pub fn contact(keeper: &Keeper, user: &User, contact: &Contact) -> Option<Element> {
    let hides = policy::required(user.policy, contact.protected);
    let user = &user.jid;
    let presence = from(keeper, &Peer::Contact(contact.info.id.clone()), user)?;
    if keeper.accounts.state(user) != Some(LoginState::Online) {
        return Some(presence.with("type", "unavailable"));
    }
    let far = keeper.presences.far(user, &contact.info.id);
    let show = match far {
        None | Some((Availability::Online, _)) => None,
        Some((Availability::Away, _)) => Some("away"),
        Some((Availability::Offline, _)) => Some("xa"),
    };
    let status = far.and_then(|(_, status)| status).filter(|_| !hides);
    let presence = presence
        .with_children(show.map(|show| element("show", ns::CLIENT).with_text(show)))
        .with_children(status.map(|text| element("status", ns::CLIENT).with_text(&text)));
    Some(with_looks(presence, contact).with_children(caps::advertise(&disco::client_info(keeper))))
}

/// A contact is not there any more, and why.
pub fn left(keeper: &Keeper, user: &BareJid, peer: &Peer, reason: &str) -> Option<Element> {
    let status = (!reason.is_empty()).then(|| element("status", ns::CLIENT).with_text(reason));
    Some(from(keeper, peer, user)?.with("type", "unavailable").with_children(status))
}

/// With name (XEP-0172) and picture hash (XEP-0153).
pub fn with_looks(presence: Element, contact: &Contact) -> Element {
    let name = contact.info.name.as_deref();
    let photo = element("photo", ns::VCARD_UPDATE);
    let photo = match avatar::servable(contact.info.avatar.as_ref()) {
        Some(picture) => photo.with_text(&avatar::hash(picture)),
        None => photo,
    };
    presence
        .with_children(name.map(|name| element("nick", ns::NICK).with_text(name)))
        .with_child(element("x", ns::VCARD_UPDATE).with_child(photo))
}

fn from(keeper: &Keeper, peer: &Peer, user: &BareJid) -> Option<Element> {
    let full = keeper.jid(peer)?.with_resource_str(super::RESOURCE).ok()?;
    Some(stanza("presence", &Jid::from(full), &Jid::from(user.clone())))
}
