//! Ids of messages that were shown, so that none is shown twice when the peer sends it again.

use std::collections::{HashSet, VecDeque};

/// How many ids are remembered.
const CAPACITY: usize = 4096;

/// The last ids of one peer. What came in the clear is kept apart: a forged id there must not hide a real message.
#[derive(Default)]
pub(super) struct Seen {
    order: VecDeque<(bool, String)>,
    ids: HashSet<(bool, String)>,
}

impl Seen {
    /// Remembers an id; `false` if it was there already.
    pub(super) fn insert(&mut self, encrypted: bool, id: &str) -> bool {
        let key = (encrypted, id.to_owned());
        if !self.ids.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_the_clear_hides_nothing_in_a_session() {
        let mut seen = Seen::default();
        assert!(seen.insert(false, "1"));
        assert!(seen.insert(true, "1"));
        assert!(!seen.insert(true, "1"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Seen::default();
        (0..=CAPACITY).for_each(|id| assert!(seen.insert(true, &id.to_string())));
        assert!(seen.ids.len() == CAPACITY && seen.order.len() == CAPACITY);
        assert!(seen.insert(true, "0"));
    }
}
