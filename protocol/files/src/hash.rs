//! Hashes of files (XEP-0300), as far as they are worth something (XEP-0414 section 3.2).

use minidom::Element;
use rxml::xml_ncname;

use crate::error::Error;
use crate::primitives::{constant_time_eq, digest};
use crate::xml::{self, with};

const HASHES: &str = "urn:xmpp:hashes:2";
/// There are not so many algorithms.
const MAX_HASHES: usize = 20;

/// A hash function. MD5 and SHA-1 are none; BLAKE2 nobody sends alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-512.
    Sha3_512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sha256, Self::Sha384, Self::Sha512, Self::Sha3_256, Self::Sha3_512];

    /// Its name in elements.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_512 => "sha3-512",
        }
    }

    /// Octets of a hash.
    fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }
}

/// A hash of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash {
    algorithm: Algorithm,
    value: Vec<u8>,
}

impl Hash {
    /// Of these octets.
    #[must_use]
    pub fn of(algorithm: Algorithm, octets: &[u8]) -> Self {
        Self { algorithm, value: digest(algorithm, octets) }
    }

    /// By which function.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its octets.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Whether it is of these octets.
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        constant_time_eq(&self.value, &digest(self.algorithm, octets))
    }

    /// All hashes of known algorithms among the children of an element. A wrong one is not left out, because then
    /// somebody could make others believe that there was none.
    pub(crate) fn read_all(parent: &Element) -> Result<Vec<Self>, Error> {
        let mut hashes: Vec<Self> = Vec::new();
        for element in parent.children().filter(|child| child.is("hash", HASHES)).take(MAX_HASHES) {
            let name = element.attr("algo").ok_or(Error::Malformed("hash"))?;
            let Some(algorithm) = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name) else {
                continue;
            };
            let value = xml::octets(element, "hash")?.to_vec();
            let is_there = hashes.iter().any(|hash| hash.algorithm == algorithm);
            if value.len() != algorithm.length() || is_there {
                return Err(Error::Malformed("hash"));
            }
            hashes.push(Self { algorithm, value });
        }
        Ok(hashes)
    }

    pub(crate) fn to_element(&self) -> Element {
        with(xml::base64("hash", HASHES, &self.value), xml_ncname!("algo"), self.algorithm.name())
    }
}
