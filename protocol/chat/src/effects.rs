//! What flows through the core: time and randomness in; stanzas, events and things to save out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use esession::{Binding, Credentials, CryptoRng, Identification, Policy, RetainedSecret};
use esession_attest::{Attestation, Authorities};
use jid::{BareJid, Jid};
use minidom::Element;

use crate::event::Event;
use crate::presence::Shown;
use crate::secrets::SecretBook;
use crate::stanza;

/// A point in time, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For waiting.
    pub instant: Instant,
    /// Seconds since 1970, for what is stored.
    pub unix: u64,
}

/// What the core wants done, in order.
#[derive(Debug)]
pub enum Output {
    /// Make the book of secrets durable before doing anything that follows.
    Save,
    /// Send a stanza.
    Send(Element),
    /// Tell the user.
    Event(Event),
    /// Leave.
    Close,
}

/// How the core behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What sessions may look like.
    pub policy: Policy,
    /// Ask for sessions in three messages, between public keys.
    pub signs: bool,
    /// Publish what others need to write while this client is away; needs a key.
    pub reachable: bool,
    /// Publish our key, for everybody who asks our server.
    pub gives_key: bool,
    /// What certifies our key, for who trusts the same authority.
    pub attestation: Option<Attestation>,
    /// Whose certificates verify a peer.
    pub authorities: Authorities,
    /// Answer sessions of anybody, not only of peers we chat with.
    pub accept_any: bool,
    /// Grant requests from the domains of peers we chat with.
    pub accept_subscriptions: bool,
    /// How long a negotiation may take.
    pub negotiation_timeout: Duration,
    /// How long to wait for the acknowledgement of an end.
    pub ending_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: crate::conversation::default_policy(),
            signs: false,
            reachable: false,
            gives_key: false,
            attestation: None,
            authorities: Authorities::default(),
            accept_any: false,
            accept_subscriptions: false,
            negotiation_timeout: Duration::from_secs(30),
            ending_timeout: Duration::from_secs(5),
        }
    }
}

/// What the parts of the core share.
pub(crate) struct Surroundings {
    pub(crate) settings: Settings,
    pub(crate) book: SecretBook,
    pub(crate) out: VecDeque<Output>,
    /// Whether stanzas can leave.
    pub(crate) online: bool,
    /// What we show of ourselves.
    pub(crate) shown: Shown,
    /// Who we are, once the server has said so.
    pub(crate) me: Option<BareJid>,
}

impl Surroundings {
    pub(crate) fn new(settings: Settings, book: SecretBook) -> Self {
        Self { settings, book, out: VecDeque::new(), online: false, shown: Shown::default(), me: None }
    }

    /// For one step.
    pub(crate) fn cx<'a>(&'a mut self, now: Moment, rng: &'a mut dyn CryptoRng) -> Cx<'a> {
        let Self { settings, book, out, online, shown, me } = self;
        Cx { now, rng, settings, book, out, online: *online, shown, me: me.as_ref() }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

/// Who may vouch for a peer: the domain itself, which is the gateway's own JID.
pub(crate) fn voucher(peer: &Jid) -> BareJid {
    BareJid::from_parts(None, peer.domain())
}

/// What every step of the core works with.
pub(crate) struct Cx<'a> {
    pub(crate) now: Moment,
    pub(crate) rng: &'a mut dyn CryptoRng,
    pub(crate) settings: &'a Settings,
    pub(crate) book: &'a mut SecretBook,
    pub(crate) out: &'a mut VecDeque<Output>,
    pub(crate) online: bool,
    pub(crate) shown: &'a Shown,
    me: Option<&'a BareJid>,
}

impl Cx<'_> {
    /// A session with this peer is between us two (esessions.md, W6). For who lives behind a gateway, the gateway vouches;
    /// for anybody does a code that the user was given.
    pub(crate) fn binding(&self, peer: &Jid, pairing: Option<&RetainedSecret>) -> Binding {
        let Some(me) = self.me else { return Binding::default() };
        let mut chains: Vec<_> = pairing.cloned().into_iter().collect();
        if peer.node().is_some() {
            chains.extend(self.book.of(&voucher(peer), self.now.unix));
        }
        Binding::between(me.as_str(), peer.to_bare().as_str()).vouched_by(&chains)
    }

    /// What we bring along for a session with this peer.
    pub(crate) fn credentials(&self, peer: &BareJid) -> Credentials {
        let signs = self.settings.policy.own_identification.iter().any(|how| *how != Identification::None);
        let signing_key = if signs { self.book.keys().own() } else { None };
        let (secrets, known_keys) = (self.book.of(peer, self.now.unix), self.book.keys().of(peer));
        Credentials { secrets, signing_key, known_keys, ..Credentials::default() }
    }

    /// Who we are, once the server has said so.
    pub(crate) fn me(&self) -> Option<&BareJid> {
        self.me
    }

    /// Sends a stanza and returns its size in octets; 0 if it holds characters that XML cannot carry, which the user is told.
    pub(crate) fn send(&mut self, stanza: Element) -> usize {
        let Some(xml) = stanza::serialize(&stanza) else {
            let text = "this text has characters that XML cannot carry";
            self.tell(Event::own_error(stanza.attr("id"), "not-sent", text));
            return 0;
        };
        self.out.push_back(Output::Send(stanza));
        xml.len()
    }

    /// Tells the user.
    pub(crate) fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Tells that a single message did not go out.
    pub(crate) fn tell_unsent(&mut self, single: Option<&str>) {
        if single.is_some() {
            self.tell(Event::own_error(single, "not-sent", "the peer did not answer as it must for this to be sent"));
        }
    }

    /// Has the secrets stored before whatever follows.
    pub(crate) fn save(&mut self) {
        self.out.push_back(Output::Save);
    }

    /// A fresh identifier.
    pub(crate) fn fresh_id(&mut self) -> String {
        stanza::fresh_id(self.rng)
    }

    /// A random part of `span`, so that two ends that broke at once do not start again at once.
    pub(crate) fn jitter(&mut self, span: Duration) -> Duration {
        let mut octets = [0_u8; 2];
        self.rng.fill_bytes(&mut octets);
        span.mul_f64(f64::from(u16::from_be_bytes(octets)) / f64::from(u16::MAX))
    }
}
