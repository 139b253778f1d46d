//! What is sealed for the keys of the user's account, and not for one client: by OMEMO, by OpenPGP, or by both in one stanza, of
//! which each client reads what it can.

use ::omemo::{Dialect, nodes};
use minidom::Element;
use openpgp_xmpp::nodes::OPENPGP;

use super::acquaintance::Audience;
use super::conversation::Conversation;
use super::delivering::Room;
use super::openpgp::Readers;
use crate::component::SendError;
use crate::store::{Delivery, Protection, Protections};
use crate::to_xmpp::{self, Sealed};
use crate::xmpp::element::{Build, element};
use crate::xmpp::ns;

const TOO_LONG: &str = "[A message that does not fit into a stanza: another client shows it.]";

/// By which keys something is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Keys {
    /// Those of devices.
    pub(super) omemo: bool,
    /// Those of the account.
    pub(super) openpgp: bool,
}

impl Keys {
    pub(super) const OMEMO: Self = Self { omemo: true, openpgp: false };
    pub(super) const OPENPGP: Self = Self { omemo: false, openpgp: true };

    /// Those that the user's clients use.
    pub(super) fn used(used: &Protections) -> Self {
        Self { omemo: used.has(Protection::Omemo), openpgp: used.has(Protection::OpenPgp) }
    }

    pub(super) fn any(self) -> bool {
        self.omemo || self.openpgp
    }

    /// Whether a client that uses this is reached.
    pub(super) fn reach(self, protection: Protection) -> bool {
        match protection {
            Protection::Omemo => self.omemo,
            Protection::OpenPgp => self.openpgp,
            Protection::ESession => false,
        }
    }
}

impl Conversation {
    /// Those of these by which somebody would read what is sealed now. `None` if that is being asked.
    pub(super) async fn readable(&mut self, keys: Keys) -> Option<Keys> {
        let omemo = keys.omemo
            && match self.audience().await {
                Audience::Unknown => return None,
                Audience::Devices => true,
                Audience::Nobody => false,
            };
        let openpgp = keys.openpgp
            && match self.readers().await {
                Readers::Unknown => return None,
                Readers::Some => true,
                Readers::None => false,
            };
        Some(Keys { omemo, openpgp })
    }

    /// Seals one delivery. `None` if nobody could read it.
    pub(super) async fn deliver_keyed(&self, keys: Keys, delivery: &Delivery) -> Option<bool> {
        // Only the newer dialect of OMEMO and OpenPGP can keep from the server what somebody reacts with.
        let bodies = self.shown(delivery, (Sealed::Body, Room::Keyed), false);
        let whole = self.shown(delivery, (Sealed::Whole, Room::Keyed), true);
        self.post_keyed(keys, &delivery.stanza, &bodies, &whole).await
    }

    /// Content with words: `bodies` for where bodies alone are sealed, `whole` for where everything is. `None` if nobody could
    /// read it.
    pub(super) async fn post_keyed(&self, keys: Keys, id: &str, bodies: &[Element], whole: &[Element]) -> Option<bool> {
        let is_body = |child: &&Element| child.is("body", ns::CLIENT);
        let mut message = self.message(&self.them().clone().into(), "chat", id);
        let (mut names, mut seals_bodies_alone) = (Vec::new(), false);
        if keys.omemo {
            let body = bodies.iter().find(is_body).map(Element::text).unwrap_or_default();
            let Ok(sealed) = self.seal_omemo(body, whole).await else { return Some(false) };
            for sealed in &sealed {
                add(&mut message, sealed.to_element(), nodes::namespace(sealed.dialect), "OMEMO");
            }
            seals_bodies_alone |= sealed.iter().any(|sealed| sealed.dialect == Dialect::Axolotl);
            names.extend((!sealed.is_empty()).then_some("OMEMO"));
        }
        if keys.openpgp {
            let Ok(sealed) = self.seal_openpgp(whole).await else { return Some(false) };
            names.extend(sealed.is_some().then_some("OpenPGP"));
            if let Some(sealed) = sealed {
                add(&mut message, sealed, OPENPGP, "OpenPGP for XMPP");
                // Its clients ask for receipts, and say what is corrected, beside what they seal.
                seals_bodies_alone = true;
            }
        }
        if names.is_empty() {
            return None;
        }
        message.append_child(element("store", ns::HINTS));
        if seals_bodies_alone || self.is_older_spoken().await {
            let is_relation =
                |child: &&Element| child.is("replace", ns::CORRECTION) || child.is("retract", ns::RETRACTION);
            let lies_beside = |child: &&Element| !is_body(child) && (seals_bodies_alone || is_relation(child));
            message = message.with_children(bodies.iter().filter(lies_beside).cloned());
        }
        let names = names.join(" and ");
        let fallback = format!("This message is encrypted with {names}, and your client cannot read it.");
        match self.keeper.out.send(message.with_child(element("body", ns::CLIENT).with_text(&fallback))).await {
            // With keys for more devices than there is room for beside words: whatever it is, it must not come again and again.
            Err(SendError::TooLarge) if whole != to_xmpp::words(TOO_LONG) => {
                let notice = to_xmpp::words(TOO_LONG);
                Box::pin(self.post_keyed(keys, id, &notice, &notice)).await
            }
            sent => Some(sent.is_ok()),
        }
    }
}

/// What is encrypted, and what it is (XEP-0380).
pub(super) fn add(message: &mut Element, sealed: Element, namespace: &str, name: &str) {
    message.append_child(sealed);
    message.append_child(element("encryption", ns::EME).with("namespace", namespace).with("name", name));
}
