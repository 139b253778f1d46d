//! The only place that names cryptographic crates: here, and below.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes256};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit, array::ArraySize};
use aes_gcm::{AesGcm, Nonce, Tag, aead::consts};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

pub use rand_core::CryptoRng;

pub(crate) mod xeddsa;

/// HKDF with SHA-256 (RFC 5869), with a salt of as many zeros as the hash has octets unless another is given.
#[allow(clippy::expect_used, reason = "the length is ours and far below the limit of 255 hashes")]
pub(crate) fn hkdf<const N: usize>(salt: Option<&[u8; 32]>, secret: &[u8], info: &str) -> Zeroizing<[u8; N]> {
    let mut octets = Zeroizing::new([0; N]);
    let salt = salt.unwrap_or(&[0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info.as_bytes(), octets.as_mut_slice()).expect("a short output");
    octets
}

/// HMAC with SHA-256 (RFC 2104) over the concatenation of `parts`.
#[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Whether two octet strings are equal, in time that depends on their lengths only.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// AES-256 in CBC mode with padding as of PKCS #7 (SP 800-38A, RFC 5652 section 6.3).
pub(crate) fn cbc_encrypt(key: &[u8; 32], iv: &[u8; 16], text: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(text)
}

/// The text, if the padding is right. Only after what it came in was authenticated: else the answer is an oracle.
pub(crate) fn cbc_decrypt(key: &[u8; 32], iv: &[u8; 16], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = cbc::Decryptor::<Aes256>::new(key.into(), iv.into()).decrypt_padded_vec::<Pkcs7>(text);
    text.ok().map(Zeroizing::new)
}

/// AES-128 in Galois/counter mode (SP 800-38D), in place: the tag.
pub(crate) fn gcm_encrypt(key: &[u8; 16], iv: &[u8; 12], text: &mut [u8]) -> Option<[u8; 16]> {
    let cipher = AesGcm::<Aes128, consts::U12>::new(key.into());
    let tag = cipher.encrypt_inout_detached(&Nonce::from(*iv), &[], InOutBuf::from(text)).ok()?;
    Some(tag.into())
}

/// The same backwards; `text` is worth nothing if it says that the tag is wrong. Clients of before 2020 have 16 octets of IV.
pub(crate) fn gcm_decrypt(key: &[u8; 16], iv: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    fn open<N: ArraySize>(key: &[u8; 16], iv: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        let Ok(iv) = Nonce::<N>::try_from(iv) else { return false };
        let cipher = AesGcm::<Aes128, N>::new(key.into());
        cipher.decrypt_inout_detached(&iv, &[], InOutBuf::from(text), &Tag::from(*tag)).is_ok()
    }
    match iv.len() {
        12 => open::<consts::U12>(key, iv, text, tag),
        16 => open::<consts::U16>(key, iv, text, tag),
        _ => false,
    }
}

/// The public key of a private one (RFC 7748).
pub(crate) fn x25519_public(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// X25519 (RFC 7748); nothing if the peer's value is one of those whose result everybody knows.
pub(crate) fn x25519(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = StaticSecret::from(*secret).diffie_hellman(&(*public).into());
    shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
}

/// So many random octets.
pub(crate) fn random<const N: usize>(rng: &mut (impl CryptoRng + ?Sized)) -> Zeroizing<[u8; N]> {
    let mut octets = Zeroizing::new([0; N]);
    rng.fill_bytes(octets.as_mut_slice());
    octets
}
