//! MODP groups (RFC 3526), key pairs, and the checks on what the peer sends.

use std::sync::OnceLock;

use crate::error::{Error, Misbehaviour};
use crate::primitives::{CryptoRng, Modulus, random};
use crate::secret::Secret;

mod primes;

/// A Diffie-Hellman group, weakest first. Groups 1 and 2 are deliberately missing, and 3 and 4 are not MODP groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Group {
    /// A group for tests that can be broken with a pencil.
    #[cfg(feature = "dangerous-test-hooks")]
    #[doc(hidden)]
    Toy,
    /// 1536 bits: for old peers, behind [`crate::Policy::insecure_groups`].
    Modp5,
    /// 2048 bits, the floor.
    Modp14,
    /// 3072 bits.
    Modp15,
    /// 4096 bits.
    Modp16,
    /// 6144 bits.
    Modp17,
    /// 8192 bits.
    Modp18,
}

impl Group {
    /// The value of the `modp` field.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "dangerous-test-hooks")]
            Self::Toy => "toy",
            Self::Modp5 => "5",
            Self::Modp14 => "14",
            Self::Modp15 => "15",
            Self::Modp16 => "16",
            Self::Modp17 => "17",
            Self::Modp18 => "18",
        }
    }

    /// The group with this name in the `modp` field, if we know it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().map(|entry| entry.group).find(|group| group.name() == name)
    }

    /// Whether the group is below the floor of 2048 bits.
    #[must_use]
    pub fn is_insecure(self) -> bool {
        self < Self::Modp14
    }

    fn modulus(self) -> Result<&'static Modulus, Error> {
        let entry = TABLE.iter().find(|entry| entry.group == self);
        let modulus = entry.and_then(|entry| entry.modulus.get_or_init(|| Modulus::new(&octets(entry.prime))).as_ref());
        modulus.ok_or(Error::DecryptFailed)
    }
}

struct Entry {
    group: Group,
    prime: &'static str,
    modulus: OnceLock<Option<Modulus>>,
}

impl Entry {
    const fn new(group: Group, prime: &'static str) -> Self {
        Self { group, prime, modulus: OnceLock::new() }
    }
}

const GROUPS: usize = if cfg!(feature = "dangerous-test-hooks") { 7 } else { 6 };

static TABLE: [Entry; GROUPS] = [
    #[cfg(feature = "dangerous-test-hooks")]
    Entry::new(Group::Toy, "ffffffffffffffffffffffffffffc3a7"),
    Entry::new(Group::Modp5, primes::MODP5),
    Entry::new(Group::Modp14, primes::MODP14),
    Entry::new(Group::Modp15, primes::MODP15),
    Entry::new(Group::Modp16, primes::MODP16),
    Entry::new(Group::Modp17, primes::MODP17),
    Entry::new(Group::Modp18, primes::MODP18),
];

/// The octets of a hexadecimal constant of this crate.
fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| (octet << 4) | digit)).collect()
}

/// A private exponent with its public value g^x mod p.
#[derive(Clone)]
pub(crate) struct KeyPair {
    group: Group,
    private: Secret,
    public: Vec<u8>,
}

impl KeyPair {
    /// A fresh pair. The exponent has exactly 512 bits: more than the 2^255 that XEP-0116 section 4.1 asks for, and short
    /// exponents are safe in these groups, as p = 2q+1.
    pub(crate) fn generate(group: Group, rng: &mut dyn CryptoRng) -> Result<Self, Error> {
        let mut private = random::<64>(rng);
        if let Some(top) = private.first_mut() {
            *top |= 0x80;
        }
        Self::from_private(group, Secret::new(private.as_slice()))
    }

    /// The pair of a given exponent (big-endian).
    pub(crate) fn from_private(group: Group, private: Secret) -> Result<Self, Error> {
        let modulus = group.modulus()?;
        let public = mpi(&modulus.power(&[2], private.expose())).to_vec();
        Ok(Self { group, private, public })
    }

    /// mpi(g^x).
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// The group of the pair.
    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// mpi(peer^x). Stripping leading zeros shows in the time of the next hash: the protocol asks for it.
    pub(crate) fn agree(&self, peer: &PublicValue) -> Result<Secret, Error> {
        let shared = self.group.modulus()?.power(&peer.0, self.private.expose());
        Ok(Secret::new(mpi(&shared)))
    }

    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn private(&self) -> &Secret {
        &self.private
    }
}

/// A value of the peer that has passed every check.
#[derive(Clone)]
pub(crate) struct PublicValue(Vec<u8>);

impl PublicValue {
    /// Checks 1 < v < p-1, minimal encoding, and that v is a square: every honest value is one, since 2 is.
    /// `blame` is the misbehaviour to report.
    pub(crate) fn check(group: Group, octets: &[u8], blame: Misbehaviour) -> Result<Self, Error> {
        let modulus = group.modulus()?;
        let bad = Err(Error::PeerMisbehaved(blame));
        if octets.first().is_none_or(|top| *top == 0) || octets.len() > modulus.octets().len() || octets == [1] {
            return bad;
        }
        let mut below = modulus.octets().to_vec();
        if let Some(last) = below.last_mut() {
            *last &= 0xfe; // p is odd, so this is p-1
        }
        if octets.len() == below.len() && octets >= below.as_slice() {
            return bad;
        }
        if modulus.is_residue(octets) { Ok(Self(octets.to_vec())) } else { bad }
    }

    /// mpi(v).
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// The shortest big-endian form of a number.
pub(crate) fn mpi(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros.min(octets.len().saturating_sub(1))..).unwrap_or_default()
}

/// For the vectors and measures: g^x with no pair kept.
#[cfg(feature = "dangerous-test-hooks")]
pub(crate) fn bare_power(group: Group, base: &[u8], exponent: &[u8]) -> Result<Secret, Error> {
    Ok(Secret::new(&group.modulus()?.power(base, exponent)))
}
