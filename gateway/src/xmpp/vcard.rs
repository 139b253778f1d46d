//! Business cards (XEP-0054) of the gateway and of contacts.

use base64::{Engine, engine::general_purpose::STANDARD};
use drawbridge_bridge::ContactInfo;
use minidom::Element;

use super::avatar;
use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::Keeper;

/// The gateway's card.
pub fn of_gateway(keeper: &Keeper, iq: &Element) -> Element {
    let network = keeper.network.descriptor();
    let name = keeper.settings.name.clone().unwrap_or_else(|| format!("{} gateway", network.name));
    let card = element("vCard", ns::VCARD)
        .with_child(word("FN", &name))
        .with_child(word("NICKNAME", &name))
        .with_child(word("DESC", &format!("Drawbridge: {} contacts for XMPP, on your own host", network.name)))
        .with_child(word("JABBERID", keeper.domain.as_str()));
    give(iq, card)
}

/// A contact's card, with their id on the network.
pub fn of_contact(keeper: &Keeper, iq: &Element, contact: &ContactInfo) -> Element {
    let name = contact.name.as_deref().unwrap_or(contact.id.as_str());
    let photo = avatar::servable(contact.avatar.as_ref()).map(|picture| {
        element("PHOTO", ns::VCARD)
            .with_child(word("TYPE", &picture.media_type))
            .with_child(word("BINVAL", &STANDARD.encode(&picture.octets)))
    });
    let card = element("vCard", ns::VCARD)
        .with_child(word("FN", name))
        .with_child(word("NICKNAME", name))
        .with_child(word("UID", contact.id.as_str()))
        .with_child(word("DESC", &format!("{}: {}", keeper.network.descriptor().name, contact.id)))
        .with_children(photo);
    give(iq, card)
}

fn give(iq: &Element, card: Element) -> Element {
    match iq.attr("type") {
        Some("get") => answer(iq).with_child(card),
        _ => refusal(iq, Condition::Forbidden, ""),
    }
}

fn word(name: &str, text: &str) -> Element {
    element(name, ns::VCARD).with_text(text)
}
