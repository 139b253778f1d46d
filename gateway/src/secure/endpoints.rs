//! The ESessions of one conversation: one for each client of the user that has one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use esession::{Agreed, Disclosure, Error, Established, Logging, Opened, Sas, Session};
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::negotiation::Negotiation;
use super::policy::Truth;
use crate::config::ESessionConfig;

/// An active session with one client.
pub struct Active {
    session: Session,
    /// The `thread` of its messages.
    pub thread: String,
    /// What was agreed.
    pub agreed: Agreed,
    /// What people compare.
    pub sas: Sas,
    /// Row of the secret retained for the next session.
    pub secret: i64,
    /// Row of the secret that it replaces once the peer has confirmed.
    pub replaces: Option<i64>,
    /// Whether the chain was verified by comparing.
    pub verified: bool,
    /// Whether we saw the client online since.
    pub seen_online: bool,
}

impl Active {
    /// From a finished negotiation whose new secret is stored in row `secret`.
    pub fn new(established: Established, thread: String, secret: i64, replaces: Option<i64>) -> Self {
        let Established { session, agreed, sas, chain, .. } = established;
        Self { session, thread, agreed, sas, secret, replaces, verified: chain.is_verified(), seen_online: false }
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

    /// Whether the peer has shown that it holds the final keys.
    pub fn is_confirmed(&self) -> bool {
        self.session.is_confirmed()
    }

    /// Encrypts content into a `<c/>`, with new keys when the old ones have served long enough (XEP-0200, section 8).
    ///
    /// # Errors
    /// The session's; it must be dropped then.
    pub fn seal(&mut self, content: &str) -> Result<Element, Error> {
        if self.session.should_rekey() && self.session.may_rekey() {
            return self.session.rekey(content, &mut UnwrapErr(SysRng));
        }
        self.session.seal(content)
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
        self.session.open(c)
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
    /// Clients that did not negotiate, and until when they are left alone.
    pub resting: HashMap<FullJid, Instant>,
    /// Whether one of the active sessions forbids that its words are stored.
    unlogged: Arc<AtomicBool>,
}

impl Endpoints {
    /// None yet. `unlogged` tells others whether an active session forbids that its words are stored.
    pub fn new(unlogged: Arc<AtomicBool>) -> Self {
        Self { active: HashMap::new(), half: HashMap::new(), resting: HashMap::new(), unlogged }
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

    fn tell(&self) {
        self.unlogged.store(self.active.values().any(Active::says_unlogged), Ordering::Release);
    }

    /// The clients with an active session, in a stable order.
    pub fn resources(&self) -> Vec<FullJid> {
        let mut resources: Vec<_> = self.active.keys().cloned().collect();
        resources.sort();
        resources
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
