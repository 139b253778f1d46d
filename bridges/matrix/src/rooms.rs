//! The rooms of a login as they were seen last.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use drawbridge_bridge::{ContactId, ConvId, ConvInfo, event::ConvKind};
use matrix_sdk::ruma::{OwnedRoomId, RoomId, UserId};
use matrix_sdk::{Room, RoomDisplayName};

use crate::error::Fault;
use crate::journal::Journal;
use crate::standing::Standing;

/// A room as the user should see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) standing: Standing,
    pub(crate) name: Option<String>,
    pub(crate) encrypted: bool,
}

impl View {
    /// Looks at a room; may ask the homeserver for its members.
    pub(crate) async fn of(room: &Room, journal: &Journal) -> Result<Self, Fault> {
        let standing = Standing::of(room, journal).await?;
        let name = match standing.contact() {
            Some(contact) => display_name(room, contact).await?,
            None => name(room),
        };
        let encrypted = Box::pin(room.latest_encryption_state()).await?.is_encrypted();
        if encrypted && standing != Standing::Group && !journal.was_encrypted(room.room_id()).await? {
            journal.set_encrypted(room.room_id()).await?;
        }
        Ok(Self { standing, name, encrypted })
    }

    pub(crate) fn info(&self, room: &RoomId) -> ConvInfo {
        let kind = match &self.standing {
            Standing::Direct(contact) | Standing::Alone(contact) => {
                ConvKind::Direct { contact: ContactId::new(contact.as_str()) }
            }
            Standing::Crowd(_) | Standing::Group => ConvKind::Group,
        };
        ConvInfo { id: ConvId::new(room.as_str()), kind, name: self.name.clone(), encrypted: self.encrypted }
    }
}

/// A room's own name; without one the SDK invents something, which says nothing where nobody is known.
pub(crate) fn name(room: &Room) -> Option<String> {
    room.cached_display_name().filter(|name| !matches!(name, RoomDisplayName::Empty)).map(|name| name.to_string())
}

pub(crate) async fn display_name(room: &Room, contact: &UserId) -> Result<Option<String>, Fault> {
    let member = room.get_member_no_sync(contact).await?;
    Ok(member.and_then(|member| member.display_name().map(ToOwned::to_owned)))
}

/// What was seen last of every room.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    seen: RwLock<HashMap<OwnedRoomId, View>>,
    /// Also of rooms that the keeper has not been told of yet.
    encrypted: RwLock<HashMap<OwnedRoomId, bool>>,
}

impl Rooms {
    pub(crate) fn is_encrypted(&self, room: &RoomId) -> bool {
        self.encrypted.read().unwrap_or_else(PoisonError::into_inner).get(room).copied().unwrap_or_default()
    }

    pub(crate) fn note_encryption(&self, room: &RoomId, encrypted: bool) {
        self.encrypted.write().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned(), encrypted);
    }

    pub(crate) fn get(&self, room: &RoomId) -> Option<View> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    pub(crate) fn put(&self, room: &RoomId, view: View) {
        self.note_encryption(room, view.encrypted);
        self.seen.write().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned(), view);
    }

    pub(crate) fn remove(&self, room: &RoomId) -> Option<View> {
        self.encrypted.write().unwrap_or_else(PoisonError::into_inner).remove(room);
        self.seen.write().unwrap_or_else(PoisonError::into_inner).remove(room)
    }

    /// Whether there is a direct chat with somebody.
    pub(crate) fn has_contact(&self, user: &UserId) -> bool {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.values().any(|view| matches!(&view.standing, Standing::Direct(contact) if contact == user))
    }
}
