//! The session in force: sealing, opening, ending (XEP-0200, XEP-0116 section 8).

mod announcing;
mod terms;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use esession::{
    Agreed, ChainOutcome, Ending, Error, Established, Logging, Opened, Profile, PublicKey, Sas, SasMethod, Session,
    SignedSession, Standing,
};
use jid::{BareJid, Jid};
use minidom::Element;
use minidom::rxml::xml_ncname;

use super::negotiation::{Tally, send_error, session_event};
use super::probe::Probe;
use super::{Conversation, breakage};
use crate::content::{self, Content};
use crate::effects::Cx;
use crate::event::{Event, SessionEvent, SessionState};
use crate::inner;
use crate::secrets::KeyStanding;
use crate::stanza::{self, CLIENT, Failure};

/// How long a responder waits for the stanza that shows that the initiator holds the final keys. Peers that follow the letter
/// never send it. Our own kind does so at once, and without it hears nothing: what is sealed before has no forward secrecy
/// against somebody who posed as the peer and gets the retained secret later.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(2);
/// Keys that have served are renewed after so long without a stanza (XEP-0200 section 8): what was said is out of reach then
/// for who takes them.
const IDLE: Duration = Duration::from_secs(300);
/// How many ids of stanzas are remembered, to recognise errors about them.
const REMEMBERED_IDS: usize = 512;
/// What clients that cannot decrypt show. Constant, so that it tells nothing.
const FALLBACK: &str = "This message is encrypted (ESession, XEP-0200).";
/// What may not be in decrypted content (XEP-0200 section 5).
const FORBIDDEN: [&str; 4] = ["thread", "error", "c", "amp"];

/// An active session with one resource of the peer.
pub(super) struct Active {
    pub(super) thread: String,
    pub(super) with: Jid,
    pub(super) session: Session,
    pub(super) agreed: Agreed,
    proof: Proof,
    verified: bool,
    /// The peer has the code that the user was given.
    is_paired: bool,
    /// Who certifies the key that has signed it.
    certified_by: Option<String>,
    /// What the peer has signed with.
    key: Option<(PublicKey, KeyStanding)>,
    /// Whether the user was told that it is active. Nothing is sent before.
    announced: bool,
    confirmation_due: Option<Instant>,
    acknowledgement_due: Option<Instant>,
    /// When the last stanza came or went.
    pub(super) last: Instant,
    tally: Tally,
    ids: VecDeque<String>,
}

/// What tells who the peer is, besides a key.
enum Proof {
    /// Codes, once compared, and the retained secrets that carry on from there.
    Chained {
        sas: Sas,
        chain: ChainOutcome,
        /// The name of the new retained secret in the book.
        secret: u64,
        vouched: bool,
    },
    /// Nothing: both ends have signed. People compare a code over the two keys.
    Signed { code: String },
}

/// A finished negotiation of either flow.
pub(super) struct Finished {
    session: Session,
    agreed: Agreed,
    key: Option<PublicKey>,
    proof: Proof,
}

impl Finished {
    /// Of four messages. The new secret is stored at once.
    pub(super) fn chained(established: Established, peer: &BareJid, cx: &mut Cx<'_>) -> Self {
        let Established { session, agreed, sas, peer_key: key, chain, vouched, new_secret } = established;
        let matched = match chain {
            ChainOutcome::Continued { id, .. } => Some(id),
            ChainOutcome::New | ChainOutcome::Lost { .. } => None,
        };
        let secret = cx.book.add_pending(peer, &new_secret, matched, cx.now.unix);
        cx.save();
        Self { session, agreed, key, proof: Proof::Chained { sas, chain, secret, vouched } }
    }

    /// Of three.
    pub(super) fn signed(SignedSession { session, agreed, peer_key, code }: SignedSession) -> Self {
        Self { session, agreed, key: Some(peer_key), proof: Proof::Signed { code } }
    }
}

impl Active {
    pub(super) fn new(thread: String, with: Jid, finished: Finished, tally: Tally, cx: &mut Cx<'_>) -> Self {
        let Finished { session, agreed, key, proof } = finished;
        let key = key.map(|key| {
            let standing = cx.book.keys_mut().meet(&with.to_bare(), &key);
            cx.save();
            (key, standing)
        });
        let is_signed = key.as_ref().is_some_and(|(_, standing)| *standing == KeyStanding::Verified);
        let is_chained = match &proof {
            Proof::Chained { chain, vouched, .. } => chain.is_verified() || *vouched,
            Proof::Signed { .. } => false,
        };
        let wait = if agreed.bound { cx.settings.negotiation_timeout } else { CONFIRMATION_WAIT };
        let confirmation_due = (!session.is_confirmed()).then_some(cx.now.instant + wait);
        Self {
            thread,
            with,
            session,
            agreed,
            proof,
            verified: is_chained || is_signed,
            is_paired: false,
            certified_by: None,
            key,
            announced: false,
            confirmation_due,
            acknowledgement_due: None,
            last: cx.now.instant,
            tally,
            ids: VecDeque::new(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.confirmation_due, self.acknowledgement_due, self.renewal_due()].into_iter().flatten().min()
    }

    /// When the keys have served long enough.
    fn renewal_due(&self) -> Option<Instant> {
        (self.is_open() && self.session.is_worn() && self.session.may_rekey()).then(|| self.last + IDLE)
    }

    /// Whether a stanza belongs to this session, by what it says of itself.
    pub(super) fn is_with(&self, from: &Jid, thread: Option<&str>) -> bool {
        self.with == *from && thread == Some(self.thread.as_str())
    }

    /// Whether an error stanza is about this session.
    pub(super) fn is_about(&self, from: &Jid, thread: Option<&str>, id: &str) -> bool {
        from.to_bare() == self.with.to_bare()
            && (thread == Some(self.thread.as_str()) || self.ids.iter().any(|sent| sent == id))
    }

    /// Whether the peer has signed it.
    pub(super) fn is_signed(&self) -> bool {
        self.key.is_some()
    }

    pub(super) fn is_verified(&self) -> bool {
        self.verified
    }

    /// Somebody whom the user trusts to know says whose the key is that has signed it.
    pub(super) fn certify(&mut self, by: String) {
        self.verified = true;
        self.certified_by = Some(by);
    }

    /// Whether the peer has signed this session with this key.
    pub(super) fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref().map(|(signer, _)| signer)
    }

    /// The codes match: the chain is verified from here on.
    pub(super) fn verify(&mut self, peer: &BareJid, cx: &mut Cx<'_>) {
        self.verified = match &self.proof {
            Proof::Chained { secret, .. } => cx.book.verify(peer, *secret),
            Proof::Signed { .. } => true,
        };
        if let Some((key, standing)) = &mut self.key {
            cx.book.keys_mut().verify(peer, key);
            *standing = KeyStanding::Verified;
        }
    }

    fn is_vouched(&self) -> bool {
        matches!(self.proof, Proof::Chained { vouched: true, .. })
    }

    fn chain(&self) -> Option<ChainOutcome> {
        match self.proof {
            Proof::Chained { chain, .. } => Some(chain),
            Proof::Signed { .. } => None,
        }
    }

    pub(super) fn failed_event(&self) -> SessionEvent {
        self.plain_event(SessionState::Failed)
    }

    fn plain_event(&self, state: SessionState) -> SessionEvent {
        session_event(&self.with, state, self.agreed.role)
    }

    pub(super) fn is_open(&self) -> bool {
        self.announced && self.session.standing() == Standing::Open
    }

    /// Opens a `<c/>`. What is no content of a stanza breaks the session as well.
    pub(super) fn open(&mut self, c: &Element, now: Instant) -> Result<(Vec<Element>, Opened), String> {
        self.last = now;
        let opened = self.session.open(c).map_err(|error| breakage(&error))?;
        Ok((read_content(opened.content.expose())?, opened))
    }

    /// Sends a `<c/>`: with a type of chat, the thread, and what keeps copies from going where nobody can read them (W18).
    fn send(&mut self, id: &str, c: Element, extras: Vec<Element>, cx: &mut Cx<'_>) {
        let encryption = Element::builder("encryption", "urn:xmpp:eme:0")
            .attr(xml_ncname!("namespace").to_owned(), esession::namespaces::ENCRYPTED)
            .attr(xml_ncname!("name").to_owned(), "ESession");
        let message = stanza::message(&self.with, Some("chat"), id)
            .append(stanza::thread(&self.thread))
            .append(c)
            .append_all(extras)
            .append(encryption.build())
            .append(Element::bare("private", "urn:xmpp:carbons:2"))
            .append(hint("no-copy"));
        cx.send(message.build());
        self.last = cx.now.instant;
        self.ids.push_back(id.to_owned());
        if self.ids.len() > REMEMBERED_IDS {
            self.ids.pop_front();
        }
    }
}

impl Conversation {
    /// Whether messages can be sent in the session.
    pub(super) fn is_open(&self) -> bool {
        self.active.as_ref().is_some_and(Active::is_open)
    }

    /// A new session takes the place of the one before, if there is one.
    pub(super) fn take_over(&mut self, active: Active, cx: &mut Cx<'_>) {
        if let Some(mut old) = self.active.take() {
            if old.with != active.with
                && let Ok(c) = old.session.terminate()
            {
                let id = cx.fresh_id();
                old.send(&id, c, vec![hint("no-store")], cx);
            }
            self.remember_past(old.thread);
        }
        (self.asking, self.answering) = (None, None);
        self.probe = Probe::default();
        self.outbox.rewind();
        (self.refusals, self.typing, self.retry) = (0, false, None);
        let active = self.active.insert(active);
        if active.session.is_confirmed() {
            // shows the peer that we hold the final keys, so that it may commit its secret (W2)
            if let Ok(c) = active.session.confirm() {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            self.handle_confirmation(cx);
        }
    }

    /// Sends everything that waits, in order.
    pub(super) fn flush(&mut self, cx: &mut Cx<'_>) {
        while let Some(active) = self.active.as_mut().filter(|active| active.is_open())
            && let Some(item) = self.outbox.next()
        {
            match active.session.seal(&serialize(&content::chat_message(&item.id, &item.text))) {
                Ok(c) => {
                    let fallback = stanza::text("body", CLIENT, FALLBACK);
                    // what nobody may keep no server is asked to keep either, not even encrypted
                    let unlogged = active.agreed.logging == Some(Logging::MustNot);
                    let store = hint(if unlogged { "no-permanent-store" } else { "store" });
                    active.send(&item.id, c, vec![fallback, store], cx);
                    self.probe.expect(cx.now.instant);
                    cx.tell(Event::Sent { id: item.id.clone(), to: active.with.to_string(), encrypted: true });
                }
                Err(error) => self.fail(&breakage(&error), cx),
            }
        }
    }

    /// Seals and sends what is not a message: states, receipts, markers.
    pub(super) fn seal(&mut self, content: &[Element], cx: &mut Cx<'_>) {
        let Some(active) = self.active.as_mut().filter(|active| active.is_open()) else { return };
        let sealed = active.session.seal(&serialize(content));
        self.send_sealed(sealed, cx);
    }

    fn send_sealed(&mut self, sealed: Result<Element, Error>, cx: &mut Cx<'_>) {
        match (sealed, &mut self.active) {
            (Ok(c), Some(active)) => {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            (Err(error), _) => self.fail(&breakage(&error), cx),
            (Ok(_), None) => {}
        }
    }

    /// Ends the session, if there is one, and waits for the acknowledgement.
    pub(super) fn terminate(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        if let Ok(c) = active.session.terminate() {
            active.acknowledgement_due = Some(cx.now.instant + cx.settings.ending_timeout);
            active.confirmation_due = None;
            let id = cx.fresh_id();
            active.send(&id, c, vec![hint("no-store")], cx);
        }
    }

    /// A stanza with a `<c/>`.
    pub(super) fn handle_encrypted(
        &mut self,
        message: &Element,
        c: &Element,
        from: &Jid,
        thread: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        let known = |active: &&mut Active| active.is_with(from, thread);
        let Some(active) = self.active.as_mut().filter(known) else {
            // of a session that is over there is nothing to say; of one that we lost, the peer should know
            if thread.is_none_or(|thread| !self.past.iter().any(|past| past == thread)) {
                send_error(message, from, thread, stanza::error("not-acceptable"), cx);
            }
            return;
        };
        let (elements, opened) = match active.open(c, cx.now.instant) {
            Ok(opened) => opened,
            Err(reason) => {
                send_error(message, from, thread, stanza::error("not-acceptable"), cx);
                return self.fail(&reason, cx);
            }
        };
        if opened.confirms {
            self.handle_confirmation(cx);
        }
        let mut content = Content::read(&elements);
        // only the server knows when it held a message back, so its word is all there is (W7)
        content.delayed = content.delayed.or(Content::read(message.children()).delayed);
        if let Some(id) = self.show(content, message.attr("id"), from, true, cx) {
            self.seal(&content::receipt(&id), cx);
        }
        self.handle_opened(Opened { confirms: false, ..opened }, cx);
    }

    /// A form in clear that says the session is over. Only old Gajim ends one so, and only its own; nobody vouches for it.
    pub(super) fn handle_end_in_clear(&mut self, from: &Jid, thread: Option<&str>, cx: &mut Cx<'_>) {
        let is_gajim = |active: &Active| active.agreed.profile == Profile::Gajim;
        if self.active.as_ref().is_some_and(|active| is_gajim(active) && active.is_with(from, thread)) {
            let reason = "the peer says so in clear, as old Gajim does: it may be anybody".to_owned();
            self.finish(false, Some(reason), cx);
        }
    }

    /// What a stanza that was opened means for the session.
    pub(super) fn handle_opened(&mut self, opened: Opened, cx: &mut Cx<'_>) {
        if opened.confirms {
            self.handle_confirmation(cx);
        }
        if let Some(said) = opened.management {
            self.handle_management(said, cx);
        }
        if let Some(ending) = opened.ending {
            self.handle_ending(ending, cx);
        }
    }

    /// An error that has encrypted content in it: the peer's own, whoever carried it. Nothing else can be believed of it.
    pub(super) fn handle_genuine_error(&mut self, message: &Element, c: &Element, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        let (content, opened) = match active.open(c, cx.now.instant) {
            Ok(opened) => opened,
            Err(reason) => return self.fail(&reason, cx),
        };
        let from = Some(active.with.to_string());
        self.handle_opened(opened, cx);
        let Failure { condition, .. } = Failure::read(message);
        let text = content.iter().find(|child| child.name() == "text").map(Element::text);
        let id = message.attr("id").map(str::to_owned);
        if let Some(id) = &id {
            self.outbox.remove(id);
        }
        cx.tell(Event::Error { id, condition, text, from, encrypted: true });
    }

    /// Nobody confirmed, or nobody acknowledged.
    pub(super) fn handle_active_timeout(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        if active.acknowledgement_due.is_some_and(|due| due <= cx.now.instant) {
            let reason = "the peer did not acknowledge the end: its last messages may be missing".to_owned();
            return self.finish(false, Some(reason), cx);
        }
        if active.renewal_due().is_some_and(|due| due <= cx.now.instant) {
            if let Ok(c) = active.session.rekey("", cx.rng) {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            return;
        }
        if active.agreed.bound {
            return self.fail("the peer did not show that it holds the keys", cx);
        }
        active.confirmation_due = None;
        self.announce(cx);
    }

    /// The peer holds the final keys: only now the new secret takes the place of the old one.
    fn handle_confirmation(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        active.confirmation_due = None;
        if let Proof::Chained { secret, sas, .. } = &active.proof {
            cx.book.confirm(&self.peer.to_bare(), *secret);
            if sas.method == SasMethod::Committed28x5 {
                cx.book.note_committed(&self.peer.to_bare());
            }
            cx.save();
        }
        self.announce(cx);
    }

    fn handle_ending(&mut self, ending: Ending, cx: &mut Cx<'_>) {
        if let (Ending::ByPeer { acknowledgement }, Some(active)) = (ending, &mut self.active) {
            let id = cx.fresh_id();
            active.send(&id, acknowledgement, vec![hint("no-store")], cx);
            // what crossed with the end was not read by the peer; it goes again if receipts tell what was
            if self.gives_receipts {
                self.outbox.rewind();
            }
        }
        self.finish(true, None, cx);
    }

    /// The session is over in good order, or as far as can be known.
    fn finish(&mut self, acknowledged: bool, reason: Option<String>, cx: &mut Cx<'_>) {
        let Some(active) = self.active.take() else { return };
        let event = active.plain_event(SessionState::Ended);
        cx.tell(Event::Session(Box::new(SessionEvent { acknowledged: Some(acknowledged), reason, ..event })));
        self.typing = false;
        self.probe = Probe::default();
        self.remember_past(active.thread);
        for item in self.outbox.take_sent() {
            if !acknowledged || self.gives_receipts {
                let text = "no receipt came for this message before the session ended";
                cx.tell(Event::own_error(Some(&item.id), "uncertain", text));
            }
        }
        self.schedule_retry(cx);
    }
}

/// What was decrypted, if it is content of a stanza.
pub(super) fn read_content(content: &str) -> Result<Vec<Element>, String> {
    let content = inner::parse_content(content).map_err(|error| error.to_string())?;
    match content.iter().find(|element| FORBIDDEN.contains(&element.name())) {
        Some(element) => Err(format!("<{}/> in a session", element.name())),
        None => Ok(content),
    }
}

/// The content of a stanza as text, wiped after use.
fn serialize(content: &[Element]) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(content.iter().filter_map(stanza::serialize).collect())
}

/// A message processing hint (XEP-0334).
fn hint(name: &str) -> Element {
    Element::bare(name, "urn:xmpp:hints")
}
