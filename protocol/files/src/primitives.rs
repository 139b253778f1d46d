//! The only place that names cryptographic crates.

use aes::cipher::block_padding::{Padding, Pkcs7};
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, KeyIvInit, StreamCipher};
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, typenum::U16};
use aes::{Aes128, Aes256};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, array::ArraySize};
use aes_gcm::{AesGcm, Nonce, Tag, aead::consts};
use sha2::Digest;
use subtle::ConstantTimeEq;

pub use rand_core::CryptoRng;

use crate::hash::Algorithm;
use crate::key::{Cipher, Key};

/// Octets of GCM's tag.
pub(crate) const TAG: usize = 16;
/// Octets of AES's blocks.
const BLOCK: usize = 16;

/// Whether two octet strings are equal, in time that depends on their lengths only.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A hash (FIPS 180-4, FIPS 202).
pub(crate) fn digest(algorithm: Algorithm, octets: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha256 => sha2::Sha256::digest(octets).to_vec(),
        Algorithm::Sha384 => sha2::Sha384::digest(octets).to_vec(),
        Algorithm::Sha512 => sha2::Sha512::digest(octets).to_vec(),
        Algorithm::Sha3_256 => sha3::Sha3_256::digest(octets).to_vec(),
        Algorithm::Sha3_512 => sha3::Sha3_512::digest(octets).to_vec(),
    }
}

/// Galois/counter mode (SP 800-38D), in place: the tag. Nothing if the text is too long, or the key of another mode, or with an
/// IV of other than 12 octets, as none is made here.
pub(crate) fn gcm_encrypt(key: &Key, text: &mut [u8]) -> Option<[u8; TAG]> {
    fn seal<A: Aes>(key: &Key, text: &mut [u8]) -> Option<[u8; TAG]> {
        let cipher = AesGcm::<A, consts::U12>::new_from_slice(key.expose()).ok()?;
        let iv = Nonce::<consts::U12>::try_from(key.iv()).ok()?;
        cipher.encrypt_inout_detached(&iv, &[], InOutBuf::from(text)).ok().map(Into::into)
    }
    match key.cipher() {
        Cipher::Aes128Gcm => seal::<Aes128>(key, text),
        Cipher::Aes256Gcm => seal::<Aes256>(key, text),
        Cipher::Aes256Cbc => None,
    }
}

/// The same backwards; `text` stays what it was if this says that the tag is wrong.
pub(crate) fn gcm_decrypt(key: &Key, text: &mut [u8], tag: &[u8; TAG]) -> bool {
    fn open<A: Aes, N: ArraySize>(key: &Key, text: &mut [u8], tag: &[u8; TAG]) -> Option<()> {
        let cipher = AesGcm::<A, N>::new_from_slice(key.expose()).ok()?;
        let iv = Nonce::<N>::try_from(key.iv()).ok()?;
        cipher.decrypt_inout_detached(&iv, &[], InOutBuf::from(text), &Tag::from(*tag)).ok()
    }
    let opened = match (key.cipher(), key.iv().len()) {
        (Cipher::Aes128Gcm, 12) => open::<Aes128, consts::U12>(key, text, tag),
        (Cipher::Aes128Gcm, 16) => open::<Aes128, U16>(key, text, tag),
        (Cipher::Aes256Gcm, 12) => open::<Aes256, consts::U12>(key, text, tag),
        (Cipher::Aes256Gcm, 16) => open::<Aes256, U16>(key, text, tag),
        _ => None,
    };
    opened.is_some()
}

/// What GCM does to a text without looking at a tag, in place: counter mode from 2, for IVs of 12 octets (SP 800-38D
/// sections 6.5 and 7.1). Only where hashes authenticate.
pub(crate) fn gcm_without_tag(key: &Key, text: &mut [u8]) -> bool {
    fn apply<A: Aes>(key: &Key, text: &mut [u8]) -> Option<()> {
        let mut block = [0; BLOCK];
        block.get_mut(..12)?.copy_from_slice(key.iv());
        block[BLOCK - 1] = 2;
        let cipher = A::new_from_slice(key.expose()).ok()?;
        let mut stream = ctr::Ctr32BE::<A>::from_core(ctr::CtrCore::inner_iv_init(cipher, &block.into()));
        stream.try_apply_keystream(text).ok()
    }
    let applied = match (key.cipher(), key.iv().len()) {
        (Cipher::Aes128Gcm, 12) => apply::<Aes128>(key, text),
        (Cipher::Aes256Gcm, 12) => apply::<Aes256>(key, text),
        _ => None,
    };
    applied.is_some()
}

/// AES-256 in CBC mode with padding as of PKCS #7 (SP 800-38A, RFC 5652 section 6.3), in place: the padded last block.
/// What does not fill a block at the end of `text` goes into that; the caller puts it there.
pub(crate) fn cbc_encrypt(key: &Key, text: &mut [u8]) -> Option<[u8; BLOCK]> {
    let mut encryptor = cbc::Encryptor::<Aes256>::new_from_slices(key.expose(), key.iv()).ok()?;
    let (blocks, rest) = Array::slice_as_chunks_mut(text);
    encryptor.encrypt_blocks(blocks);
    let mut last: Array<u8, U16> = Array::default();
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    Pkcs7::pad(&mut last, rest.len());
    encryptor.encrypt_block(&mut last);
    Some(last.into())
}

/// The length of the text, in place, if the padding is right. An attacker must not learn which of padding and hash was
/// wrong.
pub(crate) fn cbc_decrypt(key: &Key, text: &mut [u8]) -> Option<usize> {
    let decryptor = cbc::Decryptor::<Aes256>::new_from_slices(key.expose(), key.iv()).ok()?;
    decryptor.decrypt_padded::<Pkcs7>(text).ok().map(<[u8]>::len)
}

/// Both lengths of keys.
trait Aes: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {}

impl Aes for Aes128 {}
impl Aes for Aes256 {}
