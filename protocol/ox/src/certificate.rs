//! Somebody's public key (RFC 9580 section 10.1.1), for one JID.

use std::fmt;
use std::io::Cursor;

use esession_attest::standing::{EncryptionKey, Standing, Unfit};
use pgp::composed::{Deserializable, SignedPublicKey};
use pgp::types::{KeyDetails, KeyId};

use crate::fingerprint::Fingerprint;
use crate::user_id::names;

/// A certificate of more octets is none: who has so many signatures on it leaves them out here. (Attestations have this
/// cap too.)
pub const MAX_CERTIFICATE: usize = 64 * 1024;

/// A certificate with more signatures is none either: each may cost a verification at each message.
pub const MAX_SIGNATURES: usize = 100;
/// How far others' clocks may be ahead, in seconds, where nothing else is said. Whose key has just been made, on
/// another host, does not come too early; and certificates count so much before they begin, and expire so much before
/// they end.
pub const SKEW: u64 = 5 * 60;

/// A certificate with the User ID of its JID, that could be encrypted to when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    jid: String,
    fingerprint: Fingerprint,
    octets: Vec<u8>,
    pub(crate) key: SignedPublicKey,
}

/// Why a certificate is not used. Except for [`Unusable::NoCertificate`], its owner has to make or publish a better
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is none in the octets, or more than one, or more than [`MAX_CERTIFICATE`] of them, or than
    /// [`MAX_SIGNATURES`]: the client that has published it is to blame.
    #[error("it is no single certificate, or too large")]
    NoCertificate,
    /// It is of a version that XEP-0373 has no name for.
    #[error("its key is not of version 4")]
    Version,
    /// It does not count for this JID now.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It has no key that others may encrypt to now.
    #[error("it has no key to encrypt to that holds")]
    NoEncryptionKey,
}

impl Certificate {
    /// The certificate of a bare JID, which has to be normalized: it is compared with User IDs as it is, and
    /// as an IRI (XEP-0373 section 7.5; RFC 5122). `now` is in seconds since 1970, give or take
    /// [`SKEW`].
    ///
    /// Armored octets are read too, though they should not be published (XEP-0373 section 4.1): Profanity announces a
    /// file as it is.
    ///
    /// # Errors
    /// It is none, or is not used: [`Unusable`].
    pub fn read(octets: &[u8], jid: &str, now: u64) -> Result<Self, Unusable> {
        if octets.len() > MAX_CERTIFICATE {
            return Err(Unusable::NoCertificate);
        }
        let key = only(octets).filter(|key| signatures(key) <= MAX_SIGNATURES).ok_or(Unusable::NoCertificate)?;
        let fingerprint = Fingerprint::of(&key.fingerprint()).ok_or(Unusable::Version)?;
        let certificate = Self { jid: jid.to_owned(), fingerprint, octets: octets.to_owned(), key };
        certificate.check(now)?;
        Ok(certificate)
    }

    /// Whether it can be encrypted to, and counts, at another time.
    ///
    /// # Errors
    /// It has expired since, say: [`Unusable`].
    pub fn check(&self, now: u64) -> Result<(), Unusable> {
        self.encryption_keys(now).map(|_| ())
    }

    /// At least one.
    pub(crate) fn encryption_keys(&self, now: u64) -> Result<Vec<EncryptionKey<'_>>, Unusable> {
        let keys: Vec<_> = self.standing(now.saturating_add(SKEW))?.encryption_keys().collect();
        if keys.is_empty() { Err(Unusable::NoEncryptionKey) } else { Ok(keys) }
    }

    /// What it is called.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The bare JID that it was read for.
    #[must_use]
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// As it was read.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// As of exactly then.
    pub(crate) fn standing(&self, now: u64) -> Result<Standing<'_>, Unfit> {
        let mut standing = Err(Unfit::OtherName);
        for name in names(&self.jid) {
            standing = Standing::of(&self.key, &name, now);
            if !matches!(standing, Err(Unfit::OtherName)) {
                break;
            }
        }
        standing
    }

    /// Whether a key of it is called so.
    pub(crate) fn has(&self, id: KeyId) -> bool {
        self.key.primary_key.legacy_key_id() == id
            || self.key.public_subkeys.iter().any(|subkey| subkey.key.legacy_key_id() == id)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jid, fingerprint, .. } = self;
        f.debug_struct("Certificate").field("jid", jid).field("fingerprint", fingerprint).finish_non_exhaustive()
    }
}

/// The one certificate there is.
fn only(octets: &[u8]) -> Option<SignedPublicKey> {
    let all = if octets.starts_with(b"-----BEGIN PGP ") {
        SignedPublicKey::from_armor_many_buf(Cursor::new(octets)).map(|(all, _)| all)
    } else {
        SignedPublicKey::from_bytes_many(Cursor::new(octets))
    };
    let mut all = all.ok()?;
    let only = all.next()?.ok()?;
    all.next().is_none().then_some(only)
}

/// How many there are, whosever.
fn signatures(key: &SignedPublicKey) -> usize {
    let details = &key.details;
    let own = details.revocation_signatures.len() + details.direct_signatures.len();
    let users = details.users.iter().map(|user| user.signatures.len()).sum::<usize>();
    let attributes = details.user_attributes.iter().map(|user| user.signatures.len()).sum::<usize>();
    own + users + attributes + key.public_subkeys.iter().map(|subkey| subkey.signatures.len()).sum::<usize>()
}
