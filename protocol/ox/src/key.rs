//! A secret key of our own.

use std::fmt;
use std::io::Cursor;

use pgp::composed::{Deserializable, KeyType, SignedKeyDetails, SignedSecretKey, SignedSecretSubKey};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::errors::Result as PgpResult;
use pgp::packet::{
    Features, KeyFlags, PubKeyInner, PublicKey, PublicSubkey, SecretKey, SecretSubkey, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::ser::Serialize;
use pgp::types::{CompressionAlgorithm, KeyDetails, KeyVersion, PacketHeaderVersion, Password, Tag, Timestamp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::fingerprint::Fingerprint;
use crate::rng::Old;
use crate::user_id::names;

/// What everything of ours is signed with: all clients know it.
pub(crate) const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// A secret key for one JID: Ed25519 that signs, and X25519 that is encrypted to, in the encoding of version 4 that
/// GnuPG 2.2 and all others read (RFC 9580 sections 9.2 and 11). It never expires, is wiped when dropped, and is not
/// shown by `Debug`.
pub struct Key {
    jid: String,
    fingerprint: Fingerprint,
    pub(crate) primary: SecretKey,
    details: SignedKeyDetails,
    subkey: SignedSecretSubKey,
}

/// Why there is no key; nobody but us can act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// What was stored is none that was ever made here, or is locked with a passphrase.
    #[error("it is no secret key of ours")]
    NoKey,
    /// It could not be made: the argument is the library's word, or the time is none that OpenPGP can write (up to
    /// 2106).
    #[error("it could not be made: {0}")]
    Failed(String),
}

impl Key {
    /// A new one, for a bare JID: its User ID is `xmpp:JID` (XEP-0373 section 7.5), and where that is no IRI (RFC 5122)
    /// it has one more that is. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`KeyError::Failed`].
    pub fn generate(jid: &str, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, KeyError> {
        let now = u32::try_from(now).map_err(|_| KeyError::Failed("the time is over".to_owned()))?;
        let secret = make(jid, Timestamp::from_secs(now), rng).map_err(|error| KeyError::Failed(error.to_string()))?;
        Self::of(secret)
    }

    /// From what [`Self::octets`] has given.
    ///
    /// # Errors
    /// [`KeyError::NoKey`].
    pub fn read(octets: &[u8]) -> Result<Self, KeyError> {
        Self::of(SignedSecretKey::from_bytes(Cursor::new(octets)).map_err(|_| KeyError::NoKey)?)
    }

    fn of(secret: SignedSecretKey) -> Result<Self, KeyError> {
        let first = secret.details.users.first().and_then(|user| user.id.as_str()).ok_or(KeyError::NoKey)?;
        let jid = first.strip_prefix("xmpp:").ok_or(KeyError::NoKey)?.to_owned();
        let fingerprint = Fingerprint::of(&secret.primary_key.fingerprint()).ok_or(KeyError::NoKey)?;
        let SignedSecretKey { primary_key: primary, details, public_subkeys: _, mut secret_subkeys } = secret;
        let (Some(subkey), true) = (secret_subkeys.pop(), secret_subkeys.is_empty()) else {
            return Err(KeyError::NoKey);
        };
        let algorithms = (primary.algorithm(), subkey.key.algorithm());
        let is_ours = algorithms == (PublicKeyAlgorithm::EdDSALegacy, PublicKeyAlgorithm::ECDH);
        let is_locked = primary.secret_params().is_encrypted() || subkey.key.secret_params().is_encrypted();
        let key = Self { jid, fingerprint, primary, details, subkey };
        if is_ours && !is_locked { Ok(key) } else { Err(KeyError::NoKey) }
    }

    /// To be stored, sealed: a transferable secret key (RFC 9580 section 10.1.2) without a passphrase.
    ///
    /// # Errors
    /// [`KeyError::Failed`], which the library could but does not do.
    pub fn octets(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let length = self.primary.write_len() + self.details.write_len() + self.subkey.write_len();
        // So that it does not grow, and leave octets behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(2 * length));
        let written = pgp::packet::PacketTrait::to_writer_with_header(&self.primary, &mut *octets)
            .and_then(|()| self.details.to_writer(&mut *octets))
            .and_then(|()| self.subkey.to_writer(&mut *octets));
        written.map_err(|error| KeyError::Failed(error.to_string()))?;
        Ok(octets)
    }

    /// The bare JID that it is for.
    #[must_use]
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// What it is called.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The public key with its User ID, to be published in [`crate::pubkey`].
    #[must_use]
    pub fn public_octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let public = self.primary.public_key();
        // Writing to memory does not fail.
        let _ = pgp::packet::PacketTrait::to_writer_with_header(public, &mut octets)
            .and_then(|()| self.details.to_writer(&mut octets))
            .and_then(|()| self.subkey.signed_public_key().to_writer(&mut octets));
        octets
    }

    /// The key that others encrypt to.
    pub(crate) fn subkey(&self) -> &SecretSubkey {
        &self.subkey.key
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("jid", &self.jid).field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

fn make(jid: &str, now: Timestamp, rng: &mut (impl CryptoRng + ?Sized)) -> PgpResult<SignedSecretKey> {
    let no_password = Password::empty();
    let signing = KeyType::Ed25519Legacy;
    let (public, secret) = signing.generate(Old(rng))?;
    let public = PubKeyInner::new(KeyVersion::V4, signing.to_alg(), now, None, public)?;
    let primary = SecretKey::new(PublicKey::from_inner(public)?, secret)?;

    let encrypting = KeyType::ECDH(ECCCurve::Curve25519Legacy);
    let (public, secret) = encrypting.generate(Old(rng))?;
    let public = PubKeyInner::new(KeyVersion::V4, encrypting.to_alg(), now, None, public)?;
    let subkey = SecretSubkey::new(PublicSubkey::from_inner(public)?, secret)?;

    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    // The older integrity protection alone: it is all that is read here.
    let mut features = Features::default();
    features.set_seipd_v1(true);
    let preferences = [
        SubpacketData::KeyFlags(flags),
        SubpacketData::Features(features),
        SubpacketData::PreferredSymmetricAlgorithms(
            [SymmetricKeyAlgorithm::AES256, SymmetricKeyAlgorithm::AES128].into_iter().collect(),
        ),
        SubpacketData::PreferredHashAlgorithms([HASH, HashAlgorithm::Sha512].into_iter().collect()),
        // Messages are short, and what is compressed tells by its length what is in it.
        SubpacketData::PreferredCompressionAlgorithms([CompressionAlgorithm::Uncompressed].into_iter().collect()),
    ];
    let mut users = Vec::new();
    for name in names(jid) {
        let user = UserId::from_str(PacketHeaderVersion::New, name)?;
        // Profanity looks at the first alone.
        let first = users.is_empty().then_some(SubpacketData::IsPrimary(true));
        let config =
            signature(SignatureType::CertPositive, &primary, now, preferences.clone().into_iter().chain(first))?;
        let word = config.sign_certification(&primary, primary.public_key(), &no_password, Tag::UserId, &user)?;
        users.push(user.into_signed(word));
    }

    let mut flags = KeyFlags::default();
    flags.set_encrypt_comms(true);
    flags.set_encrypt_storage(true);
    let config = signature(SignatureType::SubkeyBinding, &primary, now, [SubpacketData::KeyFlags(flags)])?;
    let binding = config.sign_subkey_binding(&primary, primary.public_key(), &no_password, subkey.public_key())?;

    let details = SignedKeyDetails::new(Vec::new(), Vec::new(), users, Vec::new());
    let subkey = SignedSecretSubKey::new(subkey, vec![binding]);
    Ok(SignedSecretKey::new(primary, details, Vec::new(), vec![subkey]))
}

/// A signature to be, of our own, with these parts.
pub(crate) fn signature(
    typ: SignatureType,
    key: &SecretKey,
    now: Timestamp,
    parts: impl IntoIterator<Item = SubpacketData>,
) -> PgpResult<SignatureConfig> {
    let mut config = SignatureConfig::v4(typ, key.algorithm(), HASH);
    let always = [SubpacketData::SignatureCreationTime(now), SubpacketData::IssuerFingerprint(key.fingerprint())];
    config.hashed_subpackets = always.into_iter().chain(parts).map(Subpacket::regular).collect::<PgpResult<_>>()?;
    // GnuPG before 2.1.16 finds the key by this alone.
    config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(config)
}
