//! From the store to the user's clients, in order, and what becomes of it.

use std::time::{Duration, SystemTime};

use drawbridge_bridge::{ContactId, Plaintext, RemoteId};
use jid::{BareJid, FullJid};
use minidom::Element;

use super::conversation::Conversation;
use super::input::Input;
use super::keyed::Keys;
use super::way::Way;
use crate::keeper::Peer;
use crate::message::{Kind, Message};
use crate::store::deliveries::{self, Delivery, Parcel};
use crate::store::links;
use crate::to_xmpp::{self, Sealed};
use crate::xmpp::element::{Build, element, random_id};
use crate::xmpp::presence::Resource;
use crate::xmpp::requests;
use crate::xmpp::{ns, privilege};

/// How many messages may be on their way to a client without a receipt.
const WINDOW: usize = 64;
/// A message older than this carries its time.
const LATE: Duration = Duration::from_secs(60);
/// A session in which nothing was receipted for so long, though something is due, is taken for broken.
const SILENCE: Duration = Duration::from_secs(60);

/// In the place of words that must not be stored and went with an earlier process.
const LOST: &str = "[A message that must not be stored here was lost when Drawbridge was stopped. Another client of yours may show it.]";

/// How much text there is room for in a stanza.
#[derive(Clone, Copy)]
pub(super) enum Room {
    /// Once, in clear or as base64.
    Alone,
    /// In three copies, as base64, with a key for each of a hundred devices in each dialect.
    Keyed,
}

impl Room {
    fn octets(self, max_stanza: usize) -> usize {
        match self {
            Self::Alone => max_stanza / 2,
            Self::Keyed => max_stanza / 8,
        }
    }
}

impl Conversation {
    /// Sends what waits, as far as the window and the protection allow.
    pub(super) async fn deliver(&mut self) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        while self.keeper.out.is_up() && self.flight.out.len() < WINDOW {
            let waiting = match self.waiting(&contact).await {
                Ok(waiting) if waiting.is_empty() => return,
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::error!(%error, "cannot read what waits for delivery");
                    return;
                }
            };
            let way = self.way().await;
            let waiting = match way {
                Way::Hold => return,
                Way::Away => return self.leave_for_user(&contact).await,
                Way::Clear => self.until_file(waiting, false),
                Way::Sealed(..) => self.until_file(waiting, true),
            };
            if waiting.is_empty() {
                return;
            }
            let mut ids = Vec::with_capacity(waiting.len());
            match way {
                Way::Hold | Way::Away => return,
                Way::Sealed(sessions, keys) => {
                    let mut all_out = true;
                    for delivery in waiting {
                        // As below: what their session forbade to be stored goes in sessions alone.
                        let is_unwritten = delivery.parcel.unwritten && delivery.parcel.message.is_some();
                        let keys = if is_unwritten { Keys::default() } else { keys };
                        all_out = self.deliver_sealed(&sessions, keys, &delivery).await;
                        if !all_out {
                            break;
                        }
                        self.flight.after = delivery.seq;
                        ids.push(delivery.stanza);
                    }
                    if keys.any() || !self.will_receipt(&sessions) {
                        self.ask_for_acceptance(ids);
                    }
                    if !all_out {
                        if sessions.is_empty() {
                            self.invite_client().await;
                        }
                        return;
                    }
                }
                Way::Clear => {
                    for delivery in waiting {
                        if delivery.parcel.unwritten && delivery.parcel.message.is_some() {
                            // Their session forbade that they are stored, and the server would: they wait for another.
                            self.ask_for_acceptance(ids);
                            return self.invite_client().await;
                        }
                        if !self.deliver_clear(&delivery).await {
                            return;
                        }
                        self.flight.after = delivery.seq;
                        ids.push(delivery.stanza);
                    }
                    self.ask_for_acceptance(ids);
                }
            }
        }
    }

    async fn waiting(&self, contact: &ContactId) -> crate::store::Result<Vec<Delivery>> {
        let (user, contact, after) = (self.user.id, contact.clone(), self.flight.after);
        let room = WINDOW.saturating_sub(self.flight.out.len());
        self.keeper.store.call(move |db, sealer| deliveries::waiting(db, sealer, user, &contact, after, room)).await
    }

    /// Sealed once for the keys, and once for each session: what the server has taken for the keys before is not repeated.
    async fn deliver_sealed(&mut self, sessions: &[FullJid], keys: Keys, delivery: &Delivery) -> bool {
        let is_taken = self.flight.taken.contains(&delivery.stanza);
        // Or the devices or keys are gone at this moment.
        if keys.any() && !is_taken && self.deliver_keyed(keys, delivery).await != Some(true) {
            return false;
        }
        let mut reached = false;
        for resource in sessions {
            let shows = self.shows_reactions(|client| client.full == *resource);
            let content = self.shown(delivery, (Sealed::Whole, Room::Alone), shows);
            match self.post_sealed(resource, &delivery.stanza, &content).await {
                Some(Ok(())) => reached = true,
                // It is lost, and everything goes again in its order.
                _ => return false,
            }
        }
        let is_out = reached || keys.any();
        if is_out {
            self.flight.insert(delivery, reached && self.will_receipt(sessions));
        }
        is_out
    }

    async fn deliver_clear(&mut self, delivery: &Delivery) -> bool {
        let mut content = self.shown(delivery, (Sealed::Whole, Room::Alone), self.shows_reactions(|_| true));
        if !content.iter().any(|child| child.is("body", ns::CLIENT)) {
            // Else a server takes it for something that passes (XEP-0313, section 8).
            content.push(element("store", ns::HINTS));
        }
        let sent = self.post_own(delivery).await
            || self.post_clear(&self.them().clone().into(), &delivery.stanza, content).await.is_ok();
        if sent {
            self.flight.insert(delivery, false);
        }
        sent
    }

    /// What the user wrote in another client, shown as theirs where their server lets us (XEP-0356).
    async fn post_own(&self, delivery: &Delivery) -> bool {
        let Parcel { message: Some(message), mine: true, .. } = &delivery.parcel else { return false };
        if !self.keeper.privileges.allows_message(self.them()) {
            return false;
        }
        let message = element("message", ns::CLIENT)
            .with("to", self.me.to_bare().as_str())
            .with("type", "chat")
            .with("id", delivery.stanza.as_str())
            .with_children(to_xmpp::related(message, |own| self.author(own)));
        privilege::outgoing_copy(&self.keeper, self.them(), message).await
    }

    /// Whether one of the clients sends receipts (XEP-0184), as far as they have said. Who has a session and shows us
    /// nothing of itself is taken for one that does.
    fn will_receipt(&self, resources: &[FullJid]) -> bool {
        let online = self.keeper.presences.online(self.them());
        resources.iter().any(|resource| {
            online.iter().find(|client| client.full == *resource).is_none_or(|client| !client.known || client.receipts)
        })
    }

    /// In clear, and for clients that send no receipts, a delivery is done when the XMPP server has taken it: the answer
    /// to a request sent behind it says so. (In a session it is done when the client has receipted it.)
    fn ask_for_acceptance(&self, ids: Vec<String>) {
        if ids.is_empty() {
            return;
        }
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        tokio::spawn(async move {
            if requests::barrier(&keeper).await.is_ok() {
                mailbox.put(Input::Accepted(ids)).await;
            }
        });
    }

    /// The server has taken these, unless one came back first: then all wait until a client is there.
    pub(super) async fn accepted(&mut self, ids: Vec<String>) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        // What came back is done all the same if a session carries it too.
        let in_session = !self.endpoints.ready().is_empty();
        let mut ids = ids;
        ids.retain(|id| (in_session || !self.flight.bounced.contains(id)) && self.flight.take(id));
        let user = self.user.id;
        let done = self.keeper.store.call(move |db, _| {
            for id in &ids {
                deliveries::done(db, user, &contact, id)?;
            }
            Ok(())
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "cannot note what the server took");
        }
        self.deliver().await;
    }

    /// In a session every stanza counts: what is not receipted in time was lost on the way, and the session with it,
    /// even if no later stanza has shown that yet.
    pub(super) fn notice_silence(&mut self) {
        let silent = self.flight.moved.is_some_and(|moved| moved.elapsed() >= SILENCE);
        if silent && !self.flight.out.is_empty() {
            for resource in self.endpoints.resources() {
                self.lose(&resource);
            }
            // Of what no session owes, the server alone can say what has become.
            if self.flight.out.values().any(|owed| *owed) {
                self.flight.rewind();
            }
        }
    }

    /// A client came, went, or told what it can do.
    pub(super) async fn resources_changed(&mut self) {
        let online = self.keeper.presences.online(self.them());
        if !online.is_empty() {
            self.forget_options();
        }
        let mut gone = Vec::new();
        for (resource, active) in &mut self.endpoints.active {
            let here = online.iter().any(|client| client.full == *resource);
            // One that we never saw online does not show us its presence: that it is not there means nothing.
            if active.seen_online && !here {
                gone.push(resource.clone());
            }
            active.seen_online |= here;
        }
        for resource in gone {
            // The client went offline without ending the session: nothing confirms that it saw everything.
            self.lose(&resource);
        }
        if !self.flight.bounced.is_empty() && !online.is_empty() {
            self.flight.rewind();
        }
    }

    /// The contact types: to those who would see their messages, never to wake anybody.
    pub(super) async fn typing(&mut self, on: bool) {
        let content = [to_xmpp::typing(on)];
        self.post_passing(&content).await;
    }

    /// The contact has read up to an event.
    pub(super) async fn displayed(&mut self, remote: RemoteId) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        let user = self.user.id;
        let stanza = self.keeper.store.call(move |db, _| links::mine_up_to(db, user, &contact, &remote)).await;
        if let Ok(Some(stanza)) = stanza {
            self.post_passing(&[to_xmpp::displayed(&stanza)]).await;
        }
    }

    async fn post_passing(&mut self, content: &[Element]) {
        let resources = self.endpoints.resources();
        for resource in &resources {
            let _ = self.post_sealed(resource, &random_id(), content).await;
        }
        let mut others = self.keeper.presences.online(self.them());
        others.retain(|client| !resources.contains(&client.full));
        let used = self.protections().await;
        if others.is_empty() || (!resources.is_empty() && !Keys::used(&used).any()) || self.post_wordless(content).await
        {
            return;
        }
        // With OpenPGP and the older dialect of OMEMO too: their clients show and read such signs beside the encrypted content.
        if Keys::used(&used).any() || !self.is_required().await {
            for client in others {
                let _ = self.post_clear(&client.full.into(), &random_id(), content.to_vec()).await;
            }
        }
    }

    /// A delivery as content. What the user said elsewhere is shown as theirs in words: in an encrypted session nobody but
    /// the contact can send it (clients.md, 2.7).
    pub(super) fn shown(
        &self,
        delivery: &Delivery,
        (sealed, room): (Sealed, Room),
        shows_reactions: bool,
    ) -> Vec<Element> {
        let Parcel { message, mine, time, .. } = &delivery.parcel;
        let sent = time
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .filter(|sent| sent.elapsed().is_ok_and(|age| age > LATE));
        let in_words = |message: &Message| *mine || (message.kind() == Some(Kind::Reactions) && !shows_reactions);
        let message = match message {
            None => &Message::says(Plaintext::new(LOST)),
            Some(message) if in_words(message) => &Message::says(message.in_words(*mine)),
            Some(message) => message,
        };
        let cut = message.cut(room.octets(self.keeper.config.limits.max_stanza));
        let message = cut.as_ref().unwrap_or(message);
        to_xmpp::message(message, &delivery.stanza, sent, sealed, |own| self.author(own))
    }

    fn author(&self, own: bool) -> Option<BareJid> {
        Some(if own { self.them().clone() } else { self.me.to_bare() })
    }

    /// Whether one of these clients shows reactions, as far as they have said.
    fn shows_reactions(&self, which: impl Fn(&Resource) -> bool) -> bool {
        let mut clients = self.keeper.presences.online(self.them()).into_iter().filter(which).peekable();
        clients.peek().is_none() || clients.any(|client| !client.known || client.reactions)
    }
}
