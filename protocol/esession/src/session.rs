//! An active session.

use minidom::Element;
use zeroize::{Zeroize, Zeroizing};

use crate::counter::Counter;
use crate::error::{Error, Misbehaviour, Misuse};
use crate::established::Role;
use crate::management::{
    ACKNOWLEDGE, Management, Notice, Proposal, TERMINATE, Terms, answer, continues, find_notice, in_clear,
};
use crate::plaintext::Plaintext;
use crate::policy::Policy;
use crate::primitives::{CryptoRng, constant_time_eq};
use crate::rekey::{Epochs, Own, Renewal, Theirs};
use crate::schedule::StanzaKeys;
use crate::stanza::{Envelope, Parts};
use crate::suite::{Profile, Suite};

/// One opened stanza.
#[derive(Debug)]
pub struct Opened {
    /// The content; may be empty (a confirmation, a new key).
    pub content: Plaintext,
    /// This was the first valid stanza of the peer: it holds the final keys, so the pending secret may be committed and the
    /// chain announced. `true` once per session at most, and only for the responder.
    pub confirms: bool,
    /// Set if this stanza ends the session.
    pub ending: Option<Ending>,
    /// Set if it is about the session otherwise.
    pub management: Option<Management>,
}

/// How a stanza ends the session. Either way nothing can be sent or opened any more and the keys are gone.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The peer ends the session: send this `<c/>` to acknowledge.
    ByPeer {
        /// The acknowledgement, sealed.
        acknowledgement: Element,
    },
    /// The peer has acknowledged our [`Session::terminate`] (or ended at the same time): nothing was cut off.
    Acknowledged,
    /// This was the one stanza of a negotiation that says so ([`crate::AwaitSignature`]): there is nothing to acknowledge.
    OnlyStanza,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Open both ways.
    Open,
    /// [`Session::terminate`] was called and the acknowledgement has not come. If it never does, the session ended without
    /// confirmation: the last stanzas of the peer may have been cut off.
    Terminating,
    /// Open for one stanza of the peer only.
    OneStanza,
    /// Ended, and both ends proved that they saw every stanza.
    Ended,
    /// Destroyed by an error.
    Broken,
}

/// An encrypted session (XEP-0200). [`Send`], so that it can be worked on a blocking thread.
pub struct Session {
    standing: Standing,
    confirmed: bool,
    /// Gone when the session is over, and wiped with that.
    pub(crate) live: Option<Box<Live>>,
}

/// What exists only while there are keys.
pub(crate) struct Live {
    suite: Suite,
    pub(crate) epochs: Epochs,
    pub(crate) sending: Track,
    pub(crate) receiving: Track,
    rekey_freq: u32,
    since_exchange: u32,
    pub(crate) padding: usize,
    max_blocks: u64,
    publish: bool,
    /// Our proposals go before the peer's where they cross.
    leads: bool,
    /// What we have asked of the peer, and it has not answered.
    proposed: Option<Proposal>,
    moving: Option<String>,
}

/// How far one direction has come.
pub(crate) struct Track {
    pub(crate) counter: Counter,
    /// Blocks under the present key.
    used: u64,
}

/// Blocks that are kept for the end of the session when a sending key runs out.
const RESERVE: u64 = 32;

impl Session {
    /// `sending` and `receiving` are the final keys of a direction with the counter after its proof.
    #[allow(clippy::too_many_arguments, reason = "one caller, and every argument is of another type")]
    pub(crate) fn new(
        role: Role,
        suite: Suite,
        policy: &Policy,
        rekey_freq: u32,
        sending: (StanzaKeys, Counter),
        receiving: (StanzaKeys, Counter),
        own: Own,
        theirs: Theirs,
    ) -> Self {
        let live = Live {
            suite,
            epochs: Epochs::new(suite, sending.0, receiving.0, own, theirs),
            sending: Track { counter: sending.1, used: 0 },
            receiving: Track { counter: receiving.1, used: 0 },
            rekey_freq,
            since_exchange: 0,
            padding: match suite.profile {
                Profile::Xep | Profile::Truncated => policy.padding,
                // it keeps left-over key stream between stanzas
                Profile::Gajim => policy.padding.next_multiple_of(16),
            },
            max_blocks: policy.max_blocks,
            publish: policy.publish_old_keys,
            leads: role == Role::Initiator,
            proposed: None,
            moving: None,
        };
        Self { standing: Standing::Open, confirmed: role == Role::Initiator, live: Some(Box::new(live)) }
    }

    /// Encrypts content (serialized XML, the children of one stanza) into a `<c/>`. Stanzas must leave in the order of the
    /// calls. Empty content makes an empty stanza, see [`Session::confirm`].
    ///
    /// # Errors
    /// [`Misuse::Closed`], [`Misuse::KeyExhausted`]; neither changes anything.
    pub fn seal(&mut self, content: &str) -> Result<Element, Error> {
        self.live_to_send()?.seal_and_publish(content, None)
    }

    /// A stanza that says nothing and shows the peer that we hold the final keys. The initiator sends it straight after the completion.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn confirm(&mut self) -> Result<Element, Error> {
        // Old Gajim gives up at a stanza without data.
        let empty = self.live.as_ref().is_none_or(|live| live.suite.profile != Profile::Gajim);
        self.seal(if empty { "" } else { " " })
    }

    /// Like [`Session::seal`], with a new Diffie-Hellman value: the keys after this stanza are new (XEP-0200 section 8).
    /// Two exponentiations.
    ///
    /// # Errors
    /// [`Misuse::RekeyTooEarly`] as long as [`Session::may_rekey`] is false, and those of `seal`.
    pub fn rekey(&mut self, content: &str, rng: &mut dyn CryptoRng) -> Result<Element, Error> {
        let early = !self.may_rekey();
        let live = self.live_to_send()?;
        if early {
            return Err(Error::Misuse(Misuse::RekeyTooEarly));
        }
        let renewal = live.epochs.renew(rng)?;
        live.seal_and_publish(content, Some(renewal))
    }

    /// Whether the agreed number of stanzas since the last key exchange has passed.
    #[must_use]
    pub fn may_rekey(&self) -> bool {
        let can = |live: &Live| live.suite.profile != Profile::Gajim && live.epochs.has_room();
        self.live.as_ref().is_some_and(|live| live.since_exchange >= live.rekey_freq && can(live))
    }

    /// Whether anything but keys has gone either way under the present keys: then time alone is a reason to re-key, since
    /// whoever takes them from this end's memory can read it (XEP-0200 section 8).
    #[must_use]
    pub fn is_worn(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.since_exchange > 1)
    }

    /// Whether more than half of the blocks permitted under one key are used, in either direction:
    /// time to re-key, or to end the session where [`Session::may_rekey`] stays false.
    #[must_use]
    pub fn should_rekey(&self) -> bool {
        let most = |live: &Live| live.sending.used.max(live.receiving.used);
        self.live.as_ref().is_some_and(|live| most(live) > live.max_blocks / 2)
    }

    /// Verifies and decrypts a `<c/>`. Stanzas must be given in the order of arrival.
    ///
    /// # Errors
    /// Any error destroys the session for good. [`Error::DecryptFailed`] tells nothing more, on purpose.
    pub fn open(&mut self, c: &Element) -> Result<Opened, Error> {
        let live = self.live.as_mut().ok_or(Error::Misuse(Misuse::Closed))?;
        match live.open(c).and_then(|content| self.react(content)) {
            Ok(opened) => Ok(opened),
            Err(error) => {
                self.close(Standing::Broken);
                Err(error)
            }
        }
    }

    /// Ends the session: send the returned element, then wait for [`Ending::Acknowledged`]. Nothing can be sealed any more.
    ///
    /// The element is a `<c/>`; for old Gajim, which knows no other end, it is in clear and the session is over at once.
    ///
    /// # Errors
    /// [`Misuse::Closed`] if the session is not open.
    pub fn terminate(&mut self) -> Result<Element, Error> {
        let live = self.live_to_send()?;
        if live.suite.profile == Profile::Gajim {
            self.close(Standing::Ended);
            return in_clear(TERMINATE);
        }
        let c = live.seal_notice(TERMINATE)?;
        self.standing = Standing::Terminating;
        Ok(c)
    }

    /// Asks for other terms (XEP-0155 section 6). Those of before hold until the answer is in [`Opened::management`].
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn propose(&mut self, proposal: Proposal) -> Result<Element, Error> {
        let c = self.seal(&proposal.to_content())?;
        self.live_to_send()?.proposed = Some(proposal);
        Ok(c)
    }

    /// Answers a proposal of the peer by what the policy permits: the terms that hold now, if any change, and the `<c/>` to
    /// send. Where two proposals have crossed, that of the initiator counts: its own end takes no other meanwhile.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn answer(&mut self, proposal: &Proposal, policy: &Policy) -> Result<(Option<Terms>, Element), Error> {
        let live = self.live_to_send()?;
        let is_crossed = live.leads && live.proposed.is_some();
        let terms = proposal.choose(policy).filter(|_| !is_crossed);
        Ok((terms, self.seal(&answer(terms))?))
    }

    /// Asks to go on under another resource of this account (XEP-0155 section 5): nothing may be sent until the peer agrees,
    /// and then from there only. The session is to move there by the caller's own means.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn continue_as(&mut self, resource: &str) -> Result<Element, Error> {
        let c = self.seal(&continues("submit", resource))?;
        self.live_to_send()?.moving = Some(resource.to_owned());
        Ok(c)
    }

    /// Lets the peer go on under another of its resources. The `<c/>` goes to the one that has asked, and what follows to the
    /// other. It is the caller who sees whether that is a name of a resource.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn let_continue(&mut self, resource: &str) -> Result<Element, Error> {
        self.seal(&continues("result", resource))
    }

    /// From now on one stanza is opened, and none is sealed (XEP-0116 section 9.4).
    pub(crate) fn for_one_stanza(mut self) -> Self {
        self.standing = Standing::OneStanza;
        self
    }

    /// The only stanza of this end.
    pub(crate) fn seal_only(mut self, content: &str) -> Result<Element, Error> {
        let c = self.seal(content);
        self.close(Standing::Ended);
        c
    }

    /// Where the session stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether the peer has shown that it holds the final keys: from then on the pending secret replaces the matched one and
    /// the chain may be announced. The initiator's sessions are confirmed from the start.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    pub(crate) fn live_to_send(&mut self) -> Result<&mut Live, Error> {
        let closed = Error::Misuse(Misuse::Closed);
        if self.standing == Standing::Open { self.live.as_deref_mut().ok_or(closed) } else { Err(closed) }
    }

    fn close(&mut self, standing: Standing) {
        self.standing = standing;
        self.live = None;
    }

    /// Draws the conclusions from an authentic stanza.
    fn react(&mut self, content: Plaintext) -> Result<Opened, Error> {
        let confirms = !self.confirmed;
        self.confirmed = true;
        let (mut ending, mut management) = (None, None);
        match (find_notice(content.expose()), self.standing) {
            (_, Standing::OneStanza) => ending = Some(Ending::OnlyStanza),
            (None, _) => {}
            (Some(Notice::Terminate), Standing::Open) => {
                let acknowledgement = self.live_to_send()?.seal_notice(ACKNOWLEDGE)?;
                ending = Some(Ending::ByPeer { acknowledgement });
            }
            // Both ended at the same time: each notice proves the same as an acknowledgement.
            (Some(Notice::Terminate | Notice::Acknowledge), Standing::Terminating) => {
                ending = Some(Ending::Acknowledged);
            }
            (Some(Notice::Terminate | Notice::Acknowledge), _) => return Err(Error::Malformed("termination")),
            (Some(Notice::Manage(said)), Standing::Open) => management = self.live_to_send()?.manage(said),
            (Some(Notice::Manage(_)), _) => {}
        }
        if ending.is_some() {
            self.close(Standing::Ended);
        }
        Ok(Opened { content, confirms, ending, management })
    }
}

impl Live {
    /// What the peer says about the session; an answer counts only if it is one.
    fn manage(&mut self, said: Management) -> Option<Management> {
        match said {
            Management::Proposed(_) | Management::Continues(_) => Some(said),
            Management::Agreed(terms) => {
                let proposal = self.proposed.take()?;
                Some(if proposal.admits(terms) { said } else { Management::Refused })
            }
            Management::Refused => self.proposed.take().map(|_| said),
            Management::Continued(resource) => {
                self.moving.take_if(|asked| *asked == resource).map(Management::Continued)
            }
        }
    }

    /// [`Live::seal`] with what is ready to be published.
    fn seal_and_publish(&mut self, content: &str, renewal: Option<Renewal>) -> Result<Element, Error> {
        let dead = self.epochs.take_dead();
        let old: Vec<_> = dead.iter().filter(|_| self.publish).map(|mac| mac.expose().to_vec()).collect();
        self.seal(content, renewal, &old)
    }

    /// XEP-0200 section 4: pads, encrypts, MACs, steps the counter; then switches keys if `renewal` is there.
    pub(crate) fn seal(&mut self, content: &str, renewal: Option<Renewal>, old: &[Vec<u8>]) -> Result<Element, Error> {
        self.seal_within(self.max_blocks.saturating_sub(RESERVE.min(self.max_blocks / 2)), content, renewal, old)
    }

    /// An authentic stanza with whatever in `<key/>` and `<new/>`.
    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn seal_hostile(&mut self, key: &[u8], new: usize) -> Result<Element, Error> {
        let parts = Parts { data: &[], new, key: (!key.is_empty()).then_some(key), ..Parts::default() };
        let counter = self.sending.counter;
        let keys = self.epochs.sending();
        let content = parts.content();
        let mac = self.suite.hmac(&keys.mac, &content.authenticated(&self.suite.sent_counter(counter)));
        self.sending.counter = counter.after(1);
        Ok(content.seal(&mac))
    }

    fn seal_notice(&mut self, notice: &str) -> Result<Element, Error> {
        self.seal_within(u64::MAX, notice, None, &[])
    }

    fn seal_within(
        &mut self,
        limit: u64,
        content: &str,
        renewal: Option<Renewal>,
        old: &[Vec<u8>],
    ) -> Result<Element, Error> {
        let mut data = Zeroizing::new(content.as_bytes().to_vec());
        data.resize(content.len().next_multiple_of(self.padding), b' ');
        let used = self.sending.used.saturating_add(self.suite.blocks(data.len()));
        if used > limit {
            return Err(Error::Misuse(Misuse::KeyExhausted));
        }
        let keys = self.epochs.sending();
        let counter = self.sending.counter;
        self.suite.crypt(&keys.cipher, counter, &mut data);
        let key = renewal.as_ref().map(|renewal| renewal.pair.public());
        let hybrid = renewal.as_ref().and_then(|renewal| Some(renewal.hybrid.as_ref()?.message.as_slice()));
        let content = Parts { data: &data, new: self.epochs.unreported(), key, hybrid, old }.content();
        let mac = self.suite.hmac(&keys.mac, &content.authenticated(&self.suite.sent_counter(counter)));
        let c = content.seal(&mac);

        self.sending = Track { counter: counter.after(self.suite.blocks(data.len())), used };
        if renewal.is_some() {
            self.sending.used = 0;
            self.since_exchange = 0;
        }
        self.since_exchange = self.since_exchange.saturating_add(1);
        self.epochs.sent(renewal)?;
        Ok(c)
    }

    /// XEP-0200 section 5. Nothing changes before the MAC is verified.
    fn open(&mut self, c: &Element) -> Result<Plaintext, Error> {
        let envelope = Envelope::read(c)?;
        let keys = self.epochs.select(envelope.new)?;
        let counter = self.receiving.counter;
        let authentic = counter.spellings().iter().any(|spelling| {
            let mac = self.suite.hmac(&keys.mac, &envelope.content.authenticated(spelling));
            constant_time_eq(&mac, &envelope.mac)
        });
        if !authentic {
            return Err(Error::DecryptFailed);
        }
        let mut data = envelope.data.unwrap_or_default();
        let used = if envelope.new > 0 { 0 } else { self.receiving.used }.saturating_add(self.suite.blocks(data.len()));
        if used > self.max_blocks {
            return Err(Error::PeerMisbehaved(Misbehaviour::KeyExhausted));
        }
        self.suite.crypt(&keys.cipher, counter, &mut data);
        let content = String::from_utf8(data).map_err(|error| {
            error.into_bytes().zeroize();
            Error::DecryptFailed
        })?;
        let content = Plaintext::new(content);

        self.receiving = Track { counter: counter.after(self.suite.blocks(content.octets())), used };
        self.epochs.forget_before(envelope.new);
        if let Some(key) = envelope.key {
            self.epochs.received(&key, envelope.hybrid.as_deref())?;
            self.receiving.used = 0;
            self.sending.used = if self.epochs.has_crossed() { self.sending.used } else { 0 };
            self.since_exchange = 0;
        }
        self.since_exchange = self.since_exchange.saturating_add(1);
        Ok(content)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("standing", &self.standing).finish_non_exhaustive()
    }
}
