//! The two sides of a test: the keeper (whoever drives the bridge), and other people with Matrix clients.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use drawbridge_bridge::*;
use drawbridge_matrix::MatrixNetwork;
use matrix_sdk::config::SyncSettings;
use matrix_sdk::media::{MediaFormat, MediaRequestParameters};
use matrix_sdk::ruma::events::room::MediaSource;
use matrix_sdk::ruma::events::room::message::{RoomMessageEventContent, SyncRoomMessageEvent};
use matrix_sdk::ruma::events::typing::SyncTypingEvent;
use matrix_sdk::ruma::events::{AnySyncTimelineEvent, SyncMessageLikeEvent};
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, UserId};
use matrix_sdk::{Client, Room};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::synapse::password;

/// How long anything may take on a busy machine before it counts as missing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Keeps what is delivered, and where each conversation stands. Outlives sessions, as the keeper's database does.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) events: Mutex<Vec<Envelope>>,
    positions: Mutex<HashMap<ConvId, Position>>,
    /// Takes so many more messages, then closes.
    pub(crate) patience: Mutex<Option<usize>>,
    pub(crate) twice: AtomicUsize,
}

#[async_trait]
impl Sink for Ledger {
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed> {
        if let (Event::Message { .. }, Some(left)) = (&envelope.event, self.patience.lock().unwrap().as_mut()) {
            *left = left.checked_sub(1).ok_or(Closed)?;
        }
        let mut events = self.events.lock().unwrap();
        let key = |e: &Envelope| (e.conv.clone(), e.remote_id.clone(), e.version);
        if envelope.remote_id.is_some() && events.iter().any(|known| key(known) == key(&envelope)) {
            self.twice.fetch_add(1, Ordering::SeqCst);
            return Ok(Committed::Known);
        }
        if let (Some(conv), Some(position)) = (&envelope.conv, &envelope.position) {
            self.positions.lock().unwrap().insert(conv.clone(), position.clone());
        }
        events.push(envelope);
        Ok(Committed::Fresh)
    }

    async fn position(&self, conv: &ConvId) -> Option<Position> {
        self.positions.lock().unwrap().get(conv).cloned()
    }

    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        self.positions.lock().unwrap().insert(conv.clone(), position);
        Ok(())
    }
}

impl Ledger {
    /// Waits until an event fits.
    pub(crate) async fn await_event<T>(&self, what: &str, fits: impl Fn(&Envelope) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(found) = self.events.lock().unwrap().iter().find_map(&fits) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let events: Vec<String> = self.events.lock().unwrap().iter().map(|e| format!("{:?}", e.event)).collect();
        panic!("{what} did not come; there is {events:#?}");
    }

    pub(crate) async fn await_text(&self, text: &str) -> Envelope {
        self.await_event(text, |e| (text_of(e).as_deref() == Some(text)).then(|| e.clone())).await
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().filter_map(text_of).collect()
    }
}

pub(crate) fn text_of(envelope: &Envelope) -> Option<String> {
    match &envelope.event {
        Event::Message { text, .. } => Some(text.expose().to_owned()),
        _ => None,
    }
}

/// A user of the gateway: one login, its files, its ledger, and perhaps a running session.
pub(crate) struct Alice {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) grant: LoginGrant,
    pub(crate) place: Place,
    _dir: TempDir,
}

pub(crate) struct Running {
    pub(crate) session: Arc<dyn Session>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Exit>,
}

pub(crate) fn place(dir: &TempDir) -> Place {
    Place { dir: dir.path().to_owned(), key: Secret::new([7; 32]) }
}

pub(crate) async fn try_login(place: Place, homeserver: &str, name: &str, password: &str) -> Result<LoginGrant, Error> {
    let network = MatrixNetwork::new();
    let mut login = network.begin_login(&UserRef("u".into()), &FlowId::new("password"), place)?;
    assert!(matches!(login.step(LoginInput::default()).await?, LoginStep::Form { .. }));
    let values = [("homeserver", homeserver), ("username", name), ("password", password)];
    let values = values.into_iter().map(|(k, v)| (k.to_owned(), Secret::new(v))).collect();
    match login.step(LoginInput { values }).await? {
        LoginStep::Done(grant) => Ok(grant),
        other => panic!("{other:?}"),
    }
}

impl Alice {
    pub(crate) async fn log_in(homeserver: &str, name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir);
        let grant = try_login(place.clone(), homeserver, name, &password(name)).await.unwrap();
        Self { ledger: Arc::default(), grant, place, _dir: dir }
    }

    pub(crate) fn open(&self) -> Arc<dyn Session> {
        let record = LoginRecord {
            id: LoginId::new("login"),
            account: self.grant.account.clone(),
            state: self.grant.state.clone(),
        };
        MatrixNetwork::new().open(record, self.place.clone()).unwrap()
    }

    pub(crate) fn run(&self) -> Running {
        let (session, stop) = (self.open(), CancellationToken::new());
        let task = tokio::spawn(session.clone().run(self.ledger.clone(), stop.clone()));
        Running { session, stop, task }
    }
}

impl Running {
    pub(crate) async fn stop(self) -> Exit {
        self.stop.cancel();
        self.ends().await
    }

    pub(crate) async fn ends(self) -> Exit {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }

    pub(crate) async fn say(&self, conv: &ConvId, text: &str, txn: &str) -> Result<Sent, SendError> {
        let message = OutMessage { conv: conv.clone(), text: Plaintext::new(text), reply_to: None };
        self.session.send(message, TxnId::new(txn)).await
    }
}

struct Heard {
    room: OwnedRoomId,
    by: OwnedUserId,
    text: String,
}

/// Somebody with a Matrix client of their own, which syncs all the time and keeps what it reads.
pub(crate) struct Person {
    pub(crate) client: Client,
    heard: Arc<Mutex<Vec<Heard>>>,
    events: Arc<Mutex<Vec<(OwnedRoomId, Value)>>>,
    typists: Arc<Mutex<HashMap<OwnedRoomId, Vec<OwnedUserId>>>>,
    /// Rooms that a sync has brought as joined.
    joined: watch::Receiver<HashSet<OwnedRoomId>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Person {
    pub(crate) async fn sign_in(homeserver: &str, name: &str, identity: bool) -> Self {
        MatrixNetwork::new();
        let client = Client::builder().homeserver_url(homeserver).build().await.unwrap();
        client.matrix_auth().login_username(name, &password(name)).send().await.unwrap();
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        if identity {
            client.encryption().bootstrap_cross_signing(None).await.unwrap();
        }
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let hear = heard.clone();
        client.add_event_handler(move |event: SyncRoomMessageEvent, room: Room| {
            let hear = hear.clone();
            async move {
                if let SyncMessageLikeEvent::Original(event) = event {
                    let text = event.content.body().to_owned();
                    hear.lock().unwrap().push(Heard { room: room.room_id().to_owned(), by: event.sender, text });
                }
            }
        });
        let events: Arc<Mutex<Vec<(OwnedRoomId, Value)>>> = Arc::default();
        let note = events.clone();
        client.add_event_handler(move |event: Raw<AnySyncTimelineEvent>, room: Room| {
            let note = note.clone();
            async move {
                let event = event.deserialize_as_unchecked().unwrap();
                note.lock().unwrap().push((room.room_id().to_owned(), event));
            }
        });
        let typists: Arc<Mutex<HashMap<OwnedRoomId, Vec<OwnedUserId>>>> = Arc::default();
        let see = typists.clone();
        client.add_event_handler(move |event: SyncTypingEvent, room: Room| {
            let see = see.clone();
            async move {
                see.lock().unwrap().insert(room.room_id().to_owned(), event.content.user_ids);
            }
        });
        let first = client.sync_once(SyncSettings::new().timeout(Duration::ZERO)).await.unwrap();
        let (arrived, joined) = watch::channel(first.rooms.joined.into_keys().collect::<HashSet<_>>());
        let syncing = client.clone();
        let task = tokio::spawn(async move {
            loop {
                let settings = SyncSettings::new().timeout(Duration::from_secs(10));
                match Box::pin(syncing.sync_once(settings)).await {
                    Ok(response) => arrived.send_modify(|rooms| rooms.extend(response.rooms.joined.into_keys())),
                    Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
                }
            }
        });
        Self { client, heard, events, typists, joined, task }
    }

    pub(crate) async fn hears(&self, text: &str) {
        let start = Instant::now();
        while !self.heard.lock().unwrap().iter().any(|heard| heard.text == text) {
            assert!(start.elapsed() < PATIENCE, "{text:?} did not arrive");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What others have said in a room, doubles too.
    pub(crate) fn heard_in(&self, room: &str) -> Vec<String> {
        let me = self.client.user_id().unwrap();
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|heard| heard.room == room && heard.by != me).map(|heard| heard.text.clone()).collect()
    }

    /// What others have sent to a room, decrypted.
    pub(crate) fn events_in(&self, room: &str) -> Vec<Value> {
        let me = self.client.user_id().unwrap();
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter(|(at, event)| at == room && event["sender"] != me.as_str())
            .map(|(_, it)| it.clone())
            .collect()
    }

    /// A file that somebody has shared.
    pub(crate) async fn fetches(&self, source: MediaSource) -> Vec<u8> {
        let request = MediaRequestParameters { source, format: MediaFormat::File };
        self.client.media().get_media_content(&request, false).await.unwrap()
    }

    /// Whether somebody else types in a room.
    pub(crate) fn sees_typing(&self, room: &str) -> bool {
        self.typists.lock().unwrap().iter().any(|(at, users)| at == room && !users.is_empty())
    }

    /// The room, as soon as it is there.
    pub(crate) async fn room(&self, conv: &ConvId) -> Room {
        let id = matrix_sdk::ruma::RoomId::parse(conv.as_str()).unwrap();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(room) = self.client.get_room(&id) {
                return room;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no room");
    }

    /// Joins, and waits until a sync has brought the room. (`Room::sync_up` may wait for ever: `Client::join_room_by_id`
    /// looks whether the room is joined, and only then takes the lock under which it marks the room as not yet synced. A
    /// sync that brings the room in between is overwritten, and does not come again.)
    pub(crate) async fn joins(&self, conv: &ConvId) -> Room {
        let room = self.room(conv).await;
        room.join().await.unwrap();
        let mut joined = self.joined.clone();
        let came = tokio::time::timeout(PATIENCE, joined.wait_for(|rooms| rooms.contains(room.room_id()))).await;
        assert!(came.is_ok_and(|came| came.is_ok()), "the joined room does not come");
        room
    }

    /// Waits until this client knows a device of somebody, and encrypts for it.
    pub(crate) async fn knows_device(&self, user: &UserId, device: &str) {
        let start = Instant::now();
        while self.client.encryption().get_device(user, device.into()).await.unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "the device {device} does not show up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn says(&self, room: &Room, text: &str) -> String {
        let sent = room.send(RoomMessageEventContent::text_plain(text)).await.unwrap();
        sent.response.event_id.to_string()
    }
}
