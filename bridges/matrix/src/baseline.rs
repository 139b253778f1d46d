//! Where a login's news begins: what was said before the login was read elsewhere, what is said after it is delivered.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use matrix_sdk::Client;
use matrix_sdk::Room;
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk::ruma::api::client::filter::FilterDefinition;
use matrix_sdk::ruma::api::client::sync::sync_events::v3::{Filter, Request};
use matrix_sdk::ruma::presence::PresenceState;
use matrix_sdk::sync::JoinedRoomUpdate;
use serde::{Deserialize, Serialize};

use crate::device::requests;
use crate::digest::conv_of;
use crate::journal::Journal;
use crate::sync::{Halt, Line};
use crate::timeline::{Cursor, Pager, Placed};

/// The homeserver's clocks and ours may differ by this (milliseconds).
const SKEW: u64 = 10 * 60 * 1000;

/// The moment of the login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beginning {
    /// The homeserver's place in its stream of events.
    place: String,
    /// Milliseconds since 1970, by our clock.
    time: u64,
}

/// Notes the moment. Should that fail, news begins with the first sync, which follows at once.
pub(crate) async fn mark(client: &Client) {
    let mut request = Request::new();
    request.filter = Some(Filter::FilterDefinition(FilterDefinition::ignore_all()));
    request.set_presence = PresenceState::Offline;
    let time = now();
    let answer = Box::pin(client.send(request).with_request_config(requests()).into_future()).await;
    if let Ok(answer) = answer {
        let _ = Journal::of(client).set_beginning(&Beginning { place: answer.next_batch, time }).await;
    }
}

impl Line<'_> {
    /// Sets the first cursors of the rooms that are there at the first sync.
    pub(crate) async fn begin(&self, joined: &BTreeMap<OwnedRoomId, JoinedRoomUpdate>) -> Result<(), Halt> {
        let beginning = self.journal.beginning().await?;
        for room in self.client.joined_rooms() {
            let conv = conv_of(room.room_id());
            if self.out.position(&conv).await.is_some() {
                continue;
            }
            let newest = joined.get(room.room_id()).and_then(|update| update.timeline.events.last());
            let cursor = match (newest, &beginning) {
                // Long before the login: needs no request.
                (Some(event), Some(beginning)) if event.time() + SKEW < beginning.time => Cursor::of(event),
                (_, Some(beginning)) => match self.newest(&room, Some(&beginning.place)).await {
                    Err(Halt::Fault(_)) => newest.and_then(Cursor::of),
                    other => other?,
                },
                (Some(event), None) => Cursor::of(event),
                (None, None) => self.newest(&room, None).await?,
            };
            if let Some(cursor) = cursor {
                self.out.set_position(&conv, cursor.position()).await?;
            }
        }
        Ok(self.journal.set_baseline().await?)
    }

    /// The newest event before a place.
    async fn newest(&self, room: &Room, before: Option<&str>) -> Result<Option<Cursor>, Halt> {
        Ok(self.history(room).page(before).await?.events.first().and_then(Cursor::of))
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
