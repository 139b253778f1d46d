//! From the keeper to a room.

use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use drawbridge_bridge::{ConvId, OutMessage, RemoteId, Sent, TxnId};
use matrix_sdk::Room;
use matrix_sdk::ruma::OwnedTransactionId;
use serde_json::json;
use tokio::sync::Mutex;

use crate::admission::Cleared;
use crate::device::requests;
use crate::envelope::MARK;
use crate::error::Fault;
use crate::journal::{Attempt, Attempts, Journal};
use crate::resend;
use crate::session::{MatrixSession, joined};

/// An event is at most 65,536 octets (Matrix 1.18, "Size limits"); encryption and JSON make text grow by a half, and
/// more where it is full of quotation marks, which the homeserver then refuses (`TooBig`).
pub(crate) const MAX_TEXT: usize = 36_000;

/// What is known about sending in one room. Locked for the whole of a send, so that the same transaction twice at once is
/// one message.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// As the journal has them, and perhaps with the newest answer.
    attempts: Option<Attempts>,
    cleared: Option<Cleared>,
}

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

        let outgoing = self.outgoing(&room);
        let Outgoing { attempts, cleared } = &mut *outgoing.lock().await;
        let attempts = remembered(attempts, &journal, &room).await?;
        let attempt = attempts.of(txn.as_str());
        if let Some(attempt) = &attempt
            && let Some(sent) = self.outcome(&room, &txn, attempt).await?
        {
            return Ok(sent);
        }

        self.admit(&client, &journal, &room, cleared).await?;

        let since = attempt.map_or_else(now, |attempt| attempt.since);
        let mut attempt = Attempt { txn: txn.as_str().to_owned(), since, event: None };
        attempts.note(attempt.clone());
        journal.set_attempts(room.room_id(), attempts).await?;
        let content = self.content(message.text.expose(), &txn);
        let sent = room
            .send_raw("m.room.message", content)
            .with_transaction_id(&OwnedTransactionId::from(txn.as_str()))
            .with_request_config(requests());
        let event = Box::pin(sent.into_future()).await?.response.event_id;
        attempt.event = Some(event.clone());
        // Written down with the next message; before that, a new process finds the event by its mark.
        attempts.note(attempt);
        Ok(Sent { remote_id: RemoteId::new(event.as_str()) })
    }

    /// Whether a message went out under `txn`.
    pub(crate) async fn look_back(&self, conv: &ConvId, txn: &TxnId) -> Result<Option<Sent>, Fault> {
        let client = self.client().await.map_err(closed)?;
        // Who is not in the room any more cannot ask what was said there.
        let Ok(room) = joined(&client, conv) else { return Ok(None) };
        let outgoing = self.outgoing(&room);
        let attempts = &mut outgoing.lock().await.attempts;
        match remembered(attempts, &Journal::of(&client), &room).await?.of(txn.as_str()) {
            Some(attempt) => self.outcome(&room, txn, &attempt).await,
            None => Ok(None),
        }
    }

    async fn outcome(&self, room: &Room, txn: &TxnId, attempt: &Attempt) -> Result<Option<Sent>, Fault> {
        let event = match &attempt.event {
            Some(event) => Some(event.clone()),
            // The homeserver forgets a transaction within the hour; its history does not.
            None => Box::pin(resend::find(&self.reader, room, txn, attempt.since)).await?,
        };
        Ok(event.map(|event| Sent { remote_id: RemoteId::new(event.as_str()) }))
    }

    /// `/me` makes an emote, as it comes in.
    fn content(&self, text: &str, txn: &TxnId) -> serde_json::Value {
        let mark = format!("{}/{txn}", self.reader.device);
        match text.strip_prefix("/me ") {
            Some(text) => json!({ "msgtype": "m.emote", "body": text, MARK: mark }),
            None => json!({ "msgtype": "m.text", "body": text, MARK: mark }),
        }
    }

    fn outgoing(&self, room: &Room) -> Arc<Mutex<Outgoing>> {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sending.entry(room.room_id().to_owned()).or_default())
    }
}

async fn remembered<'a>(
    attempts: &'a mut Option<Attempts>,
    journal: &Journal,
    room: &Room,
) -> Result<&'a mut Attempts, Fault> {
    Ok(match attempts {
        Some(attempts) => attempts,
        none => none.insert(journal.attempts(room.room_id()).await?),
    })
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
