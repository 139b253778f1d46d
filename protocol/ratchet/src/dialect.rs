//! The two OMEMOs: the same two protocols with other labels, other spellings, and another order of names.

use crate::error::Error;
use crate::keys::{IdentityKey, PublicKey};

/// The older dialect writes a type before each public key: Curve25519.
const CURVE25519: u8 = 5;

/// Which OMEMO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// `eu.siacs.conversations.axolotl` (XEP-0384 0.3.0): the messages of libsignal, version 3.
    Axolotl,
    /// `urn:xmpp:omemo:2` (XEP-0384 0.9).
    Omemo2,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Axolotl, Self::Omemo2];

    /// HKDF labels.
    pub(crate) fn labels(self) -> Labels {
        match self {
            Self::Axolotl => Labels { agreement: "WhisperText", root: "WhisperRatchet", message: "WhisperMessageKeys" },
            Self::Omemo2 => {
                Labels { agreement: "OMEMO X3DH", root: "OMEMO Root Chain", message: "OMEMO Message Key Material" }
            }
        }
    }

    /// How many octets of the HMAC authenticate a message.
    pub(crate) fn mac_length(self) -> usize {
        match self {
            Self::Axolotl => 8,
            Self::Omemo2 => 16,
        }
    }

    /// A public key that is no identity: 33 octets or 32.
    #[must_use]
    pub fn write_key(self, key: &PublicKey) -> Vec<u8> {
        match self {
            Self::Axolotl => [&[CURVE25519], key.0.as_slice()].concat(),
            Self::Omemo2 => key.0.to_vec(),
        }
    }

    /// Such a key.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read_key(self, octets: &[u8]) -> Result<PublicKey, Error> {
        let octets = match (self, octets) {
            (Self::Axolotl, [CURVE25519, octets @ ..]) | (Self::Omemo2, octets) => octets,
            (Self::Axolotl, _) => return Err(Error::Malformed("public key")),
        };
        octets.try_into().map(PublicKey).map_err(|_| Error::Malformed("public key"))
    }

    /// An identity key.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::BadKey`].
    pub fn read_identity(self, octets: &[u8]) -> Result<IdentityKey, Error> {
        let key = match self {
            Self::Axolotl => IdentityKey::Curve(self.read_key(octets)?),
            Self::Omemo2 => IdentityKey::Edwards(octets.try_into().map_err(|_| Error::Malformed("identity key"))?),
        };
        key.curve().map(|_| key)
    }
}

impl IdentityKey {
    /// As its dialect writes it: 33 octets or 32.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Curve(key) => Dialect::Axolotl.write_key(key),
            Self::Edwards(octets) => octets.to_vec(),
        }
    }
}

/// What separates the keys of one purpose from those of another.
pub(crate) struct Labels {
    pub(crate) agreement: &'static str,
    pub(crate) root: &'static str,
    pub(crate) message: &'static str,
}
