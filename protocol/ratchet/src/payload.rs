//! The content of a stanza, encrypted once for all devices, and the key that is sealed for each of them.

use zeroize::Zeroizing;

use crate::chain::CipherKeys;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::primitives::{
    CryptoRng, cbc_decrypt, cbc_encrypt, constant_time_eq, gcm_decrypt, gcm_encrypt, hmac, random,
};

const LABEL: &str = "OMEMO Payload";

/// An encrypted content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The ciphertext.
    pub content: Vec<u8>,
    /// Of the older dialect: 12 octets, or 16 of clients from before 2020. The newer one has it in the key.
    pub iv: Vec<u8>,
}

/// What is to be sealed for each device: 32 octets or 48, or those of an empty message.
pub type PayloadKey = Zeroizing<Vec<u8>>;

impl Payload {
    /// Encrypts a text: AES-128-GCM (XEP-0384 0.3.0, section 4.2), or AES-256-CBC with an HMAC (0.9, section 4.4).
    ///
    /// # Errors
    /// [`Error::Exhausted`]: longer than GCM can encrypt, 64 GiB.
    pub fn seal(
        dialect: Dialect,
        text: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, PayloadKey), Error> {
        match dialect {
            Dialect::Axolotl => {
                let (key, iv) = (random::<16>(rng), random::<12>(rng));
                let mut content = text.to_vec();
                let tag = gcm_encrypt(&key, &iv, &mut content).ok_or(Error::Exhausted)?;
                let key = Zeroizing::new([key.as_slice(), &tag].concat());
                Ok((Self { content, iv: iv.to_vec() }, key))
            }
            Dialect::Omemo2 => {
                let key = random::<32>(rng);
                let keys = CipherKeys::derive(key.as_slice(), LABEL);
                let content = cbc_encrypt(&keys.cipher, &keys.iv, text);
                let key = Zeroizing::new([key.as_slice(), &mac(&keys, &content)].concat());
                Ok((Self { content, iv: Vec::new() }, key))
            }
        }
    }

    /// Decrypts the content by its key, as a device's session has given it.
    ///
    /// # Errors
    /// [`Error::Malformed`]: a key of this length is none. [`Error::DecryptFailed`].
    pub fn open(&self, dialect: Dialect, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        match dialect {
            Dialect::Axolotl => {
                let (key, tag) = key.split_first_chunk::<16>().ok_or(Error::Malformed("key of a payload"))?;
                let tag = tag.try_into().map_err(|_| Error::Malformed("key of a payload"))?;
                let mut text = Zeroizing::new(self.content.clone());
                let genuine = gcm_decrypt(key, &self.iv, &mut text, tag);
                if genuine { Ok(text) } else { Err(Error::DecryptFailed) }
            }
            Dialect::Omemo2 => {
                let (key, shown) = key.split_first_chunk::<32>().ok_or(Error::Malformed("key of a payload"))?;
                let keys = CipherKeys::derive(key, LABEL);
                if !constant_time_eq(&mac(&keys, &self.content), shown) {
                    return Err(Error::DecryptFailed);
                }
                cbc_decrypt(&keys.cipher, &keys.iv, &self.content).ok_or(Error::DecryptFailed)
            }
        }
    }
}

/// What is sealed for each device of a message without content, which only carries the session on: a key of its own
/// (XEP-0384 0.3.0, section 4.6), or zeros (0.9, section 4.6).
#[must_use]
pub fn empty_key(dialect: Dialect, rng: &mut (impl CryptoRng + ?Sized)) -> PayloadKey {
    match dialect {
        Dialect::Axolotl => Zeroizing::new(random::<16>(rng).to_vec()),
        Dialect::Omemo2 => Zeroizing::new(vec![0; 32]),
    }
}

/// The newer dialect's MAC of a content.
fn mac(keys: &CipherKeys, content: &[u8]) -> [u8; 16] {
    let mac = hmac(&keys.mac, &[content]);
    std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default())
}
