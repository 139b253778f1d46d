//! What an OpenPGP certificate stands for at a time. The library says whether a signature is true; whether it counts (its
//! strength, its time, its use, and what has been revoked) is decided here, on the strict side of RFC 9580, for all that reads
//! OpenPGP: attestations here, and XEP-0373 in `openpgp-xmpp`.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey, PublicSubkey, Signature, SignatureType, SignatureVersion, SubpacketData};
use pgp::types::{Duration, KeyDetails, SignedUser, Tag, Timestamp};

use super::strength::{encrypts, signs};

/// Why a certificate does not count: its owner must act, or nobody can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has not this name, or has not said so in a way that counts now, or has taken it back.
    #[error("it does not name this JID")]
    OtherName,
    /// It has revoked itself.
    #[error("it is revoked")]
    Revoked,
    /// Its primary key is short, or of a kind that nobody should use any more, or that is not known yet.
    #[error("its key is too weak, or of a kind that is not known")]
    Weak,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It may not certify others.
    #[error("it may not certify others")]
    NoAuthority,
}

/// XEP-0373 section 4.1 names people so, in a User ID.
pub(super) const SCHEME: &str = "xmpp:";

/// The User ID of a bare JID, which is compared as it is: the caller's is normalized.
#[must_use]
pub fn user_id(jid: &str) -> String {
    format!("{SCHEME}{jid}")
}

/// A key that others may encrypt to.
#[derive(Clone, Copy)]
pub enum EncryptionKey<'a> {
    /// Gajim of Debian 12 has GnuPG make an RSA key that does everything.
    Primary(&'a PublicKey),
    /// What nearly everybody makes.
    Subkey(&'a PublicSubkey),
}

/// A certificate that is neither expired nor revoked, with the signatures on itself that count now.
pub struct Standing<'a> {
    certificate: &'a SignedPublicKey,
    own: Vec<&'a Signature>,
    now: u64,
}

impl<'a> Standing<'a> {
    /// As somebody of this name, a [`user_id`]; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// It does not count: [`Unfit`].
    pub fn of(certificate: &'a SignedPublicKey, user: &str, now: u64) -> Result<Self, Unfit> {
        let named = certificate.details.users.iter().filter(|it| it.id.id() == user.as_bytes());
        let named = named.filter_map(|user| stands_by(certificate, user, now)).max_by_key(|it| it.created());
        Self::new(certificate, vec![named.ok_or(Unfit::OtherName)?], now)
    }

    /// As somebody who certifies others, of whatever name.
    pub(super) fn of_authority(certificate: &'a SignedPublicKey, now: u64) -> Result<Self, Unfit> {
        let users = certificate.details.users.iter();
        let standing = Self::new(certificate, users.filter_map(|it| stands_by(certificate, it, now)).collect(), now)?;
        if standing.may(KeyFlags::certify) { Ok(standing) } else { Err(Unfit::NoAuthority) }
    }

    fn new(certificate: &'a SignedPublicKey, mut own: Vec<&'a Signature>, now: u64) -> Result<Self, Unfit> {
        let key = &certificate.primary_key;
        let is_true = |it: &Signature| it.typ() == Some(SignatureType::Key) && it.verify_key(key).is_ok();
        own.extend(newest(&certificate.details.direct_signatures, key.created_at(), now, is_true));
        // However weak or old: who can revoke has the key.
        if certificate.details.revocation_signatures.iter().any(|it| it.verify_key(key).is_ok()) {
            return Err(Unfit::Revoked);
        }
        if !signs(key) {
            return Err(Unfit::Weak);
        }
        if own.iter().any(|it| has_expired(key.created_at(), it, now)) {
            return Err(Unfit::Expired);
        }
        Ok(Self { certificate, own, now })
    }

    /// Whether it has signed this, with a key that may sign. For whom (RFC 9580 section 5.2.3.36) is the caller's to look.
    #[must_use]
    pub fn has_signed(&self, signature: &Signature, octets: &[u8]) -> bool {
        let key = &self.certificate.primary_key;
        let is_of_data = matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text));
        let with_primary = || {
            self.may(KeyFlags::sign)
                && counts(signature, key.created_at(), self.now)
                && signature.verify(key, octets).is_ok()
        };
        let with_subkey = |subkey: &SignedPublicSubKey| {
            counts(signature, subkey.key.created_at(), self.now)
                && signature.verify(&subkey.key, octets).is_ok()
                && self.signs_with(subkey)
        };
        is_of_data && (with_primary() || self.certificate.public_subkeys.iter().any(with_subkey))
    }

    /// The keys that others may encrypt to.
    pub fn encryption_keys(&self) -> impl Iterator<Item = EncryptionKey<'a>> {
        let is_for_it = |flags: &KeyFlags| flags.encrypt_comms() || flags.encrypt_storage();
        let may = move |subkey: &&SignedPublicSubKey| {
            self.binding(subkey).is_some_and(|it| is_for_it(&it.key_flags())) && encrypts(&subkey.key)
        };
        let primary = Some(&self.certificate.primary_key).filter(|key| self.may(is_for_it) && encrypts(*key));
        let subkeys = self.certificate.public_subkeys.iter().filter(may).map(|subkey| &subkey.key);
        primary.map(EncryptionKey::Primary).into_iter().chain(subkeys.map(EncryptionKey::Subkey))
    }

    /// Whether it has certified that this certificate is of somebody of this name.
    pub(super) fn certifies(&self, certificate: &SignedPublicKey, user: &str) -> bool {
        let (signer, signee) = (&self.certificate.primary_key, &certificate.primary_key);
        certificate.details.users.iter().filter(|it| it.id.id() == user.as_bytes()).any(|user| {
            let is_true =
                |it: &Signature| it.verify_third_party_certification(signee, signer, Tag::UserId, &user.id).is_ok();
            // A persona certification says that nothing was looked at (RFC 9580 section 5.2.1.5).
            let says = |it: &Signature| {
                is_certification(it) && it.typ() != Some(SignatureType::CertPersona) && it.exportable_certification()
            };
            let certified = newest(&user.signatures, signer.created_at(), self.now, |it| says(it) && is_true(it));
            certified.is_some() && !user.signatures.iter().any(|it| is_revocation(it) && is_true(it))
        })
    }

    fn may(&self, what: impl Fn(&KeyFlags) -> bool) -> bool {
        self.own.iter().any(|it| what(&it.key_flags()))
    }

    /// Whether a subkey is bound to this certificate for signing, and agrees to it.
    fn signs_with(&self, subkey: &SignedPublicSubKey) -> bool {
        let (primary, key) = (&self.certificate.primary_key, &subkey.key);
        let Some(binding) = self.binding(subkey) else { return false };
        let agrees = binding.embedded_signature().is_some_and(|it| {
            it.typ() == Some(SignatureType::KeyBinding)
                && counts(it, key.created_at(), self.now)
                && it.verify_primary_key_binding(key, primary).is_ok()
        });
        agrees && binding.key_flags().sign() && signs(key)
    }

    /// The certificate's newest word on a subkey that is neither expired nor revoked.
    fn binding<'s>(&self, subkey: &'s SignedPublicSubKey) -> Option<&'s Signature> {
        let (primary, key) = (&self.certificate.primary_key, &subkey.key);
        let is_true = |it: &Signature| it.verify_subkey_binding(primary, key).is_ok();
        let is_revoked = |it: &Signature| it.typ() == Some(SignatureType::SubkeyRevocation) && is_true(it);
        let binds = |it: &Signature| it.typ() == Some(SignatureType::SubkeyBinding) && is_true(it);
        let binding = newest(&subkey.signatures, primary.created_at(), self.now, binds)?;
        let is_over = has_expired(key.created_at(), binding, self.now) || subkey.signatures.iter().any(is_revoked);
        (!is_over).then_some(binding)
    }
}

/// The certificate's newest word that this is its name, if it has not taken it back.
fn stands_by<'a>(certificate: &SignedPublicKey, user: &'a SignedUser, now: u64) -> Option<&'a Signature> {
    let key = &certificate.primary_key;
    let is_true = |it: &Signature| it.verify_certification(key, Tag::UserId, &user.id).is_ok();
    let is_revoked = user.signatures.iter().any(|it| is_revocation(it) && is_true(it));
    let newest = newest(&user.signatures, key.created_at(), now, |it| is_certification(it) && is_true(it));
    newest.filter(|_| !is_revoked)
}

fn is_certification(signature: &Signature) -> bool {
    use SignatureType::{CertCasual, CertGeneric, CertPersona, CertPositive};
    matches!(signature.typ(), Some(CertGeneric | CertPersona | CertCasual | CertPositive))
}

fn is_revocation(signature: &Signature) -> bool {
    signature.typ() == Some(SignatureType::CertRevocation)
}

/// The newest that counts and is true.
fn newest(
    signatures: &[Signature],
    since: Timestamp,
    now: u64,
    is_true: impl Fn(&Signature) -> bool,
) -> Option<&Signature> {
    signatures.iter().filter(|it| counts(it, since, now) && is_true(it)).max_by_key(|it| it.created())
}

/// Whether a signature, if it is true, counts now: of a key that was there, with a hash that holds, and with nothing in it that
/// must be understood and is not (RFC 9580 section 5.2.3.7).
fn counts(signature: &Signature, since: Timestamp, now: u64) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    let (Some(config), Some(created)) = (signature.config(), signature.created()) else { return false };
    let is_current = since <= created && u64::from(created.as_secs()) <= now;
    let lasts = signature.signature_expiration_time().map_or(0, Duration::as_secs);
    matches!(config.hash_alg, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
        && matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6)
        && is_current
        && !is_over(created, lasts, now)
        && config.hashed_subpackets().all(|it| !it.is_critical || is_understood(&it.data))
}

fn is_understood(data: &SubpacketData) -> bool {
    use SubpacketData as Is;
    matches!(
        data,
        Is::SignatureCreationTime(_)
            | Is::SignatureExpirationTime(_)
            | Is::KeyExpirationTime(_)
            | Is::IssuerKeyId(_)
            | Is::IssuerFingerprint(_)
            | Is::KeyFlags(_)
            | Is::IntendedRecipientFingerprint(_)
            | Is::IsPrimary(_)
            | Is::Revocable(_)
            | Is::ExportableCertification(_)
            | Is::TrustSignature(..)
            | Is::EmbeddedSignature(_)
            | Is::Features(_)
            | Is::PreferredSymmetricAlgorithms(_)
            | Is::PreferredHashAlgorithms(_)
            | Is::PreferredCompressionAlgorithms(_)
            | Is::PreferredAeadAlgorithms(_)
    )
}

fn has_expired(created: Timestamp, by: &Signature, now: u64) -> bool {
    is_over(created, by.key_expiration_time().map_or(0, Duration::as_secs), now)
}

/// Whether so many seconds have passed; none is for ever.
fn is_over(since: Timestamp, seconds: u32, now: u64) -> bool {
    seconds != 0 && u64::from(since.as_secs()) + u64::from(seconds) <= now
}
