//! Secrets that a quantum computer does not find: X25519 and ML-KEM-768 beside the groups of the protocol, between two ends
//! of this crate (esessions.md, W10).
//!
//! Form A shows a share. Form B, and every re-key after it, answers with a share of its own and a ciphertext for the peer's
//! newest one. What comes of it goes into K as another shared secret, so K is as good as the better of the two.

use crate::primitives::CryptoRng;
use crate::primitives::hybrid::{CIPHERTEXT, PUBLIC, Private, encapsulate, is_public};
use crate::secret::Secret;

/// The private field of both forms.
pub(crate) const FIELD: &str = "x-x25519-mlkem768";

/// A public value of the peer.
#[derive(Clone, Debug)]
pub(crate) struct Share(Vec<u8>);

impl Share {
    /// A point of the curve and an encapsulation key.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        is_public(octets).then(|| Self(octets.to_vec()))
    }
}

/// Our private values.
pub(crate) struct HybridKeys(Private);

/// Where the two ends stand once they share something.
pub(crate) struct Hybrid {
    pub(crate) own: HybridKeys,
    /// The newest of the peer.
    pub(crate) peer: Share,
}

/// New private values, made for a share of the peer.
pub(crate) struct Answer {
    pub(crate) own: HybridKeys,
    /// Our new share, and the ciphertext.
    pub(crate) message: Vec<u8>,
    /// KEM secret | ECDH secret, 64 octets.
    pub(crate) secret: Secret,
}

impl HybridKeys {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(Private::generate(rng))
    }

    /// Our share.
    pub(crate) fn share(&self) -> Vec<u8> {
        self.0.public()
    }

    /// Answers a share of the peer with fresh keys. `None` if its point is of small order.
    pub(crate) fn answer(peer: &Share, rng: &mut dyn CryptoRng) -> Option<Answer> {
        let own = Self::generate(rng);
        let (ciphertext, shared) = encapsulate(&peer.0, rng)?;
        let secret = joined(&shared, &own.0.agree(&peer.0)?);
        Some(Answer { message: [own.share(), ciphertext].concat(), own, secret })
    }

    /// The peer's answer to our share: its own, and the secret.
    pub(crate) fn open(&self, message: &[u8]) -> Option<(Share, Secret)> {
        let (share, ciphertext) = message.split_at_checked(PUBLIC).filter(|(_, rest)| rest.len() == CIPHERTEXT)?;
        let share = Share::read(share)?;
        let secret = joined(&self.0.decapsulate(ciphertext)?, &self.0.agree(&share.0)?);
        Some((share, secret))
    }
}

fn joined(first: &[u8], second: &[u8]) -> Secret {
    Secret::join(&[first, second])
}
