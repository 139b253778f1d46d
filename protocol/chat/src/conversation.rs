//! One conversation: the pure heart of the client. Stanzas and wishes in, stanzas and events out.
//!
//! A conversation has at most one session in force and one negotiation under way. Messages wait in an ordered outbox until
//! the peer acknowledges them, and go again under the same id in the next session if the present one breaks. Nothing of it
//! ever leaves in the clear, except by [`Conversation::clear_send`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use esession::{Disclosure, Error, Logging, Misuse, Policy, StanzaKind};
use jid::{BareJid, Jid};
use minidom::Element;
use zeroize::Zeroizing;

use crate::about::About;
use crate::content;
use crate::effects::{Cx, Moment};
use crate::event::{Event, SessionEvent, SessionState};
use crate::outbox::Outbox;
use crate::stanza::{self, CLIENT};
use active::Active;
use given::Given;
use negotiation::Half;
use offline::{Leaving, Receiver};
use probe::Probe;
use seen::Seen;
use single::Single;

mod active;
mod certified;
mod given;
mod hearing;
mod keys;
mod kinds;
mod negotiation;
mod offline;
mod probe;
mod seen;
mod single;

/// Octets of content that still fit into a stanza when they are encrypted: servers take 256 KiB (RFC 6120 section 13.12).
const MAX_CONTENT: usize = 160 * 1024;
/// The longest pause between two attempts to start a session.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// After so many refusals that will not change by waiting, the messages are given up.
const MAX_REFUSALS: u32 = 4;

/// What this client offers and accepts: everything encrypted, and whatever the peer says about disclosure, which is shown.
#[must_use]
pub fn default_policy() -> Policy {
    Policy {
        stanzas: vec![StanzaKind::Message, StanzaKind::Presence, StanzaKind::Iq],
        disclosure: vec![Disclosure::Never, Disclosure::Disabled, Disclosure::Enabled],
        logging: vec![Logging::May, Logging::MustNot],
        ..Policy::default()
    }
}

/// The conversation with one peer.
pub(crate) struct Conversation {
    /// Whom the user chats with: a bare JID, or a full one if only that resource is wanted.
    peer: Jid,
    /// Whom messages in the clear go to: the resource that wrote last, or `peer`.
    last_seen: Jid,
    /// The session we asked for.
    asking: Option<Half>,
    /// The session the peer asked for. Both can be under way if the two requests have crossed.
    answering: Option<Half>,
    active: Option<Active>,
    /// Threads of sessions that ended or were replaced; late stanzas of theirs are nobody's business.
    past: VecDeque<String>,
    outbox: Outbox,
    probe: Probe,
    seen: Seen,
    /// Until a session has shown whether the peer has it too.
    given: Option<Given>,
    /// Messages that wait for what the peer has published.
    leaving: Vec<Leaving>,
    /// The question for what certifies the peer's key.
    certificate: Option<String>,
    receiver: Receiver,
    /// Whether the peer showed the fingerprint of a key that is not known: it has to show keys from then on.
    whole_keys: bool,
    /// Whether this peer ever sent a receipt. If not, a session that ends well has to do as one.
    gives_receipts: bool,
    typing: bool,
    retry: Option<Instant>,
    failures: u32,
    refusals: u32,
}

impl Conversation {
    pub(crate) fn new(peer: Jid) -> Self {
        Self {
            last_seen: peer.clone(),
            peer,
            asking: None,
            answering: None,
            active: None,
            past: VecDeque::new(),
            outbox: Outbox::default(),
            probe: Probe::default(),
            seen: Seen::default(),
            given: None,
            leaving: Vec::new(),
            certificate: None,
            receiver: None,
            whole_keys: false,
            gives_receipts: false,
            typing: false,
            retry: None,
            failures: 0,
            refusals: 0,
        }
    }

    /// Whom it is with.
    pub(crate) fn peer(&self) -> BareJid {
        self.peer.to_bare()
    }

    /// The user wants a session.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) {
        (self.failures, self.refusals) = (0, 0);
        if let Some(active) = &self.active {
            let text = format!("there is a session with {} already", active.with);
            cx.tell(Event::own_error(None, "state", text));
        } else if self.is_idle() {
            self.begin(cx);
        }
    }

    /// The user says something: it is sent in the session, now or as soon as there is one.
    pub(crate) fn send(&mut self, text: String, id: Option<String>, about: Option<About>, cx: &mut Cx<'_>) {
        let text = Zeroizing::new(text);
        let id = id.unwrap_or_else(|| cx.fresh_id());
        if let Err(words) = sealable(&content::chat_message(&id, &text, about.as_ref())) {
            cx.tell(Event::own_error(Some(&id), "not-sent", words));
        } else if !self.outbox.push(id.clone(), text, about) {
            cx.tell(Event::own_error(Some(&id), "not-sent", "a message with this id is on its way already"));
        } else {
            self.refusals = 0;
            self.deliver(cx);
        }
    }

    /// The user says something that no session is to be kept for.
    pub(crate) fn send_single(&mut self, text: String, id: Option<String>, cx: &mut Cx<'_>) {
        if self.is_open() {
            return self.send(text, id, None, cx);
        }
        let id = id.unwrap_or_else(|| cx.fresh_id());
        match Single::new(id.clone(), &text) {
            _ if !self.is_idle() => {
                cx.tell(Event::own_error(Some(&id), "state", "a session is being agreed on: send it in that"));
            }
            _ if cx.book.keys().own().is_none() => {
                cx.tell(Event::own_error(Some(&id), "state", "this needs a key of yours (--public-key)"));
            }
            Ok(single) => self.ask_session(Some(single), cx),
            Err(words) => cx.tell(Event::own_error(Some(&id), "not-sent", words)),
        }
    }

    /// The user says something in the clear.
    pub(crate) fn clear_send(&mut self, text: &str, id: Option<String>, cx: &mut Cx<'_>) {
        let id = id.unwrap_or_else(|| cx.fresh_id());
        let to = self.last_seen.clone();
        let message =
            stanza::message(&to, Some("chat"), &id).append_all(content::chat_message(&id, text, None)).build();
        if cx.send(message) > 0 {
            cx.tell(Event::Sent { id, to: to.to_string(), encrypted: false });
        }
    }

    /// The user types. Worth nothing without a session, so nobody hears of it then.
    pub(crate) fn set_typing(&mut self, on: bool, cx: &mut Cx<'_>) {
        if self.is_open() {
            self.seal(&content::typing(on), cx);
        }
    }

    /// The user has read a message.
    pub(crate) fn set_displayed(&mut self, id: &str, cx: &mut Cx<'_>) {
        if self.is_open() {
            self.seal(&content::displayed(id), cx);
        } else {
            cx.tell(Event::own_error(Some(id), "state", "there is no session to say this in"));
        }
    }

    /// The user says that the codes match.
    pub(crate) fn verify(&mut self, cx: &mut Cx<'_>) {
        let bare = self.peer.to_bare();
        match &mut self.active {
            Some(active) => {
                active.verify(&bare, cx);
                cx.save();
                let event = active.event(SessionState::Active);
                cx.tell(event);
            }
            None => cx.tell(Event::own_error(None, "state", "there is no session to verify")),
        }
    }

    /// The user ends the session. What could not be sent so far is given back.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>) {
        self.fail_negotiations(|_| true, "ended by the user", cx);
        self.retry = None;
        for item in self.outbox.take_unsent() {
            cx.tell(Event::own_error(
                Some(&item.id),
                "not-sent",
                "the conversation was ended before this could be sent",
            ));
        }
        self.terminate(cx);
    }

    /// A message of the peer.
    pub(crate) fn handle_message(&mut self, message: &Element, from: &Jid, cx: &mut Cx<'_>) {
        let thread = stanza::child_text(message, "thread", CLIENT);
        if message.attr("type") == Some("error") {
            return self.handle_error(message, from, thread.as_deref(), cx);
        }
        for child in message.children() {
            if let Some(form) = esession::namespaces::negotiation_form(child) {
                let completes = child.has_ns(esession::namespaces::ESESSION_INIT);
                if completes && form.attr("type") == Some("submit") {
                    return self.handle_left(message, form, from, cx);
                }
                self.handle_form(message, form, completes, from, thread.clone(), cx);
                return self.handle_beside(message, from, thread.as_deref(), cx);
            }
            if esession::namespaces::is_encrypted(child) {
                if self.is_left(thread.as_deref()) {
                    return self.read_left(message, child, from, cx);
                }
                return self.handle_encrypted(message, child, from, thread.as_deref(), cx);
            }
        }
        self.handle_clear(message, from, cx);
    }

    /// The peer has come online: a good time to try again.
    pub(crate) fn handle_available(&mut self, now: Moment) {
        if self.retry.is_some() && self.is_idle() {
            self.retry = Some(now.instant);
        }
    }

    /// The stream was lost, and maybe stanzas with it: no session survives that (XEP-0200 section 5).
    pub(crate) fn handle_stream_lost(&mut self, cx: &mut Cx<'_>) {
        self.fail("the connection was lost", cx);
        self.fail_negotiations(|_| true, "the connection was lost", cx);
    }

    /// The stream is up.
    pub(crate) fn handle_online(&mut self, cx: &mut Cx<'_>) {
        self.deliver(cx);
    }

    /// When [`Conversation::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let halves = self.asking.iter().chain(&self.answering).map(Half::deadline);
        let active = self.active.as_ref().and_then(Active::deadline);
        let leaving = self.leaving.iter().map(Leaving::deadline);
        halves.chain(active).chain(leaving).chain(self.retry).chain(self.probe.deadline()).min()
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        self.fail_negotiations(|half| half.deadline() <= now, "the peer did not answer in time", cx);
        if self.active.as_ref().and_then(Active::deadline).is_some_and(|deadline| deadline <= now) {
            self.handle_active_timeout(cx);
        }
        self.handle_probe_timeout(cx);
        self.handle_leaving_timeout(cx);
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry = None;
            self.deliver(cx);
        }
    }

    /// Whether there is nothing left to wait for.
    pub(crate) fn is_idle(&self) -> bool {
        self.asking.is_none() && self.answering.is_none() && self.active.is_none()
    }

    /// Whether messages are on their way that somebody may still acknowledge.
    pub(crate) fn is_delivering(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Sends what waits, or starts the session that it needs.
    fn deliver(&mut self, cx: &mut Cx<'_>) {
        if self.is_open() {
            self.flush(cx);
        } else if !self.outbox.is_empty() && self.is_idle() && self.retry.is_none() && cx.online {
            self.begin(cx);
        }
    }

    /// The session is over, and not in good order.
    fn fail(&mut self, reason: &str, cx: &mut Cx<'_>) {
        let Some(active) = self.active.take() else { return };
        cx.tell(failed(active.failed_event(), reason));
        self.probe = Probe::default();
        self.typing = false;
        self.schedule_retry(cx);
    }

    /// Negotiations are over without a session.
    fn fail_negotiations(&mut self, which: impl Fn(&Half) -> bool, reason: &str, cx: &mut Cx<'_>) {
        let over = [self.asking.take_if(|half| which(half)), self.answering.take_if(|half| which(half))];
        for half in over.into_iter().flatten() {
            cx.tell(failed(half.event(SessionState::Failed), reason));
            cx.tell_unsent(half.single());
            self.schedule_retry(cx);
        }
    }

    /// A new session is tried when something waits for it, after a pause that grows.
    fn schedule_retry(&mut self, cx: &mut Cx<'_>) {
        if !self.is_idle() || self.outbox.is_empty() {
            return;
        }
        self.outbox.rewind();
        if self.refusals >= MAX_REFUSALS {
            for item in self.outbox.take_unsent() {
                cx.tell(Event::own_error(Some(&item.id), "not-sent", "the peer refuses an encrypted session"));
            }
            return;
        }
        let pause = Duration::from_millis(250).saturating_mul(1 << self.failures.min(8)).min(MAX_PAUSE);
        self.failures += 1;
        self.retry = Some(cx.now.instant + pause / 2 + cx.jitter(pause));
    }

    fn remember_past(&mut self, thread: String) {
        self.past.push_back(thread);
        if self.past.len() > 16 {
            self.past.pop_front();
        }
    }
}

/// The content as it is to be sealed, if one stanza can carry it.
fn sealable(content: &[Element]) -> Result<Zeroizing<String>, &'static str> {
    let parts: Option<String> = content.iter().map(stanza::serialize).collect();
    match parts.map(Zeroizing::new) {
        None => Err("this text has characters that XML cannot carry"),
        Some(text) if text.len() > MAX_CONTENT => Err("this text is too long for one stanza"),
        Some(text) => Ok(text),
    }
}

fn failed(event: SessionEvent, reason: &str) -> Event {
    Event::Session(Box::new(SessionEvent { reason: Some(reason.to_owned()), ..event }))
}

/// Why a negotiation or a session broke on this side, in words.
fn breakage(error: &Error) -> String {
    match error {
        Error::DecryptFailed => "a stanza is missing, doubled or forged".to_owned(),
        Error::Misuse(Misuse::KeyExhausted) => "the key has encrypted as much as it may".to_owned(),
        other => other.to_string(),
    }
}
