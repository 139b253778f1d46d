//! One conversation of one user: a task that owns its encrypted sessions and what is in flight to the user's clients.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use esession::{OfflineReceiver, PublicKey};
use jid::{BareJid, FullJid};
use minidom::Element;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SessionCode;
use super::acquaintance::Acquaintance;
use super::input::{self, Inbox, Input, Mailbox};
use super::offline::Options;
use super::openpgp::Keyring;
use super::sender;
use crate::keeper::{Keeper, Peer};
use crate::secure::comparison::Comparison;
use crate::secure::endpoints::{Active, Endpoints};
use crate::secure::limiter::Limiter;
use crate::secure::policy;
use crate::store::{self, Contact, Delivery, Policy, User, contacts, users};
use crate::xmpp::RESOURCE;

/// The state of one conversation.
pub(super) struct Conversation {
    pub(super) keeper: Arc<Keeper>,
    pub(super) user: User,
    pub(super) peer: Peer,
    /// Under which we write: the peer's JID with our one resource, so that a session has a full JID to belong to.
    pub(super) me: FullJid,
    pub(super) endpoints: Endpoints,
    pub(super) limiter: Limiter,
    pub(super) flight: Flight,
    /// Into our own mailbox, for the tasks that work for us.
    pub(super) mailbox: Mailbox,
    /// Wakes the task that sends to the network.
    pub(super) outbox: Arc<Notify>,
    /// Ends that task.
    pub(super) stop: CancellationToken,
    /// Commands run one after the other.
    pub(super) talking: Arc<tokio::sync::Mutex<()>>,
    /// Receipts and answers for clients whose session is down: they go out in the next one.
    pub(super) owed: BTreeMap<FullJid, Vec<Vec<Element>>>,
    /// One-way sessions of the user's clients, by their threads.
    pub(super) receivers: HashMap<(FullJid, String), OfflineReceiver>,
    /// How the user can be written to while they are away.
    pub(super) options: Options,
    /// The user's devices, for OMEMO.
    pub(super) acquaintance: Acquaintance,
    /// The user's keys, for OpenPGP.
    pub(super) keyring: Keyring,
    /// The delivery whose file is being brought.
    pub(super) bringing: Option<i64>,
    /// The user knows that their status is not passed on.
    pub(super) untold: bool,
    /// The user has been told that what waits cannot be encrypted.
    pub(super) told_waiting: bool,
    /// Held by the task that sends to the network while it works.
    pub(super) sending: Arc<tokio::sync::Mutex<()>>,
    /// When something last happened.
    pub(super) last: Instant,
}

/// What was sent to the user's clients and is not receipted yet.
#[derive(Default)]
pub(super) struct Flight {
    /// The last row that was sent.
    pub(super) after: i64,
    /// Stanza ids that are out, and whether a session is to bring a receipt.
    pub(super) out: BTreeMap<String, bool>,
    /// Stanza ids of which the server has taken what is sealed for the account's keys, while a session owes a receipt.
    pub(super) taken: BTreeSet<String>,
    /// When something was last receipted, or sent while nothing was due.
    pub(super) moved: Option<Instant>,
    /// Sent to the account, and came back: a client must come online before they are tried again.
    pub(super) bounced: BTreeSet<String>,
}

impl Flight {
    /// Sent, perhaps in sessions whose clients receipt it.
    pub(super) fn insert(&mut self, delivery: &Delivery, is_receipted: bool) {
        if self.out.is_empty() {
            self.moved = Some(Instant::now());
        }
        self.out.insert(delivery.stanza.clone(), is_receipted);
    }

    /// Receipted.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.moved = Some(Instant::now());
        self.taken.remove(id);
        self.bounced.remove(id);
        self.out.remove(id).is_some()
    }

    /// The server has taken it. `true` if that is all that was waited for.
    pub(super) fn take(&mut self, id: &str) -> bool {
        match self.out.get(id) {
            Some(true) => {
                self.taken.insert(id.to_owned());
                false
            }
            Some(false) => self.remove(id),
            None => false,
        }
    }

    /// Everything without a receipt is to be sent again, in order.
    pub(super) fn rewind(&mut self) {
        *self = Self { taken: std::mem::take(&mut self.taken), ..Self::default() };
    }
}

/// A client that does not answer is asked for a session again after so long.
const UNANSWERED: Duration = Duration::from_secs(300);
/// How often late negotiations are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How long the clients have to acknowledge the end of their sessions.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts the conversation's task.
pub(super) fn spawn(keeper: Arc<Keeper>, user: User, peer: Peer, limiter: Limiter) -> Mailbox {
    let (mailbox, inbox) = input::mailbox();
    let Some(me) = keeper.jid(&peer).and_then(|jid| jid.with_resource_str(RESOURCE).ok()) else {
        // No JID can be made of the id, so nobody can have written to it and nothing can come from it.
        return mailbox;
    };
    let conversation = Conversation {
        keeper,
        user,
        peer,
        me,
        endpoints: Endpoints::new(mailbox.unlogged()),
        limiter,
        flight: Flight::default(),
        mailbox: mailbox.clone(),
        outbox: Arc::new(Notify::new()),
        stop: CancellationToken::new(),
        talking: Arc::default(),
        owed: BTreeMap::new(),
        receivers: HashMap::new(),
        options: Options::default(),
        acquaintance: Acquaintance::default(),
        keyring: Keyring::default(),
        bringing: None,
        untold: false,
        told_waiting: false,
        sending: Arc::default(),
        last: Instant::now(),
    };
    if let Peer::Contact(contact) = &conversation.peer {
        tokio::spawn(sender::run(sender::Sender {
            keeper: conversation.keeper.clone(),
            user: conversation.user.clone(),
            contact: contact.clone(),
            mailbox: mailbox.clone(),
            work: conversation.outbox.clone(),
            stop: conversation.stop.clone(),
            busy: conversation.sending.clone(),
            trying: std::sync::Mutex::default(),
        }));
    }
    tokio::spawn(conversation.live(inbox));
    mailbox
}

impl Conversation {
    async fn live(mut self, mut inbox: Inbox) {
        let mut links = self.keeper.out.watch();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.deliver().await;
        loop {
            tokio::select! {
                input = inbox.inputs.recv() => match input {
                    None => break,
                    Some(Input::Stop(answer)) => {
                        self.farewell(&mut inbox).await;
                        let _ = answer.send(());
                        break;
                    }
                    Some(input) => {
                        self.last = Instant::now();
                        self.handle(input).await;
                    }
                },
                resources = inbox.bell.rung() => {
                    self.last = Instant::now();
                    if resources {
                        self.resources_changed().await;
                    }
                    self.outbox.notify_one();
                    self.deliver().await;
                }
                changed = links.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    // What was in flight when the link broke may be lost (security.md, F1).
                    self.flight.rewind();
                    self.deliver().await;
                }
                _ = sweep.tick() => {
                    self.sweep();
                    self.end_untrue().await;
                    self.renew_keys().await;
                    self.notice_silence();
                    if !self.owed.is_empty() {
                        self.invite_client().await;
                    }
                    self.deliver().await;
                    if self.has_ended(&inbox, Instant::now()).await {
                        break;
                    }
                }
            }
        }
        self.stop.cancel();
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Stanza(stanza) => self.stanza(stanza).await,
            Input::Negotiated(outcome) => self.negotiated(*outcome).await,
            Input::Sent(reply) => self.receipt(&reply).await,
            Input::Failed(reply, condition, text) => self.failed(&reply, condition, &text).await,
            Input::Lost(lost, answer) => {
                let _ = answer.send(self.lost(lost).await);
            }
            Input::Accepted(ids) => self.accepted(ids).await,
            Input::Typing(on) => self.typing(on).await,
            Input::Displayed(remote) => self.displayed(remote).await,
            Input::FarSide => self.far_side_changed().await,
            Input::Say(text) => drop(self.say(&text).await),
            Input::Answer(to, protection, lines) => self.answer(&to, protection, lines).await,
            Input::Reply(to, answer) => self.reply(&to, &answer).await,
            Input::Shown => self.show_status(&self.endpoints.ready()).await,
            Input::Options(found) => {
                self.options = Options::Found(found, Instant::now());
                self.deliver().await;
            }
            Input::Listed => self.listed().await,
            Input::Keyring => self.keyring().await,
            Input::Introduce => self.give_notices().await,
            Input::Met(met) => self.met(*met).await,
            Input::Brought(seq, outcome) => self.brought(seq, *outcome).await,
            Input::GivenOut(keys) => self.given_out(keys),
            Input::Certified(client, keys) => self.certified(&client, &keys),
            Input::Codes(answer) => {
                let _ = answer.send(self.codes());
            }
            Input::Verify(resource, compared, answer) => {
                let _ = answer.send(self.verify(&resource, &compared).await);
            }
            Input::Stop(answer) => drop(answer),
        }
    }

    /// The user's wishes and the contact's standing, as they are now. `None` for the contact of the gateway itself.
    pub(super) async fn standing(&self) -> store::Result<(Policy, Option<Contact>)> {
        let (network, jid, user) = (self.keeper.network.descriptor().id, self.user.jid.clone(), self.user.id);
        let peer = self.peer.clone();
        self.keeper
            .store
            .call(move |db, _| {
                let policy = users::get(db, network, &jid)?.map_or(Policy::Require, |user| user.policy);
                let contact = match &peer {
                    Peer::Gateway => None,
                    Peer::Contact(contact) => contacts::get(db, user, contact)?,
                };
                Ok((policy, contact))
            })
            .await
    }

    /// Whether this conversation must not go in clear now. When in doubt it must not.
    pub(super) async fn is_required(&self) -> bool {
        match self.standing().await {
            Ok((policy, contact)) => policy::required(policy, contact.is_some_and(|contact| contact.protected)),
            Err(error) => {
                tracing::error!(%error, "cannot read a conversation's policy");
                true
            }
        }
    }

    fn codes(&self) -> Vec<SessionCode> {
        self.endpoints.active.iter().map(|(resource, active)| self.code(resource, active)).collect()
    }

    fn code(&self, resource: &FullJid, active: &Active) -> SessionCode {
        SessionCode {
            peer: self.peer.clone(),
            resource: resource.clone(),
            comparison: active.comparison.clone(),
            verified: active.is_verified(),
        }
    }

    async fn verify(&mut self, resource: &FullJid, compared: &Comparison) -> Option<SessionCode> {
        let active = self.endpoints.active.get_mut(resource).filter(|active| active.comparison == *compared)?;
        let (user, link, key) = (self.user.id, active.link, active.key.as_ref().map(PublicKey::key_value));
        let verified = self.keeper.store.call(move |db, _| {
            link.map_or(Ok(()), |link| store::retained::verify(db, link.secret))?;
            key.map_or(Ok(()), |key| store::keys::verify(db, user, &key))
        });
        if let Err(error) = verified.await {
            tracing::error!(%error, "cannot store that a session was verified");
            return None;
        }
        active.compared = true;
        let active = self.endpoints.active.get(resource)?;
        Some(self.code(resource, active))
    }

    fn sweep(&mut self) {
        let (now, patience) = (Instant::now(), self.keeper.config.limits.negotiation_timeout);
        let unconfirmed = self.endpoints.unconfirmed(now, patience);
        for resource in &unconfirmed {
            tracing::debug!("a client did not show its keys");
            self.lose(resource);
        }
        let late = self.endpoints.evict(now, patience);
        // Whatever else reaches the user does not wait for those.
        for resource in unconfirmed.into_iter().chain(late.iter().cloned()) {
            self.endpoints.resting.insert(resource, now + UNANSWERED);
        }
        if !late.is_empty() {
            tracing::debug!(count = late.len(), "gave up negotiations that were not finished in time");
        }
    }

    /// Ends every session with proof that nothing was cut off (XEP-0116, section 7), as far as the clients play along.
    async fn farewell(&mut self, inbox: &mut Inbox) {
        self.stop.cancel();
        for resource in self.endpoints.resources() {
            self.terminate(&resource).await;
        }
        let deadline = Instant::now() + FAREWELL;
        while !self.endpoints.active.is_empty() {
            match tokio::time::timeout_at(deadline, inbox.inputs.recv()).await {
                Ok(Some(Input::Stanza(stanza))) => self.stanza(stanza).await,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// The user's bare JID.
    pub(super) fn them(&self) -> &BareJid {
        &self.user.jid
    }
}
