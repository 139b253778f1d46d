//! Secrets: retained from the last session (XEP-0116 section 5.2), or agreed elsewhere.

use zeroize::Zeroizing;

use crate::options::Hash;
use crate::primitives::{CryptoRng, constant_time_eq, hmac, random};

/// Octets that wipe themselves on drop and never print.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a copy of `octets`.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    /// All of `parts`, one after the other.
    pub(crate) fn join(parts: &[&[u8]]) -> Self {
        Self(Zeroizing::new(parts.concat()))
    }

    /// The octets, for the arithmetic and for a sealed store.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a chain of sessions may be called verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The users compared the five characters of sas28x5. A man in the middle can grind these, so they verify nothing.
    ShortCode,
    /// The users compared what [`crate::Sas::code`] shows: five characters that are committed, or sixteen.
    Code,
    /// The session used an other shared secret of high entropy from an authenticated source, such as
    /// [`RetainedSecret::derive`]. A password that can be guessed is not.
    OtherSecret,
}

/// A secret that two clients keep from one session to the next, so that one comparison covers them all.
///
/// A store holds, per peer, the confirmed secret and those still pending. A new secret is stored as pending at once and
/// replaces its predecessor when [`crate::Session::is_confirmed`] says so; until then both are given to the next
/// negotiation. Anybody can make a responder reach "pending", so pending secrets must never push out the confirmed one.
#[derive(Clone, Debug)]
pub struct RetainedSecret {
    /// The caller's name for it, such as a row number; comes back in [`crate::ChainOutcome`].
    pub id: u64,
    value: Secret,
    verified: bool,
}

impl RetainedSecret {
    /// A secret as it comes from the store (as long as the hash of its session), and whether its whole chain was verified.
    #[must_use]
    pub fn new(id: u64, value: Secret, verified: bool) -> Self {
        Self { id, value, verified }
    }

    /// The octets, for the sealed store.
    #[must_use]
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Whether the users verified this chain once and it never broke since.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Marks the chain verified if the evidence is good enough; returns whether it is verified now.
    /// [`Evidence::ShortCode`] never is.
    pub fn verify(&mut self, evidence: Evidence) -> bool {
        match evidence {
            Evidence::ShortCode => {}
            Evidence::Code | Evidence::OtherSecret => self.verified = true,
        }
        self.verified
    }

    /// A 32-octet secret for another purpose, such as the other shared secret of a session between two further JIDs.
    /// Both ends of the chain get the same; `None` unless the chain is verified.
    #[must_use]
    pub fn derive(&self, label: &str, context: &[u8]) -> Option<Secret> {
        let label_length = u32::try_from(label.len()).ok()?.to_be_bytes();
        let parts: [&[u8]; 4] = [b"ESession Exported Secret", &label_length, label.as_bytes(), context];
        self.verified.then(|| Secret::new(&hmac(Hash::Sha256, self.value.expose(), &parts)))
    }
}

/// What became of the chain of retained secrets in this negotiation. For the responder it holds once the session is
/// confirmed, not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOutcome {
    /// This end knew no secret of the peer: the first session, ask the users to compare.
    New,
    /// The ends share this secret.
    Continued {
        /// The caller's name of the secret.
        id: u64,
        /// Whether the new secret inherits the verified flag.
        verified: bool,
    },
    /// This end had secrets, the peer has none of them: alert as for a changed host key.
    Lost {
        /// Whether one of them was verified.
        was_verified: bool,
    },
}

impl ChainOutcome {
    /// Whether the chain is continued and verified.
    #[must_use]
    pub fn is_verified(self) -> bool {
        matches!(self, Self::Continued { verified: true, .. })
    }
}

/// As many hashes are announced whatever the number of secrets, so that the number does not show.
const ANNOUNCED: usize = 8;

/// The `rshashes` of form A2: HMAC(N_A, RS) of up to eight secrets, filled up with random octets, in random order.
pub(crate) fn announce(
    hash: Hash,
    secrets: &[RetainedSecret],
    nonce_a: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<Vec<u8>> {
    let announced = secrets.iter().take(ANNOUNCED);
    let mut hashes: Vec<Vec<u8>> = announced.map(|secret| secret.request_hash(hash, nonce_a)).collect();
    while hashes.len() < ANNOUNCED {
        hashes.push(filler(hash, rng));
    }
    // Fisher-Yates; 64 random bits modulo at most 8 have no bias that counts
    for last in (1..hashes.len()).rev() {
        let place = u64::from_be_bytes(*random::<8>(rng)) % (last as u64 + 1);
        hashes.swap(last, usize::try_from(place).unwrap_or_default());
    }
    hashes
}

/// Random octets that look like the hash of a secret.
pub(crate) fn filler(hash: Hash, rng: &mut dyn CryptoRng) -> Vec<u8> {
    random::<64>(rng).iter().copied().take(hash.length()).collect()
}

impl RetainedSecret {
    /// HMAC(N_A, RS): how Alice hints at it.
    pub(crate) fn request_hash(&self, hash: Hash, nonce_a: &[u8]) -> Vec<u8> {
        hmac(hash, nonce_a, &[self.value.expose()]).to_vec()
    }

    /// HMAC(SRS, "Shared Retained Secret"): how Bob shows that he has it.
    pub(crate) fn response_hash(&self, hash: Hash) -> Vec<u8> {
        hmac(hash, self.value.expose(), &[b"Shared Retained Secret"]).to_vec()
    }
}

/// Bob's search: the first of our secrets that Alice announced.
pub(crate) fn find_announced<'a>(
    hash: Hash,
    secrets: &'a [RetainedSecret],
    announced: &[Vec<u8>],
    nonce_a: &[u8],
) -> Option<&'a RetainedSecret> {
    secrets.iter().find(|secret| {
        let own = secret.request_hash(hash, nonce_a);
        announced.iter().fold(false, |found, other| found | constant_time_eq(&own, other))
    })
}

/// Alice's search: the secret that Bob found.
pub(crate) fn find_shared<'a>(hash: Hash, secrets: &'a [RetainedSecret], shared: &[u8]) -> Option<&'a RetainedSecret> {
    secrets.iter().find(|secret| constant_time_eq(&secret.response_hash(hash), shared))
}

impl ChainOutcome {
    /// The outcome when this one of our secrets was found, or none.
    pub(crate) fn of(secrets: &[RetainedSecret], shared: Option<&RetainedSecret>) -> Self {
        match shared {
            Some(secret) => Self::Continued { id: secret.id, verified: secret.verified },
            None if secrets.is_empty() => Self::New,
            None => Self::Lost { was_verified: secrets.iter().any(|secret| secret.verified) },
        }
    }
}
