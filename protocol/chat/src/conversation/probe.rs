//! Is anybody still there? Servers keep stanzas for a client that died without a word, and links lose them silently. When
//! no receipt comes, the session is tried: an empty stanza, which shows a peer that missed something that it did, and a
//! ping (XEP-0199), which only a living peer answers.

use std::time::{Duration, Instant};

use minidom::Element;

use super::Conversation;
use crate::effects::Cx;
use crate::stanza;

/// How long a receipt may take before the peer is asked.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause between two questions: a gateway may live and wait for its network.
const LONGEST_PAUSE: Duration = Duration::from_secs(240);
/// How long the answer to a ping may take.
const ANSWER: Duration = Duration::from_secs(10);

/// When to ask next, or until when to wait for the answer.
pub(super) struct Probe {
    due: Option<Instant>,
    pause: Duration,
    /// The id of the ping.
    asked: Option<(String, Instant)>,
}

impl Default for Probe {
    fn default() -> Self {
        Self { due: None, pause: FIRST_PAUSE, asked: None }
    }
}

impl Probe {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.asked.as_ref().map(|(_, until)| *until)).min()
    }

    /// A message has left: its receipt is due.
    pub(super) fn expect(&mut self, now: Instant) {
        if self.asked.is_none() {
            self.due.get_or_insert(now + self.pause);
        }
    }

    /// A receipt came; `more` if others are due.
    pub(super) fn satisfy(&mut self, more: bool, now: Instant) {
        *self = Self { due: more.then_some(now + FIRST_PAUSE), ..Self::default() };
    }
}

impl Conversation {
    /// The answer to an iq, which may be a ping of ours. Errors are answers, too: somebody is there.
    pub(crate) fn handle_answer(&mut self, id: &str, cx: &Cx<'_>) {
        if self.probe.asked.take_if(|(asked, _)| asked == id).is_some() {
            self.probe.pause = (self.probe.pause * 2).min(LONGEST_PAUSE);
            self.probe.due = self.outbox.has_sent().then_some(cx.now.instant + self.probe.pause);
        }
    }

    pub(super) fn handle_probe_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        if self.probe.asked.take_if(|(_, until)| *until <= now).is_some() {
            return self.fail("the peer does not answer any more", cx);
        }
        if self.probe.due.take_if(|due| *due <= now).is_none() || !self.outbox.has_sent() {
            return;
        }
        let with = self.active.as_ref().map(|active| active.with.clone());
        match with.filter(|_| self.is_open() && cx.online) {
            Some(with) => {
                self.seal(&[], cx);
                let id = cx.fresh_id();
                cx.send(stanza::iq("get", Some(&with), &id).append(Element::bare("ping", "urn:xmpp:ping")).build());
                self.probe.asked = Some((id, now + ANSWER));
            }
            None => self.probe.due = self.active.is_some().then_some(now + self.probe.pause),
        }
    }
}
