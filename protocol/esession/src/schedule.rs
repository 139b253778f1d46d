//! From shared secrets to keys (XEP-0116 sections 4.4 and 4.8, XEP-0200 section 8).

use zeroize::Zeroizing;

use crate::established::Role;
use crate::secret::Secret;
use crate::suite::Suite;

/// K: what both ends share.
#[derive(Clone, Debug)]
pub(crate) struct SharedSecret(Secret);

impl SharedSecret {
    /// K = HASH(mpi(g^xy)).
    pub(crate) fn negotiated(dh: &Secret, suite: Suite) -> Self {
        Self(Secret::new(&suite.hash(&[dh.expose()])))
    }

    /// K = HASH(K | SRS | OSS), each only if it exists; hashed again even if neither does.
    pub(crate) fn strengthen(&self, srs: Option<&Secret>, oss: Option<&Secret>, suite: Suite) -> Self {
        let octets = |secret: Option<&Secret>| Zeroizing::new(secret.map(|s| s.expose().to_vec()).unwrap_or_default());
        Self(Secret::new(&suite.hash(&[self.0.expose(), &octets(srs), &octets(oss)])))
    }

    /// In three messages: K = HASH(K | OSS), only where there is a hybrid.
    pub(crate) fn hybrid(self, secret: Option<&Secret>, suite: Suite) -> Self {
        if secret.is_some() { self.strengthen(None, secret, suite) } else { self }
    }

    /// KC, KM and KS of one direction.
    pub(crate) fn keys(&self, role: Role, suite: Suite) -> DirectionKeys {
        let derive = |label: &[u8]| suite.hmac(&self.0, &[label]);
        let [cipher_label, mac_label, sigma_label]: [&[u8]; 3] = match role {
            Role::Initiator => [b"Initiator Cipher Key", b"Initiator MAC Key", b"Initiator SIGMA Key"],
            Role::Responder => [b"Responder Cipher Key", b"Responder MAC Key", b"Responder SIGMA Key"],
        };
        DirectionKeys {
            stanza: StanzaKeys {
                cipher: suite.cipher_key(&derive(cipher_label)),
                mac: suite.mac_key(&derive(mac_label)),
            },
            sigma: suite.mac_key(&derive(sigma_label)),
        }
    }

    /// The next retained secret.
    pub(crate) fn new_retained_secret(&self, suite: Suite) -> Secret {
        Secret::new(&suite.hmac(&self.0, &[b"New Retained Secret"]))
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

/// The keys after a re-key; K is mpi(dh) here, not hashed, and in a hybrid session what that gives stands behind it.
pub(crate) fn rekeyed(dh: &Secret, role: RekeyRole, suite: Suite) -> StanzaKeys {
    let [cipher_label, mac_label]: [&[u8]; 2] = match role {
        RekeyRole::Initiator => [b"Rekey Initiator Crypt", b"Rekey Initiator MAC"],
        RekeyRole::Acceptor => [b"Rekey Acceptor Crypt", b"Rekey Acceptor MAC"],
    };
    StanzaKeys {
        cipher: suite.cipher_key(&suite.hmac(dh, &[cipher_label])),
        mac: suite.mac_key(&suite.hmac(dh, &[mac_label])),
    }
}
