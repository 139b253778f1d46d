//! Optional abilities of a [`crate::Session`]. To advertise is to implement.

use async_trait::async_trait;

use crate::{
    Annotation, Availability, ContactId, ContactInfo, ConvId, ConvInfo, Error, FileContent, Handle, OutFile, RemoteId,
    Secret, SendError, Sent, TxnId,
};

/// One-to-one conversations.
#[async_trait]
pub trait Direct: Send + Sync {
    /// The direct conversation with a contact: the one there is, or a new one, encrypted where the network can.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such person.
    async fn open(&self, contact: &ContactId) -> Result<ConvInfo, Error>;

    /// Accepts an invitation.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not open any more.
    async fn accept(&self, conv: &ConvId) -> Result<ConvInfo, Error>;

    /// Declines an invitation.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not open any more.
    async fn decline(&self, conv: &ConvId) -> Result<(), Error>;

    /// Leaves a conversation for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the user has no part in it.
    async fn leave(&self, conv: &ConvId) -> Result<(), Error>;
}

/// Finding people.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Whether the person exists.
    ///
    /// # Errors
    /// [`Error::NotFound`] if not.
    async fn resolve(&self, contact: &ContactId) -> Result<ContactInfo, Error>;

    /// People whose name or id contains `text`; at most `limit`.
    ///
    /// # Errors
    /// The network's.
    async fn search(&self, text: &str, limit: usize) -> Result<Vec<ContactInfo>, Error>;

    /// All conversations the user takes part in now.
    ///
    /// # Errors
    /// The network's.
    async fn conversations(&self) -> Result<Vec<ConvInfo>, Error>;
}

/// What is done to messages that are there: corrections, retractions, reactions; and replies to them
/// ([`crate::OutMessage::reply_to`]).
#[async_trait]
pub trait Annotate: Send + Sync {
    /// Does it. Idempotent by `txn` as [`crate::Session::send`] is, with one space of ids for both.
    ///
    /// # Errors
    /// As [`crate::Session::send`]; [`SendError::Rejected`] if there is no such message. That only its author changes a
    /// message is for the keeper to see to.
    async fn annotate(&self, conv: &ConvId, annotation: Annotation, txn: TxnId) -> Result<Sent, SendError>;

    /// Whether reactions are as well encrypted as messages are.
    fn encrypts_reactions(&self) -> bool;
}

/// Files. Both ways they are whole in memory, hence `max`, and never on a disk.
#[async_trait]
pub trait Media: Send + Sync {
    /// A file that somebody has shared, of at most `max` octets, whatever its sender says of its size.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there (any more), or is not what its sender has sealed; [`Error::Rejected`] if it is
    /// longer.
    async fn fetch(&self, handle: &Handle, max: usize) -> Result<FileContent, Error>;

    /// Shares one, as well protected as messages of that conversation are. Idempotent by `txn` as [`crate::Session::send`]
    /// is, with one space of ids for both.
    ///
    /// # Errors
    /// As [`crate::Session::send`].
    async fn share(&self, file: OutFile, txn: TxnId) -> Result<Sent, SendError>;
}

/// Small signals, never durable.
#[async_trait]
pub trait Signals: Send + Sync {
    /// The user types, or stopped.
    ///
    /// # Errors
    /// The network's; the keeper ignores them.
    async fn typing(&self, conv: &ConvId, on: bool) -> Result<(), Error>;

    /// The user has read everything up to `remote_id`.
    ///
    /// # Errors
    /// The network's; the keeper ignores them.
    async fn displayed(&self, conv: &ConvId, remote_id: &RemoteId) -> Result<(), Error>;

    /// The user's own presence.
    ///
    /// # Errors
    /// The network's; the keeper ignores them.
    async fn presence(&self, availability: Availability, status: Option<&str>) -> Result<(), Error>;
}

/// Devices, identities, recovery.
#[async_trait]
pub trait Trust: Send + Sync {
    /// How the user's own device and account stand.
    ///
    /// # Errors
    /// The network's.
    async fn status(&self) -> Result<TrustStatus, Error>;

    /// Unlocks the account's stored identity with its recovery key or passphrase. Never resets anything.
    ///
    /// # Errors
    /// [`Error::BadInput`] if the key does not fit; [`Error::NotFound`] if nothing is stored to recover.
    async fn recover(&self, key: &Secret) -> Result<TrustStatus, Error>;

    /// Which devices get message keys from now on; kept over restarts by the keeper, set at each start.
    async fn set_sharing(&self, sharing: KeySharing);

    /// How a contact stands.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such person.
    async fn contact(&self, contact: &ContactId) -> Result<ContactTrust, Error>;

    /// The user accepts a contact's changed identity.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is nothing to accept.
    async fn accept_identity(&self, contact: &ContactId) -> Result<(), Error>;
}

/// Which of the recipients' devices get message keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySharing {
    /// Those that their owner's identity vouches for.
    #[default]
    CrossSigned,
    /// Every one.
    All,
}

/// How the user's own device and account stand, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustStatus {
    /// The device Drawbridge uses.
    pub device: String,
    /// Its public key, as people compare it.
    pub fingerprint: Option<String>,
    /// Whether the account's identity vouches for it.
    pub own: OwnTrust,
}

/// Whether the account's identity vouches for our device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnTrust {
    /// It does.
    Verified,
    /// It does not: recovery or verification is needed, others may not send us keys.
    Unverified,
    /// The account has no identity.
    NoIdentity,
}

/// How a contact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactTrust {
    /// The user has verified them.
    Verified,
    /// They have an identity, seen on first use.
    Pinned,
    /// They have no identity that vouches for their devices.
    NoIdentity,
    /// Their identity changed and the user has not accepted the new one.
    Changed,
}
