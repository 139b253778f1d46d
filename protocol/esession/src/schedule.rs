//! From shared secrets to keys (XEP-0116 sections 4.4 and 4.8, XEP-0200 section 8).

use zeroize::Zeroizing;

use crate::established::Role;
use crate::options::Cipher;
use crate::primitives::{hmac_sha256, sha256};
use crate::secret::Secret;

/// How long MAC and SIGMA keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyLengths {
    /// The whole HMAC output (XEP-0116).
    Whole,
    /// The last 128 bits, as XEP-0217 says when taken literally.
    Truncated,
}

impl KeyLengths {
    /// Octets of a MAC or SIGMA key.
    fn mac(self) -> usize {
        match self {
            Self::Whole => 32,
            Self::Truncated => 16,
        }
    }
}

/// K: what both ends share.
#[derive(Clone, Debug)]
pub(crate) struct SharedSecret(Secret);

impl SharedSecret {
    /// K = HASH(mpi(g^xy)).
    pub(crate) fn negotiated(dh: &Secret) -> Self {
        Self(Secret::new(Zeroizing::new(sha256(&[dh.expose()])).as_slice()))
    }

    /// K = HASH(K | SRS | OSS), each only if it exists; hashed again even if neither does.
    pub(crate) fn strengthen(&self, srs: Option<&Secret>, oss: Option<&Secret>) -> Self {
        let octets = |secret: Option<&Secret>| Zeroizing::new(secret.map(|s| s.expose().to_vec()).unwrap_or_default());
        let digest = Zeroizing::new(sha256(&[self.0.expose(), &octets(srs), &octets(oss)]));
        Self(Secret::new(digest.as_slice()))
    }

    /// KC, KM and KS of one direction.
    pub(crate) fn keys(&self, role: Role, cipher: Cipher, lengths: KeyLengths) -> DirectionKeys {
        let derive = |label: &[u8]| hmac_sha256(self.0.expose(), &[label]);
        let [cipher_label, mac_label, sigma_label]: [&[u8]; 3] = match role {
            Role::Initiator => [b"Initiator Cipher Key", b"Initiator MAC Key", b"Initiator SIGMA Key"],
            Role::Responder => [b"Responder Cipher Key", b"Responder MAC Key", b"Responder SIGMA Key"],
        };
        let mac_length = lengths.mac();
        DirectionKeys {
            stanza: StanzaKeys {
                cipher: last(derive(cipher_label).as_slice(), cipher.key_length()),
                mac: last(derive(mac_label).as_slice(), mac_length),
            },
            sigma: last(derive(sigma_label).as_slice(), mac_length),
        }
    }

    /// The next retained secret.
    pub(crate) fn new_retained_secret(&self) -> Secret {
        Secret::new(hmac_sha256(self.0.expose(), &[b"New Retained Secret"]).as_slice())
    }

    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn from_octets(octets: &[u8]) -> Self {
        Self(Secret::new(octets))
    }

    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

/// The keys that encrypt and authenticate stanzas of one direction.
#[derive(Clone, Debug)]
pub(crate) struct StanzaKeys {
    pub(crate) cipher: Secret,
    pub(crate) mac: Secret,
}

/// All keys of one direction of a negotiation.
#[derive(Clone, Debug)]
pub(crate) struct DirectionKeys {
    pub(crate) stanza: StanzaKeys,
    pub(crate) sigma: Secret,
}

/// Whose keys, in a re-key: of the end that sent `<key/>`, or of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RekeyRole {
    Initiator,
    Acceptor,
}

/// The keys after a re-key; K is mpi(dh) here, not hashed.
pub(crate) fn rekeyed(dh: &Secret, role: RekeyRole, cipher: Cipher, lengths: KeyLengths) -> StanzaKeys {
    let [cipher_label, mac_label]: [&[u8]; 2] = match role {
        RekeyRole::Initiator => [b"Rekey Initiator Crypt", b"Rekey Initiator MAC"],
        RekeyRole::Acceptor => [b"Rekey Acceptor Crypt", b"Rekey Acceptor MAC"],
    };
    StanzaKeys {
        cipher: last(hmac_sha256(dh.expose(), &[cipher_label]).as_slice(), cipher.key_length()),
        mac: last(hmac_sha256(dh.expose(), &[mac_label]).as_slice(), lengths.mac()),
    }
}

/// The "least significant bits" of a digest.
fn last(digest: &[u8], length: usize) -> Secret {
    Secret::new(digest.get(digest.len().saturating_sub(length)..).unwrap_or_default())
}
