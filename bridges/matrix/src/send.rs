//! From the keeper to a room.

use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use drawbridge_bridge::{ConvId, OutFile, RemoteId, Sent, TxnId};
use matrix_sdk::Room;
use matrix_sdk::ruma::api::client::redact::redact_event;
use matrix_sdk::ruma::{EventId, OwnedEventId, OwnedTransactionId};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::admission::Cleared;
use crate::device::requests;
use crate::envelope::MARK;
use crate::error::Fault;
use crate::journal::{Attempt, Attempts, Journal};
use crate::resend;
use crate::session::{MatrixSession, joined};
use crate::{media, styling, words};

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

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Draft {
    /// An event of this type, with this content.
    Event(&'static str, Value),
    /// A file, which is put on the homeserver first.
    File(Box<OutFile>),
    /// The end of another event.
    Redaction(OwnedEventId),
}

impl Draft {
    /// A message; `/me` makes an emote, as it comes in.
    pub(crate) fn says(text: &str, reply_to: Option<&RemoteId>) -> Self {
        let mut content = worded(text, MAX_TEXT);
        if let (Some(fields), Some(event)) = (content.as_object_mut(), reply_to) {
            let relation = json!({ "m.in_reply_to": { "event_id": event.as_str() } });
            fields.insert("m.relates_to".to_owned(), relation);
        }
        Self::Event("m.room.message", content)
    }

    /// Another text in the place of a message's (Matrix 1.18, "Event replacements"). It is in the event twice, for clients
    /// that know no replacements, too; `None` if it is too long for that.
    pub(crate) fn corrects(event: &EventId, text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT / 2 {
            return None;
        }
        let new = worded(text, MAX_TEXT / 2);
        let body = new.get("body").and_then(Value::as_str).unwrap_or_default();
        let content = json!({
            "msgtype": new.get("msgtype"),
            "body": format!("* {body}"),
            "m.relates_to": { "rel_type": "m.replace", "event_id": event },
            "m.new_content": new,
        });
        Some(Self::Event("m.room.message", content))
    }

    /// A reaction (Matrix 1.18, "Event annotations and reactions"). It is never encrypted.
    pub(crate) fn reacts(event: &EventId, key: &str) -> Self {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": key });
        Self::Event("m.reaction", json!({ "m.relates_to": relation }))
    }
}

/// Words, formatted if there is so much room, in octets of text.
fn worded(text: &str, room: usize) -> Value {
    let (kind, text) = match text.strip_prefix("/me ") {
        Some(text) => ("m.emote", text),
        None => ("m.text", text),
    };
    match styling::to_html(text).filter(|html| text.len().saturating_add(html.len()) <= room) {
        Some(html) => {
            json!({ "msgtype": kind, "body": text, "format": words::HTML, "formatted_body": html })
        }
        None => json!({ "msgtype": kind, "body": text }),
    }
}

impl MatrixSession {
    /// Sends something, once per `txn`.
    pub(crate) async fn hand_over(&self, conv: &ConvId, draft: Draft, txn: TxnId) -> Result<Sent, Fault> {
        let client = self.client().await.map_err(closed)?;
        let journal = Journal::of(&client);
        let room = joined(&client, conv)
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
        let event = match draft {
            Draft::Event(kind, content) => self.post(&room, kind, content, &txn).await?,
            Draft::File(file) => {
                let content = Box::pin(media::upload(&client, &room, *file)).await?;
                self.post(&room, "m.room.message", content, &txn).await?
            }
            Draft::Redaction(event) => {
                let id = OwnedTransactionId::from(txn.as_str());
                let request = redact_event::v3::Request::new(room.room_id().to_owned(), event, id);
                Box::pin(client.send(request).with_request_config(requests()).into_future()).await?.event_id
            }
        };
        attempt.event = Some(event.clone());
        // Written down with the next message; before that, a new process finds the event by its mark.
        attempts.note(attempt);
        Ok(Sent { remote_id: RemoteId::new(event.as_str()) })
    }

    /// An event of the room, encrypted if the room is.
    async fn post(&self, room: &Room, kind: &str, content: Value, txn: &TxnId) -> Result<OwnedEventId, Fault> {
        let id = OwnedTransactionId::from(txn.as_str());
        let sent = room.send_raw(kind, self.marked(content, txn)).with_transaction_id(&id);
        Ok(Box::pin(sent.with_request_config(requests()).into_future()).await?.response.event_id)
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

    fn marked(&self, mut content: Value, txn: &TxnId) -> Value {
        if let Some(fields) = content.as_object_mut() {
            fields.insert(MARK.to_owned(), json!(format!("{}/{txn}", self.reader.device)));
        }
        content
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

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::event_id;

    use super::*;

    fn content(draft: Draft) -> Value {
        match draft {
            Draft::Event("m.room.message", content) => content,
            _ => panic!("it is no message"),
        }
    }

    #[test]
    fn words_are_formatted_and_emotes_are_emotes() {
        let html = |kind: &str, body: &str, html: &str| json!({ "msgtype": kind, "body": body, "format": "org.matrix.custom.html", "formatted_body": html });
        for (text, sent) in [
            ("tea", json!({ "msgtype": "m.text", "body": "tea" })),
            ("/me waves", json!({ "msgtype": "m.emote", "body": "waves" })),
            ("/meow", json!({ "msgtype": "m.text", "body": "/meow" })),
            ("*tea*", html("m.text", "*tea*", "<strong>tea</strong>")),
            ("/me waves *gladly*", html("m.emote", "waves *gladly*", "waves <strong>gladly</strong>")),
        ] {
            assert_eq!(content(Draft::says(text, None)), sent, "{text}");
        }
        let reply = content(Draft::says("/me nods", Some(&RemoteId::new("$said"))));
        let relation = json!({ "m.in_reply_to": { "event_id": "$said" } });
        assert_eq!((&reply["msgtype"], &reply["m.relates_to"]), (&json!("m.emote"), &relation));
    }

    #[test]
    fn a_correction_says_it_twice_and_what_is_too_long_for_its_form_goes_as_it_is() {
        let edit = content(Draft::corrects(event_id!("$said"), "/me *nods*").unwrap());
        assert_eq!((&edit["msgtype"], &edit["body"]), (&json!("m.emote"), &json!("* *nods*")));
        assert_eq!(edit["m.relates_to"], json!({ "rel_type": "m.replace", "event_id": "$said" }));
        assert_eq!(edit["m.new_content"], worded("/me *nods*", MAX_TEXT));

        let longest = "x".repeat(MAX_TEXT / 2);
        assert!(Draft::corrects(event_id!("$said"), &longest).is_some());
        assert!(Draft::corrects(event_id!("$said"), &format!("{longest}x")).is_none());
        let formatted = |text: &str| content(Draft::says(text, None)).get("formatted_body").is_some();
        let styled = format!("*{longest}*");
        assert!(formatted("*x*") && !formatted(&styled), "the words twice would be too long");
    }
}
