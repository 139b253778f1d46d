//! Until group rooms come: the user is told once, in words, which rooms stay outside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_bridge::ConvInfo;
use rusqlite::Transaction;

use crate::keeper::Keeper;
use crate::store::users::{self, Once};
use crate::store::{self, User, UserId, contacts};

/// How long rooms are gathered before the user is told.
const GATHERING: Duration = Duration::from_secs(5);
/// How many rooms are named.
const NAMED: usize = 10;

/// Rooms of which the user has not been told yet.
#[derive(Default)]
pub(super) struct Unbridged {
    rooms: Arc<Mutex<Vec<ConvInfo>>>,
}

impl Unbridged {
    /// One more; the first begins the gathering.
    pub(super) fn note(&self, keeper: &Arc<Keeper>, user: &User, room: ConvInfo) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.push(room);
        if rooms.len() > 1 {
            return;
        }
        let (keeper, user, rooms) = (keeper.clone(), user.clone(), self.rooms.clone());
        tokio::spawn(async move {
            tokio::time::sleep(GATHERING).await;
            let rooms = std::mem::take(&mut *rooms.lock().unwrap_or_else(PoisonError::into_inner));
            let id = user.id;
            match keeper.store.call(move |db, _| to_tell(db, id, rooms)).await {
                Ok(names) if names.is_empty() => {}
                Ok(names) => keeper.crossings.say(&keeper, &user, in_words(&names)).await,
                Err(error) => tracing::error!(%error, "cannot note what a user was told"),
            }
        });
    }
}

/// The names of those that are groups still, unless the user was told before. A direct chat can look like a group at
/// first: the mark that makes it one may come after the room.
fn to_tell(db: &Transaction<'_>, user: UserId, rooms: Vec<ConvInfo>) -> store::Result<Vec<String>> {
    let mut names = Vec::new();
    for room in rooms {
        if contacts::of_conversation(db, user, &room.id)?.is_none() {
            names.push(room.name.unwrap_or_else(|| room.id.to_string()));
        }
    }
    Ok(if !names.is_empty() && users::tell_once(db, user, Once::RoomsNotBridged)? { names } else { Vec::new() })
}

fn in_words(rooms: &[String]) -> String {
    let named = rooms.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match rooms.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("Only conversations with one person are bridged so far. These rooms are not: {named}{more}.")
}

#[cfg(test)]
mod tests {
    use drawbridge_bridge::{ContactId, ConvId, ConvKind};
    use jid::BareJid;
    use zeroize::Zeroizing;

    use super::*;
    use crate::store::{Sealer, Store};

    fn room(id: &str, name: Option<&str>) -> ConvInfo {
        let name = name.map(str::to_owned);
        ConvInfo { id: ConvId::new(id), kind: ConvKind::Group, name, encrypted: true }
    }

    #[tokio::test]
    async fn what_has_become_a_direct_chat_is_not_told_and_the_rest_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db"), Sealer::new(Zeroizing::new([7; 32])).unwrap()).unwrap();
        let told = store.call(|db, _| {
            let alice = users::add(db, "echo", &BareJid::new("alice@example.org").unwrap())?.id;
            contacts::set_conversation(db, alice, &ContactId::new("bob"), &ConvId::new("!bob"), true, false)?;
            let only_bob = to_tell(db, alice, vec![room("!bob", Some("Empty Room"))])?;
            let both =
                to_tell(db, alice, vec![room("!bob", None), room("!book", Some("Book club")), room("!x", None)])?;
            let again = to_tell(db, alice, vec![room("!late", None)])?;
            Ok((only_bob, both, again))
        });
        let (only_bob, both, again) = told.await.unwrap();
        assert!(only_bob.is_empty(), "{only_bob:?}");
        assert_eq!(both, ["Book club", "!x"]);
        assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn the_user_is_told_names_and_how_many_more() {
        let rooms: Vec<_> = (0..12).map(|n| format!("room {n}")).collect();
        let told = in_words(&rooms);
        assert!(told.contains("room 9 and 2 more."), "{told}");
        assert!(!told.contains("room 10"), "{told}");
    }
}
