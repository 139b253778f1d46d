//! From an event of a room to what the keeper stores.

use std::time::{Duration, UNIX_EPOCH};

use drawbridge_bridge::{
    Annotation, ContactId, ConvId, Envelope, Event, LoginId, Plaintext, Position, Reference, RemoteId, Security,
    Sender, TxnId,
};
use matrix_sdk::deserialized_responses::{TimelineEvent, TimelineEventKind, VerificationLevel, VerificationState};
use matrix_sdk::ruma::{DeviceId, EventId, OwnedEventId, OwnedUserId, RoomId};
use serde::Deserialize;
use serde_json::Value;

use crate::timeline::Placed;
use crate::{attachment, words};

/// Our own mark inside what we send, so that a send can be found again when the homeserver has forgotten its
/// transaction: `device/transaction`.
pub(crate) const MARK: &str = "eu.drawbridge.txn";

/// Who reads: the user, on this device.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) login: LoginId,
    pub(crate) user: OwnedUserId,
    pub(crate) device: String,
}

/// What an event is to the keeper.
pub(crate) enum Content {
    /// Somebody said something.
    Said(Box<Envelope>),
    /// It is sealed with a key that is not here (yet).
    Sealed(Box<Envelope>, OwnedEventId, Option<String>),
    /// Nothing to deliver.
    Silent,
}

/// The parts that every event has. The content is read on its own, by `words`.
#[derive(Deserialize)]
struct Parts {
    #[serde(rename = "type")]
    kind: String,
    event_id: OwnedEventId,
    sender: OwnedUserId,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    state_key: Option<Value>,
    /// Of a redaction, in rooms before version 11.
    #[serde(default)]
    redacts: Option<String>,
    #[serde(default)]
    unsigned: Unsigned,
}

#[derive(Default, Deserialize)]
struct Unsigned {
    #[serde(default)]
    transaction_id: Option<String>,
    #[serde(default)]
    redacted_because: Option<Value>,
}

impl Placed for TimelineEvent {
    fn id(&self) -> Option<&str> {
        self.event_id().map(EventId::as_str)
    }

    fn time(&self) -> u64 {
        self.timestamp().map_or(0, |time| time.get().into())
    }
}

impl Reader {
    /// Translates one event of a room.
    pub(crate) fn read(&self, room: &RoomId, event: &TimelineEvent, position: Option<Position>) -> Content {
        let Ok(parts) = event.raw().deserialize_as_unchecked::<Parts>() else { return Content::Silent };
        if parts.state_key.is_some() || parts.unsigned.redacted_because.is_some() {
            return Content::Silent;
        }
        let sealed = |session: Option<&String>| {
            let envelope = self.envelope(
                room,
                event,
                &parts,
                position.clone(),
                Event::Undecryptable,
                Security::Encrypted { verified: false },
            );
            Content::Sealed(Box::new(envelope), parts.event_id.clone(), session.cloned())
        };
        let security = match &event.kind {
            TimelineEventKind::UnableToDecrypt { utd_info, .. } => return sealed(utd_info.session_id.as_ref()),
            TimelineEventKind::PlainText { .. } if parts.kind == "m.room.encrypted" => return sealed(None),
            TimelineEventKind::PlainText { .. } => Security::Plain,
            TimelineEventKind::Decrypted(event) => match security(&event.encryption_info.verification_state) {
                Some(security) => security,
                // Somebody else's key under this sender's name: nothing that it says is theirs.
                None => return sealed(None),
            },
        };
        match said(&parts) {
            Some(said) => Content::Said(Box::new(self.envelope(room, event, &parts, position, said, security))),
            None => Content::Silent,
        }
    }

    /// The words of an event, to be quoted; none if it is not known who says them.
    pub(crate) fn words(&self, event: &TimelineEvent) -> Option<String> {
        let parts = event.raw().deserialize_as_unchecked::<Parts>().ok()?;
        if let TimelineEventKind::Decrypted(event) = &event.kind {
            security(&event.encryption_info.verification_state)?;
        }
        words::of_event(&parts.kind, &parts.content)
    }

    /// An envelope for what has no event of its own (typing, presence, a room's standing).
    pub(crate) fn notice(&self, conv: Option<ConvId>, event: Event) -> Envelope {
        Envelope {
            login: self.login.clone(),
            conv,
            sender: None,
            remote_id: None,
            version: 0,
            time: None,
            position: None,
            echo_of: None,
            security: Security::Plain,
            event,
        }
    }

    /// The transaction of our own that an event is the echo of.
    pub(crate) fn echo(&self, event: &TimelineEvent) -> Option<TxnId> {
        self.echo_of(event, &event.raw().deserialize_as_unchecked::<Parts>().ok()?)
    }

    fn envelope(
        &self,
        room: &RoomId,
        event: &TimelineEvent,
        parts: &Parts,
        position: Option<Position>,
        what: Event,
        security: Security,
    ) -> Envelope {
        Envelope {
            login: self.login.clone(),
            conv: Some(ConvId::new(room.as_str())),
            sender: Some(Sender { id: ContactId::new(parts.sender.as_str()), is_me: parts.sender == self.user }),
            remote_id: Some(RemoteId::new(parts.event_id.as_str())),
            version: 0,
            time: Some(UNIX_EPOCH + Duration::from_millis(event.time())),
            position,
            echo_of: self.echo_of(event, parts),
            security,
            event: what,
        }
    }

    fn echo_of(&self, event: &TimelineEvent, parts: &Parts) -> Option<TxnId> {
        if parts.sender != self.user {
            return None;
        }
        // The homeserver tells only the sending device its transaction.
        if let Some(txn) = &parts.unsigned.transaction_id {
            return Some(TxnId::new(txn));
        }
        if let TimelineEventKind::Decrypted(event) = &event.kind {
            let device = event.encryption_info.sender_device.as_deref().map(DeviceId::as_str);
            if device != Some(self.device.as_str()) {
                return None;
            }
        }
        let (device, txn) = parts.content.get(MARK)?.as_str()?.split_once('/')?;
        (device == self.device).then(|| TxnId::new(txn))
    }
}

/// What an event says, or does to another one.
fn said(parts: &Parts) -> Option<Event> {
    let does = |annotation| Some(Event::Annotated { annotation, quote: None });
    let id = |id: &str| RemoteId::new(id);
    match parts.kind.as_str() {
        "m.reaction" => {
            let (target, key) = words::reaction(&parts.content)?;
            does(Annotation::React { target: id(target), key: Plaintext::new(key) })
        }
        "m.room.redaction" => {
            let target = parts.redacts.as_deref().or_else(|| parts.content.get("redacts")?.as_str())?;
            does(Annotation::Retract { target: id(target) })
        }
        kind => {
            let text = Plaintext::new(words::of_event(kind, &parts.content)?);
            match words::replaced(&parts.content) {
                Some(target) => does(Annotation::Edit { target: id(target), text }),
                None => {
                    let reply_to = words::replied(&parts.content).map(|to| Reference { id: id(to), quote: None });
                    let file = attachment::of_event(kind, &parts.content).map(Box::new);
                    Some(Event::Message { text, reply_to, file })
                }
            }
        }
    }
}

/// How an encrypted event came; `None` if its sender is not who it claims.
fn security(state: &VerificationState) -> Option<Security> {
    let verified = match state {
        VerificationState::Verified | VerificationState::Unverified(VerificationLevel::UnverifiedIdentity) => true,
        VerificationState::Unverified(VerificationLevel::MismatchedSender) => return None,
        VerificationState::Unverified(_) => false,
    };
    Some(Security::Encrypted { verified })
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "events are written where they are read")]
mod tests {
    use super::*;
    use matrix_sdk::deserialized_responses::DeviceLinkProblem;
    use matrix_sdk::ruma::{room_id, serde::Raw, user_id};
    use serde_json::json;

    fn reader() -> Reader {
        Reader { login: LoginId::new("l"), user: user_id!("@alice:a.org").to_owned(), device: "DEV".into() }
    }

    fn read(event: Value) -> Content {
        let event = TimelineEvent::from_plaintext(Raw::from_json_string(event.to_string()).unwrap());
        reader().read(room_id!("!r:a.org"), &event, None)
    }

    fn message(sender: &str, content: Value, unsigned: Value) -> Value {
        json!({"type": "m.room.message", "event_id": "$e", "sender": sender, "origin_server_ts": 1000,
            "content": content, "unsigned": unsigned})
    }

    fn said(event: Value) -> Envelope {
        match read(event) {
            Content::Said(envelope) => *envelope,
            _ => panic!("nothing was said"),
        }
    }

    #[test]
    fn a_message_in_clear_is_marked_so() {
        let envelope = said(message("@bob:a.org", json!({"msgtype": "m.text", "body": "hi"}), json!({})));
        assert_eq!(envelope.security, Security::Plain);
        assert_eq!(envelope.remote_id, Some(RemoteId::new("$e")));
        assert_eq!(envelope.time, Some(UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!(envelope.sender.unwrap(), Sender { id: ContactId::new("@bob:a.org"), is_me: false });
        assert!(matches!(envelope.event, Event::Message { text, .. } if text.expose() == "hi"));
    }

    #[test]
    fn our_own_sends_are_known_by_the_homeservers_word_or_by_our_mark() {
        let text = |mark: &str| json!({"msgtype": "m.text", "body": "hi", MARK: mark});
        let echo = |event| said(event).echo_of.map(|txn| txn.as_str().to_owned());
        let mine = "@alice:a.org";
        assert_eq!(echo(message(mine, text(""), json!({"transaction_id": "t1"}))).as_deref(), Some("t1"));
        assert_eq!(echo(message(mine, text("DEV/t2/x"), json!({}))).as_deref(), Some("t2/x"));
        assert_eq!(echo(message(mine, text("OTHER/t3"), json!({}))), None, "another Drawbridge of the same user");
        let forged = message("@bob:a.org", text("DEV/t4"), json!({"transaction_id": "t4"}));
        assert_eq!(echo(forged), None, "a contact cannot pass for us");
    }

    #[test]
    fn what_has_no_words_is_silent() {
        let redacted = message("@bob:a.org", json!({}), json!({"redacted_because": {}}));
        let state = json!({"type": "m.room.message", "event_id": "$e", "sender": "@bob:a.org", "state_key": "",
            "content": {"msgtype": "m.text", "body": "x"}});
        let broken = json!({"type": 5, "event_id": "$e"});
        for event in [redacted, state, broken] {
            assert!(matches!(read(event.clone()), Content::Silent), "{event}");
        }
    }

    #[test]
    fn an_encrypted_event_that_was_never_opened_is_sealed() {
        let event = json!({"type": "m.room.encrypted", "event_id": "$e", "sender": "@bob:a.org", "content": {}});
        assert!(matches!(read(event), Content::Sealed(..)));
    }

    #[test]
    fn only_a_vouched_device_is_verified_and_a_false_sender_is_nobody() {
        let level = |level| security(&VerificationState::Unverified(level));
        assert_eq!(security(&VerificationState::Verified), Some(Security::Encrypted { verified: true }));
        assert_eq!(level(VerificationLevel::UnverifiedIdentity), Some(Security::Encrypted { verified: true }));
        for weak in [
            VerificationLevel::UnsignedDevice,
            VerificationLevel::VerificationViolation,
            VerificationLevel::None(DeviceLinkProblem::MissingDevice),
            VerificationLevel::None(DeviceLinkProblem::InsecureSource),
        ] {
            assert_eq!(level(weak), Some(Security::Encrypted { verified: false }));
        }
        assert_eq!(level(VerificationLevel::MismatchedSender), None);
    }
}
