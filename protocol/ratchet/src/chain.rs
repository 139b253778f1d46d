//! The KDF chains of the Double Ratchet (Signal, "The Double Ratchet Algorithm", 2016, sections 2 and 5.2), and what a message
//! is encrypted with.

use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::Key;
use crate::primitives::{cbc_decrypt, cbc_encrypt, constant_time_eq, hkdf, hmac};

/// A step of the root chain: the next root key, and the key of a chain of messages.
pub(crate) fn root_step(dialect: Dialect, root: &Key, agreed: &Key) -> (Key, Chain) {
    let [root, key] = split::<64, 2>(&hkdf(Some(root.expose()), agreed.expose(), dialect.labels().root));
    (root, Chain { key, count: 0 })
}

/// A chain of message keys, in one direction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    pub(crate) key: Key,
    /// How many message keys it has given.
    pub(crate) count: u32,
}

impl Chain {
    /// The next message key.
    pub(crate) fn next(&mut self) -> Result<MessageKey, Error> {
        self.count = self.count.checked_add(1).ok_or(Error::Exhausted)?;
        let key = Key::new(hmac(self.key.expose(), &[&[1]]));
        self.key = Key::new(hmac(self.key.expose(), &[&[2]]));
        Ok(MessageKey(key))
    }
}

/// For one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MessageKey(pub(crate) Key);

impl MessageKey {
    pub(crate) fn encrypt(&self, dialect: Dialect, text: &[u8]) -> Vec<u8> {
        let keys = self.keys(dialect);
        cbc_encrypt(&keys.cipher, &keys.iv, text)
    }

    /// Authenticates `parts`.
    pub(crate) fn mac(&self, dialect: Dialect, parts: &[&[u8]]) -> Vec<u8> {
        let mac = hmac(&self.keys(dialect).mac, parts);
        mac.iter().copied().take(dialect.mac_length()).collect()
    }

    /// Nothing if the MAC is another one.
    pub(crate) fn decrypt(
        &self,
        dialect: Dialect,
        text: &[u8],
        authenticated: &[&[u8]],
        mac: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        if !constant_time_eq(&self.mac(dialect, authenticated), mac) {
            return None;
        }
        let keys = self.keys(dialect);
        cbc_decrypt(&keys.cipher, &keys.iv, text)
    }

    fn keys(&self, dialect: Dialect) -> CipherKeys {
        CipherKeys::derive(self.0.expose(), dialect.labels().message)
    }
}

/// For AES-256-CBC and an HMAC, as both dialects derive them.
pub(crate) struct CipherKeys {
    pub(crate) cipher: Zeroizing<[u8; 32]>,
    pub(crate) mac: Zeroizing<[u8; 32]>,
    pub(crate) iv: Zeroizing<[u8; 16]>,
}

impl CipherKeys {
    pub(crate) fn derive(secret: &[u8], label: &str) -> Self {
        let octets = hkdf::<80>(None, secret, label);
        let [mut cipher, mut mac] = [(); 2].map(|()| Zeroizing::new([0; 32]));
        let mut iv = Zeroizing::new([0; 16]);
        let places = cipher.iter_mut().chain(mac.iter_mut()).chain(iv.iter_mut());
        places.zip(octets.iter()).for_each(|(place, octet)| *place = *octet);
        Self { cipher, mac, iv }
    }
}

/// Octets as keys of 32.
fn split<const N: usize, const KEYS: usize>(octets: &[u8; N]) -> [Key; KEYS] {
    let mut chunks = octets.chunks_exact(32);
    std::array::from_fn(|_| {
        let mut key = Zeroizing::new([0; 32]);
        key.iter_mut().zip(chunks.next().unwrap_or_default()).for_each(|(place, octet)| *place = *octet);
        Key::new(key)
    })
}
