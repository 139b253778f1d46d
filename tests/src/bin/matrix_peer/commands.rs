//! The commands. Each is answered with one event that carries the command's `id`:
//!
//! | command | answer |
//! |---|---|
//! | `{"command":"create_dm","user"}` | `room_created {room}` |
//! | `{"command":"create_room","name","user"}`: a room for several, with an invitation | `room_created {room}` |
//! | `{"command":"send","room" or "user","text"}` | `sent {room, event_id}` |
//! | `{"command":"share","room","name","media_type","octets": base64}` | `sent {room, event_id}` |
//! | `{"command":"fetch","content"}`: what a message has shared | `fetched {octets: base64}` |
//! | `{"command":"event","room","type","content"}`: any event | `sent {room, event_id}` |
//! | `{"command":"redact","room","event_id"}` | `done` |
//! | `{"command":"typing","room","on"}` | `done` |
//! | `{"command":"read","room","event_id"}` | `done` |
//! | `{"command":"presence","state":"online" or "unavailable" or "offline","status"?}` | `done` |
//! | `{"command":"join" or "leave","room"}` | `done` |
//! | `{"command":"rename","name"}` | `done` |
//! | `{"command":"enable_recovery"}` | `recovery_key {key}` |
//! | `{"command":"recover","key"}` | `done` |
//! | `{"command":"reset_identity","password"}`: new cross-signing keys, as after setting Matrix up anew | `done` |
//! | `{"command":"devices","user"}` | `devices {devices: [{device, signed_by_owner}]}` |
//!
//! What fails is answered with `error {error}`.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use matrix_sdk::{
    Client, Room,
    attachment::AttachmentConfig,
    media::{MediaFormat, MediaRequestParameters},
    ruma::{
        EventId, RoomId, UserId,
        api::client::{receipt::create_receipt::v3::ReceiptType, room::create_room},
        events::{
            receipt::ReceiptThread,
            room::{MediaSource, message::RoomMessageEventContent},
        },
        presence::PresenceState,
    },
};
use serde_json::{Value, json};

use crate::{Failure, login};

/// Does what the command says and gives the answer.
pub(crate) async fn obey(client: &Client, command: &Value) -> Value {
    let mut answer = match perform(client, command).await {
        Ok(answer) => answer,
        Err(error) => json!({ "event": "error", "error": error.to_string() }),
    };
    answer["id"] = command["id"].clone();
    answer
}

async fn perform(client: &Client, command: &Value) -> Result<Value, Failure> {
    let done = json!({ "event": "done" });
    match text(command, "command")? {
        "create_dm" => {
            let room = client.create_dm(&UserId::parse(text(command, "user")?)?).await?;
            Ok(json!({ "event": "room_created", "room": room.room_id() }))
        }
        "create_room" => {
            let mut request = create_room::v3::Request::new();
            request.name = Some(text(command, "name")?.to_owned());
            request.invite = vec![UserId::parse(text(command, "user")?)?];
            Ok(json!({ "event": "room_created", "room": client.create_room(request).await?.room_id() }))
        }
        "send" => send(client, command).await,
        "share" => {
            let (room, kind) = (room(client, command)?, text(command, "media_type")?.parse()?);
            let octets = BASE64.decode(text(command, "octets")?)?;
            let sent = room.send_attachment(text(command, "name")?, &kind, octets, AttachmentConfig::new()).await?;
            Ok(json!({ "event": "sent", "room": room.room_id(), "event_id": sent.event_id }))
        }
        "fetch" => {
            let source: MediaSource = serde_json::from_value(command["content"].clone())?;
            let request = MediaRequestParameters { source, format: MediaFormat::File };
            let octets = client.media().get_media_content(&request, false).await?;
            Ok(json!({ "event": "fetched", "octets": BASE64.encode(octets) }))
        }
        "event" => {
            let room = room(client, command)?;
            let sent = room.send_raw(text(command, "type")?, command["content"].clone()).await?;
            Ok(json!({ "event": "sent", "room": room.room_id(), "event_id": sent.response.event_id }))
        }
        "redact" => {
            room(client, command)?.redact(&EventId::parse(text(command, "event_id")?)?, None, None).await?;
            Ok(done)
        }
        "typing" => {
            room(client, command)?.typing_notice(command["on"].as_bool().ok_or("\"on\" is missing")?).await?;
            Ok(done)
        }
        "read" => {
            let event = text(command, "event_id")?.try_into()?;
            room(client, command)?.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, event).await?;
            Ok(done)
        }
        "presence" => {
            let status = command["status"].as_str().map(ToOwned::to_owned);
            client.set_presence(PresenceState::from(text(command, "state")?), status, true).await?;
            Ok(done)
        }
        "join" => {
            client.join_room_by_id(&RoomId::parse(text(command, "room")?)?).await?;
            Ok(done)
        }
        "leave" => {
            room(client, command)?.leave().await?;
            Ok(done)
        }
        "rename" => {
            client.account().set_display_name(Some(text(command, "name")?)).await?;
            Ok(done)
        }
        "enable_recovery" => {
            let key = client.encryption().recovery().enable().wait_for_backups_to_upload().await?;
            Ok(json!({ "event": "recovery_key", "key": key }))
        }
        "recover" => {
            client.encryption().recovery().recover(text(command, "key")?).await?;
            Ok(done)
        }
        "reset_identity" => {
            login::reset_identity(client, text(command, "password")?).await?;
            Ok(done)
        }
        "devices" => devices(client, &UserId::parse(text(command, "user")?)?).await,
        other => Err(format!("no command {other:?}").into()),
    }
}

async fn send(client: &Client, command: &Value) -> Result<Value, Failure> {
    let room = match command["user"].as_str() {
        None => room(client, command)?,
        Some(user) => {
            let user = UserId::parse(user)?;
            match client.get_dm_room(&user) {
                Some(room) => room,
                None => client.create_dm(&user).await?,
            }
        }
    };
    let sent = room.send(RoomMessageEventContent::text_plain(text(command, "text")?)).await?;
    Ok(json!({ "event": "sent", "room": room.room_id(), "event_id": sent.response.event_id }))
}

async fn devices(client: &Client, user: &UserId) -> Result<Value, Failure> {
    client.encryption().request_user_identity(user).await?;
    let devices = client.encryption().get_user_devices(user).await?;
    let devices: Vec<Value> = devices
        .devices()
        .map(|device| json!({ "device": device.device_id(), "signed_by_owner": device.is_cross_signed_by_owner() }))
        .collect();
    Ok(json!({ "event": "devices", "devices": devices }))
}

fn room(client: &Client, command: &Value) -> Result<Room, Failure> {
    let id = RoomId::parse(text(command, "room")?)?;
    client.get_room(&id).ok_or_else(|| format!("{id} is not one of our rooms").into())
}

fn text<'a>(command: &'a Value, key: &str) -> Result<&'a str, Failure> {
    command[key].as_str().ok_or_else(|| format!("{key:?} is missing").into())
}
