//! The algorithms of one session, as they were negotiated.

use zeroize::Zeroizing;

use crate::counter::Counter;
use crate::options::{Cipher, Hash};
use crate::primitives::{hash, hmac, keystream};
use crate::secret::Secret;

/// How long MAC and SIGMA keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyLengths {
    /// The whole HMAC output (XEP-0116).
    Whole,
    /// The last 128 bits, as XEP-0217 says when taken literally.
    Truncated,
}

/// CIPHER and HASH, and how keys are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) cipher: Cipher,
    pub(crate) hash: Hash,
    pub(crate) lengths: KeyLengths,
}

impl Suite {
    /// HASH over the concatenation of `parts`.
    pub(crate) fn hash(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        hash(self.hash, parts)
    }

    /// HMAC-HASH over the concatenation of `parts`.
    pub(crate) fn hmac(self, key: &Secret, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        hmac(self.hash, key.expose(), parts)
    }

    /// Encrypts or decrypts in place; the first block uses `counter` itself.
    pub(crate) fn crypt(self, key: &Secret, counter: Counter, text: &mut [u8]) {
        keystream(self.cipher, key.expose(), counter.0, text);
    }

    /// A cipher key of an HMAC output.
    pub(crate) fn cipher_key(self, digest: &[u8]) -> Secret {
        last(digest, self.cipher.key_length())
    }

    /// A MAC or SIGMA key of an HMAC output.
    pub(crate) fn mac_key(self, digest: &[u8]) -> Secret {
        match self.lengths {
            KeyLengths::Whole => Secret::new(digest),
            KeyLengths::Truncated => last(digest, 16),
        }
    }
}

/// The "least significant bits" of a digest.
fn last(digest: &[u8], length: usize) -> Secret {
    Secret::new(digest.get(digest.len().saturating_sub(length)..).unwrap_or_default())
}
