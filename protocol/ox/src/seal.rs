//! Content to an `<openpgp/>`: signed with our key, encrypted to the recipients'.

use std::collections::BTreeSet;

use esession_attest::standing::EncryptionKey;
use minidom::Element;
use pgp::composed::RawSessionKey;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::errors::Result as PgpResult;
use pgp::packet::{
    LiteralData, OnePassSignature, PacketHeader, PacketTrait, PublicKeyEncryptedSessionKey, SignatureType,
    SymEncryptedProtectedData,
};
use pgp::types::{KeyDetails, Password, Tag, Timestamp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::certificate::{Certificate, Unusable};
use crate::element::{empty, with_octets};
use crate::envelope::MAX_MESSAGE;
use crate::fingerprint::Fingerprint;
use crate::key::{HASH, Key, signature};
use crate::rng::Old;
use crate::signcrypt::Signcrypt;

/// What all clients read.
const CIPHER: SymmetricKeyAlgorithm = SymmetricKeyAlgorithm::AES256;

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is nobody to encrypt to: the caller has to fetch certificates first.
    #[error("there is no certificate to encrypt to")]
    NoRecipient,
    /// A recipient's certificate has ceased to count: its owner has to publish another, and the caller to leave this
    /// one out.
    #[error("the certificate {0} is not used any more: {1}")]
    Recipient(Fingerprint, Unusable),
    /// The content is larger than anybody reads.
    #[error("the content is too large")]
    TooLarge,
    /// The argument is the library's word, or the time is none that OpenPGP can write (up to 2106).
    #[error("it could not be sealed: {0}")]
    Failed(String),
}

/// An `<openpgp/>` with a `<signcrypt/>` in it: for the JIDs of these certificates, which are all that it is encrypted
/// to. (What is encrypted to the sender too, as XEP-0373 section 3.1 would have it, is read by who steals our key
/// later.)
///
/// # Errors
/// [`SealError`]
pub fn seal(
    key: &Key,
    recipients: &[Certificate],
    payload: &[Element],
    now: u64,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Element, SealError> {
    let mut keys = Vec::new();
    let to: BTreeSet<_> = recipients.iter().map(|recipient| recipient.jid().to_owned()).collect();
    for recipient in recipients {
        let theirs = recipient.encryption_keys(now);
        keys.extend(theirs.map_err(|why| SealError::Recipient(recipient.fingerprint(), why))?);
    }
    if keys.is_empty() {
        return Err(SealError::NoRecipient);
    }
    let over = || SealError::Failed("the time is over".to_owned());
    let to = to.into_iter().collect();
    let content = Signcrypt { to, time: now, payload: payload.to_vec() }.to_element(rng).ok_or_else(over)?;
    let time = Timestamp::from_secs(u32::try_from(now).map_err(|_| over())?);
    let octets = message(key, &keys, &String::from(&content), time, rng);
    let octets = octets.map_err(|error| SealError::Failed(error.to_string()))?;
    if octets.len() > MAX_MESSAGE { Err(SealError::TooLarge) } else { Ok(with_octets(empty("openpgp"), &octets)) }
}

/// An encrypted message with a one-pass signed message in it (RFC 9580 section 10.3), not compressed.
fn message(
    key: &Key,
    recipients: &[EncryptionKey<'_>],
    text: &str,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> PgpResult<Vec<u8>> {
    let signed = signed(key, text, now)?;
    let mut session_key = Zeroizing::new(vec![0; CIPHER.key_size()]);
    rng.fill_bytes(&mut session_key);
    let protected = SymEncryptedProtectedData::encrypt_seipdv1(Old(rng), CIPHER, &session_key, &signed)?;
    let session_key = RawSessionKey::from(session_key);
    let mut octets = Vec::new();
    for recipient in recipients {
        use PublicKeyEncryptedSessionKey as Sealed;
        let sealed = match recipient {
            EncryptionKey::Primary(key) => Sealed::from_session_key_v3(Old(rng), &session_key, CIPHER, *key),
            EncryptionKey::Subkey(key) => Sealed::from_session_key_v3(Old(rng), &session_key, CIPHER, *key),
        };
        sealed?.to_writer_with_header(&mut octets)?;
    }
    protected.to_writer_with_header(&mut octets)?;
    Ok(octets)
}

fn signed(key: &Key, text: &str, now: Timestamp) -> PgpResult<Vec<u8>> {
    let signer = &key.primary;
    let before = OnePassSignature::v3(SignatureType::Binary, HASH, signer.algorithm(), signer.legacy_key_id());
    let config = signature(SignatureType::Binary, signer, now, [])?;
    let signature = config.sign(signer, &Password::empty(), text.as_bytes())?;
    let mut octets = Vec::new();
    before.to_writer_with_header(&mut octets)?;
    literal(text)?.to_writer_with_header(&mut octets)?;
    signature.to_writer_with_header(&mut octets)?;
    Ok(octets)
}

/// Octets without a name and without a time (RFC 9580 section 5.9), which nothing protects.
fn literal(text: &str) -> PgpResult<LiteralData> {
    let head = [b'b', 0, 0, 0, 0, 0];
    let octets = [&head, text.as_bytes()].concat();
    let header = PacketHeader::new_fixed(Tag::LiteralData, octets.len().try_into()?);
    LiteralData::try_from_reader(header, octets.as_slice())
}
