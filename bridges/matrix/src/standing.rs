//! What a room is to the user: a talk with one person, or something else.

use matrix_sdk::ruma::{OwnedUserId, UserId};
use matrix_sdk::{Room, RoomMemberships, RoomState};

use crate::error::Fault;
use crate::journal::Journal;

/// What a room is to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A direct chat with this contact, and nobody else is there or invited.
    Direct(OwnedUserId),
    /// Was a direct chat, and the contact has left, or both have moved to another room.
    Alone(OwnedUserId),
    /// Was a direct chat, and somebody else has come: not what the user believes to talk in.
    Crowd(OwnedUserId),
    /// Any other room.
    Group,
}

impl Standing {
    /// Whom the room was or is a direct chat with.
    pub(crate) fn contact(&self) -> Option<&UserId> {
        match self {
            Self::Direct(contact) | Self::Alone(contact) | Self::Crowd(contact) => Some(contact),
            Self::Group => None,
        }
    }

    /// How a room stands now, and its members are who the SDK would share keys with.
    pub(crate) async fn of(room: &Room, journal: &Journal) -> Result<Self, Fault> {
        let partner = journal.partner(room.room_id()).await?;
        let targets = direct_targets(room);
        let mut hint = None;
        if partner.is_none() && targets.is_empty() {
            // The mark in `m.direct` comes after the room itself, where another client has accepted the invitation.
            hint = match inherited(room, journal).await? {
                Some(contact) => Some(contact),
                None => journal.inviter(room.room_id()).await?,
            };
            if hint.is_none() {
                return Ok(Self::Group);
            }
        }
        let members = Box::pin(room.members(RoomMemberships::ACTIVE)).await?;
        let others: Vec<&UserId> =
            members.iter().map(|member| member.user_id()).filter(|id| *id != room.own_user_id()).collect();
        let standing = match decide(partner.as_deref(), &targets, hint.as_deref(), &others) {
            Self::Direct(contact) if has_moved(room) => Self::Alone(contact),
            standing => standing,
        };
        if let (None, Self::Direct(contact)) = (&partner, &standing) {
            journal.set_partner(room.room_id(), contact).await?;
        }
        Ok(standing)
    }
}

/// The contact of the direct chat that this room replaces. Both rooms must say so: the old one by its tombstone, the
/// new one by its predecessor (CVE-2021-32659).
pub(crate) async fn inherited(room: &Room, journal: &Journal) -> Result<Option<OwnedUserId>, Fault> {
    match inherited_room(room) {
        Some(old) => journal.partner(old.room_id()).await,
        None => Ok(None),
    }
}

/// The room that this one replaces, if both say so.
pub(crate) fn inherited_room(room: &Room) -> Option<Room> {
    let old = room.client().get_room(&room.predecessor_room()?.room_id)?;
    old.successor_room().is_some_and(|successor| successor.room_id == room.room_id()).then_some(old)
}

/// Whether the room was replaced by one that the user is in.
fn has_moved(room: &Room) -> bool {
    let heir = room.successor_room().and_then(|successor| room.client().get_room(&successor.room_id));
    heir.is_some_and(|heir| {
        heir.state() == RoomState::Joined && inherited_room(&heir).is_some_and(|old| old.room_id() == room.room_id())
    })
}

/// Whom the user's `m.direct` names for a room.
fn direct_targets(room: &Room) -> Vec<OwnedUserId> {
    room.direct_targets().iter().filter_map(|target| target.as_user_id().map(ToOwned::to_owned)).collect()
}

/// The first partner stays the partner: a room is never silently pointed at somebody else.
fn decide(partner: Option<&UserId>, targets: &[OwnedUserId], hint: Option<&UserId>, others: &[&UserId]) -> Standing {
    let present = targets.iter().find(|target| others.contains(&target.as_ref()));
    let partner = partner.or_else(|| present.or_else(|| targets.first()).map(AsRef::as_ref)).or(hint);
    let Some(partner) = partner else { return Standing::Group };
    match others {
        [] => Standing::Alone(partner.to_owned()),
        [one] if *one == partner => Standing::Direct(partner.to_owned()),
        _ => Standing::Crowd(partner.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matrix_sdk::ruma::user_id;

    #[test]
    fn a_direct_chat_is_marked_and_has_one_other_member() {
        let (bob, eve) = (user_id!("@bob:a.org"), user_id!("@eve:a.org"));
        let marked = [bob.to_owned()];
        assert_eq!(decide(None, &marked, None, &[bob]), Standing::Direct(bob.to_owned()));
        assert_eq!(decide(None, &[], None, &[bob]), Standing::Group, "two members alone do not make it one");
        assert_eq!(decide(None, &marked, None, &[]), Standing::Alone(bob.to_owned()));
        assert_eq!(decide(None, &marked, None, &[bob, eve]), Standing::Crowd(bob.to_owned()));
        assert_eq!(decide(None, &[], Some(bob), &[bob]), Standing::Direct(bob.to_owned()));
    }

    #[test]
    fn a_room_is_never_pointed_at_somebody_else() {
        let (bob, eve) = (user_id!("@bob:a.org"), user_id!("@eve:a.org"));
        let marked = [eve.to_owned()];
        assert_eq!(decide(Some(bob), &marked, None, &[eve]), Standing::Crowd(bob.to_owned()));
        assert_eq!(decide(Some(bob), &marked, None, &[bob]), Standing::Direct(bob.to_owned()));
    }

    #[test]
    fn of_several_marks_the_one_who_is_there_counts() {
        let (bob, old) = (user_id!("@bob:a.org"), user_id!("@old:a.org"));
        let marked = [old.to_owned(), bob.to_owned()];
        assert_eq!(decide(None, &marked, None, &[bob]), Standing::Direct(bob.to_owned()));
    }
}
