//! What is sealed and opened in a session (XEP-0200).

use esession::{Error, Logging, Opened};
use jid::Jid;
use minidom::Element;

use super::{Active, Conversation, hint};
use crate::content::{self, Content};
use crate::conversation::breakage;
use crate::conversation::negotiation::send_error;
use crate::effects::Cx;
use crate::event::Event;
use crate::inner;
use crate::stanza::{self, CLIENT, Failure};

/// What clients that cannot decrypt show. Constant, so that it tells nothing.
const FALLBACK: &str = "This message is encrypted (ESession, XEP-0200).";
/// What may not be in decrypted content (XEP-0200 section 5).
const FORBIDDEN: [&str; 4] = ["thread", "error", "c", "amp"];

impl Conversation {
    /// Sends everything that waits, in order.
    pub(in crate::conversation) fn flush(&mut self, cx: &mut Cx<'_>) {
        while let Some(active) = self.active.as_mut().filter(|active| active.is_open())
            && let Some(item) = self.outbox.next()
        {
            match active.session.seal(&serialize(&content::chat_message(&item.id, &item.text, item.about.as_ref()))) {
                Ok(c) => {
                    let fallback = stanza::text("body", CLIENT, FALLBACK);
                    // what nobody may keep no server is asked to keep either, not even encrypted
                    let unlogged = active.agreed.logging == Some(Logging::MustNot);
                    let store = hint(if unlogged { "no-permanent-store" } else { "store" });
                    active.send(&item.id, c, vec![fallback, store], cx);
                    self.probe.expect(cx.now.instant);
                    cx.tell(Event::Sent { id: item.id.clone(), to: active.with.to_string(), encrypted: true });
                }
                Err(error) => self.fail(&breakage(&error), cx),
            }
        }
    }

    /// Seals and sends what is not a message: states, receipts, markers.
    pub(in crate::conversation) fn seal(&mut self, content: &[Element], cx: &mut Cx<'_>) {
        let Some(active) = self.active.as_mut().filter(|active| active.is_open()) else { return };
        let sealed = active.session.seal(&serialize(content));
        self.send_sealed(sealed, cx);
    }

    pub(super) fn send_sealed(&mut self, sealed: Result<Element, Error>, cx: &mut Cx<'_>) {
        match (sealed, &mut self.active) {
            (Ok(c), Some(active)) => {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            (Err(error), _) => self.fail(&breakage(&error), cx),
            (Ok(_), None) => {}
        }
    }

    /// A stanza with a `<c/>`.
    pub(in crate::conversation) fn handle_encrypted(
        &mut self,
        message: &Element,
        c: &Element,
        from: &Jid,
        thread: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        let known = |active: &&mut Active| active.is_with(from, thread);
        let Some(active) = self.active.as_mut().filter(known) else {
            // of a session that is over there is nothing to say; of one that we lost, the peer should know
            if thread.is_none_or(|thread| !self.past.iter().any(|past| past == thread)) {
                send_error(message, from, thread, stanza::error("not-acceptable"), cx);
            }
            return;
        };
        let (elements, opened) = match active.open(c, cx.now.instant) {
            Ok(opened) => opened,
            Err(reason) => {
                send_error(message, from, thread, stanza::error("not-acceptable"), cx);
                return self.fail(&reason, cx);
            }
        };
        if opened.confirms {
            self.handle_confirmation(cx);
        }
        let mut content = Content::read(&elements);
        // only the server knows when it held a message back, so its word is all there is (W7)
        content.delayed = content.delayed.or(Content::read(message.children()).delayed);
        if let Some(id) = self.show(content, message.attr("id"), from, true, cx) {
            self.seal(&content::receipt(&id), cx);
        }
        self.handle_opened(Opened { confirms: false, ..opened }, cx);
    }

    /// What a stanza that was opened means for the session.
    pub(in crate::conversation) fn handle_opened(&mut self, opened: Opened, cx: &mut Cx<'_>) {
        if opened.confirms {
            self.handle_confirmation(cx);
        }
        if let Some(said) = opened.management {
            self.handle_management(said, cx);
        }
        if let Some(ending) = opened.ending {
            self.handle_ending(ending, cx);
        }
    }

    /// An error that has encrypted content in it: the peer's own, whoever carried it. Nothing else can be believed of it.
    pub(in crate::conversation) fn handle_genuine_error(&mut self, message: &Element, c: &Element, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        let (content, opened) = match active.open(c, cx.now.instant) {
            Ok(opened) => opened,
            Err(reason) => return self.fail(&reason, cx),
        };
        let from = Some(active.with.to_string());
        self.handle_opened(opened, cx);
        let Failure { condition, .. } = Failure::read(message);
        let text = content.iter().find(|child| child.name() == "text").map(Element::text);
        let id = message.attr("id").map(str::to_owned);
        if let Some(id) = &id {
            self.outbox.remove(id);
        }
        cx.tell(Event::Error { id, condition, text, from, encrypted: true });
    }
}

/// What was decrypted, if it is content of a stanza.
pub(in crate::conversation) fn read_content(content: &str) -> Result<Vec<Element>, String> {
    let content = inner::parse_content(content).map_err(|error| error.to_string())?;
    match content.iter().find(|element| FORBIDDEN.contains(&element.name())) {
        Some(element) => Err(format!("<{}/> in a session", element.name())),
        None => Ok(content),
    }
}

/// The content of a stanza as text, wiped after use.
fn serialize(content: &[Element]) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(content.iter().filter_map(stanza::serialize).collect())
}
