//! What the user has said and the peer has not acknowledged, in order.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::about::About;

/// The ordered outbox of one conversation, in memory only.
#[derive(Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
}

/// One message on its way.
pub(crate) struct Item {
    /// Its origin id, which stays the same however often it is sent.
    pub(crate) id: String,
    /// What it says.
    pub(crate) text: Zeroizing<String>,
    /// What it is to an earlier message.
    pub(crate) about: Option<About>,
    /// How many errors came back about it.
    rejections: u32,
    /// Whether it went out in the present session.
    sent: bool,
}

impl Outbox {
    /// Puts a message at the end; `false` if a message with this id is there already.
    pub(crate) fn push(&mut self, id: String, text: Zeroizing<String>, about: Option<About>) -> bool {
        if self.items.iter().any(|item| item.id == id) {
            return false;
        }
        self.items.push_back(Item { id, text, about, rejections: 0, sent: false });
        true
    }

    /// The next message to send in the present session. The caller sends it now.
    pub(crate) fn next(&mut self) -> Option<&Item> {
        let item = self.items.iter_mut().find(|item| !item.sent)?;
        item.sent = true;
        Some(item)
    }

    /// A new session begins: everything without a receipt has to go again.
    pub(crate) fn rewind(&mut self) {
        self.items.iter_mut().for_each(|item| item.sent = false);
    }

    /// The message with this id has arrived or is given up.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Item> {
        let place = self.items.iter().position(|item| item.id == id)?;
        self.items.remove(place)
    }

    /// Takes out what went out in the present session.
    pub(crate) fn take_sent(&mut self) -> Vec<Item> {
        let (sent, waiting) = self.items.drain(..).partition(|item| item.sent);
        self.items = waiting;
        Vec::from(sent)
    }

    /// Takes out what has not gone out in the present session.
    pub(crate) fn take_unsent(&mut self) -> Vec<Item> {
        let (sent, waiting): (VecDeque<_>, VecDeque<_>) = self.items.drain(..).partition(|item| item.sent);
        self.items = sent;
        Vec::from(waiting)
    }

    /// An error came back about the message with this id: how many that makes, if it is there.
    pub(crate) fn count_rejection(&mut self, id: &str) -> Option<u32> {
        let item = self.items.iter_mut().find(|item| item.id == id)?;
        item.rejections += 1;
        Some(item.rejections)
    }

    /// Whether something went out in the present session and was not acknowledged.
    pub(crate) fn has_sent(&self) -> bool {
        self.items.iter().any(|item| item.sent)
    }

    /// Whether the message with this id is not acknowledged yet.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.items.iter().any(|item| item.id == id)
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    fn drain(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.next().map(|item| item.id.clone())).collect()
    }

    #[test]
    fn what_was_not_receipted_goes_again_in_order_and_under_the_same_id() {
        let mut outbox = Outbox::default();
        for id in ["1", "2", "3"] {
            assert!(outbox.push(id.to_owned(), text("hello"), None));
        }
        assert_eq!(drain(&mut outbox), ["1", "2", "3"]);
        assert!(outbox.holds("1"));
        outbox.remove("2");
        outbox.push("4".to_owned(), text("later"), None);
        outbox.rewind();
        assert!(outbox.holds("1"));
        assert_eq!(drain(&mut outbox), ["1", "3", "4"]);
    }

    #[test]
    fn an_id_is_taken_once() {
        let mut outbox = Outbox::default();
        assert!(outbox.push("1".to_owned(), text("a"), None));
        assert!(!outbox.push("1".to_owned(), text("b"), None));
    }
}
