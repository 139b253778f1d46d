//! Keys that the user's server gives out (XEP-0189). They tell whose a fingerprint is; who is trusted they do not tell.

use std::time::SystemTime;

use esession::namespaces::PUBLIC_KEY;
use esession::{PublicKey, PublishedKey};
use jid::Jid;
use minidom::Element;

use super::conversation::Conversation;
use super::input::Input;
use crate::store::unix;
use crate::xmpp::element::{Build, element, stanza};
use crate::xmpp::ns;

/// Keys of one account that are looked at.
const MOST: usize = 16;

impl Conversation {
    /// Asks the user's account, without holding anything up.
    pub(super) fn ask_given_out(&self) {
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        let (me, account) = (Jid::from(self.me.clone()), Jid::from(self.them().clone()));
        tokio::spawn(async move {
            let items = element("items", ns::PUBSUB).with("node", PUBLIC_KEY);
            let request = stanza("iq", &me, &account)
                .with("type", "get")
                .with_child(element("pubsub", ns::PUBSUB).with_child(items));
            if let Ok(answer) = keeper.requests.ask(&keeper.out, request).await {
                mailbox.put(Input::GivenOut(read(&answer, account.to_bare().as_str()))).await;
            }
        });
    }

    /// Whoever showed a fingerprint may do so again, if it is of one of these.
    pub(super) fn given_out(&mut self, keys: Vec<PublicKey>) {
        if keys != self.endpoints.given_out {
            self.endpoints.whole_keys.clear();
        }
        self.endpoints.given_out = keys;
    }
}

fn read(answer: &Element, account: &str) -> Vec<PublicKey> {
    let now = u64::try_from(unix(SystemTime::now())).unwrap_or_default();
    let items = answer.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
    let keys = items.into_iter().flat_map(Element::children).flat_map(Element::children).take(MOST);
    let keys = keys.filter_map(|key| PublishedKey::from_element(key).ok()).filter(|key| key.is_of(account, now));
    keys.map(|key| key.key).collect()
}
