//! What a client was told of the contacts' nodes since it came (XEP-0163): from then on it hears of what changes alone.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use minidom::Element;

/// By whose node it is: a hash of what it had.
#[derive(Default)]
pub(super) struct ToldNodes(HashMap<(String, String), u64>);

impl ToldNodes {
    /// Notes what the client is about to be told. `false` if it was told the same last.
    pub(super) fn is_news(&mut self, event: &Element) -> bool {
        let Some((key, had)) = read(event) else { return true };
        self.0.insert(key, had) != Some(had)
    }
}

/// Whose node, and what it has.
fn read(event: &Element) -> Option<((String, String), u64)> {
    let items = event.children().find_map(|child| child.children().find(|child| child.name() == "items"))?;
    let mut hash = DefaultHasher::new();
    items.children().for_each(|item| String::from(item).hash(&mut hash));
    Some(((event.attr("from")?.to_owned(), items.attr("node")?.to_owned()), hash.finish()))
}
