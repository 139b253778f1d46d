//! One-to-one conversations: open, accept, decline, leave.

use async_trait::async_trait;
use drawbridge_bridge::{ContactId, ConvId, ConvInfo, Direct, Error};
use matrix_sdk::ruma::UserId;
use matrix_sdk::{Client, Room, RoomState};

use crate::error::Fault;
use crate::journal::Journal;
use crate::profile;
use crate::rooms::View;
use crate::session::{MatrixSession, joined, room, user};
use crate::standing::{Standing, inherited};

#[async_trait]
impl Direct for MatrixSession {
    async fn open(&self, contact: &ContactId) -> Result<ConvInfo, Error> {
        let contact = user(contact)?;
        if contact == self.reader.user {
            return Err(Error::BadInput("That is you yourself.".to_owned()));
        }
        let client = self.client().await?;
        let journal = Journal::of(&client);
        if let Some(room) = existing(&client, &journal, &contact).await? {
            return Ok(self.look(&room, &journal).await?);
        }
        // A person that does not exist would be invited without a complaint.
        Box::pin(profile::fetch(&client, &contact)).await?;
        let _opening = self.opening.lock().await;
        let room = Box::pin(client.create_dm(&contact)).await.map_err(Fault::from)?;
        journal.set_partner(room.room_id(), &contact).await?;
        journal.set_encrypted(room.room_id()).await?;
        self.rooms.note_encryption(room.room_id(), true);
        let view = View { standing: Standing::Direct(contact), name: None, encrypted: true };
        Ok(view.info(room.room_id()))
    }

    async fn accept(&self, conv: &ConvId) -> Result<ConvInfo, Error> {
        let client = self.client().await?;
        let journal = Journal::of(&client);
        let room = invitation(&client, conv)?;
        let inviter = room.invite_details().await.map_err(Fault::from)?.inviter_id;
        let heir = inherited(&room, &journal).await?.is_some_and(|contact| contact == inviter);
        let direct = room.is_direct().await.unwrap_or_default();
        if direct || heir {
            journal.set_inviter(room.room_id(), &inviter).await?;
        }
        // Marks the room in `m.direct` if the invitation says that it is one.
        Box::pin(room.join()).await.map_err(Fault::from)?;
        if heir && !direct {
            client.account().mark_as_dm(room.room_id(), std::slice::from_ref(&inviter)).await.map_err(Fault::from)?;
        }
        Ok(self.look(&room, &journal).await?)
    }

    async fn decline(&self, conv: &ConvId) -> Result<(), Error> {
        let client = self.client().await?;
        let room = invitation(&client, conv)?;
        Ok(Box::pin(room.leave()).await.map_err(Fault::from)?)
    }

    async fn leave(&self, conv: &ConvId) -> Result<(), Error> {
        let client = self.client().await?;
        let room = joined(&client, conv)?;
        Ok(Box::pin(room.leave()).await.map_err(Fault::from)?)
    }
}

/// The direct chat that there is; of several an encrypted one, and among those the one used last.
async fn existing(client: &Client, journal: &Journal, contact: &UserId) -> Result<Option<Room>, Fault> {
    let mut found: Vec<(bool, u64, Room)> = Vec::new();
    for room in client.joined_rooms() {
        if room.is_tombstoned() || Standing::of(&room, journal).await? != Standing::Direct(contact.to_owned()) {
            continue;
        }
        let encrypted = room.encryption_state().is_encrypted();
        let used = room.recency_stamp().map_or(0, Into::into);
        found.push((encrypted, used, room));
    }
    Ok(found.into_iter().max_by_key(|(encrypted, used, _)| (*encrypted, *used)).map(|(_, _, room)| room))
}

fn invitation(client: &Client, conv: &ConvId) -> Result<Room, Error> {
    room(client, conv).filter(|room| room.state() == RoomState::Invited).ok_or(Error::NotFound)
}
