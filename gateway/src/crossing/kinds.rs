//! Presence and iq in a session (XEP-0200, section 5): what is said in them is encrypted, where they go is not.

use esession::StanzaKind;
use jid::FullJid;
use minidom::Element;

use super::conversation::Conversation;
use super::incoming::Outer;
use super::input::Input;
use crate::keeper::Peer;
use crate::secure::endpoints::Active;
use crate::to_xmpp;
use crate::xmpp::element::{Build, element};
use crate::xmpp::error::{Condition, refusal};
use crate::xmpp::{ns, presence, serve, shown};

const UNTOLD: &str = "Notice: your status was not passed on. The network would show it, in clear, to everybody who shares a room \
                      with you, and our session promises that nothing is disclosed.";

impl Conversation {
    /// The user's own words about their presence, in a session. Networks have one for everybody, and none of them encrypts it.
    pub(super) async fn status(&mut self, from: &FullJid, status: Option<String>) {
        let is_secret = self.endpoints.active.get(from).is_some_and(Active::says_undisclosed);
        if !is_secret {
            presence::says(&self.keeper, from, status);
        } else if status.is_some() && !std::mem::replace(&mut self.untold, true) {
            self.post_owed(from, to_xmpp::words(UNTOLD)).await;
        }
    }

    /// The contact's words about its presence, to those of the clients whose sessions carry presence.
    pub(super) async fn show_status(&mut self, to: &[FullJid]) {
        let Peer::Contact(contact) = &self.peer else { return };
        let Some((_, Some(status))) = self.keeper.presences.far(self.them(), contact) else { return };
        let Ok((_, Some(contact))) = self.standing().await else { return };
        if !contact.subscription.subscribed {
            return;
        }
        let Some(presence) = shown::contact(&self.keeper, &self.user, &contact) else { return };
        let content = [element("status", ns::CLIENT).with_text(&status)];
        for to in to {
            if self.carries(to, StanzaKind::Presence) {
                let presence = presence.clone().without("status", ns::CLIENT).with("to", to.as_str());
                let _ = self.post_within(to, &content, |_, _, c| presence.with_child(c)).await;
            }
        }
    }

    /// A request in a session. It is answered beside the conversation, so that a slow network holds nothing up.
    pub(super) fn asked(&self, outer: &Outer, stanza: &Element, content: Vec<Element>) {
        let request = stanza_of(stanza).with_children(content);
        let (keeper, mailbox) = (self.keeper.clone(), self.mailbox.clone());
        let (from, to) = (outer.from.clone(), outer.to.clone());
        let place = self.keeper.requests.begin_serving();
        tokio::spawn(async move {
            let answer = serve::answer(&keeper, place, &from.clone().into(), &to, &request).await;
            mailbox.put(Input::Reply(from, answer)).await;
        });
    }

    /// The answer to a request, in the session that it came by. One that came encrypted is never answered in clear.
    pub(super) async fn reply(&mut self, to: &FullJid, answer: &Element) {
        let is_error = answer.attr("type") == Some("error");
        let sent = if is_error {
            let error = answer.get_child("error", ns::CLIENT).cloned().unwrap_or_else(|| element("error", ns::CLIENT));
            let content: Vec<_> = error.get_child("text", ns::STANZA_ERRORS).cloned().into_iter().collect();
            let error = error.without("text", ns::STANZA_ERRORS);
            self.post_within(to, &content, |_, _, c| stanza_of(answer).with_child(error.with_child(c))).await
        } else {
            let content: Vec<_> = answer.children().cloned().collect();
            self.post_within(to, &content, |_, _, c| stanza_of(answer).with_child(c)).await
        };
        if sent.is_none() {
            // It needs an answer all the same (RFC 6120, section 8.2.3).
            let gone = refusal(&stanza_of(answer), Condition::NotAcceptable, "the encrypted session is gone");
            let turned = gone.with_some("from", answer.attr("from")).with_some("to", answer.attr("to"));
            let _ = self.keeper.out.send(turned).await;
        }
    }

    /// Whether stanzas of this kind are encrypted in the session with this client.
    fn carries(&self, to: &FullJid, kind: StanzaKind) -> bool {
        self.endpoints.active.get(to).is_some_and(|active| active.agreed.stanzas.contains(&kind))
    }
}

/// The stanza with its addresses and without its content.
fn stanza_of(stanza: &Element) -> Element {
    let bare = element(stanza.name(), ns::CLIENT);
    ["type", "id", "from", "to"].into_iter().fold(bare, |bare, name| bare.with_some(name, stanza.attr(name)))
}
