//! Stanzas out: sealed for one client, or in clear.

use esession::namespaces::ESESSION;
use jid::{FullJid, Jid};
use minidom::Element;
use tokio::time::Instant;

use super::conversation::Conversation;
use crate::component::SendError;
use crate::xml;
use crate::xmpp::element::{Build, element, random_id, stanza};
use crate::xmpp::error::{Condition, error};
use crate::xmpp::ns;

impl Conversation {
    /// Content to one client, sealed in its session. The stanza's `id` is the content's own, so that errors name it.
    ///
    /// # Errors
    /// `None` if there is no session with this client (any more); the link's otherwise.
    pub(super) async fn post_sealed(
        &mut self,
        to: &FullJid,
        id: &str,
        content: &[Element],
    ) -> Option<Result<(), SendError>> {
        self.post_within(to, content, |conversation, thread, c| conversation.envelope(to, id, thread, c)).await
    }

    /// Content to one client, sealed in its session, in a stanza that is made for its thread and its `<c/>`.
    ///
    /// # Errors
    /// As [`Conversation::post_sealed`].
    pub(super) async fn post_within(
        &mut self,
        to: &FullJid,
        content: &[Element],
        stanza: impl FnOnce(&Self, &str, Element) -> Element,
    ) -> Option<Result<(), SendError>> {
        let active = self.endpoints.active.get_mut(to).filter(|active| active.may_speak())?;
        let thread = active.thread.clone();
        let sealed = active.seal(&xml::serialize(content));
        let Ok(sealed) = sealed else {
            self.lose(to);
            return None;
        };
        let sent = self.keeper.out.send(stanza(self, &thread, sealed)).await;
        if sent.is_err() {
            // The counter has moved on without the client: this session cannot be used any more (XEP-0200, section 7).
            self.lose(to);
        }
        Some(sent)
    }

    /// Content that a client is owed: in the session it has, or in the next one.
    pub(super) async fn post_owed(&mut self, to: &FullJid, content: Vec<Element>) {
        if self.post_sealed(to, &random_id(), &content).await.is_none() {
            self.owed.entry(to.clone()).or_default().push(content);
        }
    }

    /// New keys for sessions in which nothing was said for a while.
    pub(super) async fn renew_keys(&mut self) {
        let now = Instant::now();
        for resource in self.endpoints.ready() {
            let Some(active) = self.endpoints.active.get_mut(&resource) else { continue };
            let Some(renewed) = active.renew_idle(now) else { continue };
            let thread = active.thread.clone();
            let sent = match renewed {
                Ok(c) => self.keeper.out.send(self.envelope(&resource, &random_id(), &thread, c)).await.is_ok(),
                Err(_) => false,
            };
            if !sent {
                self.lose(&resource);
            }
        }
    }

    /// A `<c/>` in a message for the client whose session it belongs to (XEP-0200, section 5). Copies of it are of no
    /// use to other clients or to archives, and the hints say so (esessions.md, W18).
    pub(super) fn envelope(&self, to: &FullJid, id: &str, thread: &str, sealed: Element) -> Element {
        self.message(&to.clone().into(), "chat", id)
            .with_child(element("thread", ns::CLIENT).with_text(thread))
            .with_child(sealed)
            .with_child(element("encryption", ns::EME).with("namespace", ESESSION).with("name", "ESession"))
            .with_child(element("private", ns::CARBONS))
            .with_child(element("no-copy", ns::HINTS))
            .with_child(element("no-permanent-store", ns::HINTS))
    }

    /// Content in clear to the user's account, or to one client.
    ///
    /// # Errors
    /// The link's.
    pub(super) async fn post_clear(&self, to: &Jid, id: &str, content: Vec<Element>) -> Result<(), SendError> {
        self.keeper.out.send(self.message(to, "chat", id).with_children(content)).await
    }

    /// One message of a negotiation (XEP-0116, section 4): type normal, nothing to be stored.
    pub(super) async fn post_negotiation(&self, to: &FullJid, thread: &str, payload: Element) -> Result<(), SendError> {
        let message = self
            .message(&to.clone().into(), "normal", &random_id())
            .with_child(element("thread", ns::CLIENT).with_text(thread))
            .with_child(payload)
            .with_child(element("private", ns::CARBONS))
            .with_child(element("no-copy", ns::HINTS))
            .with_child(element("no-store", ns::HINTS));
        self.keeper.out.send(message).await
    }

    /// The same to one client, which has a session: with the words in it, so that they are for nobody else and no forgery.
    /// Only our own kind expects encrypted content there (XEP-0200, section 5).
    pub(super) async fn post_error_to(
        &mut self,
        from: &Jid,
        to: &FullJid,
        id: Option<&str>,
        condition: Condition,
        text: &str,
    ) -> Result<(), SendError> {
        let expects = self.endpoints.active.get(to).is_some_and(|active| active.may_speak() && active.agreed.bound);
        if expects {
            let error = error(condition, text);
            let content: Vec<_> = error.get_child("text", ns::STANZA_ERRORS).cloned().into_iter().collect();
            let error = error.without("text", ns::STANZA_ERRORS);
            let wrap = |conversation: &Self, thread: &str, c: Element| {
                stanza("message", &conversation.me.clone().into(), &to.clone().into())
                    .with("type", "error")
                    .with_some("id", id)
                    .with_child(element("thread", ns::CLIENT).with_text(thread))
                    .with_child(error.with_child(c))
            };
            if let Some(sent) = self.post_within(to, &content, wrap).await {
                return sent;
            }
        }
        self.post_error(from, &to.clone().into(), id, condition, text).await
    }

    /// An error that names a message of the user by its stanza id; `from` is an address of the contact.
    ///
    /// # Errors
    /// The link's.
    pub(super) async fn post_error(
        &self,
        from: &Jid,
        to: &Jid,
        id: Option<&str>,
        condition: Condition,
        text: &str,
    ) -> Result<(), SendError> {
        let message =
            stanza("message", from, to).with("type", "error").with_some("id", id).with_child(error(condition, text));
        self.keeper.out.send(message).await
    }

    pub(super) fn message(&self, to: &Jid, kind: &str, id: &str) -> Element {
        stanza("message", &self.me.clone().into(), to).with("type", kind).with("id", id)
    }
}
