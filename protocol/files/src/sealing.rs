//! Files encrypted and decrypted, in place: a long one is in memory once.

use std::mem;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::hash::Hash;
use crate::key::{Cipher, Key};
use crate::primitives::{TAG, cbc_decrypt, cbc_encrypt, gcm_decrypt, gcm_encrypt, gcm_without_tag};
use crate::shared::{Shared, Source};

/// A file in clear, wiped when dropped.
pub type Plaintext = Zeroizing<Vec<u8>>;

/// A file encrypted with a new key, as it is to be uploaded: with GCM's tag at the end (XEP-0454 section 3, XEP-0448
/// section 4).
///
/// 16 octets longer with GCM, up to 16 with CBC. The octets of `plaintext` are overwritten with those of the result.
///
/// # Errors
/// [`Error::TooLong`]: more than 64 GiB.
pub fn encrypt(
    mut plaintext: Plaintext,
    cipher: Cipher,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Vec<u8>, Key), Error> {
    let key = Key::generate(cipher, rng);
    // The end is appended to what is encrypted already: growing leaves nothing in clear behind.
    let (full, end) = match cipher {
        Cipher::Aes128Gcm | Cipher::Aes256Gcm => (plaintext.len(), gcm_encrypt(&key, &mut plaintext)),
        Cipher::Aes256Cbc => (plaintext.len() / 16 * 16, cbc_encrypt(&key, &mut plaintext)),
    };
    let end = end.ok_or(Error::TooLong)?;
    // What of the last block is still in clear.
    plaintext.iter_mut().skip(full).for_each(|octet| *octet = 0);
    let mut ciphertext = mem::take(&mut *plaintext);
    ciphertext.truncate(full);
    ciphertext.extend_from_slice(&end);
    Ok((ciphertext, key))
}

impl Shared {
    /// The file, of what was fetched from its source, if it is what was shared: hashes of what was fetched are checked
    /// before decryption, those of the file after it, and all of them must be right.
    ///
    /// GCM's tag may be missing where a hash is there in its place (XEP-0448 section 4; QXmpp leaves it out). Octets
    /// beyond the size are cut off an encrypted file (section 3.2). How much is fetched is the caller's to limit.
    ///
    /// # Errors
    /// [`Error::Altered`]: it is not what was shared, or not as long. [`Error::Unauthenticated`]: nobody could tell.
    pub fn open(&self, fetched: Vec<u8>) -> Result<Plaintext, Error> {
        let mut file = Zeroizing::new(fetched);
        let length = match &self.source {
            Source::Clear { .. } => file.len(),
            Source::Encrypted { key, hashes, .. } => {
                let is_hashed = !hashes.is_empty() || !self.hashes.is_empty();
                check(hashes, &file)?;
                let length = decrypt(key, &mut file, is_hashed)?;
                self.size.and_then(|size| usize::try_from(size).ok()).map_or(length, |size| size.min(length))
            }
        };
        file.truncate(length);
        if self.size.is_some_and(|size| u64::try_from(length) != Ok(size)) {
            return Err(Error::Altered);
        }
        check(&self.hashes, &file)?;
        Ok(file)
    }
}

fn check(hashes: &[Hash], octets: &[u8]) -> Result<(), Error> {
    if hashes.iter().all(|hash| hash.matches(octets)) { Ok(()) } else { Err(Error::Altered) }
}

/// Decrypts in place: how long the plaintext is.
fn decrypt(key: &Key, text: &mut [u8], is_hashed: bool) -> Result<usize, Error> {
    match key.cipher() {
        Cipher::Aes128Gcm | Cipher::Aes256Gcm => {
            if let Some((text, tag)) = text.split_last_chunk_mut::<TAG>()
                && gcm_decrypt(key, text, tag)
            {
                return Ok(text.len());
            }
            if is_hashed && gcm_without_tag(key, text) { Ok(text.len()) } else { Err(Error::Altered) }
        }
        Cipher::Aes256Cbc if !is_hashed => Err(Error::Unauthenticated),
        Cipher::Aes256Cbc => cbc_decrypt(key, text).ok_or(Error::Altered),
    }
}
