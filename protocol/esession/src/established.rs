//! What a finished negotiation hands over.

use crate::form::ExtraField;
use crate::group::Group;
use crate::options::{Cipher, Disclosure, Hash, Logging, StanzaKind};
use crate::sas::Sas;
use crate::secret::{ChainOutcome, RetainedSecret};
use crate::session::Session;

/// Which end of the negotiation this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Alice, who asked for the session.
    Initiator,
    /// Bob, who answered.
    Responder,
}

impl Role {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// What the two ends agreed on.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// This end's role.
    pub role: Role,
    /// The Diffie-Hellman group.
    pub group: Group,
    /// The cipher.
    pub cipher: Cipher,
    /// The hash.
    pub hash: Hash,
    /// The kinds of stanza whose content is encrypted.
    pub stanzas: Vec<StanzaKind>,
    /// What was said about disclosure; `None` if the request did not ask. Anything but `Never` must be shown to the user.
    pub disclosure: Option<Disclosure>,
    /// Whether transcripts may be kept; `None` if the request did not ask, which means they may.
    pub logging: Option<Logging>,
    /// The least number of stanzas between two key exchanges.
    pub rekey_freq: u32,
    /// The fields of the peer's first form that this crate does not know. They were covered by the MACs.
    pub peer_extras: Vec<ExtraField>,
}

/// A finished negotiation.
#[derive(Debug)]
pub struct Established {
    /// The encrypted session.
    pub session: Session,
    /// What was agreed.
    pub agreed: Agreed,
    /// What the users compare if the chain is not verified.
    pub sas: Sas,
    /// What became of the chain of retained secrets.
    pub chain: ChainOutcome,
    /// The next secret of the chain, pending: store it at once beside the others, and let it replace the matched one when
    /// [`Session::is_confirmed`]. Its `id` is 0 until the caller gives it one.
    pub new_secret: RetainedSecret,
}
