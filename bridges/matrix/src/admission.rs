//! Whether a message may go to a room now: who is there, whose devices they have, and what the user allows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use drawbridge_bridge::{ContactTrust, KeySharing, OwnTrust};
use matrix_sdk::ruma::{OwnedUserId, UserId};
use matrix_sdk::{Client, Room, RoomMemberships};

use crate::error::Fault;
use crate::identity;
use crate::journal::Journal;
use crate::session::MatrixSession;
use crate::standing::Standing;

/// A room that was found in order, and when: what held then holds until something stirs.
#[derive(Debug)]
pub(crate) struct Cleared {
    contact: OwnedUserId,
    encrypted: bool,
    sharing: KeySharing,
    stirs: u64,
}

/// Whether anything has happened that may change who gets what: rooms, members, devices, identities.
#[derive(Debug, Default)]
pub(crate) struct Vigil {
    stirs: AtomicU64,
    watched: AtomicBool,
}

/// While this lives, everything that stirs is reported.
pub(crate) struct Watch<'a>(&'a Vigil);

impl Vigil {
    /// Something may have changed.
    pub(crate) fn stir(&self) {
        self.stirs.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn begin(&self) -> Watch<'_> {
        self.stir();
        self.watched.store(true, Ordering::SeqCst);
        Watch(self)
    }

    /// `None` while nobody would tell.
    fn stirs(&self) -> Option<u64> {
        self.watched.load(Ordering::SeqCst).then(|| self.stirs.load(Ordering::SeqCst))
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.watched.store(false, Ordering::SeqCst);
    }
}

impl MatrixSession {
    /// Whether a message may go there. Looks at everything once, and then only at what changes without a stir.
    pub(crate) async fn admit(
        &self,
        client: &Client,
        journal: &Journal,
        room: &Room,
        cleared: &mut Option<Cleared>,
    ) -> Result<(), Fault> {
        let (stirs, sharing) = (self.vigil.stirs(), *self.sharing.borrow());
        if let Some(known) = cleared
            && (Some(known.stirs), known.sharing) == (stirs, sharing)
            && known.encrypted == room.encryption_state().is_encrypted()
            && are_by_themselves(client, room, &known.contact).await?
        {
            return Ok(());
        }
        *cleared = None;
        let contact = partner(room, journal).await?;
        check(client, journal, room, &contact, sharing).await?;
        let encrypted = room.encryption_state().is_encrypted();
        *cleared = stirs.map(|stirs| Cleared { contact, encrypted, sharing, stirs });
        Ok(())
    }
}

/// By the user's policy, and by what the room was before.
async fn check(
    client: &Client,
    journal: &Journal,
    room: &Room,
    contact: &UserId,
    sharing: KeySharing,
) -> Result<(), Fault> {
    if !Box::pin(room.latest_encryption_state()).await?.is_encrypted() {
        return match journal.was_encrypted(room.room_id()).await? {
            true => Err(Fault::NotTrusted(
                "This conversation was encrypted, and the homeserver now says that it is not. Nothing was sent."
                    .to_owned(),
            )),
            false => Ok(()),
        };
    }
    let only_signed = sharing == KeySharing::CrossSigned;
    match identity::contact_trust(client, journal, contact, only_signed).await? {
        ContactTrust::Changed => {
            return Err(Fault::NotTrusted(format!(
                "The encryption identity of {contact} has changed. Accept the new one before you write again."
            )));
        }
        ContactTrust::NoIdentity if only_signed => {
            return Err(Fault::NotTrusted(format!(
                "{contact} has no cross-signing identity that vouches for their devices, and your policy shares \
                 keys with such devices only."
            )));
        }
        _ => {}
    }
    if !only_signed {
        return Ok(());
    }
    if identity::own_trust(client).await? != OwnTrust::Verified {
        return Err(Fault::NotTrusted(
            "Your account does not vouch for this device yet. Enter your recovery key (command \"recover\")."
                .to_owned(),
        ));
    }
    if !identity::has_signed_device(client, contact).await? {
        return Err(Fault::NotTrusted(format!(
            "None of the devices of {contact} is vouched for by their identity, and your policy shares keys with \
             such devices only."
        )));
    }
    Ok(())
}

/// The very list that the SDK shares keys with: it has a new member before anybody is told.
async fn are_by_themselves(client: &Client, room: &Room, contact: &UserId) -> Result<bool, Fault> {
    if !room.are_members_synced() {
        return Ok(false);
    }
    let members = client.state_store().get_user_ids(room.room_id(), RoomMemberships::ACTIVE).await?;
    let here = |id: &UserId| members.iter().any(|member| member == id);
    Ok(members.len() == 2 && here(contact) && here(room.own_user_id()))
}

/// With whom one would talk; only direct chats are carried.
async fn partner(room: &Room, journal: &Journal) -> Result<OwnedUserId, Fault> {
    match Standing::of(room, journal).await? {
        Standing::Direct(contact) => Ok(contact),
        Standing::Alone(contact) => Err(Fault::Refused(format!("{contact} has left the conversation."))),
        Standing::Crowd(contact) => Err(Fault::NotTrusted(format!(
            "Somebody else has joined your direct chat with {contact}. Nothing was sent."
        ))),
        Standing::Group => Err(Fault::Refused("Group rooms are not carried yet.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_holds_only_while_somebody_watches_and_nothing_stirs() {
        let vigil = Vigil::default();
        assert_eq!(vigil.stirs(), None, "nobody would tell");
        let watch = vigil.begin();
        let found = vigil.stirs();
        assert!(found.is_some() && vigil.stirs() == found);
        vigil.stir();
        assert_ne!(vigil.stirs(), found);
        drop(watch);
        assert_eq!(vigil.stirs(), None);
        let _again = vigil.begin();
        assert_ne!(vigil.stirs(), found, "what happened meanwhile is not known");
    }
}
