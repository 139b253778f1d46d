//! Keys of files, and their ciphers (XEP-0448 section 4).

use std::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::primitives::constant_time_eq;

/// How a file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM, which `aesgcm:` URLs have too.
    Aes256Gcm,
    /// AES-256-CBC with padding as of PKCS #7: what Kaidan sends. It detects no change; hashes must.
    Aes256Cbc,
}

impl Cipher {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aes128Gcm, Self::Aes256Gcm, Self::Aes256Cbc];

    /// Its name in elements.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "urn:xmpp:ciphers:aes-128-gcm-nopadding:0",
            Self::Aes256Gcm => "urn:xmpp:ciphers:aes-256-gcm-nopadding:0",
            Self::Aes256Cbc => "urn:xmpp:ciphers:aes-256-cbc-pkcs7:0",
        }
    }

    /// The cipher of this name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == name)
    }

    /// Octets of a key.
    fn key_length(self) -> usize {
        if self == Self::Aes128Gcm { 16 } else { 32 }
    }

    /// Octets of an IV that is made here.
    fn iv_length(self) -> usize {
        if self == Self::Aes256Cbc { 16 } else { 12 }
    }
}

/// The key of one file, with its IV: wiped when dropped, never printed, compared in constant time. It encrypts once.
#[derive(Clone)]
pub struct Key {
    cipher: Cipher,
    /// Shorter keys are followed by zeros.
    secret: Zeroizing<[u8; 32]>,
    iv: [u8; 16],
    iv_length: usize,
}

impl Key {
    /// From octets that somebody sent.
    ///
    /// The IV has 12 octets for GCM, or 16 from clients of before 2020; 16 for CBC, or 32 from QXmpp (Kaidan), which
    /// makes it as long as the key: of those only the first 16 count.
    ///
    /// # Errors
    /// [`Error::Malformed`]: a length is wrong.
    pub fn new(cipher: Cipher, secret: &[u8], iv: &[u8]) -> Result<Self, Error> {
        let iv = match (cipher, iv.len()) {
            (Cipher::Aes256Cbc, 16) | (Cipher::Aes128Gcm | Cipher::Aes256Gcm, 12 | 16) => iv,
            (Cipher::Aes256Cbc, 32) => &iv[..16],
            _ => return Err(Error::Malformed("iv")),
        };
        if secret.len() != cipher.key_length() {
            return Err(Error::Malformed("key"));
        }
        let mut key = Self { cipher, secret: Zeroizing::new([0; 32]), iv: [0; 16], iv_length: iv.len() };
        key.secret[..secret.len()].copy_from_slice(secret);
        key.iv[..iv.len()].copy_from_slice(iv);
        Ok(key)
    }

    /// A new one.
    #[must_use]
    pub fn generate(cipher: Cipher, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self { cipher, secret: Zeroizing::new([0; 32]), iv: [0; 16], iv_length: cipher.iv_length() };
        rng.fill_bytes(&mut key.secret[..cipher.key_length()]);
        rng.fill_bytes(&mut key.iv[..cipher.iv_length()]);
        key
    }

    /// Its cipher.
    #[must_use]
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The IV.
    #[must_use]
    pub fn iv(&self) -> &[u8] {
        &self.iv[..self.iv_length]
    }

    /// The key itself, to be written into something that is encrypted.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.secret[..self.cipher.key_length()]
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cipher == other.cipher
            && self.iv() == other.iv()
            && constant_time_eq(self.secret.as_slice(), other.secret.as_slice())
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("cipher", &self.cipher).finish_non_exhaustive()
    }
}
