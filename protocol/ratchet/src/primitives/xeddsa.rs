//! XEdDSA (Signal, "The XEdDSA and VXEdDSA Signature Schemes", 2016): Ed25519 signatures with Curve25519 keys.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// The private scalar and the Ed25519 public key of a Curve25519 private key: of the two that it could have, the one with
/// the sign bit 0 (section 2.3, `calculate_key_pair`).
fn key_pair(secret: &[u8; 32]) -> (Zeroizing<Scalar>, [u8; 32]) {
    let scalar = Scalar::from_bytes_mod_order(clamp_integer(*secret));
    let public = EdwardsPoint::mul_base(&scalar).compress().to_bytes();
    let is_negative = public[31] >> 7 == 1;
    let scalar = if is_negative { -scalar } else { scalar };
    let mut public = public;
    public[31] &= 0x7f;
    (Zeroizing::new(scalar), public)
}

/// The Ed25519 public key of a Curve25519 private key.
pub(crate) fn ed25519_public(secret: &[u8; 32]) -> [u8; 32] {
    key_pair(secret).1
}

/// Signs with a Curve25519 private key and 64 random octets (section 2.4, `xeddsa_sign`).
pub(crate) fn sign(secret: &[u8; 32], message: &[u8], random: &[u8; 64]) -> [u8; 64] {
    let (scalar, public) = key_pair(secret);
    // hash_1 begins with 2^256 - 2, little-endian.
    let mut prefix = [0xff; 32];
    prefix[0] = 0xfe;
    let nonce = Zeroizing::new(hash(&[&prefix, scalar.as_bytes(), message, random]));
    let point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let challenge = hash(&[&point, &public, message]);
    let response = *nonce + challenge * *scalar;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point);
    signature[32..].copy_from_slice(response.as_bytes());
    signature
}

/// Whether the owner of a Curve25519 key has signed `message`. The sign of the Ed25519 key is in the highest bit of the
/// signature, where the first implementations put it; by the letter it is always 0.
pub(crate) fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let mut signature = *signature;
    let sign = signature[63] >> 7;
    signature[63] &= 0x7f;
    let Some(point) = MontgomeryPoint(*public).to_edwards(sign) else { return false };
    verify_ed25519(point.compress().as_bytes(), message, &signature)
}

/// Whether the owner of an Ed25519 key has signed `message` (RFC 8032).
pub(crate) fn verify_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(public) else { return false };
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// The Curve25519 form of an Ed25519 public key; nothing for what is none, or generates a small group.
pub(crate) fn to_curve25519(public: &[u8; 32]) -> Option<[u8; 32]> {
    let point = CompressedEdwardsY(*public).decompress()?;
    (!point.is_small_order()).then(|| point.to_montgomery().to_bytes())
}

fn hash(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
