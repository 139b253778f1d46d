//! What becomes of messages, once it is known: receipts, refusals and errors, in both directions.

use esession::{StanzaKind, namespaces};
use jid::FullJid;
use minidom::Element;

use super::conversation::Conversation;
use super::incoming::Outer;
use crate::keeper::Peer;
use crate::store::outbox::Lost;
use crate::store::{ReplyTo, deliveries};
use crate::to_xmpp;
use crate::xmpp::element::{Build, random_id, stanza};
use crate::xmpp::error::{Condition, error, turned};
use crate::xmpp::ns;

impl Conversation {
    pub(super) async fn refuse(&mut self, outer: &Outer, condition: Condition, text: &str) {
        let Outer { kind, from, to, id, secure } = outer;
        let _ = match kind {
            StanzaKind::Message if *secure => self.post_error_to(to, from, id.as_deref(), condition, text).await,
            StanzaKind::Message => self.post_error(to, &from.clone().into(), id.as_deref(), condition, text).await,
            StanzaKind::Iq => {
                let answer =
                    stanza("iq", to, &from.clone().into()).with("type", "error").with_some("id", id.as_deref());
                self.keeper.out.send(answer.with_child(error(condition, text))).await
            }
            // That somebody is there is not said by an error (XEP-0116, section 12).
            _ => Ok(()),
        };
    }

    /// An error about the session that a stanza claims to belong to.
    pub(super) async fn refuse_session(&self, stanza: &Element, error: Element) {
        let mut refusal = turned(stanza).with("type", "error");
        if let Some(thread) = stanza.get_child("thread", ns::CLIENT) {
            refusal.append_child(thread.clone());
        }
        let _ = self.keeper.out.send(refusal.with_child(error)).await;
    }

    /// The network has accepted a message: the receipt goes out, in a session if the message came in one.
    pub(super) async fn receipt(&mut self, reply: &ReplyTo) {
        let (Some(id), true) = (&reply.id, reply.receipt) else { return };
        let Ok(to) = FullJid::new(&reply.to) else { return };
        self.receipt_to(&to, id, reply.secure).await;
    }

    pub(super) async fn receipt_to(&mut self, to: &FullJid, id: &str, secure: bool) {
        let content = vec![to_xmpp::received(id)];
        if secure {
            self.post_owed(to, content).await;
        } else if self.is_older_spoken().await || !self.post_wordless(&content).await {
            let _ = self.post_clear(&to.clone().into(), &random_id(), content).await;
        }
    }

    /// A message of the user will not be sent: they must learn which.
    pub(super) async fn failed(&mut self, reply: &ReplyTo, condition: Condition, text: &str) {
        if let Ok(to) = FullJid::new(&reply.to) {
            let (me, id) = (self.me.to_bare().into(), reply.stanza.as_deref().or(reply.id.as_deref()));
            let _ = if reply.secure {
                self.post_error_to(&me, &to, id, condition, text).await
            } else {
                self.post_error(&me, &to.into(), id, condition, text).await
            };
        }
    }

    /// Messages that must not be stored went with an earlier process. Gives those whose senders were told.
    ///
    /// A client with sessions takes the error for the end of the one that its message went in, and sends it again in the
    /// next. To one that has gone an error says nothing, so another client of the user hears of it; and if none is there,
    /// nobody has been told.
    pub(super) async fn lost(&mut self, lost: Vec<Lost>) -> Vec<Lost> {
        let text = "Drawbridge was stopped before it could send this message, which must not be stored: send it again";
        let notice = "Notice: Drawbridge was stopped before it could send a message that you wrote here with a client that is \
                      gone now. It must not be stored: write it again.";
        let online = self.keeper.presences.online(self.them());
        let mut told = Vec::new();
        for message in lost {
            let reply = &message.reply;
            let to = FullJid::new(&reply.to).ok();
            let here = |to: &FullJid| self.endpoints.active.contains_key(to) || online.iter().any(|it| it.full == *to);
            let done = match to.filter(here) {
                Some(to) => {
                    let (me, id) = (self.me.to_bare().into(), reply.stanza.as_deref().or(reply.id.as_deref()));
                    self.post_error(&me, &to.into(), id, Condition::RecipientUnavailable, text).await.is_ok()
                }
                None => !online.is_empty() && self.say(notice).await,
            };
            if !done {
                break;
            }
            told.push(message);
        }
        told
    }

    /// A client has a delivery: its row goes, unless a session owes a receipt and this is of another client.
    pub(super) async fn got(&mut self, id: &str, in_session: bool) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        if !in_session && self.flight.out.get(id) == Some(&true) {
            self.flight.take(id);
            return;
        }
        self.flight.remove(id);
        let (user, id) = (self.user.id, id.to_owned());
        if let Err(error) = self.keeper.store.call(move |db, _| deliveries::done(db, user, &contact, &id)).await {
            tracing::error!(%error, "cannot note a receipt");
        }
    }

    /// A stanza of ours came back. Anybody on the way can say so, hence it never leads to less protection: at most the
    /// session is negotiated anew (esessions.md, W5).
    pub(super) async fn error(&mut self, from: &FullJid, kind: StanzaKind, stanza: &Element) {
        let id = stanza.attr("id").unwrap_or_default();
        match self.is_genuine(from, stanza) {
            // The client has got it, and does not want it: it will not do so the next time.
            Some(true) => return self.got(id, true).await,
            Some(false) => {
                self.lose(from);
                return self.deliver().await;
            }
            None => {}
        }
        if kind != StanzaKind::Message {
            return;
        }
        // A server gives what was for a client that has gone to another one (RFC 6121, section 8.5.3.2.1), and that one
        // refuses it: the thread tells whose session it is about.
        let thread = stanza.get_child("thread", ns::CLIENT).map(Element::text);
        let about = |other: &str| thread.as_deref().is_none_or(|thread| thread == other);
        if self.endpoints.half.get(from).is_some_and(|half| about(&half.thread)) {
            self.negotiation_refused(from).await;
        }
        let named = self.endpoints.active.iter().find(|(_, active)| thread.as_ref() == Some(&active.thread));
        let broken = named.map(|(resource, _)| resource.clone());
        let unnamed = || self.endpoints.active.contains_key(from).then(|| from.clone()).filter(|_| thread.is_none());
        if let Some(resource) = broken.or_else(unnamed) {
            self.lose(&resource);
            return self.deliver().await;
        }
        if self.flight.out.contains_key(id) {
            self.flight.bounced.insert(id.to_owned());
        }
    }

    /// Whether an error that has encrypted content in it (XEP-0200, section 5) is the client's own. `None` if it has none.
    fn is_genuine(&mut self, from: &FullJid, stanza: &Element) -> Option<bool> {
        let error = stanza.get_child("error", ns::CLIENT)?;
        let c = error.children().find(|child| namespaces::is_encrypted(child))?;
        Some(self.endpoints.active.get_mut(from)?.open(c).is_ok())
    }
}
