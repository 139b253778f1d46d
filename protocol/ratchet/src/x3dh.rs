//! X3DH (Signal, "The X3DH Key Agreement Protocol", 2016): a shared secret with a device that is away.

use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Identity, Key, KeyPair, PublicKey};
use crate::primitives::hkdf;

/// The secret of the end that begins: with the peer's identity key, its signed prekey, and one of its prekeys (section 3.3).
pub(crate) fn initiate(
    dialect: Dialect,
    own: &Identity,
    base: &KeyPair,
    [identity, signed_prekey, prekey]: [&PublicKey; 3],
) -> Result<Key, Error> {
    let agreed =
        [own.pair().agree(signed_prekey)?, base.agree(identity)?, base.agree(signed_prekey)?, base.agree(prekey)?];
    Ok(secret(dialect, &agreed))
}

/// The secret of the end that was away (section 3.4).
pub(crate) fn accept(
    dialect: Dialect,
    own: &Identity,
    [signed_prekey, prekey]: [&KeyPair; 2],
    [identity, base]: [&PublicKey; 2],
) -> Result<Key, Error> {
    let agreed =
        [signed_prekey.agree(identity)?, own.pair().agree(base)?, signed_prekey.agree(base)?, prekey.agree(base)?];
    Ok(secret(dialect, &agreed))
}

/// KDF(DH1 || DH2 || DH3 || DH4), section 2.2: for Curve25519 there are 32 octets of ones before.
fn secret(dialect: Dialect, agreed: &[Key; 4]) -> Key {
    let mut octets = Zeroizing::new(Vec::with_capacity(160));
    octets.extend([0xff; 32]);
    agreed.iter().for_each(|key| octets.extend(key.expose()));
    Key::new(hkdf(None, &octets, dialect.labels().agreement))
}
