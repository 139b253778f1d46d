//! The crossing: one conversation of one user, its ordered queues in both directions, its encrypted sessions.
//!
//! Each conversation is a task of its own ([`conversation`]) that takes [`Input`]s from a bounded mailbox, so that no
//! conversation waits for another. What must survive lies in the database before it is acknowledged to anybody.
//!
//! - [`incoming`]: from the user's client: open, read, store. [`sender`]: from the store to the network.
//! - [`outcome`]: what becomes of messages. [`transfer`]: files, both ways.
//! - [`related`]: what is done to messages that are there. [`told`]: the same from the network.
//! - [`sink`]: from the network: store. [`delivering`]: from the store to the user's clients. [`way`]: how it reaches them.
//! - [`kinds`]: presence and iq in a session.
//! - [`negotiating`]: ESessions with the user's clients. [`news`]: what is told of them. [`given_out`]: keys that the user's server knows.
//! - [`terms`]: what was agreed in a session, when it changes.
//! - [`offline`]: with clients that are away, and while the login is.
//! - [`omemo`]: OMEMO in the place of sessions. [`acquaintance`]: the devices that it is with. [`vouching`]: what they say of
//!   each other.
//! - [`openpgp`]: OpenPGP in the place of sessions. [`step`]: what is stored with a message of either. [`keyed`]: what is
//!   sealed by one of them, or both.
//! - [`talk`]: the conversation with the gateway itself.
//! - [`ending`]: a conversation with nothing to do leaves memory.

pub mod acquaintance;
mod conversation;
mod delivering;
mod ending;
mod given_out;
mod incoming;
mod input;
mod keyed;
mod kinds;
mod negotiating;
mod news;
mod offline;
mod omemo;
mod openpgp;
mod outcome;
mod posting;
mod related;
mod sender;
mod sink;
mod step;
mod talk;
mod terms;
#[cfg(test)]
mod tests;
mod told;
mod transfer;
mod unbridged;
mod vouching;
mod way;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_bridge::{ContactId, EventSink};
use jid::{BareJid, FullJid};
use minidom::Element;
use tokio::sync::oneshot;

use crate::keeper::{Keeper, Peer};
use crate::secure::comparison::Comparison;
use crate::secure::limiter::Limiter;
use crate::store::{User, outbox, users, witness};
use crate::xmpp::error::{Condition, refuse};
use input::{Input, Mailbox};

/// All conversations of one network that are awake.
pub struct Crossings {
    awake: Mutex<HashMap<(BareJid, Peer), Mailbox>>,
    limiter: Limiter,
}

/// An encrypted session with one of the user's clients, for comparing codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCode {
    /// With whom the user's client has it.
    pub peer: Peer,
    /// The client.
    pub resource: FullJid,
    /// What the users are to compare.
    pub comparison: Comparison,
    /// Whether the session surely ends in the user's own client.
    pub verified: bool,
}

/// How long the end of an encrypted session may take when the program stops.
const FAREWELL: Duration = Duration::from_secs(3);

const PUT_BACK: &str = "Notice: the database of this gateway was put back from an older copy. What you trusted, distrusted or \
                        verified here after that was made is forgotten: look at what \"drawbridge users devices\" shows on \
                        the host, and say it again.";

impl Crossings {
    /// With so much room for half-open negotiations.
    pub fn new(limits: &crate::config::LimitsConfig) -> Self {
        Self { awake: Mutex::default(), limiter: Limiter::new(limits.negotiations_per_user, limits.negotiations) }
    }

    /// A message (or another stanza with encrypted content) from a user to a peer. Returns once it is queued, or
    /// refused because the conversation has too much to do.
    pub async fn stanza(&self, keeper: &Arc<Keeper>, user: &User, peer: Peer, stanza: Element) {
        let mailbox = self.mailbox(keeper, user, peer);
        if let Err(stanza) = mailbox.try_stanza(stanza)
            && let Some(refusal) = refuse(&stanza, Condition::ResourceConstraint, "too much at once, try again")
        {
            let _ = keeper.out.send(refusal).await;
        }
    }

    /// Where the user's login session delivers to.
    pub fn sink(&self, keeper: &Arc<Keeper>, user: &User) -> EventSink {
        Arc::new(sink::LoginSink::new(keeper.clone(), user.clone()))
    }

    /// Words of the gateway itself to the user, under the protection of their conversation with the gateway JID.
    pub async fn say(&self, keeper: &Arc<Keeper>, user: &User, text: String) {
        self.mailbox(keeper, user, Peer::Gateway).put(Input::Say(text)).await;
    }

    /// The same about a contact: in the conversation with them, under its protection.
    pub async fn say_about(&self, keeper: &Arc<Keeper>, user: &User, contact: &ContactId, text: String) {
        self.mailbox(keeper, user, Peer::Contact(contact.clone())).put(Input::Say(text)).await;
    }

    /// Tells the user of devices and keys that are new, in their conversation with the gateway JID.
    pub async fn introduce(&self, keeper: &Arc<Keeper>, user: &User) {
        self.mailbox(keeper, user, Peer::Gateway).put(Input::Introduce).await;
    }

    /// A resource of the user came, went, or its abilities became known.
    pub async fn resources_changed(&self, keeper: &Arc<Keeper>, user: &BareJid) {
        let _ = keeper;
        self.wake(user, true);
    }

    /// Another conversation with a contact, or the same one, encrypted otherwise than before: what was said about it may not
    /// be true any more.
    pub async fn far_side_changed(&self, keeper: &Arc<Keeper>, user: &User, contact: &ContactId) {
        self.mailbox(keeper, user, Peer::Contact(contact.clone())).put(Input::FarSide).await;
    }

    /// The user's server has told which devices they have.
    pub fn devices_changed(&self, user: &BareJid) {
        self.wake(user, false);
    }

    /// The user was shown a peer's presence: what is not for everybody to see follows in the sessions.
    pub fn shown(&self, user: &BareJid, peer: &Peer) {
        let awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mailbox) = awake.get(&(user.clone(), peer.clone())) {
            mailbox.offer(Input::Shown);
        }
    }

    /// The live session of the user's login came up or went: wakes what waits for it.
    pub async fn login_changed(&self, keeper: &Arc<Keeper>, user: &BareJid) {
        crate::xmpp::presence::login_changed(keeper, user).await;
        self.resume(keeper, user).await;
    }

    /// Wakes every conversation of the user for which something waits, in either direction.
    pub async fn resume(&self, keeper: &Arc<Keeper>, user: &BareJid) {
        let (jid, network) = (user.clone(), keeper.network.descriptor().id);
        let work = keeper.store.call(move |db, _| {
            let Some(user) = users::get(db, network, &jid)? else { return Ok(None) };
            Ok(Some((outbox::contacts_with_work(db, user.id)?, user)))
        });
        match work.await {
            Ok(Some((contacts, user))) => {
                for contact in contacts {
                    self.mailbox(keeper, &user, Peer::Contact(contact));
                }
                self.wake(&user.jid, false);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "cannot look for waiting messages"),
        }
    }

    /// Wakes what waits for anybody: after a start, and whenever the link comes up.
    pub async fn resume_all(&self, keeper: &Arc<Keeper>) {
        let network = keeper.network.descriptor().id;
        match keeper.store.call(move |db, _| users::all(db, network)).await {
            Ok(users) => {
                for user in users {
                    self.resume(keeper, &user.jid).await;
                    self.tell_put_back(keeper, &user).await;
                }
            }
            Err(error) => tracing::error!(%error, "cannot read the users"),
        }
    }

    /// Whoever put the database back knows; those who trusted or distrusted something since the copy was made do not.
    async fn tell_put_back(&self, keeper: &Arc<Keeper>, user: &User) {
        let id = user.id;
        let is_new = keeper
            .store
            .call(move |db, _| Ok(witness::since(db)? > 0 && users::tell_once(db, id, users::Once::PutBack)?));
        match is_new.await {
            Ok(true) => self.say(keeper, user, PUT_BACK.to_owned()).await,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "cannot note what a user was told"),
        }
    }

    /// Something new waits in the store for this conversation.
    fn wake_one(&self, keeper: &Arc<Keeper>, user: &User, peer: Peer) {
        self.mailbox(keeper, user, peer).wake();
    }

    /// Whether a live session of this conversation forbids that its words are stored.
    fn is_unlogged(&self, user: BareJid, peer: Peer) -> bool {
        let awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        awake.get(&(user, peer)).is_some_and(Mailbox::is_unlogged)
    }

    /// Ends the user's encrypted sessions and forgets their conversations (logout, unregister).
    pub async fn forget(&self, user: &BareJid) {
        self.end(Some(user)).await;
    }

    /// The user's live encrypted sessions with their codes.
    pub async fn codes(&self, user: &BareJid) -> Vec<SessionCode> {
        let mut codes = Vec::new();
        for mailbox in self.of(Some(user)) {
            let (answer, answered) = oneshot::channel();
            mailbox.put(Input::Codes(answer)).await;
            codes.extend(answered.await.unwrap_or_default());
        }
        codes.sort_by(|a, b| (a.peer.key(), &a.resource).cmp(&(b.peer.key(), &b.resource)));
        codes
    }

    /// The person compared codes on a channel that the XMPP server does not control: marks the chain of the session
    /// with this code as verified, and the key that has signed it. `None` if no session has it.
    pub async fn verify(&self, user: &BareJid, code: &str) -> Option<SessionCode> {
        let found = self.codes(user).await.into_iter().find(|session| session.comparison.is(code))?;
        for mailbox in self.of(Some(user)) {
            let (answer, answered) = oneshot::channel();
            mailbox.put(Input::Verify(found.resource.clone(), found.comparison.clone(), answer)).await;
            if let Ok(Some(verified)) = answered.await {
                return Some(verified);
            }
        }
        None
    }

    /// Settles what is in flight, ends every encrypted session properly.
    pub async fn stop(&self) {
        self.end(None).await;
    }

    /// How many conversations are in memory.
    pub fn awake(&self) -> usize {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn end(&self, user: Option<&BareJid>) {
        let mailboxes = self.of(user);
        self.awake
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(jid, _), _| user.is_some_and(|user| user != jid));
        let farewells = mailboxes.into_iter().map(|mailbox| async move {
            let (answer, answered) = oneshot::channel();
            mailbox.put(Input::Stop(answer)).await;
            let _ = answered.await;
        });
        let _ = tokio::time::timeout(FAREWELL, futures::future::join_all(farewells)).await;
    }

    fn of(&self, user: Option<&BareJid>) -> Vec<Mailbox> {
        let awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = awake.iter().filter(|((jid, _), _)| user.is_none_or(|user| user == jid));
        mine.map(|(_, mailbox)| mailbox.clone()).collect()
    }

    fn wake(&self, user: &BareJid, resources: bool) {
        for mailbox in self.of(Some(user)) {
            if resources {
                mailbox.resources();
            } else {
                mailbox.wake();
            }
        }
    }

    fn mailbox(&self, keeper: &Arc<Keeper>, user: &User, peer: Peer) -> Mailbox {
        let mut awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        awake
            .entry((user.jid.clone(), peer.clone()))
            .or_insert_with(|| conversation::spawn(keeper.clone(), user.clone(), peer, self.limiter.clone()))
            .clone()
    }
}
