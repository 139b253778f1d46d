//! What a user's own server lets us do in the user's name (XEP-0356): write their roster, and show what they wrote
//! from another client on the network as theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jid::{BareJid, FullJid, Jid};
use minidom::Element;

use super::element::{Build, element, random_id, sender, stanza};
use super::{ns, requests};
use crate::keeper::Keeper;

/// Marks a message that we sent in the user's name: their server routes it to its recipient, which is us.
const OWN_COPY: &str = "urn:drawbridge:own-copy:0";

/// What each server has granted.
#[derive(Default)]
pub struct Privileges {
    granted: Mutex<HashMap<String, Grant>>,
}

/// What one server has granted, for its own users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    namespace: &'static str,
    roster: bool,
    message: bool,
}

impl Privileges {
    /// Takes an advertisement (section 4): a message of a server that we trust with its own users. `true` if it was
    /// one.
    pub fn take(&self, keeper: &Keeper, message: &Element) -> bool {
        let Some(grant) = advertised(message) else { return false };
        let Some(server) = sender(message).filter(|from| is_server(keeper, from)) else { return false };
        tracing::info!(roster = grant.roster, message = grant.message, "the XMPP server grants privileges");
        self.lock().insert(server.domain().as_str().to_owned(), grant);
        true
    }

    /// Whether we may write the user's roster.
    pub fn allows_roster(&self, user: &BareJid) -> bool {
        self.of(user).is_some_and(|grant| grant.roster)
    }

    /// Whether we may send messages in the user's name.
    pub fn allows_message(&self, user: &BareJid) -> bool {
        self.of(user).is_some_and(|grant| grant.message)
    }

    /// The link is gone, and all grants with it: the server advertises again (section 4).
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn of(&self, user: &BareJid) -> Option<Grant> {
        self.lock().get(user.domain().as_str()).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows a message that the user wrote elsewhere as theirs: their server handles it as if they had sent it
/// (section 5.1). `message` has `to` and content; `false` if the server does not let us, or nobody would see it.
pub async fn outgoing_copy(keeper: &Arc<Keeper>, user: &BareJid, message: Element) -> bool {
    let Some(grant) = keeper.privileges.of(user).filter(|grant| grant.message) else { return false };
    let Ok(server) = BareJid::new(user.domain().as_str()) else { return false };
    let id = message.attr("id").map_or_else(random_id, str::to_owned);
    let message = message.with("from", user.as_str()).with("id", id);
    let copies = match grant.namespace {
        ns::PRIVILEGE_1 => carbons(keeper, user, &message),
        _ => vec![message.with_child(element("own-copy", OWN_COPY))],
    };
    for copy in &copies {
        if keeper.out.send(wrapped(keeper, copy, grant.namespace, &server)).await.is_err() {
            return false;
        }
    }
    !copies.is_empty()
}

/// A server of the first version may carry the message to its recipient and show it to nobody (ejabberd 23.01,
/// processone/ejabberd#3990), and does not say so. There the account itself tells each client of the user, as it would
/// of a message that another one sent (XEP-0280, section 8).
fn carbons(keeper: &Keeper, user: &BareJid, message: &Element) -> Vec<Element> {
    let carbon = |client: &FullJid| {
        let forwarded = element("forwarded", ns::FORWARD).with_child(message.clone());
        element("message", ns::CLIENT)
            .with("from", user.as_str())
            .with("to", client.as_str())
            .with("type", "chat")
            .with("id", random_id())
            .with_child(element("sent", ns::CARBONS).with_child(forwarded))
    };
    keeper.presences.online(user).iter().map(|client| carbon(&client.full)).collect()
}

fn wrapped(keeper: &Keeper, message: &Element, namespace: &str, server: &BareJid) -> Element {
    let forwarded = element("forwarded", ns::FORWARD).with_child(message.clone());
    stanza("message", &Jid::from(keeper.domain.clone()), &Jid::from(server.clone()))
        .with("id", random_id())
        .with_child(element("privilege", namespace).with_child(forwarded))
}

/// Whether this is one of our own copies, on its way back to us. A server sends those from the bare JID, which no
/// client can.
pub fn is_own_copy(message: &Element) -> bool {
    sender(message).is_some_and(|from| !from.is_full()) && message.has_child("own-copy", OWN_COPY)
}

/// A bare domain, and either the server we belong to or one whose people may use us. Each speaks for its own users
/// alone.
fn is_server(keeper: &Keeper, from: &Jid) -> bool {
    if from.node().is_some() || from.resource().is_some() {
        return false;
    }
    let domain = from.to_bare();
    domain == requests::home(&keeper.domain) || keeper.accounts.allowed(&domain)
}

/// What an advertisement grants. The elements are looked for at any depth: Debian's Prosody module does not close
/// `<namespace/>` before it opens the next one.
fn advertised(message: &Element) -> Option<Grant> {
    let known = [ns::PRIVILEGE_2, ns::PRIVILEGE_1];
    let (privilege, namespace) =
        known.into_iter().find_map(|namespace| Some((message.get_child("privilege", namespace)?, namespace)))?;
    let mut grant = Grant { namespace, roster: false, message: false };
    let mut open: Vec<&Element> = privilege.children().collect();
    if open.iter().any(|child| child.is("forwarded", ns::FORWARD)) {
        return None; // somebody's copy, not an advertisement
    }
    while let Some(element) = open.pop() {
        if element.is("perm", namespace) {
            match (element.attr("access"), element.attr("type")) {
                (Some("roster"), Some("set" | "both")) => grant.roster = true,
                (Some("message"), Some("outgoing")) => grant.message = true,
                _ => {}
            }
        }
        open.extend(element.children());
    }
    Some(grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(xml: &str) -> Element {
        xml.parse().unwrap()
    }

    #[test]
    fn both_versions_and_debians_nesting_are_read() {
        let ejabberd = parse(
            "<message xmlns='jabber:client' from='example.org' to='gw.example.org'><privilege xmlns='urn:xmpp:privilege:1'>
             <perm access='roster' type='both'/><perm access='message' type='outgoing'/></privilege></message>",
        );
        let grant = Grant { namespace: ns::PRIVILEGE_1, roster: true, message: true };
        assert_eq!(advertised(&ejabberd), Some(grant));
        let debian = parse(
            "<message xmlns='jabber:client'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='get'/>
             <perm access='iq'><namespace ns='a' type='get'><namespace ns='b' type='both'>
             <perm access='message' type='outgoing'/></namespace></namespace></perm></privilege></message>",
        );
        let grant = Grant { namespace: ns::PRIVILEGE_2, roster: false, message: true };
        assert_eq!(advertised(&debian), Some(grant));
    }

    #[test]
    fn elements_of_other_namespaces_grant_nothing() {
        let odd = parse(
            "<message xmlns='jabber:client'><privilege xmlns='urn:xmpp:privilege:2'>
             <perm xmlns='urn:other' access='roster' type='both'/></privilege></message>",
        );
        assert!(!advertised(&odd).unwrap().roster);
    }

    #[test]
    fn only_a_server_sends_own_copies_back() {
        let copy = "<message xmlns='jabber:client' from='FROM'><own-copy xmlns='urn:drawbridge:own-copy:0'/></message>";
        assert!(is_own_copy(&parse(&copy.replace("FROM", "alice@example.org"))));
        assert!(!is_own_copy(&parse(&copy.replace("FROM", "alice@example.org/phone"))));
    }
}
