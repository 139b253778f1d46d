//! A live login.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Annotate, CancellationToken, Caps, ContactId, ContactInfo, ConvId, ConvInfo, Direct, Directory, Envelope, Error,
    LoginId, Media, OutMessage, Position, Secret, SendError, Sent, Signals, Trust, TxnId,
};

/// One login, connected or about to be. The required part is small; the rest are facets.
#[async_trait]
pub trait Session: Send + Sync {
    /// Lives until `stop` or until the login cannot go on. Owns its loop and its own reconnecting to the network for
    /// faults of seconds; returns [`Exit::Retry`] for longer ones. Called once at a time, again after a retry.
    ///
    /// Events of one conversation are delivered in their order there; each is awaited ([`Sink::deliver`]) before
    /// the next. At start and after every hole the bridge resumes each conversation from [`Sink::position`].
    async fn run(self: Arc<Self>, out: EventSink, stop: CancellationToken) -> Exit;

    /// What can be carried; `None` asks for the login as a whole.
    fn caps(&self, conv: Option<&ConvId>) -> Caps;

    /// Sends. Idempotent by `txn`: the same message under the same id arrives once, also after a restart.
    ///
    /// # Errors
    /// See [`SendError`]; only `Transient` and `Uncertain` may be retried.
    async fn send(&self, message: OutMessage, txn: TxnId) -> Result<Sent, SendError>;

    /// Whether a message went out under `txn`, for a keeper that was not to store its words and has lost them.
    ///
    /// # Errors
    /// As [`Session::send`].
    async fn sent(&self, conv: &ConvId, txn: &TxnId) -> Result<Option<Sent>, SendError>;

    /// A conversation as it is now.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the user has no part in it.
    async fn conversation(&self, conv: &ConvId) -> Result<ConvInfo, Error>;

    /// A contact as they are now.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such person.
    async fn contact(&self, contact: &ContactId) -> Result<ContactInfo, Error>;

    /// Signs out on the network and wipes the files of the login. Afterwards the session is dead.
    ///
    /// # Errors
    /// [`Error::Transient`] if the network could not be told; local files are wiped all the same.
    async fn logout(&self) -> Result<(), Error>;

    /// One-to-one conversations: open, accept, leave.
    fn direct(&self) -> Option<&dyn Direct> {
        None
    }

    /// Corrections, retractions, reactions, replies.
    fn annotate(&self) -> Option<&dyn Annotate> {
        None
    }

    /// Files.
    fn media(&self) -> Option<&dyn Media> {
        None
    }

    /// Finding people.
    fn directory(&self) -> Option<&dyn Directory> {
        None
    }

    /// Typing, read marks, presence.
    fn signals(&self) -> Option<&dyn Signals> {
        None
    }

    /// Devices, identities, recovery.
    fn trust(&self) -> Option<&dyn Trust> {
        None
    }
}

/// A granted login, as the keeper stored it.
#[derive(Debug, Clone)]
pub struct LoginRecord {
    /// Which.
    pub id: LoginId,
    /// The user's own id on the network.
    pub account: ContactId,
    /// [`crate::LoginGrant::state`].
    pub state: Secret,
}

/// Where a login keeps its own files, and the key (32 octets) it must encrypt them with.
#[derive(Debug, Clone)]
pub struct Place {
    /// Exists, is private to the login, and stays the same for its whole life.
    pub dir: PathBuf,
    /// 32 octets, the same for its whole life.
    pub key: Secret,
}

/// Why [`Session::run`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// `stop` was asked for, and everything in flight is settled.
    Stopped,
    /// The network has ended the login: the user must log in again.
    LoggedOut,
    /// Call again, after the time given or the keeper's own back-off.
    Retry {
        /// The network's wish.
        after: Option<Duration>,
        /// For people and the log; no identities.
        reason: String,
    },
    /// A fault that trying again does not mend.
    Fatal(String),
}

/// Where a session's events go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Hands an event over. On return it is durable (where its kind is), so the bridge may forget it. Events already
    /// seen are dropped silently, so delivering twice is safe. Waits when the keeper is busy.
    ///
    /// # Errors
    /// [`Closed`] when the keeper is stopping: the bridge must stop too, without having lost its place.
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed>;

    /// The last [`Envelope::position`] committed for a conversation.
    async fn position(&self, conv: &ConvId) -> Option<Position>;

    /// Commits a position without an event (what came before it is not to be delivered).
    ///
    /// # Errors
    /// [`Closed`] as for [`Sink::deliver`].
    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed>;
}

/// The shared form of a [`Sink`].
pub type EventSink = Arc<dyn Sink>;

/// Proof that an event is stored, or is of a kind that need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Stored now (or not durable by kind).
    Fresh,
    /// Was stored before.
    Known,
}

/// The keeper is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keeper is stopping")]
pub struct Closed;
