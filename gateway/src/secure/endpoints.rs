//! The ESessions of one conversation: one for each client of the user that has one.

use std::collections::HashMap;
use std::time::Duration;

use esession::{Agreed, Disclosure, Error, Established, Opened, Sas, Session};
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::negotiation::Negotiation;

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
#[derive(Default)]
pub struct Endpoints {
    /// Active sessions.
    pub active: HashMap<FullJid, Active>,
    /// Half-open negotiations.
    pub half: HashMap<FullJid, Negotiation>,
    /// Clients that did not negotiate, and until when they are left alone.
    pub resting: HashMap<FullJid, Instant>,
}

impl Endpoints {
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
