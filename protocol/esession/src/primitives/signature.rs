//! Signatures: RSA by ring, whose operations on the private key are constant time; DSA by the crate of RustCrypto.

use dsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use dsa::signature::{Signer, Verifier};
use dsa::{BoxedUint, Components};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use zeroize::Zeroizing;

use super::CryptoRng;
use crate::options::SignatureAlgorithm;

/// Octets of q, and of each half of a DSA signature: only keys with a q of 256 bits are used.
const Q_LENGTH: usize = 32;

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2), the signature as long as the modulus.
pub(crate) fn rsa_verify(modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = RsaPublicKeyComponents { n: modulus, e: exponent };
    signature.len() == modulus.len() && key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
}

/// DSA with SHA-256 (FIPS 186-4 section 4.7); `numbers` are p, q, g and y, and the signature is r, then s.
pub(crate) fn dsa_verify(numbers: [&[u8]; 4], message: &[u8], signature: &[u8]) -> bool {
    let verify = || {
        let [p, q, g, y] = numbers;
        let key = dsa_key([p, q, g], y)?;
        if signature.len() != 2 * Q_LENGTH {
            return None;
        }
        let (r, s) = signature.split_at(Q_LENGTH);
        let signature = dsa::Signature::from_components(number(r), number(s))?;
        key.verify(message, &signature).ok()
    };
    verify().is_some()
}

/// Whether these are the numbers of a DSA key with 2048 or 3072 bits and a q of 256.
pub(crate) fn is_dsa_key(numbers: [&[u8]; 4]) -> bool {
    let [p, q, g, y] = numbers;
    let full = |octets: &[u8]| octets.first().is_some_and(|top| top & 0x80 != 0);
    let sizes = matches!(p.len(), 256 | 384) && q.len() == Q_LENGTH && full(p) && full(q);
    sizes && q.last().is_some_and(|last| last % 2 == 1) && dsa_key([p, q, g], y).is_some()
}

fn dsa_key([p, q, g]: [&[u8]; 3], y: &[u8]) -> Option<dsa::VerifyingKey> {
    let bits = u32::try_from(p.len() * 8).ok()?;
    if g.len() > p.len() || y.len() > p.len() {
        return None;
    }
    let wide = |octets| BoxedUint::from_be_slice_truncated(octets, bits);
    let components = Components::from_components(wide(p), number(q), wide(g)).ok()?;
    dsa::VerifyingKey::from_components(components, wide(y)).ok()
}

fn number(octets: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_truncated(octets, u32::try_from(octets.len() * 8).unwrap_or(u32::MAX))
}

/// The algorithm of a private key in PKCS #8 with the numbers of its public key; `None` if it is no key that is used here.
pub(crate) fn public_numbers(pkcs8: &[u8]) -> Option<(SignatureAlgorithm, Vec<Vec<u8>>)> {
    if let Ok(key) = RsaKeyPair::from_pkcs8(pkcs8) {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
        return Some((SignatureAlgorithm::RsaSha256, vec![n, e]));
    }
    let key = dsa::SigningKey::from_pkcs8_der(pkcs8).ok()?;
    let (public, shared) = (key.verifying_key(), key.verifying_key().components());
    let numbers = [shared.p().as_ref(), shared.q(), shared.g(), public.y()];
    let octets = |number: &BoxedUint| crate::group::mpi(&number.to_be_bytes()).to_vec();
    Some((SignatureAlgorithm::DsaSha256, numbers.map(octets).into()))
}

/// Signs with a private key in PKCS #8: deterministic either way (DSA by RFC 6979).
pub(crate) fn sign(pkcs8: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    if let Ok(key) = RsaKeyPair::from_pkcs8(pkcs8) {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        return Some(signature);
    }
    let signature = dsa::SigningKey::from_pkcs8_der(pkcs8).ok()?.try_sign(message).ok()?;
    let half = |number: &BoxedUint| {
        let octets = number.to_be_bytes();
        let used = octets.len().saturating_sub(Q_LENGTH);
        octets.get(used..).map(<[u8]>::to_vec)
    };
    Some([half(signature.r())?, half(signature.s())?].concat())
}

/// A new RSA key of this many bits, in PKCS #8.
pub(crate) fn generate_rsa(bits: usize, rng: &mut dyn CryptoRng) -> Option<Zeroizing<Vec<u8>>> {
    let key = rsa::PrivateKey::new(rng, bits).ok()?;
    Some(Zeroizing::new(key.to_pkcs8_der().ok()?.as_bytes().to_vec()))
}

/// The RSA key of these numbers in PKCS #8; the primes follow from them.
#[cfg(feature = "dangerous-test-hooks")]
pub(crate) fn rsa_from_numbers(modulus: &[u8], exponent: &[u8], private: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    use rsa::BoxedUint as Number;
    let bits = u32::try_from(modulus.len() * 8).ok()?;
    let wide = |octets| Number::from_be_slice_truncated(octets, bits);
    let key = rsa::PrivateKey::from_components(wide(modulus), number(exponent), wide(private), vec![]).ok()?;
    Some(Zeroizing::new(key.to_pkcs8_der().ok()?.as_bytes().to_vec()))
}
