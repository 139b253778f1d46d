//! X25519 (RFC 7748) and ML-KEM-768 (FIPS 203) side by side.

use ml_kem::kem::{Decapsulate, Encapsulate, KeyExport};
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use super::{CryptoRng, random};

/// Octets of a public value: a point of the curve, and an encapsulation key.
pub(crate) const PUBLIC: usize = POINT + 1184;
/// Octets of a ciphertext for one.
pub(crate) const CIPHERTEXT: usize = 1088;
const POINT: usize = 32;

/// The private halves of one public value.
pub(crate) struct Private {
    curve: StaticSecret,
    lattice: DecapsulationKey,
}

impl Private {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut seed = ml_kem::Seed::from(*random::<64>(rng));
        let lattice = DecapsulationKey::from_seed(seed);
        seed.zeroize();
        Self { curve: StaticSecret::from(*random::<32>(rng)), lattice }
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        let mut public = PublicKey::from(&self.curve).as_bytes().to_vec();
        public.extend_from_slice(&self.lattice.encapsulation_key().to_bytes());
        public
    }

    /// The point that both ends get from their curves; `None` where the peer's is of small order.
    pub(crate) fn agree(&self, peer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let point: [u8; POINT] = peer.get(..POINT)?.try_into().ok()?;
        let shared = self.curve.diffie_hellman(&PublicKey::from(point));
        shared.was_contributory().then(|| Zeroizing::new(shared.as_bytes().to_vec()))
    }

    /// What [`encapsulate`] shared under our public value. A wrong ciphertext gives octets that nobody else knows.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut shared = self.lattice.decapsulate_slice(ciphertext).ok()?;
        let octets = Zeroizing::new(shared.to_vec());
        shared.zeroize();
        Some(octets)
    }
}

/// Whether octets are a public value (FIPS 203 section 7.2; a point can be any).
pub(crate) fn is_public(octets: &[u8]) -> bool {
    octets.len() == PUBLIC && encapsulation_key(octets).is_some()
}

/// A fresh secret and the ciphertext that brings it to the owner of a public value.
pub(crate) fn encapsulate(public: &[u8], rng: &mut dyn CryptoRng) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let (ciphertext, mut shared) = encapsulation_key(public)?.encapsulate_with_rng(rng);
    let octets = Zeroizing::new(shared.to_vec());
    shared.zeroize();
    Some((ciphertext.to_vec(), octets))
}

fn encapsulation_key(public: &[u8]) -> Option<EncapsulationKey> {
    EncapsulationKey::new(public.get(POINT..)?.try_into().ok()?).ok()
}
