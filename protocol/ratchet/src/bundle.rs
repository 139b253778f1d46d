//! What a device publishes so that others can begin a session with it while it is away.

use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Identity, IdentityKey, KeyPair, PublicKey};
use crate::primitives::CryptoRng;

/// A prekey as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prekey {
    /// Its name, of its device.
    pub id: u32,
    /// The key.
    pub key: PublicKey,
}

/// A prekey that stands for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPrekey {
    /// Its name, of its device.
    pub id: u32,
    /// The key.
    pub key: PublicKey,
    /// By the identity key.
    pub signature: [u8; 64],
}

impl SignedPrekey {
    /// Signs a key, as it is written in a dialect.
    #[must_use]
    pub fn sign(
        dialect: Dialect,
        identity: &Identity,
        id: u32,
        pair: &KeyPair,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let key = pair.public();
        Self { id, key, signature: identity.sign(&dialect.write_key(&key), rng) }
    }
}

/// What another device has published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What it is known by.
    pub identity: IdentityKey,
    /// The prekey that stands for a while.
    pub signed_prekey: SignedPrekey,
    /// Those that are used once.
    pub prekeys: Vec<Prekey>,
}

impl Bundle {
    /// Whether the identity key has signed the signed prekey.
    ///
    /// # Errors
    /// [`Error::BadSignature`].
    pub fn verify(&self, dialect: Dialect) -> Result<(), Error> {
        let SignedPrekey { key, signature, .. } = &self.signed_prekey;
        let signed = self.identity.has_signed(&dialect.write_key(key), signature);
        if signed { Ok(()) } else { Err(Error::BadSignature) }
    }
}
