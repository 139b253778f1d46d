//! What the user's server gives out about keys (XEP-0189): the keys themselves, which tell whose a fingerprint is and not who is
//! trusted; and certificates for them, which count as far as this host trusts who has signed them.

use std::sync::Arc;
use std::time::SystemTime;

use esession::namespaces::PUBLIC_KEY;
use esession::{PublicKey, PublishedKey};
use esession_attest::{ATTESTATION, Attestation, Certified};
use jid::{FullJid, Jid};
use minidom::Element;

use super::conversation::Conversation;
use super::input::Input;
use crate::keeper::Keeper;
use crate::store::unix;
use crate::xmpp::element::{Build, element, stanza};
use crate::xmpp::ns;

/// Items of one node that are looked at.
const MOST: usize = 16;

impl Conversation {
    /// Asks the user's account for keys, without holding anything up.
    pub(super) fn ask_given_out(&self) {
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            let found = items(&keeper, &me, &account, (PUBLIC_KEY, None)).await;
            let keys = found.iter().filter_map(|item| PublishedKey::from_element(item).ok());
            let keys = keys.filter(|key| key.is_of(account.to_bare().as_str(), now())).map(|key| key.key);
            mailbox.put(Input::GivenOut(keys.collect())).await;
        });
    }

    /// Whoever showed a fingerprint may do so again, if it is of one of these.
    pub(super) fn given_out(&mut self, keys: Vec<PublicKey>) {
        // A server that does not answer takes nothing back.
        if !keys.is_empty() && keys != self.endpoints.given_out {
            self.endpoints.whole_keys.clear();
            self.endpoints.given_out = keys;
        }
    }

    /// Asks for certificates of the key that a client has signed with.
    pub(super) fn ask_certificates(&self, client: &FullJid) {
        let (keeper, mailbox, client) = (self.keeper.clone(), self.mailbox.clone(), client.clone());
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        if keeper.config.esession.trusted.is_empty() {
            return;
        }
        tokio::spawn(async move {
            let found = items(&keeper, &me, &account, (ATTESTATION, None)).await;
            // Many signatures can be in it: too many for a thread that others wait for.
            let check = move || -> Vec<_> {
                let trusted = &keeper.config.esession.trusted;
                let certified = found.iter().filter_map(|item| {
                    let attestation = Attestation::from_element(item);
                    let certified = attestation.and_then(|it| trusted.certify(&it, account.to_bare().as_str(), now()));
                    certified.inspect_err(|error| tracing::debug!(%error, "a certificate does not count")).ok()
                });
                certified.collect()
            };
            let Ok(certified) = tokio::task::spawn_blocking(check).await else { return };
            mailbox.put(Input::Certified(client, certified)).await;
        });
    }

    /// Nothing of it is remembered: it ends with the certificate.
    pub(super) fn certified(&mut self, client: &FullJid, certified: &[Certified]) {
        if let Some(active) = self.endpoints.active.get_mut(client) {
            certified.iter().for_each(|certified| active.certify(certified));
        }
    }
}

/// What the account has published in a node, or in one item of it; nothing if it does not say.
pub(super) async fn items(
    keeper: &Arc<Keeper>,
    me: &Jid,
    account: &Jid,
    (node, item): (&str, Option<&str>),
) -> Vec<Element> {
    let item = item.map(|id| element("item", ns::PUBSUB).with("id", id));
    let items = element("items", ns::PUBSUB).with("node", node).with_children(item);
    let request =
        stanza("iq", me, account).with("type", "get").with_child(element("pubsub", ns::PUBSUB).with_child(items));
    let Ok(answer) = keeper.requests.ask(&keeper.out, request).await else { return Vec::new() };
    let items = answer.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
    items.into_iter().flat_map(Element::children).flat_map(Element::children).take(MOST).cloned().collect()
}

fn now() -> u64 {
    u64::try_from(unix(SystemTime::now())).unwrap_or_default()
}
