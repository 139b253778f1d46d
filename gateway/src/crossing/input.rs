//! What can happen to a conversation, and the mailbox it comes through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use drawbridge_bridge::RemoteId;
use esession::PublicKey;
use esession_attest::Certified;
use jid::FullJid;
use minidom::Element;
use tokio::sync::{Notify, mpsc, oneshot};
use xmpp_files::Shared;

use super::SessionCode;
use super::acquaintance::Met;
use crate::secure::comparison::Comparison;
use crate::secure::negotiation::Outcome;
use crate::store::outbox::Lost;
use crate::store::{Protection, ReplyTo};
use crate::xmpp::error::Condition;

/// One thing that happens to a conversation.
pub(super) enum Input {
    /// A stanza from one of the user's clients.
    Stanza(Element),
    /// A blocking thread has finished a step of a negotiation.
    Negotiated(Box<Outcome>),
    /// The network has accepted a message of the user.
    Sent(ReplyTo),
    /// A message of the user will not be sent.
    Failed(ReplyTo, Condition, String),
    /// Messages of the user whose words went with an earlier process; back come those whose senders were told.
    Lost(Vec<Lost>, oneshot::Sender<Vec<Lost>>),
    /// The XMPP server has taken over everything that was in flight in clear under these ids.
    Accepted(Vec<String>),
    /// The contact types, or stopped.
    Typing(bool),
    /// The contact has read up to this event.
    Displayed(RemoteId),
    /// How the far side is encrypted may have changed.
    FarSide,
    /// Words of the gateway, in this conversation.
    Say(String),
    /// Answers to a command, for the client that gave it, in the way it came.
    Answer(FullJid, Option<Protection>, Vec<String>),
    /// The answer to a request of this client, in the session it came by.
    Reply(FullJid, Element),
    /// The contact was shown to the user, whose clients may see more in their sessions.
    Shown,
    /// The options that the user's client has published.
    Options(Option<Element>),
    /// The lists of the user's devices have come, as far as there are some.
    Listed,
    /// The user's OpenPGP keys have come, as far as there are some.
    Keyring,
    /// Devices or keys of the user are new, and no conversation is about them.
    Introduce,
    /// What one of the user's devices has published, or that it has not.
    Met(Box<Met>),
    /// A file of this delivery lies where the user's clients find it, or why not.
    Brought(i64, Box<Result<Shared, String>>),
    /// The keys that the user's server gives out.
    GivenOut(Vec<PublicKey>),
    /// The keys that authorities certify as the user's, for this client's session.
    Certified(FullJid, Vec<Certified>),
    /// The sessions and their codes.
    Codes(oneshot::Sender<Vec<SessionCode>>),
    /// The person compared this of this client's session.
    Verify(FullJid, Comparison, oneshot::Sender<Option<SessionCode>>),
    /// Settle what is in flight and end.
    Stop(oneshot::Sender<()>),
}

/// The way into a conversation.
#[derive(Clone)]
pub(super) struct Mailbox {
    inputs: mpsc::Sender<Input>,
    bell: Arc<Bell>,
    unlogged: Arc<AtomicBool>,
}

/// Rings when the conversation should look again; however often it rang, one look is enough.
#[derive(Default)]
pub(super) struct Bell {
    notify: Notify,
    /// Rung, and nobody has looked since.
    rang: AtomicBool,
    resources: AtomicBool,
}

/// The conversation's end of its mailbox.
pub(super) struct Inbox {
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) bell: Arc<Bell>,
}

/// How many inputs may wait: more than a burst of messages, less than what hurts.
const ROOM: usize = 1024;

pub(super) fn mailbox() -> (Mailbox, Inbox) {
    let (sender, receiver) = mpsc::channel(ROOM);
    let bell = Arc::new(Bell::default());
    (Mailbox { inputs: sender, bell: bell.clone(), unlogged: Arc::default() }, Inbox { inputs: receiver, bell })
}

impl Mailbox {
    /// Queues a stanza, or gives it back if there is no room.
    pub(super) fn try_stanza(&self, stanza: Element) -> Result<(), Element> {
        self.inputs.try_send(Input::Stanza(stanza)).map_err(|error| match error.into_inner() {
            Input::Stanza(stanza) => stanza,
            _ => Element::bare("message", crate::xmpp::ns::CLIENT),
        })
    }

    /// Queues something that must not be lost. Waits for room; a conversation that has ended takes nothing.
    pub(super) async fn put(&self, input: Input) {
        let _ = self.inputs.send(input).await;
    }

    /// Queues something that may be lost when there is no room (typing).
    pub(super) fn offer(&self, input: Input) {
        let _ = self.inputs.try_send(input);
    }

    /// Whether a session of the conversation forbids that its words are stored.
    pub(super) fn is_unlogged(&self) -> bool {
        self.unlogged.load(Ordering::Acquire)
    }

    /// The same, for the conversation to say.
    pub(super) fn unlogged(&self) -> Arc<AtomicBool> {
        self.unlogged.clone()
    }

    /// Something waits in the store, or the login changed.
    pub(super) fn wake(&self) {
        self.bell.ring();
    }

    /// The user's resources changed.
    pub(super) fn resources(&self) {
        self.bell.resources.store(true, Ordering::Release);
        self.bell.ring();
    }
}

impl Inbox {
    /// Whether nothing is in it and only so many mailboxes lead to it. Who holds one may be about to use it.
    pub(super) fn is_quiet(&self, holders: usize) -> bool {
        // In this order: who has let go of its mailbox has used it before.
        self.inputs.sender_strong_count() == holders
            && self.inputs.is_empty()
            && !self.bell.rang.load(Ordering::Acquire)
    }

    /// Whether this is where the mailbox leads.
    pub(super) fn belongs_to(&self, mailbox: &Mailbox) -> bool {
        Arc::ptr_eq(&self.bell, &mailbox.bell)
    }
}

impl Bell {
    fn ring(&self) {
        self.rang.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Waits for the next ring. `true` if the user's resources changed.
    pub(super) async fn rung(&self) -> bool {
        self.notify.notified().await;
        // Before the look that follows: a ring after this is for the next one.
        self.rang.store(false, Ordering::Release);
        self.resources.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mailbox_is_quiet_when_nothing_is_in_it_and_nobody_is_about_to_put_something_in() {
        let (mailbox, inbox) = mailbox();
        assert!(inbox.is_quiet(1));
        let other = mailbox.clone();
        assert!(!inbox.is_quiet(1), "somebody holds a way in");
        other.wake();
        drop(other);
        assert!(!inbox.is_quiet(1), "it rang");
        inbox.bell.rung().await;
        assert!(inbox.is_quiet(1));
        mailbox.offer(Input::Typing(true));
        assert!(!inbox.is_quiet(1), "something is in it");
    }
}
