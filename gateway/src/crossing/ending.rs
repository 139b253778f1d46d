//! The end of a conversation that has nothing to do: it leaves memory, and whatever comes next wakes a new one, which
//! begins with what the store says.
//!
//! Two of them at once would send twice and out of order, and what is given to one that has ended is lost. Whoever wants
//! to give it something takes its mailbox out of the map first, and holds it until that is done. So under the map's
//! lock, with nobody holding a mailbox and nothing in it, nobody can reach this conversation any more.

use std::sync::PoisonError;

use tokio::time::Instant;

use super::conversation::Conversation;
use super::input::Inbox;
use super::{Crossings, Peer};
use crate::store::outbox;

impl Conversation {
    /// Whether this conversation is out of the map, and must not do anything any more.
    pub(super) async fn has_ended(&self, inbox: &Inbox, now: Instant) -> bool {
        self.is_idle(now) && self.nothing_waits().await && self.keeper.crossings.let_go(self, inbox)
    }

    /// Nothing is remembered that a new one could not read in the store.
    fn is_idle(&self, now: Instant) -> bool {
        now.duration_since(self.last) >= self.keeper.config.limits.conversation_idle
            && self.endpoints.active.is_empty()
            && self.endpoints.half.is_empty()
            && self.flight.out.is_empty()
            && self.owed.is_empty()
    }

    async fn nothing_waits(&self) -> bool {
        let Peer::Contact(contact) = self.peer.clone() else { return true };
        let user = self.user.id;
        let work = self.keeper.store.call(move |db, _| outbox::has_work(db, user, &contact)).await;
        matches!(work, Ok(false))
    }

    /// How many mailboxes are held where nobody puts anything in: by the map, by the conversation, by its sender.
    fn holders(&self) -> usize {
        match self.peer {
            Peer::Gateway => 2,
            Peer::Contact(_) => 3,
        }
    }
}

impl Crossings {
    fn let_go(&self, conversation: &Conversation, inbox: &Inbox) -> bool {
        let mut awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (conversation.user.jid.clone(), conversation.peer.clone());
        // One that was forgotten meanwhile waits for its `Stop`; its place may be another's.
        let in_place = awake.get(&key).is_some_and(|mailbox| inbox.belongs_to(mailbox));
        // The sender is at rest, and finds itself stopped when it is not.
        let Ok(_at_rest) = conversation.sending.try_lock() else { return false };
        if !in_place || !inbox.is_quiet(conversation.holders()) {
            return false;
        }
        awake.remove(&key);
        conversation.stop.cancel();
        true
    }
}
