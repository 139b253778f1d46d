//! The algorithms of one session, as they were negotiated.

use zeroize::Zeroizing;

use crate::counter::{Counter, blocks};
use crate::options::{Cipher, Hash};
use crate::primitives::{hash, hmac, keystream};
use crate::secret::Secret;

/// In what way an implementation reads the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// XEP-0116: MAC and SIGMA keys are whole HMAC outputs.
    Xep,
    /// XEP-0217 taken literally: every key has 128 bits.
    Truncated,
    /// Gajim up to 1.1: AES with 256 bits whatever the name says, the key stream one block later, a normalization of its own,
    /// no re-keying, and an end that is said in clear.
    Gajim,
}

/// CIPHER and HASH, and how keys are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) cipher: Cipher,
    pub(crate) hash: Hash,
    pub(crate) profile: Profile,
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
        match self.profile {
            Profile::Xep | Profile::Truncated => keystream(self.cipher, key.expose(), counter.0, text),
            // it steps the counter before the first block, too
            Profile::Gajim => keystream(Cipher::Aes256Ctr, key.expose(), counter.after(1).0, text),
        }
    }

    /// How far the counter goes for a text: an empty one also takes a block, and so does any that is not encrypted.
    pub(crate) fn blocks(self, length: usize) -> u64 {
        match self.cipher {
            Cipher::SignOnly => 1,
            _ => blocks(length),
        }
    }

    /// How the counter of one of our stanzas goes into its MAC. Old Gajim receives it with leading zeros.
    pub(crate) fn sent_counter(self, counter: Counter) -> Vec<u8> {
        match self.profile {
            Profile::Xep | Profile::Truncated => counter.mpi(),
            Profile::Gajim => counter.0.to_be_bytes().to_vec(),
        }
    }

    /// A cipher key of an HMAC output.
    pub(crate) fn cipher_key(self, digest: &[u8]) -> Secret {
        match self.profile {
            Profile::Xep | Profile::Truncated => last(digest, self.cipher.key_length()),
            Profile::Gajim => Secret::new(digest),
        }
    }

    /// A MAC or SIGMA key of an HMAC output.
    pub(crate) fn mac_key(self, digest: &[u8]) -> Secret {
        match self.profile {
            Profile::Xep | Profile::Gajim => Secret::new(digest),
            Profile::Truncated => last(digest, 16),
        }
    }
}

/// The "least significant bits" of a digest.
fn last(digest: &[u8], length: usize) -> Secret {
    Secret::new(digest.get(digest.len().saturating_sub(length)..).unwrap_or_default())
}
