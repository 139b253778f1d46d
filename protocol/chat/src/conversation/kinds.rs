//! Presence and iq in the session (XEP-0200 section 5): what is said in them is encrypted, where they go is not.

use esession::namespaces::ENCRYPTED;
use esession::{Opened, StanzaKind};
use jid::Jid;
use minidom::Element;

use super::{Conversation, breakage, sealable};
use crate::disco;
use crate::effects::Cx;
use crate::event::Event;
use crate::stanza::{self, CLIENT};

impl Conversation {
    /// Our own words about our presence, if the session carries them.
    pub(super) fn show_status(&mut self, cx: &mut Cx<'_>) {
        let Some(words) = cx.shown.words() else { return };
        let content = [stanza::text("status", CLIENT, words)];
        if let Some((to, c)) = self.seal_kind(StanzaKind::Presence, &content, cx) {
            let presence = cx.shown.to_stanza(Some(&to)).append(c).build();
            cx.send(presence);
        }
    }

    /// The user has changed their words about their presence; none are words, too.
    pub(crate) fn set_status(&mut self, cx: &mut Cx<'_>) {
        if cx.shown.words().is_some() {
            return self.show_status(cx);
        }
        if let Some((to, c)) = self.seal_kind(StanzaKind::Presence, &[stanza::text("status", CLIENT, "")], cx) {
            let presence = cx.shown.to_stanza(Some(&to)).append(c).build();
            cx.send(presence);
        }
    }

    /// The peer's words about its presence. Of a session that is not there, nothing is said.
    pub(crate) fn handle_presence(&mut self, c: &Element, from: &Jid, cx: &mut Cx<'_>) -> Option<String> {
        let (content, opened) = self.open_kind(StanzaKind::Presence, c, from, cx)?;
        self.handle_opened(opened, cx);
        let status = content.iter().find(|child| child.is("status", CLIENT))?;
        Some(status.text()).filter(|text| !text.is_empty())
    }

    /// A request of the user to the peer, in the session. Returns its id.
    pub(crate) fn ask(&mut self, kind: &str, payload: Element, cx: &mut Cx<'_>) -> Option<String> {
        let id = cx.fresh_id();
        let Some((to, c)) = self.seal_kind(StanzaKind::Iq, &[payload], cx) else {
            let text = "there is no session that requests can be made in";
            cx.tell(Event::own_error(Some(&id), "state", text));
            return None;
        };
        cx.send(stanza::iq(kind, Some(&to), &id).append(c).build());
        Some(id)
    }

    /// A request of the peer, or its answer: back comes what it says, if it is an answer.
    pub(crate) fn handle_iq(&mut self, iq: &Element, c: &Element, from: &Jid, cx: &mut Cx<'_>) -> Option<Element> {
        let asks = matches!(iq.attr("type"), Some("get" | "set"));
        let Some((content, opened)) = self.open_kind(StanzaKind::Iq, c, from, cx) else {
            if asks {
                cx.send(stanza::answer(iq, "error").append(stanza::error("not-acceptable")).build());
            }
            return None;
        };
        self.handle_opened(opened, cx);
        let mut said = iq.clone();
        if let Some(error) = iq.get_child("error", CLIENT) {
            let error = opened_up(error.clone(), content);
            said.remove_child("error", CLIENT);
            said.append_child(error);
        } else {
            said = opened_up(said, content);
        }
        if !asks {
            return Some(said);
        }
        let refusal = || stanza::answer(iq, "error").append(stanza::error("service-unavailable")).build();
        let mut answer = disco::answer(&said).unwrap_or_else(refusal);
        if answer.attr("type") == Some("result") {
            let payload: Vec<Element> =
                answer.take_nodes().into_iter().filter_map(minidom::Node::into_element).collect();
            let (_, c) = self.seal_kind(StanzaKind::Iq, &payload, cx)?;
            answer.append_child(c);
        }
        cx.send(answer);
        None
    }

    /// Content for a stanza of this kind, and where it has to go.
    fn seal_kind(&mut self, kind: StanzaKind, content: &[Element], cx: &mut Cx<'_>) -> Option<(Jid, Element)> {
        let content = sealable(content).ok()?;
        let active = self.active.as_mut().filter(|active| active.is_open() && active.agreed.stanzas.contains(&kind))?;
        active.last = cx.now.instant;
        match active.session.seal(&content) {
            Ok(c) => Some((active.with.clone(), c)),
            Err(error) => {
                self.fail(&breakage(&error), cx);
                None
            }
        }
    }

    /// What came in a stanza of this kind; these have no thread, so the addresses alone say whose session it is.
    fn open_kind(
        &mut self,
        kind: StanzaKind,
        c: &Element,
        from: &Jid,
        cx: &mut Cx<'_>,
    ) -> Option<(Vec<Element>, Opened)> {
        let carries =
            |active: &&mut super::active::Active| active.with == *from && active.agreed.stanzas.contains(&kind);
        let active = self.active.as_mut().filter(carries)?;
        match active.open(c, cx.now.instant) {
            Ok(opened) => Some(opened),
            Err(reason) => {
                self.fail(&reason, cx);
                None
            }
        }
    }
}

/// With its content in the place of the `<c/>`.
fn opened_up(mut element: Element, content: Vec<Element>) -> Element {
    element.remove_child("c", ENCRYPTED);
    for child in content {
        element.append_child(child);
    }
    element
}
