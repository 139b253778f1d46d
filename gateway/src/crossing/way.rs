//! How a conversation reaches the user: each of their clients as it has written last, by whatever protects the conversation.

use drawbridge_bridge::ContactId;
use jid::FullJid;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::keyed::Keys;
use crate::keeper::Peer;
use crate::secure::endpoints::Active;
use crate::secure::policy;
use crate::store::{Policy, Protection, Protections, inbox, protections};

const WAITING: &str = "Notice: what comes here waits, since it cannot be encrypted for any client of yours now: none gives out a \
                       key, or it has expired, or is not trusted. The command \"devices\" shows which are trusted.";

/// How the conversation reaches the user now.
pub(super) enum Way {
    /// Not at all: it waits.
    Hold,
    /// To the account, by what a client has published, since none is there.
    Away,
    /// In clear, to the account.
    Clear,
    /// In the session of each of these clients, and by these keys of the account.
    Sealed(Vec<FullJid>, Keys),
}

impl Conversation {
    pub(super) async fn way(&mut self) -> Way {
        let Ok((wish, contact)) = self.standing().await else { return Way::Hold };
        if contact.as_ref().is_some_and(|contact| contact.blocked.is_some()) {
            return Way::Hold;
        }
        let protected = contact.is_some_and(|contact| contact.protected);
        let used = self.protections().await;
        let Some(mut keys) = self.readable(Keys::used(&used)).await else { return Way::Hold };
        if !protected && self.may_begin(wish).await {
            // What is without forward secrecy only where there is nothing better.
            for begun in [Keys::OMEMO, Keys::OPENPGP] {
                if !keys.any() {
                    let Some(readable) = self.readable(begun).await else { return Way::Hold };
                    keys = readable;
                }
            }
        }
        let sessions = self.in_sessions(&used, keys);
        if keys.any() && self.is_awaited(&used, keys) {
            self.invite_client().await;
            if self.is_awaited(&used, keys) {
                return Way::Hold;
            }
        }
        if keys.any() || !sessions.is_empty() {
            self.told_waiting = false;
            let came_back = sessions.is_empty() && !self.flight.bounced.is_empty();
            return if came_back { Way::Hold } else { Way::Sealed(sessions, keys) };
        }
        // That a server does not give the keys out is no wish of the user.
        if used.has(Protection::OpenPgp) || !self.endpoints.active.is_empty() {
            self.tell_waiting(&used).await;
            return Way::Hold;
        }
        if policy::required(wish, protected) {
            if self.keeper.presences.online(self.them()).is_empty() {
                return Way::Away;
            }
            self.tell_waiting(&used).await;
            self.invite_client().await;
            return Way::Hold;
        }
        if self.flight.bounced.is_empty() { Way::Clear } else { Way::Hold }
    }

    /// Tells once that what waits cannot be encrypted, where it is devices or keys that are missing: they have expired, or are not
    /// given out any more, and nobody else would say so.
    async fn tell_waiting(&mut self, used: &Protections) {
        let is_online = !self.keeper.presences.online(self.them()).is_empty();
        let by_keys = Keys::used(used).any() && !used.has(Protection::ESession) && self.endpoints.active.is_empty();
        if by_keys && is_online && !std::mem::replace(&mut self.told_waiting, true) {
            self.say(WAITING).await;
        }
    }

    /// What the user's clients have used last.
    pub(super) async fn protections(&self) -> Protections {
        let (user, peer) = (self.user.id, self.peer.key().to_owned());
        self.keeper.store.call(move |db, _| protections::of(db, user, &peer)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read how a conversation is protected");
            Protections::default()
        })
    }

    /// A client has spoken in a session, or in clear where it might: it is written to so from here on.
    pub(super) async fn note(&self, from: &FullJid, protection: Option<Protection>) {
        let (used, client) = (self.protections().await, from.resource().as_str().to_owned());
        let (user, peer) = (self.user.id, self.peer.key().to_owned());
        let noted = match protection {
            Some(protection) if used.of(&client) != Some(protection) => {
                self.keeper.store.call(move |db, _| protections::note(db, user, &peer, &client, protection)).await
            }
            None if !used.is_empty() && self.peer != Peer::Gateway => {
                self.keeper.store.call(move |db, _| protections::forget(db, user, &peer)).await
            }
            _ => return,
        };
        if let Err(error) = noted {
            tracing::error!(%error, "cannot note how a conversation is protected");
        }
    }

    /// The clients that are written to in their sessions: not those that have gone over to keys by which they are reached.
    pub(super) fn in_sessions(&self, used: &Protections, keys: Keys) -> Vec<FullJid> {
        let mut sessions = self.endpoints.ready();
        sessions.retain(|client| !used.of(client.resource().as_str()).is_some_and(|by| keys.reach(by)));
        sessions
    }

    /// Whether a client that speaks in sessions is about to have one: what goes out by keys now, it would not see.
    fn is_awaited(&self, used: &Protections, keys: Keys) -> bool {
        let (endpoints, now) = (&self.endpoints, Instant::now());
        let is_reached = |client: &FullJid| {
            let rests = endpoints.resting.get(client).is_some_and(|until| *until > now);
            rests || endpoints.active.get(client).is_some_and(Active::may_speak)
        };
        let uses = |client: &FullJid| used.of(client.resource().as_str());
        let online = self.keeper.presences.online(self.them());
        online.iter().any(|it| it.esession && uses(&it.full) == Some(Protection::ESession) && !is_reached(&it.full))
            || endpoints.active.keys().any(|it| !is_reached(it) && !uses(it).is_some_and(|by| keys.reach(by)))
    }

    /// Whether a contact who writes first encrypts, if the user has devices or keys for that: nobody has said anything else yet.
    async fn may_begin(&self, wish: Policy) -> bool {
        let (user, peer) = (self.user.id, self.peer.key().to_owned());
        let spoken = self.keeper.store.call(move |db, _| inbox::has_any(db, user, &ContactId::new(peer)));
        wish != Policy::Off && self.endpoints.active.is_empty() && !matches!(spoken.await, Ok(true))
    }
}
