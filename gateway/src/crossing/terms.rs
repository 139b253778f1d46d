//! What was agreed with a client, when it changes while the session stands (XEP-0155, sections 5 and 6).

use std::time::Duration;

use esession::{Disclosure, Logging, Management, Profile, Terms};
use jid::FullJid;
use minidom::Element;
use tokio::time::Instant;

use super::conversation::Conversation;
use crate::secure::endpoints::Active;
use crate::secure::policy::{Truth, session_policy};
use crate::xmpp::element::random_id;

/// How long a client that can be told the truth may take to hear it; nothing is said to it meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

impl Conversation {
    /// What we said about disclosure and logging must stay true (design, section 5). A client that knows how takes the truth
    /// within the session, and until it has, nothing is said there. Any other session ends, and the next one says so.
    pub(super) async fn far_side_changed(&mut self) {
        let truth = self.truth().await;
        for resource in self.endpoints.resources() {
            let Some(active) = self.endpoints.active.get_mut(&resource) else { continue };
            let is_truthful = active.is_truthful(truth, &self.keeper.config.esession);
            let better = truth.undisclosed() && active.agreed.disclosure == Some(Disclosure::Enabled);
            if is_truthful && !better {
                continue;
            }
            match active.propose(truthful(active, truth, &self.keeper.config.esession), !is_truthful) {
                Some(sealed) => self.post_managed(&resource, sealed).await,
                None if is_truthful => {}
                None => self.terminate(&resource).await,
            }
        }
    }

    /// What a client says about its session.
    pub(super) async fn managed(&mut self, from: &FullJid, said: Management) {
        let policy = session_policy(&self.keeper.config.esession, self.truth().await);
        let Some(active) = self.endpoints.active.get_mut(from) else { return };
        match said {
            Management::Proposed(proposal) => {
                let sealed = active.answer(&proposal, &policy);
                // Before the client may rely on it.
                self.endpoints.tell();
                self.post_managed(from, sealed).await;
            }
            Management::Agreed(terms) => {
                active.adopt(terms);
                self.endpoints.tell();
                // It may have become untrue meanwhile. If not, what waited for it goes out.
                self.far_side_changed().await;
                self.opened(from).await;
            }
            Management::Refused if active.is_retracting() => self.terminate(from).await,
            Management::Continues(resource) => {
                let Ok(to) = from.to_bare().with_resource_str(&resource) else { return };
                let sealed = active.let_continue(&resource);
                self.post_managed(from, sealed).await;
                self.moved(from, to);
            }
            // It is content with what holds; and we have one resource only.
            Management::Refused | Management::Continued(_) => {}
        }
    }

    /// A form in clear says that the session is over. Only old Gajim ends one so, and only a session with one is taken for
    /// lost: anybody may have written it (esessions.md, W5).
    pub(super) async fn ended_in_clear(&mut self, from: &FullJid, thread: &str) {
        let is_its = |active: &Active| active.thread == thread && active.agreed.profile == Profile::Gajim;
        if self.endpoints.active.get(from).is_some_and(is_its) {
            self.lose(from);
            self.deliver().await;
        }
    }

    /// Clients that do not take the truth, or say nothing to it.
    pub(super) async fn end_untrue(&mut self) {
        for resource in self.endpoints.untrue(Instant::now(), PATIENCE) {
            self.terminate(&resource).await;
        }
    }

    /// The session goes on under another resource of the user.
    fn moved(&mut self, from: &FullJid, to: FullJid) {
        let Some(mut active) = self.endpoints.active.remove(from) else { return };
        active.seen_online = self.keeper.presences.online(self.them()).iter().any(|client| client.full == to);
        if let Some(owed) = self.owed.remove(from) {
            self.owed.entry(to.clone()).or_default().extend(owed);
        }
        self.endpoints.begin(to, active);
    }

    async fn post_managed(&mut self, to: &FullJid, sealed: Result<Element, esession::Error>) {
        let Some(active) = self.endpoints.active.get(to) else { return };
        let thread = active.thread.clone();
        let sent = match sealed {
            Ok(c) => self.keeper.out.send(self.envelope(to, &random_id(), &thread, c)).await.is_ok(),
            Err(_) => false,
        };
        if !sent {
            self.lose(to);
        }
    }
}

/// The terms that a session should have now: the most that is true of what was agreed.
fn truthful(active: &Active, truth: Truth, config: &crate::config::ESessionConfig) -> Terms {
    let disclosure = if truth.undisclosed() { Disclosure::Never } else { Disclosure::Enabled };
    let disclosure =
        Some(disclosure).filter(|disclosure| active.agreed.disclosure.is_some_and(|said| said != *disclosure));
    let logging = (active.says_unlogged() && !truth.unlogged(config)).then_some(Logging::May);
    Terms { disclosure, logging }
}
