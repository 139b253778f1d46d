//! Its own loop around `sync_once`: `Client::sync` sleeps a second after each quick answer. What a limited sync leaves
//! out is fetched, so that every message comes once and in order.

use std::{collections::HashMap, time::Duration};

use matrix_sdk::{
    Client, Room,
    config::SyncSettings,
    deserialized_responses::TimelineEvent,
    room::MessagesOptions,
    ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, uint},
    sync::Timeline,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{Failure, emit, events};

const LONG_POLL: Duration = Duration::from_secs(30);

/// The syncing half of the client.
pub(crate) struct Loop {
    client: Client,
    own: OwnedUserId,
    accept: bool,
    /// The newest event of each room that was told (since this process started).
    told: HashMap<OwnedRoomId, OwnedEventId>,
    /// What could not be decrypted when it came.
    locked: Vec<(OwnedRoomId, OwnedEventId)>,
}

impl Loop {
    pub(crate) fn new(client: Client, accept: bool) -> Self {
        let own = client.user_id().map(ToOwned::to_owned);
        let own = own.unwrap_or_else(|| matrix_sdk::ruma::owned_user_id!("@nobody:nowhere.invalid"));
        Self { client, own, accept, told: HashMap::new(), locked: Vec::new() }
    }

    /// Syncs for ever.
    pub(crate) async fn run(&mut self) {
        loop {
            if let Err(error) = self.step(LONG_POLL).await {
                emit(&json!({ "event": "sync_failed", "error": error.to_string() }));
                sleep(Duration::from_millis(300)).await;
            }
        }
    }

    /// One sync, told.
    pub(crate) async fn step(&mut self, timeout: Duration) -> Result<(), Failure> {
        let response = self.client.sync_once(SyncSettings::new().timeout(timeout)).await?;
        for (id, update) in &response.rooms.joined {
            let Some(room) = self.client.get_room(id) else { continue };
            if !self.told.contains_key(id) {
                emit(&json!({ "event": "joined", "room": id }));
            }
            self.tell_timeline(&room, &update.timeline).await?;
            update.ephemeral.iter().flat_map(|event| events::ephemeral(id, event)).for_each(|event| emit(&event));
        }
        for (id, update) in &response.rooms.left {
            update
                .timeline
                .events
                .iter()
                .filter_map(|event| events::timeline(&self.own, id, event, false))
                .for_each(|event| emit(&event));
            self.told.remove(id);
            emit(&json!({ "event": "left", "room": id }));
        }
        for (id, update) in &response.rooms.invited {
            emit(&events::invited(&self.own, id, &update.invite_state.events));
            if self.accept {
                self.client.join_room_by_id(id).await?;
            }
        }
        response.presence.iter().for_each(|event| emit(&events::presence(event)));
        self.unlock().await;
        Ok(())
    }

    async fn tell_timeline(&mut self, room: &Room, timeline: &Timeline) -> Result<(), Failure> {
        let last = self.told.get(room.room_id()).cloned();
        if let (true, Some(last), Some(from)) = (timeline.limited, last, &timeline.prev_batch) {
            for event in missed(room, from, &last).await? {
                self.tell(room.room_id(), &event);
            }
        }
        for event in &timeline.events {
            self.tell(room.room_id(), event);
        }
        Ok(())
    }

    fn tell(&mut self, room: &RoomId, event: &TimelineEvent) {
        if let Some(told) = events::timeline(&self.own, room, event, false) {
            emit(&told);
        }
        let Some(id) = event.event_id() else { return };
        if event.kind.is_utd() {
            self.locked.push((room.to_owned(), id.to_owned()));
        }
        self.told.insert(room.to_owned(), id.to_owned());
    }

    /// Tries again what could not be decrypted: its key may have come with this sync.
    async fn unlock(&mut self) {
        let mut still = Vec::new();
        for (room, id) in self.locked.drain(..) {
            let event = match self.client.get_room(&room) {
                Some(room) => room.event(&id, None).await.ok(),
                None => None,
            };
            match event.filter(|event| !event.kind.is_utd()) {
                Some(event) => events::timeline(&self.own, &room, &event, true).iter().for_each(emit),
                None => still.push((room, id)),
            }
        }
        self.locked = still;
    }
}

/// The events between the one that was told last and a limited timeline, oldest first.
async fn missed(room: &Room, from: &str, last: &OwnedEventId) -> Result<Vec<TimelineEvent>, Failure> {
    let mut events = Vec::new();
    let mut from = Some(from.to_owned());
    'pages: while let Some(token) = from {
        let mut options = MessagesOptions::backward().from(token.as_str());
        options.limit = uint!(100);
        let page = room.messages(options).await?;
        for event in page.chunk {
            if event.event_id() == Some(last) {
                break 'pages;
            }
            events.push(event);
        }
        from = page.end;
    }
    events.reverse();
    Ok(events)
}
