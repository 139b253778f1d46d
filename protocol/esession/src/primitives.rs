//! The only place that names cryptographic crates: here, and below.

use std::sync::Arc;

use aes::cipher::consts::{U16, U64};
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeySizeUser, StreamCipher, StreamCipherCoreWrapper};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use ctr::CtrCore;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use whirlpool::Whirlpool;
use zeroize::{Zeroize, Zeroizing};

pub use rand_core::CryptoRng;

pub(crate) mod expansion;
pub(crate) mod hybrid;
mod jacobi;
pub(crate) mod signature;

use crate::options::{Cipher, Hash};

/// SHA-256 over the concatenation of `parts` (FIPS 180-4).
pub(crate) fn sha256(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    hash(Hash::Sha256, parts)
}

/// SHA-256 (FIPS 180-4) or Whirlpool (ISO/IEC 10118-3) over the concatenation of `parts`.
pub(crate) fn hash(hash: Hash, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    fn digest<D: Digest>(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        let mut hash = D::new();
        parts.iter().for_each(|part| hash.update(part));
        Zeroizing::new(hash.finalize().to_vec())
    }
    match hash {
        Hash::Sha256 => digest::<Sha256>(parts),
        Hash::Whirlpool => digest::<Whirlpool>(parts),
    }
}

/// HMAC over the concatenation of `parts` (RFC 2104). Both hashes have blocks of 64 octets.
pub(crate) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    fn keyed<M: Mac + KeyInit + KeySizeUser<KeySize = U64>>(block: &[u8; 64], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        let mut mac = <M as KeyInit>::new(block.into());
        parts.iter().for_each(|part| mac.update(part));
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
    // The key is hashed by hand when it is longer than a block (RFC 2104 section 2): no length can fail then.
    let mut block = Zeroizing::new([0_u8; 64]);
    let short = if key.len() > block.len() { self::hash(hash, &[key]) } else { Zeroizing::new(key.to_vec()) };
    block.iter_mut().zip(short.iter()).for_each(|(place, octet)| *place = *octet);
    match hash {
        Hash::Sha256 => keyed::<Hmac<Sha256>>(&block, parts),
        Hash::Whirlpool => keyed::<Hmac<Whirlpool>>(&block, parts),
    }
}

/// Whether two octet strings are equal, in time that depends on their lengths only.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A block cipher in counter mode with a 128-bit big-endian counter (SP 800-38A, RFC 4344): encrypts and decrypts in
/// place. AES is FIPS 197; Twofish and Serpent are as they were submitted to that competition. `key` has the length the
/// cipher wants; anything else leaves the text as zeros. [`Cipher::SignOnly`] leaves it as it is.
pub(crate) fn keystream(cipher: Cipher, key: &[u8], counter: u128, text: &mut [u8]) {
    // The block cipher by itself first: Twofish and Serpent take keys of several lengths.
    fn apply<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(key: &[u8], counter: u128, text: &mut [u8]) -> bool {
        let Ok(cipher) = C::new_from_slice(key) else { return false };
        let core = CtrCore::<C, ctr::flavors::Ctr128BE>::inner_iv_init(cipher, &counter.to_be_bytes().into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(text);
        true
    }
    let done = key.len() == cipher.key_length()
        && match cipher {
            Cipher::SignOnly => true,
            Cipher::Aes128Ctr => apply::<aes::Aes128>(key, counter, text),
            Cipher::Aes192Ctr => apply::<aes::Aes192>(key, counter, text),
            Cipher::Aes256Ctr => apply::<aes::Aes256>(key, counter, text),
            Cipher::Twofish128Ctr | Cipher::Twofish192Ctr | Cipher::Twofish256Ctr => {
                apply::<twofish::Twofish>(key, counter, text)
            }
            Cipher::Serpent128Ctr | Cipher::Serpent192Ctr | Cipher::Serpent256Ctr => {
                apply::<serpent::Serpent>(key, counter, text)
            }
        };
    if !done {
        text.fill(0);
    }
}

/// Random octets.
pub(crate) fn random<const N: usize>(rng: &mut dyn CryptoRng) -> Zeroizing<[u8; N]> {
    let mut octets = Zeroizing::new([0_u8; N]);
    rng.fill_bytes(octets.as_mut_slice());
    octets
}

/// An odd modulus, ready for exponentiation.
#[derive(Clone)]
pub(crate) struct Modulus {
    params: Arc<BoxedMontyParams>,
    octets: Vec<u8>,
}

impl Modulus {
    /// From big-endian octets; `None` if it is even.
    pub(crate) fn new(octets: &[u8]) -> Option<Self> {
        let modulus: Option<Odd<BoxedUint>> = Odd::new(number(octets, octets.len())).into();
        Some(Self { params: Arc::new(BoxedMontyParams::new_vartime(modulus?)), octets: octets.to_vec() })
    }

    /// Big-endian octets.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// base^exponent, as many octets as the modulus. Constant time in the values: only the lengths of modulus and exponent
    /// show (crypto-bigint documents `BoxedMontyForm::pow` so). `base` is smaller than the modulus.
    pub(crate) fn power(&self, base: &[u8], exponent: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut exponent = number(exponent, exponent.len());
        let mut result = BoxedMontyForm::new(number(base, self.octets.len()), &self.params).pow(&exponent);
        let mut plain = result.retrieve();
        let octets = Zeroizing::new(plain.to_be_bytes().into_vec());
        exponent.zeroize();
        plain.zeroize();
        result.zeroize();
        // BoxedUint works in whole words; the modulus decides how many octets there are
        let surplus = octets.len().saturating_sub(self.octets.len());
        Zeroizing::new(octets.get(surplus..).unwrap_or_default().to_vec())
    }

    /// Whether `value` (public, smaller than the modulus) has Jacobi symbol 1: for a prime, is a square. Variable time.
    pub(crate) fn is_residue(&self, value: &[u8]) -> bool {
        jacobi::is_one(value, &self.octets)
    }
}

/// A number from big-endian octets, with a precision of `length` octets rounded up to words.
fn number(octets: &[u8], length: usize) -> BoxedUint {
    BoxedUint::from_be_slice_truncated(octets, u32::try_from(length * 8).unwrap_or(u32::MAX))
}
