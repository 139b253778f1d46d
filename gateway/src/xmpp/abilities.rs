//! What the users' clients can do, learnt by disco#info (XEP-0030) and remembered by caps hash (XEP-0115).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jid::{FullJid, Jid};
use minidom::Element;

use super::element::{Build, element, stanza};
use super::{caps, nodes, ns};
use crate::keeper::Keeper;

/// How many hashes are remembered: more than there are client versions.
const REMEMBERED: usize = 1000;

/// The features that matter to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// ESessions (XEP-0116).
    pub esession: bool,
    /// Receipts (XEP-0184).
    pub receipts: bool,
    /// Shows reactions (XEP-0444).
    pub reactions: bool,
    /// Wants to be told of avatars (XEP-0084).
    pub avatars: bool,
    /// Wants to be told of devices: in the older dialect of OMEMO, and in the newer one (XEP-0384); and of OpenPGP keys.
    pub devices: [bool; 3],
}

impl Abilities {
    fn of(info: &Element) -> Self {
        let has = |feature: &str| {
            info.children().any(|child| child.is("feature", ns::DISCO_INFO) && child.attr("var") == Some(feature))
        };
        Self {
            esession: has(ns::ESESSION),
            receipts: has(ns::RECEIPTS),
            reactions: has(ns::REACTIONS),
            avatars: has(&format!("{}+notify", ns::AVATAR_METADATA)),
            devices: nodes::notify().map(|feature| has(&feature)),
        }
    }
}

impl Abilities {
    /// Whether it wants to be told of some of the contacts' nodes.
    pub fn watch(&self) -> bool {
        self.avatars || self.devices != [false; 3]
    }
}

/// The caps in a presence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caps {
    node: String,
    ver: String,
    hash: String,
}

impl Caps {
    /// Those of a presence stanza, if it has any.
    pub fn of(presence: &Element) -> Option<Self> {
        let caps = presence.get_child("c", ns::CAPS)?;
        let attribute = |name| caps.attr(name).map(str::to_owned);
        Some(Self { node: attribute("node")?, ver: attribute("ver")?, hash: attribute("hash")? })
    }

    /// Only a SHA-1 hash names what we can check.
    fn key(&self) -> Option<&str> {
        (self.hash == "sha-1").then_some(self.ver.as_str())
    }
}

/// What was learnt, by verified hash.
#[derive(Default)]
pub struct Known {
    by_ver: Mutex<HashMap<String, Abilities>>,
}

impl Known {
    /// What a client with these caps can do, if that is known already.
    pub fn get(&self, caps: Option<&Caps>) -> Option<Abilities> {
        self.lock().get(caps?.key()?).copied()
    }

    /// Reads an answer to disco#info. Remembers it for everybody with the same caps only if the hash is really that of
    /// the answer (XEP-0115, section 5.4): otherwise one client could speak for all others.
    fn learn(&self, caps: Option<&Caps>, info: &Element) -> Abilities {
        let abilities = Abilities::of(info);
        if let Some(ver) = caps.and_then(Caps::key)
            && caps::verification(info).as_deref() == Some(ver)
        {
            let mut known = self.lock();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(ver.to_owned(), abilities);
        }
        abilities
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Abilities>> {
        self.by_ver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a client, in the name of the peer that it has shown itself to. `None` if it does not answer.
pub async fn ask(
    keeper: &Arc<Keeper>,
    known: &Known,
    peer: &Jid,
    client: &FullJid,
    caps: Option<&Caps>,
) -> Option<Abilities> {
    let node = caps.map(|caps| format!("{}#{}", caps.node, caps.ver));
    let query = element("query", ns::DISCO_INFO).with_some("node", node);
    let iq = stanza("iq", peer, &client.clone().into()).with("type", "get").with_child(query);
    let answer = keeper.requests.ask(&keeper.out, iq).await.ok()?;
    Some(known.learn(caps, answer.get_child("query", ns::DISCO_INFO)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(features: &[&str]) -> Element {
        let identity = element("identity", ns::DISCO_INFO).with("category", "client").with("type", "pc");
        let features = features.iter().map(|var| element("feature", ns::DISCO_INFO).with("var", *var));
        element("query", ns::DISCO_INFO).with_child(identity).with_children(features)
    }

    fn caps(hash: &str, ver: &str) -> Caps {
        Caps { node: "https://client.example".to_owned(), ver: ver.to_owned(), hash: hash.to_owned() }
    }

    #[test]
    fn a_true_hash_is_remembered() {
        let known = Known::default();
        let info = info(&[ns::RECEIPTS, ns::ESESSION]);
        let caps = caps("sha-1", &caps::verification(&info).unwrap());
        known.learn(Some(&caps), &info);
        assert_eq!(known.get(Some(&caps)), Some(Abilities { esession: true, receipts: true, ..Abilities::default() }));
    }

    #[test]
    fn a_client_cannot_speak_for_the_hash_of_another() {
        let known = Known::default();
        let honest = info(&[ns::RECEIPTS, ns::ESESSION]);
        let theirs = caps("sha-1", &caps::verification(&honest).unwrap());
        // the poisoner shows the honest client's hash and answers with fewer features
        assert!(!known.learn(Some(&theirs), &info(&[ns::RECEIPTS])).esession);
        assert_eq!(known.get(Some(&theirs)), None);
        // nor does another algorithm's name help
        known.learn(Some(&caps("md5", "x")), &honest);
        assert_eq!(known.get(Some(&caps("md5", "x"))), None);
    }
}
