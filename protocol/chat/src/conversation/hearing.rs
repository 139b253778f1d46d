//! What the peer says: messages and receipts for the user, and errors, which may be anybody's.

use esession::namespaces::is_encrypted;
use jid::Jid;
use minidom::Element;

use super::Conversation;
use super::active::Active;
use crate::content::{Content, EME};
use crate::effects::Cx;
use crate::event::Event;
use crate::stanza::{CLIENT, Failure};

/// An error about a message may mean that the session is gone or that this message is not wanted. After so many in as many
/// sessions it is the message.
const MAX_REJECTIONS: u32 = 3;
/// Conditions by which a peer, or its server, says that it has no (longer a) session: RFC 6120 section 8.3.3.
const SESSION_CONDITIONS: [&str; 6] = [
    "not-acceptable",
    "feature-not-implemented",
    "service-unavailable",
    "recipient-unavailable",
    "unexpected-request",
    "gone",
];

impl Conversation {
    /// An error stanza. Nobody vouches for it, so it may break a session but never make us less careful.
    pub(super) fn handle_error(&mut self, message: &Element, from: &Jid, thread: Option<&str>, cx: &mut Cx<'_>) {
        let error = message.get_child("error", CLIENT);
        let c = error.and_then(|error| error.children().find(|child| is_encrypted(child)));
        let stands = |active: &Active| active.with == *from && thread == Some(active.thread.as_str());
        if let (Some(c), true) = (c, self.active.as_ref().is_some_and(stands)) {
            return self.handle_genuine_error(message, c, cx);
        }
        let failure = Failure::read(message);
        let id = message.attr("id").unwrap_or_default();
        // A server says of a component that is not connected that it times out (Prosody); this passes with the component.
        let is_down = failure.condition == "remote-server-timeout" && failure.passes;
        let about_session = is_down || SESSION_CONDITIONS.contains(&failure.condition.as_str());
        if self.asking.iter().chain(&self.answering).any(|half| half.is_about(from, thread, id)) {
            let lasting = matches!(failure.condition.as_str(), "not-acceptable" | "feature-not-implemented");
            self.refusals += u32::from(lasting);
            return self.fail_negotiations(|half| half.is_about(from, thread, id), &refusal(&failure), cx);
        }
        let in_session = self.active.as_ref().is_some_and(|active| active.is_about(from, thread, id));
        if about_session && !in_session && self.outbox.holds(id) {
            return; // about the session that it went out in, which is over: it goes again in the next
        }
        let rejections = self.outbox.count_rejection(id);
        if in_session && about_session && rejections.unwrap_or_default() < MAX_REJECTIONS {
            // Only the initiator sees that the passwords differ, and says so in no other way.
            let refuses =
                |active: &Active| !active.session.is_confirmed() && failure.condition == "feature-not-implemented";
            let what = match &self.active {
                Some(active) if refuses(active) && active.agreed.password => "has another password than you, or none",
                Some(active) if refuses(active) => "may want a password of you, see /password",
                _ => "has no such session",
            };
            return self.fail(&format!("the peer {what} ({})", failure.condition), cx);
        }
        self.outbox.remove(id);
        if rejections.is_some() || thread.is_none_or(|thread| !self.past.iter().any(|past| past == thread)) {
            let Failure { condition, text, .. } = failure;
            let from = Some(from.to_string());
            cx.tell(Event::Error { id: Some(id.to_owned()), condition, text, from, encrypted: false });
        }
    }

    /// A message in the clear: shown as such, and answered by nothing.
    pub(super) fn handle_clear(&mut self, message: &Element, from: &Jid, cx: &mut Cx<'_>) {
        // What is sealed for other clients by other means comes in the session too, where there is one.
        let is_for_others = self.is_open() && message.has_child("encryption", EME);
        if message.attr("type") == Some("groupchat") || is_for_others {
            return;
        }
        self.last_seen = from.clone();
        self.show(Content::read(message.children()), message.attr("id"), from, false, cx);
    }

    /// Tells the user what a message says. Returns the id to send a receipt for, if one is due.
    pub(super) fn show(
        &mut self,
        content: Content,
        id: Option<&str>,
        from: &Jid,
        encrypted: bool,
        cx: &mut Cx<'_>,
    ) -> Option<String> {
        // receipts in the clear prove nothing about what was sent in a session
        for id in content.received {
            if encrypted {
                self.gives_receipts = true;
                self.failures = 0;
                self.outbox.remove(&id);
                self.probe.satisfy(self.outbox.has_sent(), cx.now.instant);
            }
            cx.tell(Event::Receipt { id, encrypted });
        }
        for id in content.displayed {
            if encrypted {
                self.outbox.remove(&id);
            }
            cx.tell(Event::Displayed { id, encrypted });
        }
        if let Some(on) = content.typing
            && on != self.typing
        {
            self.typing = on;
            cx.tell(Event::Typing { from: from.to_string(), on });
        }
        let text = content.body?;
        let id = content.origin_id.or_else(|| id.map(str::to_owned));
        let is_new = id.as_deref().is_none_or(|id| self.seen.insert(encrypted, id));
        if is_new {
            let (from, delayed, about) = (from.to_string(), content.delayed, content.about);
            cx.tell(Event::Message { from, text, id: id.clone(), about, encrypted, delayed });
        }
        id.filter(|_| content.wants_receipt)
    }
}

/// Why a negotiation came to nothing, in words.
fn refusal(failure: &Failure) -> String {
    let words = match failure.condition.as_str() {
        "service-unavailable" | "feature-not-implemented" => "the peer does not do encrypted sessions, or is not there",
        "remote-server-timeout" => "the peer's server or gateway is not there at the moment",
        "not-acceptable" => "the peer accepts none of the options",
        _ => "the peer answered with an error",
    };
    format!("{words} ({})", failure.condition)
}
