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
    /// The users compared codes in a session that it signed.
    verified: bool,
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

    /// Those of them that the users have verified, or all while there is none.
    #[must_use]
    pub fn trusted(&self, peer: &BareJid) -> Vec<PublicKey> {
        let known = || self.peers.get(peer.as_str()).into_iter().flatten();
        let any_verified = known().any(|pinned| pinned.verified);
        known().filter(|pinned| pinned.verified || !any_verified).filter_map(|pinned| pinned.key.parse().ok()).collect()
    }

    /// A peer has signed with this key.
    pub fn meet(&mut self, peer: &BareJid, key: &PublicKey) -> KeyStanding {
        let known = self.peers.entry(peer.to_string()).or_default();
        let text = key.key_value();
        if let Some(pinned) = known.iter().find(|pinned| pinned.key == text) {
            return if pinned.verified { KeyStanding::Verified } else { KeyStanding::Known };
        }
        let standing = if known.is_empty() { KeyStanding::First } else { KeyStanding::Other };
        known.push(Pinned { key: text, verified: false });
        // What the users have verified is not pushed out by what anybody may show.
        if known.len() > MOST
            && let Some(place) = known.iter().position(|pinned| !pinned.verified)
        {
            known.remove(place);
        }
        standing
    }

    /// The users compared codes in a session that this key signed.
    pub fn verify(&mut self, peer: &BareJid, key: &PublicKey) {
        let text = key.key_value();
        let known = self.peers.get_mut(peer.as_str()).into_iter().flatten();
        known.filter(|pinned| pinned.key == text).for_each(|pinned| pinned.verified = true);
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
        assert_eq!(ring.meet(&carol, &key(3)), KeyStanding::First);
        assert_eq!(ring.trusted(&carol), [key(3)]);
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
