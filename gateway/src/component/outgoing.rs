//! The way out: check, filter, queue, and wait until it is written.

use std::sync::Arc;

use jid::{BareJid, Jid};
use minidom::Element;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::tally::{Counts, Tally};
use super::{LinkState, answer};
use crate::xml::{self, CLIENT};

/// Stanzas that may wait to be written.
const OUTGOING: usize = 1024;
/// Octets that may wait to be written.
const OCTETS: usize = 16 * 1024 * 1024;

/// Why a stanza was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or it broke before the stanza was written. Send it again after [`super::Incoming::Up`].
    #[error("the link is down")]
    Down,
    /// Over [`super::Limits::max_stanza`]: the server would close the stream for it.
    #[error("the stanza is too large")]
    TooLarge,
    /// Not a stanza in `jabber:client`, or not from our domain: the server would close the stream for it.
    #[error("the stanza is not ours to send")]
    Foreign,
}

/// Sends stanzas over the link.
#[derive(Debug, Clone)]
pub struct Outgoing {
    way: Way,
    state: watch::Receiver<LinkState>,
    tally: Arc<Tally>,
}

#[derive(Debug, Clone)]
enum Way {
    Link { domain: BareJid, max_stanza: usize, queue: mpsc::Sender<Queued>, room: Arc<Semaphore> },
    Test { stanzas: mpsc::Sender<Element>, up: Arc<watch::Sender<LinkState>> },
}

/// A stanza on its way to the writer. Dropping it tells its sender that it was not written.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) text: String,
    pub(super) written: oneshot::Sender<()>,
    _room: OwnedSemaphorePermit,
}

impl Outgoing {
    pub(super) fn new(
        domain: BareJid,
        max_stanza: usize,
        state: watch::Receiver<LinkState>,
        tally: Arc<Tally>,
    ) -> (Self, mpsc::Receiver<Queued>) {
        let (queue, queued) = mpsc::channel(OUTGOING);
        let room = Arc::new(Semaphore::new(OCTETS));
        (Self { way: Way::Link { domain, max_stanza, queue, room }, state, tally }, queued)
    }

    /// A way out that leads to a test. It is up, checks nothing, and holds 1024 stanzas.
    pub fn for_test() -> (Self, mpsc::Receiver<Element>) {
        let (stanzas, sent) = mpsc::channel(OUTGOING);
        let (up, state) = watch::channel(LinkState::Up);
        (Self { way: Way::Test { stanzas, up: Arc::new(up) }, state, tally: Arc::default() }, sent)
    }

    /// The way that leads to a test was broken and is up again.
    pub fn reconnect_for_test(&self) {
        if let Way::Test { up, .. } = &self.way {
            up.send_replace(LinkState::Up);
        }
    }

    /// Sends one stanza and returns when it is written to the socket. Stanzas of one caller keep their order.
    ///
    /// # Errors
    /// [`SendError`]. Nothing was sent then, except that a connection that breaks meanwhile may or may not have
    /// carried it.
    pub async fn send(&self, stanza: Element) -> Result<(), SendError> {
        match &self.way {
            Way::Test { stanzas, .. } => stanzas.send(stanza).await.map_err(|_| SendError::Down),
            Way::Link { domain, max_stanza, queue, room } => {
                let text = write(stanza, domain, *max_stanza)?;
                let octets = u32::try_from(text.len().min(OCTETS)).map_err(|_| SendError::TooLarge)?;
                if !self.is_up() {
                    return Err(SendError::Down);
                }
                let room = Arc::clone(room).acquire_many_owned(octets).await.map_err(|_| SendError::Down)?;
                let (written, wait) = oneshot::channel();
                queue.send(Queued { text, written, _room: room }).await.map_err(|_| SendError::Down)?;
                wait.await.map_err(|_| SendError::Down)
            }
        }
    }

    /// Whether a stanza could be sent now.
    pub fn is_up(&self) -> bool {
        *self.state.borrow() == LinkState::Up
    }

    /// The link's state, to wait for its changes.
    pub fn watch(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// What was counted since the link was opened.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }
}

/// The text of a stanza that the server will take.
pub(super) fn write(mut stanza: Element, domain: &BareJid, max_stanza: usize) -> Result<String, SendError> {
    if !stanza.has_ns(CLIENT) || !matches!(stanza.name(), "message" | "presence" | "iq") {
        return Err(SendError::Foreign);
    }
    let from = stanza.attr("from").and_then(|from| Jid::new(from).ok()).ok_or(SendError::Foreign)?;
    if from.domain() != domain.domain() {
        return Err(SendError::Foreign);
    }
    // As normalized: the server compares the domain as it is written.
    answer::set(&mut stanza, "from", from.as_str()).ok_or(SendError::Foreign)?;
    let text = xml::serialize(std::slice::from_ref(&stanza));
    if text.len() > max_stanza { Err(SendError::TooLarge) } else { Ok(text) }
}
