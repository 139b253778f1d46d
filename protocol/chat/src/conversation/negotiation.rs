//! The negotiation of a session: four messages, in either role (XEP-0116 section 4).

use std::time::Instant;

use esession::namespaces::{feature, init};
use esession::{AwaitCompletion, AwaitIdentity, AwaitResponse, Error, Established, Initiator, Responder, Role};
use jid::Jid;
use minidom::Element;

use super::active::Active;
use super::{Conversation, breakage};
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
            _ => false,
        };
        expected && thread == Some(self.thread.as_str())
    }

    /// Whether our own request goes before that of the peer when the two have crossed: the lower bare JID asks.
    fn outranks(&self, request: &Element) -> bool {
        let own = request.attr("to").and_then(|to| Jid::new(to).ok());
        matches!(self.step, Some(Step::Response(_))) && own.is_some_and(|own| own.to_bare() < self.with.to_bare())
    }

    fn new(thread: String, with: Jid, role: Role, step: Step, cx: &Cx<'_>) -> Self {
        let step = Some(step);
        let (started, deadline) = (cx.now.instant, cx.now.instant + cx.settings.negotiation_timeout);
        Self { thread, with, tally: Tally::default(), role, step, started, deadline, ids: Vec::new() }
    }

    fn send(&mut self, payload: Element, cx: &mut Cx<'_>) {
        let id = cx.fresh_id();
        let message = stanza::message(&self.with, None, &id)
            .append(stanza::thread(&self.thread))
            .append(payload)
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
        if !cx.online {
            return cx.tell(Event::own_error(None, "not-connected", "there is no connection to the server"));
        }
        let (waiting, form) = match Initiator::begin(&cx.settings.policy, &cx.binding(&self.peer), cx.rng) {
            Ok(begun) => begun,
            Err(error) => return cx.tell(Event::own_error(None, "state", error.to_string())),
        };
        let thread = cx.fresh_id();
        let mut half = Half::new(thread, self.peer.clone(), Role::Initiator, Step::Response(waiting), cx);
        half.send(feature(form), cx);
        cx.tell(Event::Session(Box::new(half.event(SessionState::Negotiating))));
        self.asking = Some(half);
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
        let bytes = stanza::serialize(message).map_or(0, |xml| xml.len());
        let continues = |half: &mut Half| half.is_answered_by(form, completes, from, thread.as_deref());
        let Some(mut half) = self.asking.take_if(continues).or_else(|| self.answering.take_if(continues)) else {
            return;
        };
        half.tally.add(bytes);
        half.with = from.clone();
        let failed = half.event(SessionState::Failed);
        if let Err(error) = self.advance(half, form, cx) {
            reply_error(message, from, thread.as_deref(), &error, cx);
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
        let responded = match &thread {
            Some(_) => Responder::respond(&cx.settings.policy, form, &cx.binding(from), cx.rng),
            None => Err(Error::Malformed("thread")),
        };
        let (waiting, answer) = match responded {
            Ok(responded) => responded,
            Err(error) => {
                reply_error(message, from, thread.as_deref(), &error, cx);
                let failed = session_event(from, SessionState::Failed, Role::Responder);
                return self.handle_breakage(&error, failed, cx);
            }
        };
        let thread = thread.unwrap_or_default();
        let mut half = Half::new(thread, from.clone(), Role::Responder, Step::Identity(waiting), cx);
        half.tally.add(stanza::serialize(message).map_or(0, |xml| xml.len()));
        half.send(feature(answer), cx);
        cx.tell(Event::Session(Box::new(half.event(SessionState::Negotiating))));
        self.answering = Some(half);
        self.retry = None;
    }

    /// Messages 2, 3 and 4.
    fn advance(&mut self, mut half: Half, form: &Element, cx: &mut Cx<'_>) -> Result<(), Error> {
        let credentials = cx.credentials(&self.peer.to_bare());
        match half.step.take() {
            Some(Step::Response(waiting)) => {
                let (waiting, form_a2) = waiting.handle_response(form, credentials, cx.rng)?;
                half.step = Some(Step::Completion(waiting));
                half.send(feature(form_a2), cx);
                self.asking = Some(half);
            }
            Some(Step::Identity(waiting)) => {
                let (established, form_b2) = waiting.handle_identity(form, credentials, cx.rng)?;
                let pending = self.store_pending(&established, cx);
                half.send(init(form_b2), cx);
                self.establish(half, established, pending, cx);
            }
            Some(Step::Completion(waiting)) => {
                let established = waiting.handle_completion(form)?;
                let pending = self.store_pending(&established, cx);
                self.establish(half, established, pending, cx);
            }
            None => {}
        }
        Ok(())
    }

    /// The new secret is stored before anybody hears of the session.
    fn store_pending(&self, established: &Established, cx: &mut Cx<'_>) -> u64 {
        let matched = match established.chain {
            esession::ChainOutcome::Continued { id, .. } => Some(id),
            _ => None,
        };
        let id = cx.book.add_pending(&self.peer.to_bare(), &established.new_secret, matched, cx.now.unix);
        cx.save();
        id
    }

    fn establish(&mut self, mut half: Half, established: Established, pending: u64, cx: &mut Cx<'_>) {
        let elapsed = cx.now.instant.saturating_duration_since(half.started);
        half.tally.milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let active = Active::new(half.thread, half.with, established, pending, half.tally, cx);
        self.take_over(active, cx);
    }

    /// This side has found something wrong with the negotiation.
    fn handle_breakage(&mut self, error: &Error, failed: SessionEvent, cx: &mut Cx<'_>) {
        let lasting = matches!(error, Error::PeerIncompatible(_) | Error::Declined | Error::NotImplemented(_));
        self.refusals += u32::from(lasting);
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
