//! ESessions with the user's clients: answered when they ask, asked for when something protected waits for them.

use std::time::Duration;

use drawbridge_bridge::Secret;
use esession::{Binding, ChainOutcome, Credentials, Error, Flow, PublicKey, RetainedSecret};
use jid::FullJid;
use minidom::Element;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::input::Input;
use super::keyed::Keys;
use crate::keeper::Peer;
use crate::secure::endpoints::{Active, Link, News};
use crate::secure::negotiation::{Finished, Negotiation, Outcome, Progress, Stage, Work};
use crate::secure::own_key;
use crate::secure::policy::{self, Known, Truth};
use crate::store::keys::{self, Standing};
use crate::store::{self, NewRetained, Protection, contacts, protections, retained, unix};
use crate::xmpp::element::{Build, element, random_id, stanza};
use crate::xmpp::error::Condition;
use crate::xmpp::ns;

/// How long a client that did not negotiate is left alone before it is asked again.
const REST: Duration = Duration::from_secs(30);
/// Clients of which something is remembered; their names are the server's word.
const MOST_CLIENTS: usize = 64;
/// How many retained secrets of each kind are kept for a conversation: one a client of the user, and some room.
const KEPT: usize = 8;

/// What the store says of a client whose negotiation is finished.
struct Remembered {
    link: Option<Link>,
    /// [`retained::held_by`], before this negotiation.
    held: Option<bool>,
    /// Of the key that it has signed with.
    standing: Option<Standing>,
}

impl Conversation {
    /// One message of a negotiation (XEP-0116, section 4; wrapper and form type tell which).
    pub(super) async fn negotiation(&mut self, from: &FullJid, message: &Element, wrapper: &Element, form: &Element) {
        let thread = message.get_child("thread", ns::CLIENT).map(Element::text).unwrap_or_default();
        if wrapper.name() == "feature" && form.attr("type") == Some("form") {
            return self.respond(from, thread, message, form.clone()).await;
        }
        if esession::ends_in_clear(form) {
            return self.ended_in_clear(from, &thread).await;
        }
        let Some(negotiation) = self.endpoints.half.get_mut(from).filter(|half| half.thread == thread) else { return };
        let stage = std::mem::replace(&mut negotiation.stage, Stage::Working);
        match (stage, wrapper.name(), form.attr("type")) {
            (Stage::AwaitResponse(machine), "feature", Some("submit")) if machine.expects(form) => {
                let credentials = self.credentials(machine.signs(form)).await;
                self.work(from, thread, Work::Response(machine, form.clone(), credentials));
            }
            (Stage::AwaitIdentity(machine), "feature", Some("result")) if machine.expects(form) => {
                let credentials = self.credentials(machine.signs()).await;
                self.work(from, thread, Work::Identity(machine, form.clone(), credentials));
            }
            (Stage::AwaitCompletion(machine), "init", Some("result")) if machine.expects(form) => {
                self.finish(from, thread, Work::Completion(machine, form.clone())).await;
            }
            (Stage::AwaitSignedResponse(machine), "feature", Some("submit")) if machine.expects(form) => {
                let credentials = self.credentials(true).await;
                self.work(from, thread, Work::SignedResponse(machine, form.clone(), credentials));
            }
            (Stage::AwaitSignature(machine), "feature", Some("result")) if machine.expects(form) => {
                self.finish(from, thread, Work::Signature(machine, form.clone())).await;
            }
            // Stray or out of turn: the machine stays where it is.
            (stage, ..) => {
                if let Some(negotiation) = self.endpoints.half.get_mut(from) {
                    negotiation.stage = stage;
                }
            }
        }
    }

    async fn respond(&mut self, from: &FullJid, thread: String, message: &Element, form: Element) {
        // If both ends asked at once, the client's request is the one that counts.
        self.endpoints.half.remove(from);
        let known = Known {
            keys: !self.endpoints.whole_keys.contains(from) && !self.known_keys().await.is_empty(),
            commits: self.commits(from).await,
        };
        let policy = policy::answering_policy(&self.keeper.config.esession, self.truth().await, &form, known);
        if self.open_negotiation(from, &thread) {
            let binding = self.binding().await;
            let work = match Flow::of(&form) {
                Flow::ThreeMessage => Work::RespondSigned(policy, binding, form, self.credentials(true).await),
                // Options that are published are no request, and refused as such.
                Flow::FourMessage | Flow::Offline => Work::Respond(policy, binding, form),
            };
            self.work(from, thread, work);
        } else {
            let text = "too many negotiations at once, try again later";
            let (me, to) = (self.me.clone().into(), from.clone().into());
            let _ = self.post_error(&me, &to, message.attr("id"), Condition::ResourceConstraint, text).await;
        }
    }

    /// Asks the clients that announce ESessions for one, because something waits that must not go in clear.
    pub(super) async fn invite_client(&mut self) {
        let now = Instant::now();
        self.endpoints.resting.retain(|_, until| *until > now);
        for resource in self.keeper.presences.online(self.them()) {
            if !resource.esession {
                continue;
            }
            let resource = resource.full;
            if self.endpoints.half.contains_key(&resource) || self.endpoints.resting.contains_key(&resource) {
                continue;
            }
            let thread = random_id();
            if self.open_negotiation(&resource, &thread) {
                let flow = self.flow(&resource).await;
                let (truth, commits) = (self.truth().await, self.commits(&resource).await);
                let policy = policy::asking_policy(&self.keeper.config.esession, truth, flow, commits);
                self.work(&resource, thread, Work::Begin(flow, policy, self.binding().await));
            }
        }
    }

    /// A blocking thread has finished a step.
    pub(super) async fn negotiated(&mut self, outcome: Outcome) {
        let Outcome { resource, thread, result } = outcome;
        if self.endpoints.half.get(&resource).is_none_or(|half| half.thread != thread) {
            return;
        }
        match result {
            Ok(Progress::Waiting(stage, payload)) => {
                if let Some(half) = self.endpoints.half.get_mut(&resource) {
                    half.stage = *stage;
                }
                if self.post_negotiation(&resource, &thread, payload).await.is_err() {
                    self.endpoints.half.remove(&resource);
                }
            }
            Ok(Progress::Done(finished, payload)) => {
                self.endpoints.half.remove(&resource);
                self.establish(resource, thread, *finished, payload).await;
            }
            Err(error) => self.negotiation_failed(&resource, &thread, &error).await,
        }
    }

    /// The last step, not on another thread: what the client sends right behind this must find the session.
    async fn finish(&mut self, from: &FullJid, thread: String, work: Work) {
        self.negotiated(Outcome { resource: from.clone(), thread, result: work.run() }).await;
    }

    /// The session stands. Its new secret is stored as pending before anything is sent (esessions.md, W2).
    async fn establish(&mut self, to: FullJid, thread: String, finished: Finished, payload: Option<Element>) {
        let Remembered { link, held, standing } = match self.remember(&to, &finished).await {
            Ok(remembered) => remembered,
            Err(error) => {
                tracing::error!(%error, "cannot store what a negotiation brought");
                let me = self.me.clone().into();
                let _ = self.post_error(&me, &to.into(), None, Condition::InternalServerError, "").await;
                return;
            }
        };
        self.lose(&to);
        // Before the client may speak, so that nothing of what it says or hears is written.
        self.endpoints.expect(&finished.agreed);
        if let Some(payload) = payload
            && self.post_negotiation(&to, &thread, payload).await.is_err()
        {
            return self.endpoints.tell();
        }
        tracing::debug!(group = ?finished.agreed.group, cipher = ?finished.agreed.cipher, hybrid = finished.agreed.hybrid, "an encrypted session stands");
        let chained = finished.chained.as_ref();
        let vouched = chained.is_some_and(|chained| chained.vouched) || standing == Some(Standing::Verified);
        let has_others = Keys::used(&self.protections().await).any() && standing != Some(Standing::Known);
        let news = match (chained.map(|chained| chained.chain), held) {
            _ if standing == Some(Standing::Other) => Some(News::OtherKey),
            // A voucher or a key that people verified says more than the chain: nobody else has it.
            _ if vouched => None,
            (Some(ChainOutcome::Lost { .. }), Some(was_verified)) => Some(News::Lost { was_verified }),
            (Some(ChainOutcome::Lost { .. }), None) => Some(News::Newcomer),
            // The first one in a session, where others encrypt in other ways.
            (None | Some(ChainOutcome::New), None) if has_others => Some(News::Newcomer),
            (None | Some(ChainOutcome::New | ChainOutcome::Continued { .. }), _) => None,
        };
        let inherited = vouched || chained.is_some_and(|chained| chained.chain.is_verified());
        let mut active = Active::new(finished, thread, link, news, inherited);
        // One that was online before it had a session is gone when it goes.
        active.seen_online = self.keeper.presences.online(self.them()).iter().any(|client| client.full == to);
        // It may be for one stanza only, which nothing is to be said in.
        let confirms = active.is_confirmed() && active.link.is_some();
        let confirmed = active.is_confirmed();
        if active.key.is_some() && !inherited {
            self.ask_certificates(&to);
        }
        self.endpoints.resting.remove(&to);
        self.endpoints.begin(to.clone(), active);
        self.flight.rewind();
        if confirmed {
            self.confirmed(&to).await;
        }
        if confirms {
            self.confirm(&to).await;
        }
        self.opened(&to).await;
    }

    /// Stores what the negotiation brought, and asks what was known of the client before.
    async fn remember(&self, client: &FullJid, finished: &Finished) -> store::Result<Remembered> {
        let (user, peer, now) = (self.user.id, self.peer.key().to_owned(), unix(std::time::SystemTime::now()));
        let client = client.resource().as_str().to_owned();
        let (key, signs) = (finished.key.as_ref().map(PublicKey::key_value), finished.chained.is_none());
        let commits = finished.comparison.is_committed();
        let new = finished.chained.as_ref().map(|chained| {
            let replaces = match chained.chain {
                ChainOutcome::Continued { id, .. } => i64::try_from(id).ok(),
                ChainOutcome::New | ChainOutcome::Lost { .. } => None,
            };
            let secret = Secret::new(chained.secret.value().expose());
            let verified = chained.secret.is_verified();
            (NewRetained { secret, pending: true, verified, client: client.clone(), commits }, replaces)
        });
        let store = self.keeper.store.call(move |db, sealer| {
            let held = retained::held_by(db, user, &peer, &client)?;
            let standing = key.map(|key| keys::meet(db, user, &client, &key, signs)).transpose()?;
            let Some((new, replaces)) = new else { return Ok(Remembered { link: None, held, standing }) };
            let secret = retained::add(db, sealer, user, &peer, &new, now)?;
            retained::prune(db, user, &peer, KEPT)?;
            Ok(Remembered { link: Some(Link { secret, replaces }), held, standing })
        });
        store.await
    }

    /// Something may be said in a session: what there is to say about it, what is owed to the client, what waits.
    pub(super) async fn opened(&mut self, to: &FullJid) {
        let Some(active) = self.endpoints.active.get_mut(to).filter(|active| active.may_speak()) else { return };
        if let Some(news) = active.news.take() {
            self.tell_news(to, news).await;
        }
        for content in self.owed.remove(to).unwrap_or_default() {
            let _ = self.post_sealed(to, &random_id(), &content).await;
        }
        self.show_status(std::slice::from_ref(to)).await;
        self.deliver().await;
    }

    /// The client holds the final keys: the pending secret counts, and the conversation is protected from here on.
    pub(super) async fn confirmed(&mut self, resource: &FullJid) {
        let Some(active) = self.endpoints.active.get(resource) else { return };
        if active.agreed.password || (active.is_paired && self.peer == Peer::Gateway) {
            self.keeper.pairings.used(self.them());
        }
        let (link, user, peer) = (active.link, self.user.id, self.peer.clone());
        let client = resource.resource().as_str().to_owned();
        let noted = self.keeper.store.call(move |db, _| {
            link.map_or(Ok(()), |link| retained::confirm(db, link.secret, link.replaces))?;
            // One that has gone over to keys is written to by them until it says something in the session.
            let uses_keys =
                matches!(protections::of(db, user, peer.key())?.of(&client), Some(by) if by != Protection::ESession);
            if let (Peer::Contact(contact), false) = (&peer, uses_keys) {
                contacts::protect(db, user, contact, &client, Protection::ESession)?;
            }
            Ok(())
        });
        if let Err(error) = noted.await {
            tracing::error!(%error, "cannot note that a session is confirmed");
        }
    }

    /// An empty stanza at once, so that the client need not wait for words to know our keys (esessions.md, W2).
    async fn confirm(&mut self, resource: &FullJid) {
        let Some(active) = self.endpoints.active.get_mut(resource) else { return };
        let thread = active.thread.clone();
        match active.confirm() {
            Ok(c) => {
                let message = self.envelope(resource, &random_id(), &thread, c);
                let _ = self.keeper.out.send(message).await;
            }
            Err(_) => self.lose(resource),
        }
    }

    async fn negotiation_failed(&mut self, to: &FullJid, thread: &str, error: &Error) {
        tracing::debug!(%error, "a negotiation failed");
        if *error == Error::UnknownKey && self.endpoints.whole_keys.len() < MOST_CLIENTS {
            self.endpoints.whole_keys.insert(to.clone());
            self.ask_given_out();
        }
        self.endpoints.half.remove(to);
        self.endpoints.resting.insert(to.clone(), Instant::now() + REST);
        let Some(answer) = error.to_stanza_error() else { return };
        let message = stanza("message", &self.me.clone().into(), &to.clone().into())
            .with("type", "error")
            .with("id", random_id())
            .with_child(element("thread", ns::CLIENT).with_text(thread))
            .with_child(answer.to_element(ns::CLIENT));
        let _ = self.keeper.out.send(message).await;
    }

    /// The client says no, or went away in between.
    pub(super) async fn negotiation_refused(&mut self, resource: &FullJid) {
        let Some(half) = self.endpoints.half.remove(resource) else { return };
        self.endpoints.resting.insert(resource.clone(), Instant::now() + REST);
        if matches!(half.stage, Stage::AwaitSignedResponse(_)) {
            // Four messages are for everybody.
            let (user, client) = (self.user.id, resource.resource().as_str().to_owned());
            if let Err(error) = self.keeper.store.call(move |db, _| keys::signs_no_more(db, user, &client)).await {
                tracing::error!(%error, "cannot note how a client is to be asked");
            }
        }
    }

    fn open_negotiation(&mut self, with: &FullJid, thread: &str) -> bool {
        let Some(permit) = self.limiter.begin(self.them()) else { return false };
        let half = Negotiation { thread: thread.to_owned(), since: Instant::now(), stage: Stage::Working, permit };
        self.endpoints.half.insert(with.clone(), half);
        true
    }

    fn work(&self, with: &FullJid, thread: String, work: Work) {
        let (mailbox, resource) = (self.mailbox.clone(), with.clone());
        tokio::spawn(async move {
            if let Ok(result) = tokio::task::spawn_blocking(move || work.run()).await {
                mailbox.put(Input::Negotiated(Box::new(Outcome { resource, thread, result }))).await;
            }
        });
    }

    /// Every session here is between these two (esessions.md, W6). What the user has verified with the gateway itself
    /// vouches for it (design, section 5); for the gateway does a code that its host has made.
    pub(super) async fn binding(&self) -> Binding {
        let binding = Binding::between(self.me.to_bare().as_str(), self.them().as_str());
        match &self.peer {
            Peer::Gateway => binding.vouched_by(&self.keeper.pairings.vouchers(self.them())),
            Peer::Contact(_) => binding.vouched_by(&self.secrets_of(&Peer::Gateway).await),
        }
    }

    /// Whether this client is known to have codes that cannot be searched. When in doubt it is not.
    async fn commits(&self, client: &FullJid) -> bool {
        let (user, client) = (self.user.id, client.resource().as_str().to_owned());
        let known = self.keeper.store.call(move |db, _| retained::commits(db, user, &client)).await;
        known.inspect_err(|error| tracing::error!(%error, "cannot read how a client compares")).unwrap_or_default()
    }

    /// A client is asked in as many messages as it last asked in itself.
    async fn flow(&self, client: &FullJid) -> Flow {
        let (user, client) = (self.user.id, client.resource().as_str().to_owned());
        match self.keeper.store.call(move |db, _| keys::signs(db, user, &client)).await {
            Ok(true) => Flow::ThreeMessage,
            Ok(false) | Err(_) => Flow::FourMessage,
        }
    }

    pub(super) async fn truth(&self) -> Truth {
        let encrypted = match (&self.peer, self.standing().await) {
            // There is no far side: what is said to the gateway ends here.
            (Peer::Gateway, _) => true,
            (Peer::Contact(_), Ok((_, contact))) => contact.is_some_and(|contact| contact.encrypted),
            (Peer::Contact(_), Err(_)) => false,
        };
        Truth { encrypted, own_host: self.keeper.config.owners.contains(self.them()) }
    }

    async fn credentials(&self, signs: bool) -> Credentials {
        let signing_key = if signs { own_key::of(&self.keeper, self.user.id, &self.peer).await } else { None };
        let known_keys = self.known_keys().await;
        let secrets = self.secrets_of(&self.peer).await;
        let other_secret = self.keeper.pairings.password(self.them(), &self.me.to_bare());
        Credentials { secrets, other_secret, signing_key, known_keys }
    }

    /// Keys that are recognised by their fingerprints.
    async fn known_keys(&self) -> Vec<PublicKey> {
        let mut known = own_key::of_clients(&self.keeper, self.user.id, false).await;
        known.extend(self.endpoints.given_out.iter().cloned());
        known
    }

    async fn secrets_of(&self, peer: &Peer) -> Vec<RetainedSecret> {
        let (user, peer) = (self.user.id, peer.key().to_owned());
        let rows: store::Result<_> =
            self.keeper.store.call(move |db, sealer| retained::all(db, sealer, user, &peer)).await;
        rows.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read the retained secrets");
            Vec::new()
        })
        .into_iter()
        .filter_map(|row| {
            let id = u64::try_from(row.id).ok()?;
            Some(RetainedSecret::new(id, esession::Secret::new(row.secret.expose()), row.verified))
        })
        .collect()
    }
}
