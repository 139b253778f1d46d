//! What an end brings along to prove who it is and to recognise the peer.

use crate::public_key::{PublicKey, SigningKey};
use crate::secret::{RetainedSecret, Secret};

/// What this end has for one negotiation with one peer. All of it is optional.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// All unexpired retained secrets of the peer, confirmed and pending, the best first: eight are announced.
    pub secrets: Vec<RetainedSecret>,
    /// The other shared secret of this session, such as a password, in four messages only ([`crate::Agreed::password`]). The
    /// peer must have the same octets or none must have any: if not, it is the initiator who notices, by message 4.
    pub other_secret: Option<Secret>,
    /// What this end signs with, where it identifies itself by `key` or `hash`.
    pub signing_key: Option<SigningKey>,
    /// Keys this end can recognise by their fingerprints. That a key is in the list does not make it trusted: the caller
    /// decides about the key that comes back in [`crate::Established::peer_key`].
    pub known_keys: Vec<PublicKey>,
}

impl Credentials {
    /// Retained secrets only, as between ends that use no public keys.
    #[must_use]
    pub fn secrets(secrets: &[RetainedSecret]) -> Self {
        Self { secrets: secrets.to_vec(), ..Self::default() }
    }
}
