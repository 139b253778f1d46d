//! One stanza without a session (XEP-0116 section 9.4): it comes beside the last form of a negotiation that says so.

use esession::SingleStanza;
use esession::namespaces::{feature, is_encrypted};
use jid::Jid;
use minidom::Element;
use zeroize::Zeroizing;

use super::negotiation::Half;
use super::{Conversation, sealable};
use crate::content;
use crate::effects::Cx;
use crate::event::Event;
use crate::secrets::KeyStanding;

/// A message that waits for the peer's key.
pub(super) struct Single {
    pub(super) id: String,
    pub(super) content: Zeroizing<String>,
}

impl Single {
    /// Or why it cannot be sent.
    pub(super) fn new(id: String, text: &str) -> Result<Self, &'static str> {
        let content = sealable(&content::chat_message(&id, text, None))?;
        Ok(Self { id, content })
    }
}

impl Conversation {
    /// The peer has signed: the message goes out, unless that is somebody else.
    pub(super) fn deliver_single(&mut self, mut half: Half, ready: SingleStanza, single: Single, cx: &mut Cx<'_>) {
        let Single { id, content } = single;
        let standing = cx.book.keys_mut().meet(&self.peer.to_bare(), &ready.peer_key);
        cx.save();
        if standing == KeyStanding::Other {
            let words = "the peer shows another public key than before: compare codes in a session first";
            return cx.tell(Event::own_error(Some(&id), "not-sent", words));
        }
        match ready.seal(&content) {
            Ok((form_a2, c)) => {
                let to = half.with.to_string();
                half.send_as(id.clone(), vec![feature(form_a2), c], cx);
                cx.tell(Event::Sent { id, to, encrypted: true });
            }
            Err(error) => cx.tell(Event::own_error(Some(&id), "not-sent", error.to_string())),
        }
    }

    /// What may come beside the last form of a negotiation: the first encrypted content, or the only one.
    pub(super) fn handle_beside(&mut self, message: &Element, from: &Jid, thread: Option<&str>, cx: &mut Cx<'_>) {
        let stands = self.active.as_ref().is_some_and(|active| thread == Some(active.thread.as_str()));
        if let (true, Some(c)) = (stands, message.children().find(|child| is_encrypted(child))) {
            self.handle_encrypted(message, c, from, thread, cx);
        }
    }
}
