//! A live login.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use drawbridge_bridge::{
    Annotate, CancellationToken, Caps, ContactId, ContactInfo, ConvId, ConvInfo, Direct, Directory, Error, EventSink,
    Exit, KeySharing, LoginRecord, Media, OutMessage, Place, SendError, Sent, Session, Signals, Trust, TxnId,
};
use matrix_sdk::ruma::presence::PresenceState;
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId};
use matrix_sdk::{Client, Room, RoomState};
use tokio::sync::{Mutex, Notify, OwnedRwLockReadGuard, RwLock, watch};

use crate::admission::Vigil;
use crate::contact_id;
use crate::device::{Files, Record};
use crate::envelope::Reader;
use crate::error::Fault;
use crate::journal::Journal;
use crate::profile;
use crate::rooms::{Rooms, View};
use crate::send::{self, Draft, Outgoing};

/// One login. The SDK client opens at first use, and again when the key sharing policy changes: the SDK takes that
/// policy only when a client is built.
pub(crate) struct MatrixSession {
    pub(crate) reader: Reader,
    pub(crate) rooms: Rooms,
    pub(crate) sending: StdMutex<HashMap<OwnedRoomId, Arc<Mutex<Outgoing>>>>,
    pub(crate) vigil: Vigil,
    /// Held while a direct chat is made, so that a sync does not take it for another room.
    pub(crate) opening: Mutex<()>,
    /// Held while the list of sealed events is worked on, so that a key and its event cannot miss each other.
    pub(crate) unsealing: Mutex<()>,
    /// Held while a contact's identity is judged or accepted, so that a verdict never outlives the acceptance.
    pub(crate) judging: Mutex<()>,
    /// Rooms whose contact types now.
    pub(crate) typing: StdMutex<HashSet<OwnedRoomId>>,
    /// What the user's own presence is to be.
    pub(crate) presence: StdMutex<PresenceState>,
    /// The last word about the connection.
    pub(crate) up: StdMutex<Option<bool>>,
    pub(crate) sharing: watch::Sender<KeySharing>,
    /// Rung when keys may be had that could not be had before.
    pub(crate) recovered: Notify,
    /// Set by logging out.
    pub(crate) ended: CancellationToken,
    record: Record,
    files: Files,
    /// With the policy that it was opened under.
    client: Arc<RwLock<Option<(Client, KeySharing)>>>,
}

/// The client, kept from being reopened while this lives.
pub(crate) struct Open(OwnedRwLockReadGuard<Option<(Client, KeySharing)>, Client>);

impl Deref for Open {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.0
    }
}

impl MatrixSession {
    pub(crate) fn open(login: LoginRecord, place: &Place) -> Result<Self, Error> {
        let record = Record::unseal(&login.state)?;
        let files = Files::new(place);
        if !files.exist() {
            return Err(Error::LoggedOut);
        }
        let reader = Reader {
            login: login.id,
            user: record.grant.meta.user_id.clone(),
            device: record.grant.meta.device_id.to_string(),
        };
        Ok(Self {
            reader,
            rooms: Rooms::default(),
            sending: StdMutex::default(),
            vigil: Vigil::default(),
            opening: Mutex::default(),
            unsealing: Mutex::default(),
            judging: Mutex::default(),
            typing: StdMutex::default(),
            presence: StdMutex::new(PresenceState::Offline),
            up: StdMutex::default(),
            sharing: watch::Sender::new(KeySharing::default()),
            recovered: Notify::new(),
            ended: CancellationToken::new(),
            record,
            files,
            client: Arc::default(),
        })
    }

    /// The client, under the policy of this moment. Whoever holds it must not ask for it again: a waiting reopening would
    /// let both wait for ever. The sync loop holds it all the time, and lets go when the policy changes.
    pub(crate) async fn client(&self) -> Result<Open, Error> {
        loop {
            if self.ended.is_cancelled() {
                return Err(Error::LoggedOut);
            }
            let slot = Arc::clone(&self.client).read_owned().await;
            if let Ok(open) = OwnedRwLockReadGuard::try_map(slot, |slot| self.fitting(slot.as_ref())) {
                return Ok(Open(open));
            }
            let mut slot = self.client.write().await;
            if self.fitting(slot.as_ref()).is_none() && !self.ended.is_cancelled() {
                // Two clients on the same files would use the same message keys twice: the old one goes first.
                *slot = None;
                let sharing = *self.sharing.borrow();
                let client = self.files.restore(&self.record, sharing).await?;
                let presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = client.set_presence(presence, None, false).await;
                *slot = Some((client, sharing));
            }
        }
    }

    fn fitting<'a>(&self, slot: Option<&'a (Client, KeySharing)>) -> Option<&'a Client> {
        slot.filter(|(_, sharing)| *sharing == *self.sharing.borrow()).map(|(client, _)| client)
    }

    /// A room as it is, in the words of the trait.
    pub(crate) async fn look(&self, room: &Room, journal: &Journal) -> Result<ConvInfo, Fault> {
        let view = View::of(room, journal).await?;
        self.rooms.note_encryption(room.room_id(), view.encrypted);
        Ok(view.info(room.room_id()))
    }
}

/// The room of a conversation that the user is in.
pub(crate) fn joined(client: &Client, conv: &ConvId) -> Result<Room, Fault> {
    room(client, conv).filter(|room| room.state() == RoomState::Joined).ok_or(Fault::NotFound)
}

pub(crate) fn room(client: &Client, conv: &ConvId) -> Option<Room> {
    client.get_room(<&RoomId>::try_from(conv.as_str()).ok()?)
}

pub(crate) fn user(contact: &ContactId) -> Result<OwnedUserId, Error> {
    contact_id::legal(contact.as_str()).ok_or(Error::NotFound)
}

#[async_trait]
impl Session for MatrixSession {
    async fn run(self: Arc<Self>, out: EventSink, stop: CancellationToken) -> Exit {
        Box::pin(self.follow(&out, &stop)).await
    }

    fn caps(&self, conv: Option<&ConvId>) -> Caps {
        let room = conv.and_then(|conv| <&RoomId>::try_from(conv.as_str()).ok());
        Caps { max_text: send::MAX_TEXT, encrypted: room.is_some_and(|room| self.rooms.is_encrypted(room)) }
    }

    async fn send(&self, message: OutMessage, txn: TxnId) -> Result<Sent, SendError> {
        if message.text.expose().len() > send::MAX_TEXT {
            return Err(SendError::TooBig);
        }
        let draft = Draft::says(message.text.expose(), message.reply_to.as_ref());
        Box::pin(self.hand_over(&message.conv, draft, txn)).await.map_err(SendError::from)
    }

    async fn sent(&self, conv: &ConvId, txn: &TxnId) -> Result<Option<Sent>, SendError> {
        Box::pin(self.look_back(conv, txn)).await.map_err(SendError::from)
    }

    async fn conversation(&self, conv: &ConvId) -> Result<ConvInfo, Error> {
        let client = self.client().await?;
        let room = joined(&client, conv)?;
        Ok(self.look(&room, &Journal::of(&client)).await?)
    }

    async fn contact(&self, contact: &ContactId) -> Result<ContactInfo, Error> {
        let client = self.client().await?;
        Ok(Box::pin(profile::fetch(&client, &user(contact)?)).await?)
    }

    async fn logout(&self) -> Result<(), Error> {
        let told = match self.client().await {
            Ok(client) => Box::pin(client.matrix_auth().logout()).await.map(|_| ()).map_err(Fault::from),
            // Without files there is nothing to sign out with.
            Err(_) => Ok(()),
        };
        self.ended.cancel();
        *self.client.write().await = None;
        let wiped = self.files.wipe().await;
        match (told, wiped) {
            (Ok(()) | Err(Fault::LoggedOut), Ok(())) => Ok(()),
            (Err(fault), Ok(())) => Err(fault.into()),
            (_, Err(_)) => Err(Fault::transient("the files of the login cannot be removed").into()),
        }
    }

    fn direct(&self) -> Option<&dyn Direct> {
        Some(self)
    }

    fn annotate(&self) -> Option<&dyn Annotate> {
        Some(self)
    }

    fn media(&self) -> Option<&dyn Media> {
        Some(self)
    }

    fn directory(&self) -> Option<&dyn Directory> {
        Some(self)
    }

    fn signals(&self) -> Option<&dyn Signals> {
        Some(self)
    }

    fn trust(&self) -> Option<&dyn Trust> {
        Some(self)
    }
}
