//! The events, as they come out of a sync:
//!
//! | event | carries |
//! |---|---|
//! | `ready` | `user`, `device`, `signed_by_owner` |
//! | `message` | `room`, `sender`, `mine`, `event_id`, `time` (ms), `body`, `content`, `encrypted`, `trust`, `late` |
//! | `undecryptable` | `room`, `sender`, `event_id`, `reason`; a `message` with `late` follows when its key arrives |
//! | `member` | `room`, `user`, `sender`, `membership`, `name` |
//! | `invited` | `room`, `sender`, `direct` |
//! | `joined`, `left` | `room`: our own |
//! | `typing` | `room`, `users` |
//! | `receipt` | `room`, `user`, `event_id`, `kind` |
//! | `presence` | `user`, `state`, `status` |
//! | `other` | `room`, `sender`, `event_id`, `type`, `content`: what is none of these, such as reactions and redactions |
//! | `sync_failed` | `error`; it goes on trying |

use matrix_sdk::{
    Client,
    deserialized_responses::{TimelineEvent, TimelineEventKind, VerificationLevel, VerificationState},
    ruma::{RoomId, UserId, serde::Raw},
};
use serde_json::{Value, json};

use crate::Failure;

/// The first event: who we are.
pub(crate) async fn ready(client: &Client) -> Result<Value, Failure> {
    let device = client.encryption().get_own_device().await?.ok_or("no device of our own")?;
    let signed = device.is_cross_signed_by_owner();
    Ok(json!({ "event": "ready", "user": client.user_id(), "device": client.device_id(), "signed_by_owner": signed }))
}

/// An event of a room's timeline; `None` for state that tells nothing.
pub(crate) fn timeline(own: &UserId, room: &RoomId, event: &TimelineEvent, late: bool) -> Option<Value> {
    let raw = parse(event.raw());
    let (sender, id, kind) = (&raw["sender"], &raw["event_id"], raw["type"].as_str()?);
    if let TimelineEventKind::UnableToDecrypt { utd_info, .. } = &event.kind {
        let reason = format!("{:?}", utd_info.reason);
        return Some(
            json!({ "event": "undecryptable", "room": room, "sender": sender, "event_id": id, "reason": reason }),
        );
    }
    let content = &raw["content"];
    match kind {
        "m.room.message" => Some(json!({
            "event": "message", "room": room, "sender": sender, "mine": sender == own.as_str(), "event_id": id,
            "time": raw["origin_server_ts"], "body": content["body"], "content": content,
            "encrypted": event.encryption_info().is_some(), "trust": trust(event), "late": late,
        })),
        "m.room.member" => Some(json!({
            "event": "member", "room": room, "sender": sender, "user": raw["state_key"],
            "membership": content["membership"], "name": content["displayname"],
        })),
        _ if raw["state_key"].is_string() => None,
        _ => Some(json!({
            "event": "other", "room": room, "sender": sender, "event_id": id, "type": kind, "content": content,
        })),
    }
}

/// An event that is not kept: typing and receipts of a room.
pub(crate) fn ephemeral<T>(room: &RoomId, event: &Raw<T>) -> Vec<Value> {
    let raw = parse(event);
    let content = &raw["content"];
    match raw["type"].as_str() {
        Some("m.typing") => vec![json!({ "event": "typing", "room": room, "users": content["user_ids"] })],
        Some("m.receipt") => receipts(room, content),
        _ => Vec::new(),
    }
}

/// Somebody's presence.
pub(crate) fn presence<T>(event: &Raw<T>) -> Value {
    let raw = parse(event);
    let content = &raw["content"];
    json!({ "event": "presence", "user": raw["sender"], "state": content["presence"], "status": content["status_msg"] })
}

/// An invitation of ours.
pub(crate) fn invited<T>(own: &UserId, room: &RoomId, state: &[Raw<T>]) -> Value {
    let ours = |event: &Value| event["type"] == "m.room.member" && event["state_key"] == own.as_str();
    let event = state.iter().map(parse).find(ours).unwrap_or_default();
    let direct = event["content"]["is_direct"] == true;
    json!({ "event": "invited", "room": room, "sender": event["sender"], "direct": direct })
}

/// `{event: {kind: {user: …}}}`
fn receipts(room: &RoomId, content: &Value) -> Vec<Value> {
    let entries = |value: &Value| value.as_object().cloned().into_iter().flatten();
    let mut found = Vec::new();
    for (event, kinds) in entries(content) {
        for (kind, users) in entries(&kinds) {
            for (user, _) in entries(&users) {
                found.push(json!({ "event": "receipt", "room": room, "user": user, "event_id": event, "kind": kind }));
            }
        }
    }
    found
}

/// What the keys say about who wrote it.
fn trust(event: &TimelineEvent) -> &'static str {
    let Some(info) = event.encryption_info() else { return "none" };
    match &info.verification_state {
        VerificationState::Verified => "verified",
        VerificationState::Unverified(VerificationLevel::UnverifiedIdentity) => "signed device, user not verified",
        VerificationState::Unverified(VerificationLevel::UnsignedDevice) => "device not signed by its owner",
        VerificationState::Unverified(VerificationLevel::VerificationViolation) => "identity changed",
        VerificationState::Unverified(_) => "device not known",
    }
}

fn parse<T>(raw: &Raw<T>) -> Value {
    serde_json::from_str(raw.json().get()).unwrap_or_default()
}
