//! Which kinds of keys count (RFC 9580 section 9.1), and from which size on.

use pgp::ser::Serialize;
use pgp::types::{
    EcdhPublicParams, EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, KeyVersion, PublicParams, RsaPublicParams,
};

/// The same floor as for the keys of sessions.
const LEAST_RSA_BITS: u16 = 2048;

/// Whether what a key signs counts.
pub(super) fn signs(key: &impl KeyDetails) -> bool {
    let is_known = match key.public_params() {
        PublicParams::RSA(rsa) => is_long(rsa),
        PublicParams::ECDSA(curve) => matches!(
            curve,
            EcdsaPublicParams::P256 { .. } | EcdsaPublicParams::P384 { .. } | EcdsaPublicParams::P521 { .. }
        ),
        PublicParams::EdDSALegacy(curve) => matches!(curve, EddsaLegacyPublicParams::Ed25519 { .. }),
        PublicParams::Ed25519(_) | PublicParams::Ed448(_) => true,
        _ => false,
    };
    is_known && is_current(key)
}

/// Whether what is encrypted to a key is safe.
pub(super) fn encrypts(key: &impl KeyDetails) -> bool {
    use EcdhPublicParams::{Curve25519Legacy, P256, P384, P521};
    let is_known = match key.public_params() {
        PublicParams::RSA(rsa) => is_long(rsa),
        PublicParams::ECDH(curve) => {
            matches!(curve, Curve25519Legacy { .. } | P256 { .. } | P384 { .. } | P521 { .. })
        }
        PublicParams::X25519(_) | PublicParams::X448(_) => true,
        _ => false,
    };
    is_known && is_current(key)
}

/// An integer begins with its length in bits (RFC 9580 section 3.2).
fn is_long(rsa: &RsaPublicParams) -> bool {
    match rsa.to_bytes().as_deref() {
        Ok([high, low, ..]) => u16::from_be_bytes([*high, *low]) >= LEAST_RSA_BITS,
        _ => false,
    }
}

fn is_current(key: &impl KeyDetails) -> bool {
    matches!(key.version(), KeyVersion::V4 | KeyVersion::V6)
}
