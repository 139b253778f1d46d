//! The session in force, and who the peer is in it.
//!
//! - [`lifetime`]: how it begins, is confirmed, gets new keys and ends. [`announcing`]: what the user is told about it.
//! - [`stanzas`]: what is sealed and opened in it. [`terms`]: what both ends agree on.

mod announcing;
mod lifetime;
pub(super) mod stanzas;
mod terms;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use esession::{Agreed, ChainOutcome, Established, Opened, PublicKey, Sas, Session, SignedSession, Standing};
use jid::{BareJid, Jid};
use minidom::Element;
use minidom::rxml::xml_ncname;

use stanzas::read_content;

use super::negotiation::{Tally, session_event};
use super::{Conversation, breakage};
use crate::content::EME;
use crate::effects::Cx;
use crate::event::{SessionEvent, SessionState};
use crate::secrets::KeyStanding;
use crate::stanza;

/// How long a responder waits for the stanza that shows that the initiator holds the final keys. Peers that follow the letter
/// never send it. Our own kind does so at once, and without it hears nothing: what is sealed before has no forward secrecy
/// against somebody who posed as the peer and gets the retained secret later.
const CONFIRMATION_WAIT: Duration = Duration::from_secs(2);
/// Keys that have served are renewed after so long without a stanza (XEP-0200 section 8): what was said is out of reach then
/// for who takes them.
const IDLE: Duration = Duration::from_secs(300);
/// How many ids of stanzas are remembered, to recognise errors about them.
const REMEMBERED_IDS: usize = 512;

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

/// Whether a peer that never shows the final keys can only be one that has none.
fn must_confirm(agreed: &Agreed) -> bool {
    agreed.bound || agreed.password
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
        let wait = if must_confirm(&agreed) { cx.settings.negotiation_timeout } else { CONFIRMATION_WAIT };
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
        let encryption = Element::builder("encryption", EME)
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

/// A message processing hint (XEP-0334).
fn hint(name: &str) -> Element {
    Element::bare(name, "urn:xmpp:hints")
}
