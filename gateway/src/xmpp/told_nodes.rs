//! What the users' clients were told of their contacts' nodes (XEP-0163): one that comes back hears of what has changed since.
//! With five hundred contacts that is much less, and a telephone comes back often.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use jid::{BareJid, FullJid};
use minidom::Element;

/// So many clients of a user are remembered: some take a new name each time.
const MOST: usize = 16;

/// Of all users.
#[derive(Default)]
pub(super) struct ToldNodes(Mutex<HashMap<BareJid, VecDeque<Client>>>);

struct Client {
    full: FullJid,
    /// By whose node it is: a hash of what it had.
    told: HashMap<(String, String), u64>,
}

impl ToldNodes {
    /// Notes what a client is about to be told. `false` if it was told the same last.
    pub(super) fn is_news(&self, client: &FullJid, event: &Element) -> bool {
        let Some((key, had)) = read(event) else { return true };
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = users.entry(client.to_bare()).or_default();
        let known = clients.iter().position(|it| it.full == *client).and_then(|at| clients.remove(at));
        let mut known = known.unwrap_or_else(|| Client { full: client.clone(), told: HashMap::new() });
        let before = known.told.insert(key, had);
        clients.push_back(known);
        if clients.len() > MOST {
            clients.pop_front();
        }
        before != Some(had)
    }

    /// The link was down, and what anybody has heard is not known.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Whose node, and what it has.
fn read(event: &Element) -> Option<((String, String), u64)> {
    let items = event.children().find_map(|child| child.children().find(|child| child.name() == "items"))?;
    let mut hash = DefaultHasher::new();
    items.children().for_each(|item| String::from(item).hash(&mut hash));
    Some(((event.attr("from")?.to_owned(), items.attr("node")?.to_owned()), hash.finish()))
}
