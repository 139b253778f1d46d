//! What the bridge must remember over a restart, kept as sealed values in the SDK's own encrypted store.

use std::collections::VecDeque;

use matrix_sdk::Client;
use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::baseline::Beginning;
use crate::company::Company;
use crate::error::Fault;

/// The newest sends of a room that are remembered; the keeper sends one after the other, so a handful does.
const ATTEMPTS: usize = 16;

/// A message that was, or may have been, handed to the homeserver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) txn: String,
    /// Milliseconds since 1970 at the first try.
    pub(crate) since: u64,
    /// Set once the homeserver has answered.
    pub(crate) event: Option<OwnedEventId>,
}

/// The newest attempts of a room, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Attempts(VecDeque<Attempt>);

/// An event that waits for its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    /// The Megolm session, where the event names one.
    pub(crate) session: Option<String>,
}

/// The values of one login. Cheap to clone: it is the client's store.
#[derive(Clone)]
pub(crate) struct Journal {
    client: Client,
}

impl Journal {
    pub(crate) fn of(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// Whether every room that was there at the login has its first cursor.
    pub(crate) async fn has_baseline(&self) -> Result<bool, Fault> {
        Ok(self.get::<bool>("baseline").await?.unwrap_or(false))
    }

    pub(crate) async fn set_baseline(&self) -> Result<(), Fault> {
        self.set("baseline", &true).await
    }

    /// Where the homeserver's events stood at the login.
    pub(crate) async fn beginning(&self) -> Result<Option<Beginning>, Fault> {
        self.get("beginning").await
    }

    pub(crate) async fn set_beginning(&self, beginning: &Beginning) -> Result<(), Fault> {
        self.set("beginning", beginning).await
    }

    /// Who else was in a direct chat at its cursor.
    pub(crate) async fn company(&self, room: &RoomId) -> Result<Company, Fault> {
        Ok(self.get(&format!("company/{room}")).await?.unwrap_or_default())
    }

    pub(crate) async fn set_company(&self, room: &RoomId, company: &Company) -> Result<(), Fault> {
        self.set(&format!("company/{room}"), company).await
    }

    /// With whom a room was ever taken for a direct chat.
    pub(crate) async fn partner(&self, room: &RoomId) -> Result<Option<OwnedUserId>, Fault> {
        self.get(&format!("partner/{room}")).await
    }

    pub(crate) async fn set_partner(&self, room: &RoomId, contact: &UserId) -> Result<(), Fault> {
        self.set(&format!("partner/{room}"), contact).await
    }

    /// Who invited the user to a room as to a direct chat.
    pub(crate) async fn inviter(&self, room: &RoomId) -> Result<Option<OwnedUserId>, Fault> {
        self.get(&format!("inviter/{room}")).await
    }

    pub(crate) async fn set_inviter(&self, room: &RoomId, contact: &UserId) -> Result<(), Fault> {
        self.set(&format!("inviter/{room}"), contact).await
    }

    /// Whether a room was ever seen encrypted. Encryption is not left again, whatever the homeserver says.
    pub(crate) async fn was_encrypted(&self, room: &RoomId) -> Result<bool, Fault> {
        Ok(self.get::<bool>(&format!("encrypted/{room}")).await?.unwrap_or(false))
    }

    pub(crate) async fn set_encrypted(&self, room: &RoomId) -> Result<(), Fault> {
        self.set(&format!("encrypted/{room}"), &true).await
    }

    /// The master key of the contact's accepted identity, in base64.
    pub(crate) async fn pin(&self, contact: &UserId) -> Result<Option<String>, Fault> {
        self.get(&format!("pin/{contact}")).await
    }

    pub(crate) async fn set_pin(&self, contact: &UserId, key: &str) -> Result<(), Fault> {
        self.set(&format!("pin/{contact}"), key).await
    }

    pub(crate) async fn attempts(&self, room: &RoomId) -> Result<Attempts, Fault> {
        Ok(self.get(&format!("attempts/{room}")).await?.unwrap_or_default())
    }

    pub(crate) async fn set_attempts(&self, room: &RoomId, attempts: &Attempts) -> Result<(), Fault> {
        self.set(&format!("attempts/{room}"), attempts).await
    }

    pub(crate) async fn undecryptable(&self) -> Result<Vec<Sealed>, Fault> {
        Ok(self.get("undecryptable").await?.unwrap_or_default())
    }

    pub(crate) async fn set_undecryptable(&self, events: &[Sealed]) -> Result<(), Fault> {
        self.set("undecryptable", events).await
    }

    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let value = self.client.state_store().get_custom_value(&key(name)).await?;
        // A value of an older form is as good as none.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    async fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), Fault> {
        let value = serde_json::to_vec(value).map_err(|_| Fault::transient("a value cannot be written"))?;
        Ok(self.client.state_store().set_custom_value_no_read(&key(name), value).await?)
    }
}

fn key(name: &str) -> Vec<u8> {
    format!("eu.drawbridge/{name}").into_bytes()
}

impl Attempts {
    pub(crate) fn of(&self, txn: &str) -> Option<Attempt> {
        self.0.iter().find(|attempt| attempt.txn == txn).cloned()
    }

    /// Remembers an attempt, or what became of it.
    pub(crate) fn note(&mut self, attempt: Attempt) {
        self.0.retain(|known| known.txn != attempt.txn);
        self.0.push_back(attempt);
        while self.0.len() > ATTEMPTS {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_kept_once_and_the_oldest_goes_first() {
        let mut attempts = Attempts::default();
        let attempt = |n: usize| Attempt { txn: format!("t{n}"), since: n as u64, event: None };
        for n in 0..ATTEMPTS + 3 {
            attempts.note(attempt(n));
        }
        attempts.note(Attempt { since: 99, ..attempt(10) });
        assert_eq!(attempts.0.len(), ATTEMPTS);
        assert_eq!(attempts.0.front().unwrap().txn, "t3");
        assert_eq!(attempts.0.back().unwrap(), &Attempt { since: 99, ..attempt(10) });
        assert_eq!(attempts.of("t10").map(|attempt| attempt.since), Some(99));
        assert_eq!(attempts.of("t2"), None);
    }
}
