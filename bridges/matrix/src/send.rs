//! From the keeper to a room.

use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use drawbridge_bridge::{ContactTrust, KeySharing, OutMessage, OwnTrust, RemoteId, Sent, TxnId};
use matrix_sdk::ruma::{OwnedTransactionId, UserId};
use matrix_sdk::{Client, Room};
use serde_json::json;
use tokio::sync::Mutex;

use crate::device::requests;
use crate::envelope::MARK;
use crate::error::Fault;
use crate::identity;
use crate::journal::{Attempt, Journal};
use crate::resend;
use crate::session::{MatrixSession, joined};
use crate::standing::Standing;

/// An event is at most 65,536 octets (Matrix 1.18, "Size limits"); encryption and JSON make text grow by a half, and
/// more where it is full of quotation marks, which the homeserver then refuses (`TooBig`).
pub(crate) const MAX_TEXT: usize = 36_000;

impl MatrixSession {
    /// Sends a message, once per `txn`.
    pub(crate) async fn hand_over(&self, message: OutMessage, txn: TxnId) -> Result<Sent, Fault> {
        if message.text.expose().len() > MAX_TEXT {
            return Err(Fault::TooBig);
        }
        let client = self.client().await.map_err(closed)?;
        let journal = Journal::of(&client);
        let room = joined(&client, &message.conv)
            .map_err(|_| Fault::Refused("You are not in this conversation any more.".to_owned()))?;

        let turn = self.turn(&room);
        let _turn = turn.lock().await;
        let attempt = journal.attempt(room.room_id(), txn.as_str()).await?;
        if let Some(attempt) = &attempt {
            let known = match &attempt.event {
                Some(event) => Some(event.clone()),
                // The homeserver forgets a transaction within the hour; its history does not.
                None => Box::pin(resend::find(&self.reader, &room, &txn, attempt.since)).await?,
            };
            if let Some(event) = known {
                return Ok(Sent { remote_id: RemoteId::new(event.as_str()) });
            }
        }

        let contact = partner(&room, &journal).await?;
        self.admit(&client, &journal, &room, &contact).await?;

        let since = attempt.map_or_else(now, |attempt| attempt.since);
        let mut attempt = Attempt { txn: txn.as_str().to_owned(), since, event: None };
        journal.set_attempt(room.room_id(), attempt.clone()).await?;
        let content = self.content(message.text.expose(), &txn);
        let sent = room
            .send_raw("m.room.message", content)
            .with_transaction_id(&OwnedTransactionId::from(txn.as_str()))
            .with_request_config(requests());
        let event = Box::pin(sent.into_future()).await?.response.event_id;
        attempt.event = Some(event.clone());
        // Should this fail, the next try finds the event by its mark.
        let _ = journal.set_attempt(room.room_id(), attempt).await;
        Ok(Sent { remote_id: RemoteId::new(event.as_str()) })
    }

    /// `/me` makes an emote, as it comes in.
    fn content(&self, text: &str, txn: &TxnId) -> serde_json::Value {
        let mark = format!("{}/{txn}", self.reader.device);
        match text.strip_prefix("/me ") {
            Some(text) => json!({ "msgtype": "m.emote", "body": text, MARK: mark }),
            None => json!({ "msgtype": "m.text", "body": text, MARK: mark }),
        }
    }

    /// Whether the message may go there, by the user's policy and by what the room was before.
    async fn admit(&self, client: &Client, journal: &Journal, room: &Room, contact: &UserId) -> Result<(), Fault> {
        if !Box::pin(room.latest_encryption_state()).await?.is_encrypted() {
            return match journal.was_encrypted(room.room_id()).await? {
                true => Err(Fault::NotTrusted(
                    "This conversation was encrypted, and the homeserver now says that it is not. Nothing was sent."
                        .to_owned(),
                )),
                false => Ok(()),
            };
        }
        let only_signed = *self.sharing.borrow() == KeySharing::CrossSigned;
        match identity::contact_trust(client, journal, contact, only_signed).await? {
            ContactTrust::Changed => {
                return Err(Fault::NotTrusted(format!(
                    "The encryption identity of {contact} has changed. Accept the new one before you write again."
                )));
            }
            ContactTrust::NoIdentity if only_signed => {
                return Err(Fault::NotTrusted(format!(
                    "{contact} has no cross-signing identity that vouches for their devices, and your policy shares \
                     keys with such devices only."
                )));
            }
            _ => {}
        }
        if !only_signed {
            return Ok(());
        }
        if identity::own_trust(client).await? != OwnTrust::Verified {
            return Err(Fault::NotTrusted(
                "Your account does not vouch for this device yet. Enter your recovery key (command \"recover\")."
                    .to_owned(),
            ));
        }
        if !identity::has_signed_device(client, contact).await? {
            return Err(Fault::NotTrusted(format!(
                "None of the devices of {contact} is vouched for by their identity, and your policy shares keys with \
                 such devices only."
            )));
        }
        Ok(())
    }

    fn turn(&self, room: &Room) -> Arc<Mutex<()>> {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sending.entry(room.room_id().to_owned()).or_default())
    }
}

/// With whom one would talk; only direct chats are carried.
async fn partner(room: &Room, journal: &Journal) -> Result<matrix_sdk::ruma::OwnedUserId, Fault> {
    match Standing::of(room, journal).await? {
        Standing::Direct(contact) => Ok(contact),
        Standing::Alone(contact) => Err(Fault::Refused(format!("{contact} has left the conversation."))),
        Standing::Crowd(contact) => Err(Fault::NotTrusted(format!(
            "Somebody else has joined your direct chat with {contact}. Nothing was sent."
        ))),
        Standing::Group => Err(Fault::Refused("Group rooms are not carried yet.".to_owned())),
    }
}

fn closed(error: drawbridge_bridge::Error) -> Fault {
    match error {
        drawbridge_bridge::Error::LoggedOut => Fault::LoggedOut,
        other => Fault::transient(other.to_string()),
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
