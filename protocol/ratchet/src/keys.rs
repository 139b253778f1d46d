//! Keys: those that live long, those that are used once, and how each dialect writes them.

use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::primitives::{self, CryptoRng, constant_time_eq, xeddsa};

/// 32 octets that wipe themselves on drop and never print.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn new(octets: Zeroizing<[u8; 32]>) -> Self {
        Self(octets)
    }

    /// The octets, for the arithmetic and for a sealed store.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.expose(), other.expose())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A Curve25519 public key (RFC 7748).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// A Curve25519 key pair.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPair {
    secret: Key,
    public: PublicKey,
}

impl KeyPair {
    /// A new pair.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::of(Key(primitives::random(rng)))
    }

    /// As it comes from the store.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self::of(Key(Zeroizing::new(*secret)))
    }

    fn of(secret: Key) -> Self {
        let public = PublicKey(primitives::x25519_public(secret.expose()));
        Self { secret, public }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The private half, for a sealed store.
    #[must_use]
    pub fn secret(&self) -> &Key {
        &self.secret
    }

    /// X25519.
    pub(crate) fn agree(&self, peer: &PublicKey) -> Result<Key, Error> {
        primitives::x25519(self.secret.expose(), &peer.0).map(Key).ok_or(Error::BadKey)
    }
}

/// An identity of our own: what one device is known by, in both dialects.
///
/// Its Ed25519 form has the sign bit 0, so that it is the same key for those that verify signatures with either form.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity(KeyPair);

impl Identity {
    /// A new one.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(KeyPair::generate(rng))
    }

    /// As it comes from the store.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(KeyPair::from_secret(secret))
    }

    /// What it shows in a dialect.
    #[must_use]
    pub fn public(&self, dialect: Dialect) -> IdentityKey {
        match dialect {
            Dialect::Axolotl => IdentityKey::Curve(self.0.public()),
            Dialect::Omemo2 => IdentityKey::Edwards(xeddsa::ed25519_public(self.0.secret().expose())),
        }
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    /// The private half, for a sealed store.
    #[must_use]
    pub fn secret(&self) -> &Key {
        self.0.secret()
    }

    pub(crate) fn sign(&self, message: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> [u8; 64] {
        xeddsa::sign(self.secret().expose(), message, &primitives::random(rng))
    }
}

/// What a device is known by, as one dialect shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKey {
    /// As the older dialect shows it.
    Curve(PublicKey),
    /// An Ed25519 public key, as the newer one does.
    Edwards([u8; 32]),
}

impl IdentityKey {
    /// The form in which identities of both dialects are compared, and agree on secrets.
    ///
    /// # Errors
    /// [`Error::BadKey`]: it is no key.
    pub fn curve(&self) -> Result<PublicKey, Error> {
        match self {
            Self::Curve(public) => Ok(*public),
            Self::Edwards(public) => xeddsa::to_curve25519(public).map(PublicKey).ok_or(Error::BadKey),
        }
    }

    /// As people compare it: the 32 octets of the Curve25519 form in hexadecimal, eight groups of eight.
    ///
    /// # Errors
    /// As [`IdentityKey::curve`].
    pub fn fingerprint(&self) -> Result<String, Error> {
        let digits: Vec<String> = self.curve()?.0.chunks(4).map(hex_group).collect();
        Ok(digits.join(" "))
    }

    /// Whether its owner has signed. An Ed25519 key may also have signed as its Curve25519 form does: libraries differ, and
    /// the owner is the same.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let as_edwards = matches!(self, Self::Edwards(public) if xeddsa::verify_ed25519(public, message, signature));
        as_edwards || self.curve().is_ok_and(|public| xeddsa::verify(&public.0, message, signature))
    }
}

fn hex_group(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
