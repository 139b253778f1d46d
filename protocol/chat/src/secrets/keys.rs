//! Public keys: the account's own, and the ones that each peer has shown.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use esession::{PublicKey, SigningKey};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Keys kept per peer: those of its clients, and some that it had.
const MOST: usize = 16;

/// All keys of one account.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KeyRing {
    own: Option<Own>,
    peers: BTreeMap<String, Vec<Pinned>>,
}

/// PKCS #8 in Base64.
#[derive(Clone, Serialize, Deserialize)]
struct Own(String);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A key that a peer has shown.
#[derive(Clone, Serialize, Deserialize)]
struct Pinned {
    /// Its one spelling, as XML.
    key: String,
    /// The users compared codes in a session that it signed, or its fingerprint elsewhere.
    verified: bool,
    /// The peer's server says that it is the peer's, and the peer has never shown it.
    #[serde(default)]
    published: bool,
}

/// How a key stands that a peer shows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// The first one of this peer. It is remembered.
    First,
    /// It was there before.
    Known,
    /// The users compared codes in a session that it signed.
    Verified,
    /// The peer had others, and not this one. It is remembered from now on.
    Other,
    /// It is the first one of this peer, and known of somebody else.
    Moved,
    /// The peer's server gives it out. The peer itself has never shown it.
    Published,
}

impl KeyStanding {
    /// As it is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Known => "known",
            Self::Verified => "verified",
            Self::Other => "other",
            Self::Moved => "moved",
            Self::Published => "published",
        }
    }
}

impl KeyRing {
    /// The key that the account signs with, once it has one.
    #[must_use]
    pub fn own(&self) -> Option<SigningKey> {
        let octets = Zeroizing::new(BASE64.decode(&self.own.as_ref()?.0).ok()?);
        SigningKey::from_pkcs8(&octets).ok()
    }

    /// From now on the account signs with this one.
    pub fn set_own(&mut self, key: &SigningKey) {
        self.own = Some(Own(BASE64.encode(key.to_pkcs8().expose())));
    }

    /// The keys that this peer has shown.
    #[must_use]
    pub fn of(&self, peer: &BareJid) -> Vec<PublicKey> {
        let known = self.peers.get(peer.as_str()).into_iter().flatten();
        known.filter_map(|pinned| pinned.key.parse().ok()).collect()
    }

    /// The same, with how each stands.
    #[must_use]
    pub fn standings(&self, peer: &BareJid) -> Vec<(PublicKey, KeyStanding)> {
        let known = self.peers.get(peer.as_str()).into_iter().flatten();
        known.filter_map(|pinned| Some((pinned.key.parse().ok()?, pinned.standing()))).collect()
    }

    /// Those of them that the users have verified; while there is none, those that the peer has shown; while there is none
    /// of these either, those that its server gives out.
    #[must_use]
    pub fn trusted(&self, peer: &BareJid) -> Vec<PublicKey> {
        let known = || self.peers.get(peer.as_str()).into_iter().flatten();
        let best = known().map(Pinned::standing).min_by_key(|standing| standing.rank());
        let counts = |pinned: &&Pinned| Some(pinned.standing().rank()) == best.map(KeyStanding::rank);
        known().filter(counts).filter_map(|pinned| pinned.key.parse().ok()).collect()
    }

    /// A peer has signed with this key.
    pub fn meet(&mut self, peer: &BareJid, key: &PublicKey) -> KeyStanding {
        let text = key.key_value();
        let is_elsewhere = self.owner_of(peer, &text).is_some();
        let known = self.peers.entry(peer.to_string()).or_default();
        let found = known.iter_mut().find(|pinned| pinned.key == text);
        if let Some(pinned) = found.as_ref().filter(|pinned| pinned.verified || !pinned.published) {
            return pinned.standing();
        }
        // That a server has given it out before makes it no better known.
        if let Some(pinned) = found {
            pinned.published = false;
        } else {
            pin(known, Pinned { key: text.clone(), verified: false, published: false });
        }
        let has_others = known.iter().any(|pinned| pinned.key != text && !pinned.published);
        match (has_others, is_elsewhere) {
            (true, _) => KeyStanding::Other,
            (false, true) => KeyStanding::Moved,
            (false, false) => KeyStanding::First,
        }
    }

    /// The peer's server gives out this key: it can be recognised from now on.
    pub fn learn(&mut self, peer: &BareJid, key: &PublicKey) {
        let known = self.peers.entry(peer.to_string()).or_default();
        let text = key.key_value();
        if known.iter().all(|pinned| pinned.key != text) {
            pin(known, Pinned { key: text, verified: false, published: true });
        }
    }

    /// The users compared codes in a session that this key signed, or its fingerprint elsewhere.
    pub fn verify(&mut self, peer: &BareJid, key: &PublicKey) {
        let text = key.key_value();
        let known = self.peers.get_mut(peer.as_str()).into_iter().flatten();
        known.filter(|pinned| pinned.key == text).for_each(|pinned| pinned.verified = true);
    }

    /// The key of this peer with this fingerprint, however it is spaced.
    #[must_use]
    pub fn find(&self, peer: &BareJid, print: &str) -> Option<PublicKey> {
        self.of(peer).into_iter().find(|key| key.is_meant_by(print))
    }

    /// This key is the peer's no more.
    pub fn forget(&mut self, peer: &BareJid, key: &PublicKey) {
        let text = key.key_value();
        if let Some(known) = self.peers.get_mut(peer.as_str()) {
            known.retain(|pinned| pinned.key != text);
        }
    }

    /// Who else has shown this key.
    #[must_use]
    pub fn other_owner(&self, peer: &BareJid, key: &PublicKey) -> Option<&str> {
        self.owner_of(peer, &key.key_value())
    }

    fn owner_of(&self, peer: &BareJid, text: &str) -> Option<&str> {
        let has = |known: &[Pinned]| known.iter().any(|pinned| pinned.key == text && !pinned.published);
        let mut others = self.peers.iter().filter(|(other, _)| other.as_str() != peer.as_str());
        others.find(|(_, known)| has(known)).map(|(other, _)| other.as_str())
    }
}

impl Pinned {
    fn standing(&self) -> KeyStanding {
        match (self.verified, self.published) {
            (true, _) => KeyStanding::Verified,
            (false, true) => KeyStanding::Published,
            (false, false) => KeyStanding::Known,
        }
    }
}

impl KeyStanding {
    /// What is better counts alone.
    fn rank(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::First | Self::Known | Self::Other | Self::Moved => 1,
            Self::Published => 2,
        }
    }
}

/// What the users have verified is not pushed out by what anybody may show, and what was shown not by what servers give out.
fn pin(known: &mut Vec<Pinned>, new: Pinned) {
    known.push(new);
    if known.len() > MOST {
        let unshown = known.iter().position(|pinned| pinned.standing() == KeyStanding::Published);
        if let Some(place) = unshown.or_else(|| known.iter().position(|pinned| !pinned.verified)) {
            known.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> PublicKey {
        let mut modulus = vec![seed | 1; 256];
        modulus[0] = 0xc0;
        PublicKey::rsa(&modulus, &[1, 0, 1]).unwrap()
    }

    #[test]
    fn a_key_is_first_then_known_then_verified_and_another_one_is_another() {
        let (mut ring, bob) = (KeyRing::default(), BareJid::new("bob@example.org").unwrap());
        assert_eq!(ring.meet(&bob, &key(3)), KeyStanding::First);
        assert_eq!(ring.meet(&bob, &key(3)), KeyStanding::Known);
        ring.verify(&bob, &key(3));
        assert_eq!(ring.meet(&bob, &key(3)), KeyStanding::Verified);
        assert_eq!(ring.of(&bob), [key(3)]);
        assert_eq!(ring.meet(&bob, &key(5)), KeyStanding::Other);
        assert_eq!(ring.meet(&bob, &key(5)), KeyStanding::Known);
        assert_eq!((ring.of(&bob).len(), ring.trusted(&bob)), (2, vec![key(3)]));
        let carol = BareJid::new("carol@example.org").unwrap();
        assert_eq!(ring.meet(&carol, &key(3)), KeyStanding::Moved);
        assert_eq!(ring.other_owner(&carol, &key(3)), Some("bob@example.org"));
        assert_eq!(ring.meet(&carol, &key(3)), KeyStanding::Known);
        assert_eq!(ring.trusted(&carol), [key(3)]);
    }

    #[test]
    fn what_a_server_gives_out_is_recognised_and_counts_less_than_what_was_shown() {
        let (mut ring, bob) = (KeyRing::default(), BareJid::new("bob@example.org").unwrap());
        ring.learn(&bob, &key(3));
        assert_eq!((ring.of(&bob), ring.trusted(&bob)), (vec![key(3)], vec![key(3)]));
        assert_eq!(ring.meet(&bob, &key(5)), KeyStanding::First, "the server's word is no history");
        assert_eq!(ring.trusted(&bob), [key(5)]);
        assert_eq!(ring.meet(&bob, &key(3)), KeyStanding::Other, "nor does it make a key known");
        ring.learn(&bob, &key(7));
        assert_eq!(ring.standings(&bob).last(), Some(&(key(7), KeyStanding::Published)));
        let print = key(7).fingerprint_text().to_uppercase().replace(' ', "");
        let found = ring.find(&bob, &print).unwrap();
        ring.verify(&bob, &found);
        assert_eq!((ring.trusted(&bob), ring.meet(&bob, &key(7))), (vec![key(7)], KeyStanding::Verified));
        ring.forget(&bob, &key(7));
        assert_eq!((ring.find(&bob, &print), ring.of(&bob).len()), (None, 2));
        for seed in 20..60 {
            ring.learn(&bob, &key(2 * seed + 1));
        }
        assert!(ring.of(&bob).contains(&key(3)) && ring.of(&bob).contains(&key(5)));
        assert_eq!(ring.of(&bob).len(), MOST);
    }

    #[test]
    fn strangers_push_out_nothing_that_was_verified() {
        let (mut ring, bob) = (KeyRing::default(), BareJid::new("bob@example.org").unwrap());
        ring.meet(&bob, &key(3));
        ring.verify(&bob, &key(3));
        for seed in 2..60 {
            ring.meet(&bob, &key(2 * seed + 1));
        }
        assert_eq!(ring.meet(&bob, &key(3)), KeyStanding::Verified);
        assert_eq!(ring.peers["bob@example.org"].len(), MOST);
    }
}
