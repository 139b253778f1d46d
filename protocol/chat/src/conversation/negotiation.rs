//! The negotiation of a session: four messages, or three between public keys, in either role (XEP-0116 section 4).

use std::time::Instant;

use esession::namespaces::{feature, init};
use esession::{
    AwaitCompletion, AwaitIdentity, AwaitResponse, AwaitSignature, AwaitSignedResponse, Binding, Credentials, Error,
    Flow, Identification, Initiator, Policy, Responder, Role, SasMethod,
};
use jid::Jid;
use minidom::Element;

use super::active::{Active, Finished};
use super::given::Given;
use super::single::Single;
use super::{Conversation, MAX_REFUSALS, breakage};
use crate::effects::Cx;
use crate::event::{Event, SessionEvent, SessionState};
use crate::stanza::{self, CLIENT};

const HINTS: &str = "urn:xmpp:hints";

/// A session that is being negotiated.
pub(super) struct Half {
    pub(super) thread: String,
    /// Whom it is with: as addressed at first, then the full JID that answered.
    pub(super) with: Jid,
    pub(super) tally: Tally,
    role: Role,
    /// Taken out while it is worked on.
    step: Option<Step>,
    started: Instant,
    deadline: Instant,
    /// Ids of the stanzas we sent, by which an error may refer to them.
    ids: Vec<String>,
}

/// What the negotiation waits for.
enum Step {
    Response(AwaitResponse),
    Identity(AwaitIdentity),
    Completion(AwaitCompletion),
    SignedResponse(AwaitSignedResponse),
    /// There will be one stanza only.
    Single(AwaitSignedResponse, Single),
    Signature(AwaitSignature),
}

/// What a negotiation costs.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) stanzas: u32,
    pub(super) bytes: usize,
    pub(super) milliseconds: u64,
}

impl Tally {
    fn add(&mut self, bytes: usize) {
        self.stanzas += 1;
        self.bytes += bytes;
    }
}

impl Half {
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether an error stanza is about this negotiation.
    pub(super) fn is_about(&self, from: &Jid, thread: Option<&str>, id: &str) -> bool {
        from.to_bare() == self.with.to_bare()
            && (thread == Some(self.thread.as_str()) || self.ids.iter().any(|sent| sent == id))
    }

    /// The id of the message that would have come with it, and with nothing else.
    pub(super) fn single(&self) -> Option<&str> {
        match &self.step {
            Some(Step::Single(_, single)) => Some(&single.id),
            _ => None,
        }
    }

    pub(super) fn event(&self, state: SessionState) -> SessionEvent {
        session_event(&self.with, state, self.role)
    }

    /// Whether a form continues this negotiation and comes from the right end.
    fn is_answered_by(&self, form: &Element, completes: bool, from: &Jid, thread: Option<&str>) -> bool {
        let expected = match (&self.step, form.attr("type"), completes) {
            // the session belongs to the full JID that answers, whoever was addressed
            (Some(Step::Response(waiting)), Some("submit"), false) => {
                from.to_bare() == self.with.to_bare() && waiting.expects(form)
            }
            (Some(Step::Identity(waiting)), Some("result"), false) => *from == self.with && waiting.expects(form),
            (Some(Step::Completion(waiting)), Some("result"), true) => *from == self.with && waiting.expects(form),
            (Some(Step::SignedResponse(waiting) | Step::Single(waiting, _)), Some("submit"), false) => {
                from.to_bare() == self.with.to_bare() && waiting.expects(form)
            }
            (Some(Step::Signature(waiting)), Some("result"), false) => *from == self.with && waiting.expects(form),
            _ => false,
        };
        expected && thread == Some(self.thread.as_str())
    }

    /// Whether our own request goes before that of the peer when the two have crossed: the lower bare JID asks.
    fn outranks(&self, request: &Element) -> bool {
        let own = request.attr("to").and_then(|to| Jid::new(to).ok());
        let asks = matches!(self.step, Some(Step::Response(_) | Step::SignedResponse(_) | Step::Single(..)));
        asks && own.is_some_and(|own| own.to_bare() < self.with.to_bare())
    }

    fn new(thread: String, with: Jid, role: Role, step: Step, cx: &Cx<'_>) -> Self {
        let step = Some(step);
        let (started, deadline) = (cx.now.instant, cx.now.instant + cx.settings.negotiation_timeout);
        Self { thread, with, tally: Tally::default(), role, step, started, deadline, ids: Vec::new() }
    }

    fn send(&mut self, payload: Element, cx: &mut Cx<'_>) {
        let id = cx.fresh_id();
        self.send_as(id, vec![payload], cx);
    }

    pub(super) fn send_as(&mut self, id: String, payload: Vec<Element>, cx: &mut Cx<'_>) {
        let message = stanza::message(&self.with, None, &id)
            .append(stanza::thread(&self.thread))
            .append_all(payload)
            .append(Element::bare("no-store", HINTS));
        let bytes = cx.send(message.build());
        self.tally.add(bytes);
        self.ids.push(id);
    }
}

/// A session event without details.
pub(super) fn session_event(with: &Jid, state: SessionState, role: Role) -> SessionEvent {
    let role = match role {
        Role::Initiator => "initiator",
        Role::Responder => "responder",
    };
    SessionEvent { with: with.to_string(), state, role, reason: None, acknowledged: None, keys: None }
}

impl Conversation {
    /// Asks for a session: message 1.
    pub(super) fn begin(&mut self, cx: &mut Cx<'_>) {
        self.retry = None;
        self.ask_session(None, cx);
    }

    /// Asks for a session, or for one that will have one stanza only.
    pub(super) fn ask_session(&mut self, single: Option<Single>, cx: &mut Cx<'_>) {
        let id = single.as_ref().map(|single| single.id.clone());
        if !cx.online {
            let words = "there is no connection to the server";
            return cx.tell(Event::own_error(id.as_deref(), "not-connected", words));
        }
        let (policy, binding) = (self.policy(cx), self.binding(&self.peer, cx));
        let begun = if single.is_some() || (cx.settings.signs && self.given.is_none()) {
            Initiator::begin_signed(&policy, &binding, cx.rng).map(|(waiting, form)| match single {
                Some(single) => (Step::Single(waiting, single), form),
                None => (Step::SignedResponse(waiting), form),
            })
        } else {
            Initiator::begin(&policy, &binding, cx.rng).map(|(waiting, form)| (Step::Response(waiting), form))
        };
        let (step, form) = match begun {
            Ok(begun) => begun,
            Err(error) => return cx.tell(Event::own_error(id.as_deref(), "state", error.to_string())),
        };
        let thread = cx.fresh_id();
        let mut half = Half::new(thread, self.peer.clone(), Role::Initiator, step, cx);
        half.send(feature(form), cx);
        cx.tell(Event::Session(Box::new(half.event(SessionState::Negotiating))));
        self.asking = Some(half);
    }

    fn binding(&self, peer: &Jid, cx: &Cx<'_>) -> Binding {
        cx.binding(peer, self.given.as_ref().and_then(Given::voucher))
    }

    fn credentials(&self, cx: &Cx<'_>) -> Credentials {
        let other_secret = self.given.as_ref().and_then(Given::other_secret).cloned();
        Credentials { other_secret, ..cx.credentials(&self.peer.to_bare()) }
    }

    /// What a session may look like now: keys are recognised by their fingerprints where some are known, and nothing speaks
    /// against it.
    pub(super) fn policy(&self, cx: &Cx<'_>) -> Policy {
        let mut policy = cx.settings.policy.clone();
        if self.whole_keys || cx.book.keys().of(&self.peer.to_bare()).is_empty() {
            policy.peer_identification.retain(|how| *how != Identification::Hash);
        }
        // Who once had a code that cannot be searched is not let go back to the other one.
        if cx.book.commits(&self.peer.to_bare()) {
            policy.sas_methods.retain(|method| *method == SasMethod::Committed28x5);
        }
        policy
    }

    /// A negotiation form of the peer; `completes` if it came in an `<init/>`.
    pub(super) fn handle_form(
        &mut self,
        message: &Element,
        form: &Element,
        completes: bool,
        from: &Jid,
        thread: Option<String>,
        cx: &mut Cx<'_>,
    ) {
        if form.attr("type") == Some("form") {
            return self.handle_request(message, form, from, thread, cx);
        }
        if esession::ends_in_clear(form) {
            return self.handle_end_in_clear(from, thread.as_deref(), cx);
        }
        let bytes = stanza::serialize(message).map_or(0, |xml| xml.len());
        let continues = |half: &mut Half| half.is_answered_by(form, completes, from, thread.as_deref());
        let Some(mut half) = self.asking.take_if(continues).or_else(|| self.answering.take_if(continues)) else {
            return;
        };
        half.tally.add(bytes);
        half.with = from.clone();
        let (failed, single) = (half.event(SessionState::Failed), half.single().map(str::to_owned));
        let completes = matches!(half.step, Some(Step::Completion(_)));
        if let Err(error) = self.advance(half, form, cx) {
            cx.tell_unsent(single.as_deref());
            reply_error(message, from, thread.as_deref(), &error, cx);
            if completes && error == Error::DecryptFailed {
                return self.handle_other_password(failed, cx);
            }
            self.handle_breakage(&error, failed, cx);
        }
    }

    /// Message 1 of the peer.
    fn handle_request(
        &mut self,
        message: &Element,
        form: &Element,
        from: &Jid,
        thread: Option<String>,
        cx: &mut Cx<'_>,
    ) {
        // Where two requests have crossed, that of the lower bare JID counts. The other end answers it, but goes on waiting
        // for an answer to its own: peers with another rule (gateways) may have dropped theirs.
        if self.asking.as_ref().is_some_and(|half| half.outranks(message)) {
            return;
        }
        let (policy, binding) = (self.policy(cx), self.binding(from, cx));
        let responded = match (&thread, Flow::of(form)) {
            (Some(_), Flow::FourMessage | Flow::Offline) => Responder::respond(&policy, form, &binding, cx.rng)
                .map(|(waiting, answer)| (Step::Identity(waiting), answer)),
            // There is no place for a password in three messages.
            (Some(_), Flow::ThreeMessage) if self.wants_password() => {
                Err(Error::PeerIncompatible(vec!["dhkeys".into()]))
            }
            (Some(_), Flow::ThreeMessage) => {
                let credentials = cx.credentials(&self.peer.to_bare());
                Responder::respond_signed(&policy, form, &binding, credentials, cx.rng)
                    .map(|(waiting, answer)| (Step::Signature(waiting), answer))
            }
            (None, _) => Err(Error::Malformed("thread")),
        };
        let (step, answer) = match responded {
            Ok(responded) => responded,
            Err(error) => {
                reply_error(message, from, thread.as_deref(), &error, cx);
                let failed = session_event(from, SessionState::Failed, Role::Responder);
                return self.handle_breakage(&error, failed, cx);
            }
        };
        let thread = thread.unwrap_or_default();
        let mut half = Half::new(thread, from.clone(), Role::Responder, step, cx);
        half.tally.add(stanza::serialize(message).map_or(0, |xml| xml.len()));
        half.send(feature(answer), cx);
        cx.tell(Event::Session(Box::new(half.event(SessionState::Negotiating))));
        self.answering = Some(half);
        self.retry = None;
    }

    /// Messages 2, 3 and 4.
    fn advance(&mut self, mut half: Half, form: &Element, cx: &mut Cx<'_>) -> Result<(), Error> {
        let credentials = self.credentials(cx);
        match half.step.take() {
            Some(Step::Response(waiting)) => {
                let (waiting, form_a2) = waiting.handle_response(form, credentials, cx.rng)?;
                half.step = Some(Step::Completion(waiting));
                half.send(feature(form_a2), cx);
                self.asking = Some(half);
            }
            Some(Step::Identity(waiting)) => {
                let (established, form_b2) = waiting.handle_identity(form, credentials, cx.rng)?;
                // The new secret is stored before anybody hears of the session.
                let finished = Finished::chained(established, &self.peer.to_bare(), cx);
                half.send(init(form_b2), cx);
                self.establish(half, finished, cx);
            }
            Some(Step::Completion(waiting)) => {
                let finished = Finished::chained(waiting.handle_completion(form)?, &self.peer.to_bare(), cx);
                self.establish(half, finished, cx);
            }
            Some(Step::SignedResponse(waiting)) => {
                let (signed, form_a2) = waiting.handle_response(form, &credentials)?;
                half.send(feature(form_a2), cx);
                self.establish(half, Finished::signed(signed), cx);
            }
            Some(Step::Single(waiting, single)) => {
                let ready = waiting.handle_response_for_single(form, &credentials)?;
                self.deliver_single(half, ready, single, cx);
            }
            Some(Step::Signature(waiting)) => {
                self.establish(half, Finished::signed(waiting.handle_identity(form)?), cx);
            }
            None => {}
        }
        Ok(())
    }

    fn establish(&mut self, mut half: Half, finished: Finished, cx: &mut Cx<'_>) {
        let elapsed = cx.now.instant.saturating_duration_since(half.started);
        half.tally.milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let active = Active::new(half.thread, half.with, finished, half.tally, cx);
        self.take_over(active, cx);
    }

    /// Message 4 is of other keys than ours. The peer could be somebody who guesses: once for each wish of the user.
    fn handle_other_password(&mut self, failed: SessionEvent, cx: &mut Cx<'_>) {
        let reason = if self.wants_password() {
            self.refusals = MAX_REFUSALS;
            "the peer has another password than you, or none, or it is somebody else"
        } else {
            self.refusals += 1;
            "the peer wants a password of you (/password), or it is somebody else"
        };
        cx.tell(Event::Session(Box::new(SessionEvent { reason: Some(reason.to_owned()), ..failed })));
        self.schedule_retry(cx);
    }

    /// This side has found something wrong with the negotiation.
    fn handle_breakage(&mut self, error: &Error, failed: SessionEvent, cx: &mut Cx<'_>) {
        let lasting = matches!(error, Error::PeerIncompatible(_) | Error::Declined | Error::NotImplemented(_));
        self.refusals += u32::from(lasting);
        self.whole_keys |= *error == Error::UnknownKey;
        cx.tell(Event::Session(Box::new(SessionEvent { reason: Some(breakage(error)), ..failed })));
        self.schedule_retry(cx);
    }
}

/// Tells the peer what was wrong with its form, where it is owed that.
fn reply_error(message: &Element, to: &Jid, thread: Option<&str>, error: &Error, cx: &mut Cx<'_>) {
    if let Some(answer) = error.to_stanza_error() {
        send_error(message, to, thread, answer.to_element(CLIENT), cx);
    }
}

/// Answers a message with an error in the same thread.
pub(super) fn send_error(message: &Element, to: &Jid, thread: Option<&str>, error: Element, cx: &mut Cx<'_>) {
    let id = message.attr("id").unwrap_or_default();
    let answer = stanza::message(to, Some("error"), id).append_all(thread.map(stanza::thread)).append(error);
    cx.send(answer.build());
}
