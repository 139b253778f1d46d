//! What the user says about a peer's keys and its name.

use super::Conversation;
use crate::effects::Cx;
use crate::event::{Event, SessionState};
use crate::published_keys;

impl Conversation {
    /// The user knows from elsewhere that this fingerprint is the peer's.
    pub(crate) fn trust_key(&mut self, print: &str, cx: &mut Cx<'_>) {
        let bare = self.peer.to_bare();
        let Some(key) = cx.book.keys().find(&bare, print) else { return self.tell_unknown_key(cx) };
        cx.book.keys_mut().verify(&bare, &key);
        if let Some(active) = self.active.as_mut().filter(|active| active.key() == Some(&key)) {
            active.verify(&bare, cx);
            let event = active.event(SessionState::Active);
            cx.tell(event);
        }
        cx.save();
        published_keys::tell(&bare, cx);
    }

    /// A key is the peer's no more. A session that it has signed goes on.
    pub(crate) fn forget_key(&mut self, print: &str, cx: &mut Cx<'_>) {
        let bare = self.peer.to_bare();
        let Some(key) = cx.book.keys().find(&bare, print) else { return self.tell_unknown_key(cx) };
        cx.book.keys_mut().forget(&bare, &key);
        cx.save();
        published_keys::tell(&bare, cx);
    }

    /// The user calls the peer so.
    pub(crate) fn set_name(&mut self, name: Option<&str>, cx: &mut Cx<'_>) {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if !cx.book.set_name(&self.peer.to_bare(), name) {
            return cx.tell(Event::own_error(None, "state", "you call somebody else so"));
        }
        cx.save();
        let (with, name) = (self.peer.to_bare().to_string(), name.map(str::to_owned));
        cx.tell(Event::Named { with, name });
    }

    fn tell_unknown_key(&self, cx: &mut Cx<'_>) {
        let text = format!("no key of {} with this fingerprint is known here", self.peer.to_bare());
        cx.tell(Event::own_error(None, "state", text));
    }
}
