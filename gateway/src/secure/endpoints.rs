//! The ESessions of one conversation: one for each client of the user that has one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use esession::{Agreed, Disclosure, Error, Logging, Opened, Policy, Proposal, PublicKey, Session, Standing, Terms};
use esession_attest::Certified;
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use rand_core::UnwrapErr;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use super::comparison::Comparison;
use super::negotiation::{Finished, Negotiation};
use super::policy::Truth;
use crate::config::ESessionConfig;

/// Keys are renewed when they have served so long,
const SERVED: Duration = Duration::from_secs(3600);
/// or when nothing was said for so long (XEP-0200, section 8).
const IDLE: Duration = Duration::from_secs(300);

/// An active session with one client.
pub struct Active {
    session: Session,
    /// The `thread` of its messages.
    pub thread: String,
    /// What was agreed.
    pub agreed: Agreed,
    /// What people compare.
    pub comparison: Comparison,
    /// Its place in the chain of retained secrets; a session between keys has none.
    pub link: Option<Link>,
    /// What is to be told about its chain, once something may be said at all.
    pub news: Option<News>,
    /// What the client has signed with.
    pub key: Option<PublicKey>,
    /// Another secret vouches for the client.
    pub is_paired: bool,
    /// The user has compared its code.
    pub compared: bool,
    /// Its chain was verified, or one vouches for it, or a key that was verified has signed it.
    inherited: bool,
    since: Instant,
    /// When we last sent a new key.
    renewed: Instant,
    /// When the last stanza came or went.
    last: Instant,
    /// Whether we saw the client online since.
    pub seen_online: bool,
    /// Since when something that was agreed is not true, and the client was told so.
    retracting: Option<Instant>,
}

/// A retained secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Row of the secret retained for the next session.
    pub secret: i64,
    /// Row of the secret that it replaces once the peer has confirmed.
    pub replaces: Option<i64>,
}

/// What the user should know about a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A client whose secrets we hold has none of them.
    Lost {
        /// Whether one of them was verified.
        was_verified: bool,
    },
    /// A client without secrets here, while others of the user have some.
    Newcomer,
    /// A client that has signed with another key before.
    OtherKey,
}

impl Active {
    /// From a finished negotiation. `link` is where its new secret is stored; `vouched` if the client is known to be the
    /// user's already, once it has shown its keys.
    pub fn new(finished: Finished, thread: String, link: Option<Link>, news: Option<News>, vouched: bool) -> Self {
        let Finished { session, agreed, comparison, key, chained } = finished;
        let since = Instant::now();
        Self {
            session,
            thread,
            agreed,
            comparison,
            link,
            news,
            key,
            is_paired: chained.is_some_and(|chained| chained.vouched),
            compared: false,
            inherited: vouched,
            since,
            renewed: since,
            last: since,
            seen_online: false,
            retracting: None,
        }
    }

    /// Whether the session surely ends in the user's own client. What is inherited counts once the client has shown its
    /// keys (esessions.md, W2).
    pub fn is_verified(&self) -> bool {
        self.compared || (self.inherited && self.is_confirmed())
    }

    /// Whether anything may be said in it. Nothing is while something untrue is agreed.
    pub fn may_speak(&self) -> bool {
        self.is_ready() && !self.is_retracting()
    }

    /// Whether the client can hear us. One that names both ends shows its keys at once, and what is sealed before could be
    /// opened later by who posed as it and gets hold of the retained secret. Other clients may never show theirs before
    /// they speak.
    fn is_ready(&self) -> bool {
        let must_confirm = self.agreed.bound || self.agreed.password;
        self.session.standing() == Standing::Open && (self.is_confirmed() || !must_confirm)
    }

    /// Whether something that was agreed is not true, and the client has not taken the truth yet.
    pub fn is_retracting(&self) -> bool {
        self.retracting.is_some()
    }

    /// Whether we said in the negotiation that nothing is disclosed.
    pub fn says_undisclosed(&self) -> bool {
        self.agreed.disclosure == Some(Disclosure::Never)
    }

    /// Whether we said in the negotiation that nothing is stored.
    pub fn says_unlogged(&self) -> bool {
        self.agreed.logging == Some(Logging::MustNot)
    }

    /// Whether what was said in the negotiation is true.
    pub fn is_truthful(&self, truth: Truth, config: &ESessionConfig) -> bool {
        (truth.undisclosed() || !self.says_undisclosed()) && (truth.unlogged(config) || !self.says_unlogged())
    }

    /// Proposes other terms (XEP-0155, section 6). `retracts` if those of before are not true. `None` if this client does not
    /// know how: only our own kind is sure to answer.
    pub fn propose(&mut self, terms: Terms, retracts: bool) -> Option<Result<Element, Error>> {
        if !self.agreed.bound || !self.is_ready() || self.is_retracting() {
            return None;
        }
        self.retracting = retracts.then(Instant::now);
        Some(self.session.propose(Proposal::of(terms)))
    }

    /// Answers the client's proposal; what it takes holds from here on.
    ///
    /// # Errors
    /// The session's; it must be dropped then.
    pub fn answer(&mut self, proposal: &Proposal, policy: &Policy) -> Result<Element, Error> {
        let (terms, c) = self.session.answer(proposal, policy)?;
        self.agreed.adopt(terms.unwrap_or_default());
        Ok(c)
    }

    /// The client has taken what we proposed.
    pub fn adopt(&mut self, terms: Terms) {
        self.agreed.adopt(terms);
        self.retracting = None;
    }

    /// Lets the client go on under another resource.
    ///
    /// # Errors
    /// The session's; it must be dropped then.
    pub fn let_continue(&mut self, resource: &str) -> Result<Element, Error> {
        self.session.let_continue(resource)
    }

    /// Whether the peer has shown that it holds the final keys.
    pub fn is_confirmed(&self) -> bool {
        self.session.is_confirmed()
    }

    /// An authority that this host trusts says that the key that has signed it is the user's.
    pub fn certify(&mut self, certified: &Certified) {
        self.inherited |= self.key.as_ref().is_some_and(|key| certified.is_of(key));
    }

    /// Encrypts content into a `<c/>`, with new keys when the old ones have served long enough (XEP-0200, section 8).
    ///
    /// # Errors
    /// The session's; it must be dropped then.
    pub fn seal(&mut self, content: &str) -> Result<Element, Error> {
        self.last = Instant::now();
        let worn = self.session.should_rekey() || (self.session.is_worn() && self.renewed.elapsed() >= SERVED);
        if worn && self.session.may_rekey() {
            return self.renew(content);
        }
        self.session.seal(content)
    }

    /// A new key, after a pause in which the old ones served nobody: what was said is out of reach then for who takes the
    /// keys from memory. `None` if it is not time.
    pub fn renew_idle(&mut self, now: Instant) -> Option<Result<Element, Error>> {
        let idle = now.duration_since(self.last) >= IDLE;
        (idle && self.may_speak() && self.session.is_worn() && self.session.may_rekey()).then(|| self.renew(""))
    }

    fn renew(&mut self, content: &str) -> Result<Element, Error> {
        (self.renewed, self.last) = (Instant::now(), Instant::now());
        aside(|| self.session.rekey(content, &mut UnwrapErr(SysRng)))
    }

    /// An empty stanza that shows the peer our keys.
    ///
    /// # Errors
    /// The session's.
    pub fn confirm(&mut self) -> Result<Element, Error> {
        self.session.confirm()
    }

    /// Decrypts.
    ///
    /// # Errors
    /// The session's; it must be dropped then.
    pub fn open(&mut self, c: &Element) -> Result<Opened, Error> {
        self.last = Instant::now();
        // In whatever namespace: servers rewrite those, and the session reads it all the same.
        let brings_key = c.children().any(|child| child.name() == "key");
        if brings_key { aside(|| self.session.open(c)) } else { self.session.open(c) }
    }

    /// Ends the session (XEP-0116, section 7).
    ///
    /// # Errors
    /// The session's, if it has ended already.
    pub fn terminate(&mut self) -> Result<Element, Error> {
        self.session.terminate()
    }
}

/// All sessions and negotiations of a conversation.
pub struct Endpoints {
    /// Active sessions. They come by [`Endpoints::begin`] and go by [`Endpoints::end`].
    pub active: HashMap<FullJid, Active>,
    /// Half-open negotiations.
    pub half: HashMap<FullJid, Negotiation>,
    /// Clients that showed the fingerprint of a key that is not known: they have to show keys from then on.
    pub whole_keys: HashSet<FullJid>,
    /// Keys that the user's server gives out (XEP-0189): fingerprints of theirs are recognised, and nothing more.
    pub given_out: Vec<PublicKey>,
    /// Clients that did not negotiate, and until when they are left alone.
    pub resting: HashMap<FullJid, Instant>,
    /// Whether one of the active sessions forbids that its words are stored.
    unlogged: Arc<AtomicBool>,
}

impl Endpoints {
    /// None yet. `unlogged` tells others whether an active session forbids that its words are stored.
    pub fn new(unlogged: Arc<AtomicBool>) -> Self {
        Self {
            active: HashMap::new(),
            half: HashMap::new(),
            whole_keys: HashSet::new(),
            given_out: Vec::new(),
            resting: HashMap::new(),
            unlogged,
        }
    }

    /// A session stands.
    pub fn begin(&mut self, resource: FullJid, active: Active) {
        self.active.insert(resource, active);
        self.tell();
    }

    /// A session is gone. `false` if there was none.
    pub fn end(&mut self, resource: &FullJid) -> bool {
        let ended = self.active.remove(resource).is_some();
        self.tell();
        ended
    }

    /// A session is about to stand: what it forbids holds from here on.
    pub fn expect(&self, agreed: &Agreed) {
        if agreed.logging == Some(Logging::MustNot) {
            self.unlogged.store(true, Ordering::Release);
        }
    }

    /// What the sessions that stand forbid.
    pub fn tell(&self) {
        self.unlogged.store(self.active.values().any(Active::says_unlogged), Ordering::Release);
    }

    /// The clients with an active session, in a stable order.
    pub fn resources(&self) -> Vec<FullJid> {
        let mut resources: Vec<_> = self.active.keys().cloned().collect();
        resources.sort();
        resources
    }

    /// Those in whose session something may be said.
    pub fn ready(&self) -> Vec<FullJid> {
        let mut ready = self.resources();
        ready.retain(|resource| self.active.get(resource).is_some_and(Active::may_speak));
        ready
    }

    /// Clients that have not shown their keys for so long.
    pub fn unconfirmed(&self, now: Instant, after: Duration) -> Vec<FullJid> {
        let late = |active: &Active| !active.is_ready() && now.duration_since(active.since) >= after;
        self.active.iter().filter(|(_, active)| late(active)).map(|(resource, _)| resource.clone()).collect()
    }

    /// Clients that have not taken the truth for so long.
    pub fn untrue(&self, now: Instant, after: Duration) -> Vec<FullJid> {
        let late = |active: &Active| active.retracting.is_some_and(|since| now.duration_since(since) >= after);
        self.active.iter().filter(|(_, active)| late(active)).map(|(resource, _)| resource.clone()).collect()
    }

    /// Drops negotiations that take too long; returns with whom.
    pub fn evict(&mut self, now: Instant, after: Duration) -> Vec<FullJid> {
        let late: Vec<_> = self
            .half
            .iter()
            .filter(|(_, negotiation)| now.duration_since(negotiation.since) >= after)
            .map(|(resource, _)| resource.clone())
            .collect();
        for resource in &late {
            self.half.remove(resource);
        }
        late
    }
}

/// Exponentiations take milliseconds: other tasks need not wait for this thread meanwhile, where there are other threads.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
