//! What a sync brought, room by room, to the keeper.

use std::collections::HashSet;

use async_trait::async_trait;
use drawbridge_bridge::{ContactId, ContactInfo, ConvId, Envelope, Event};
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::room::MessagesOptions;
use matrix_sdk::ruma::{RoomId, UInt, UserId};
use matrix_sdk::sync::{JoinedRoomUpdate, LeftRoomUpdate, State, SyncResponse, Timeline};
use matrix_sdk::{Room, RoomState};
use serde::de::IgnoredAny;

use crate::annotate;
use crate::envelope::Content;
use crate::profile;
use crate::rooms::{self, View};
use crate::standing::{Standing, inherited, inherited_room};
use crate::sync::{Halt, Holes, Line};
use crate::timeline::{Cursor, Page, Pager, Piece, after};

/// Events asked for at once when a hole is filled.
const PAGE: u32 = 250;
/// So many rooms may fail in one sync.
const UNREAD: usize = 3;

impl Line<'_> {
    /// Hands over everything in a sync response. On return each room that is not in `holes` has its cursor at its end.
    pub(crate) async fn digest(&self, response: SyncResponse, holes: &mut Holes) -> Result<(), Halt> {
        let SyncResponse { mut rooms, presence, account_data, .. } = response;
        let starting = matches!(holes, Holes::Everywhere);
        let remarked = account_data
            .iter()
            .any(|event| event.get_field::<String>("type").ok().flatten().as_deref() == Some("m.direct"));
        let stirring = starting || remarked || !rooms.left.is_empty() || rooms.joined.values().any(stirs);
        if stirring {
            self.session.vigil.stir();
        }
        if !self.journal.has_baseline().await? {
            self.begin(&rooms.joined).await?;
        }

        let mut unread = HashSet::new();
        for room in self.client.joined_rooms() {
            let update = rooms.joined.remove(room.room_id());
            let hole = holes.may_be_in(room.room_id());
            if update.is_none() && !hole && !remarked {
                continue;
            }
            // One room that cannot be read must not hold up the others; several mean that nothing can be read.
            let update = update.unwrap_or_default();
            let look = hole || remarked || stirs(&update);
            match Box::pin(self.joined(&room, update, hole, look)).await {
                Err(Halt::Fault(fault)) if unread.len() >= UNREAD => return Err(Halt::Fault(fault)),
                Err(Halt::Fault(_)) => {
                    unread.insert(room.room_id().to_owned());
                }
                other => other?,
            }
        }
        for (room, update) in rooms.left {
            self.left(&room, update).await?;
        }
        if starting {
            self.gone_meanwhile().await?;
        }
        for room in self.client.invited_rooms() {
            if starting || rooms.invited.contains_key(room.room_id()) {
                // What cannot be understood is no invitation.
                but_for_faults(self.invited(&room).await)?;
            }
        }
        self.presence(presence).await?;
        if starting {
            but_for_faults(self.retry_sealed(None).await)?;
        }
        *holes = Holes::In(unread);
        Ok(())
    }

    /// A room that the user is in; `look` at it anew if it may be another than it was.
    async fn joined(&self, room: &Room, update: JoinedRoomUpdate, hole: bool, look: bool) -> Result<(), Halt> {
        drop(self.session.opening.lock().await);
        let before = self.session.rooms.get(room.room_id());
        let view = match &before {
            Some(view) if !look => view.clone(),
            _ => View::of(room, &self.journal).await?,
        };
        self.session.rooms.put(room.room_id(), view.clone());
        self.announce(room, before.as_ref(), &view).await?;
        let was_direct = before.as_ref().is_none_or(|view| matches!(view.standing, Standing::Direct(_)));
        match &view.standing {
            Standing::Direct(contact) => {
                let renamed = profile::changed(&update.timeline.events, contact);
                self.timeline(room, contact, update.timeline, hole).await?;
                self.company(room, contact, false).await?;
                self.ephemeral(room.room_id(), contact, &update.ephemeral).await?;
                if renamed {
                    self.contact_changed(contact).await?;
                }
                if let (None, Some(old)) = (&before, inherited_room(room)) {
                    // Seen from the new room for the first time, the old one is over.
                    Box::pin(self.joined(&old, JoinedRoomUpdate::default(), false, true)).await?;
                }
            }
            // What was said before somebody else came is carried still.
            Standing::Crowd(contact) => {
                self.timeline(room, contact, update.timeline, hole).await?;
                self.company(room, contact, true).await?;
            }
            Standing::Alone(contact) if was_direct => {
                self.timeline(room, contact, update.timeline, hole).await?;
                let reason = if room.is_tombstoned() {
                    "The conversation has moved to another room.".to_owned()
                } else {
                    format!("{contact} has left the conversation.")
                };
                self.gone(room.room_id(), reason).await?;
            }
            // Not bridged: nothing is delivered, and nothing piles up. A new room stays without a cursor, since the
            // mark that makes it a direct chat may come later than the room.
            Standing::Alone(_) | Standing::Group => {
                let conv = conv_of(room.room_id());
                if let (Some(cursor), Some(_)) =
                    (update.timeline.events.last().and_then(Cursor::of), self.out.position(&conv).await)
                {
                    self.out.set_position(&conv, cursor.position()).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells what a room is, when that is new.
    async fn announce(&self, room: &Room, before: Option<&View>, view: &View) -> Result<(), Halt> {
        if before == Some(view) || matches!(view.standing, Standing::Alone(_) | Standing::Crowd(_)) {
            return Ok(());
        }
        let conv = Some(conv_of(room.room_id()));
        self.deliver(self.session.reader.notice(conv, Event::ConvUpsert(view.info(room.room_id())))).await?;
        match &view.standing {
            Standing::Direct(contact) if before.is_none() => self.check_identity(contact).await,
            _ => Ok(()),
        }
    }

    /// Everything that the two said to each other after the room's cursor.
    async fn timeline(&self, room: &Room, contact: &UserId, timeline: Timeline, hole: bool) -> Result<(), Halt> {
        let conv = conv_of(room.room_id());
        let cursor = self.out.position(&conv).await.as_ref().and_then(Cursor::read);
        let hole = hole || timeline.limited || cursor.is_none();
        let piece = Piece { before: timeline.prev_batch, events: timeline.events, hole };
        let events = after(cursor.as_ref(), piece, &self.history(room)).await?;

        let mut company = self.journal.company(room.room_id()).await?;
        let before = company.clone();
        let mut behind = None;
        for event in &events {
            if self.stop.is_cancelled() {
                return Err(Halt::Stop);
            }
            let Some(cursor) = Cursor::of(event) else { continue };
            company.follow(event, [room.own_user_id(), contact]);
            behind = None;
            match self.session.reader.read(room.room_id(), event, Some(cursor.position())) {
                Content::Silent => behind = Some(cursor),
                Content::Said(envelope) | Content::Sealed(envelope, ..)
                    if !company.is_alone(envelope.sender.as_ref(), contact) =>
                {
                    behind = Some(cursor);
                }
                Content::Said(envelope) => self.said(room, *envelope).await?,
                Content::Sealed(envelope, id, session) => self.sealed(room, event, *envelope, id, session).await?,
            }
        }
        if company != before {
            self.journal.set_company(room.room_id(), &company).await?;
        }
        if let Some(cursor) = behind {
            self.out.set_position(&conv, cursor.position()).await?;
        }
        Ok(())
    }

    /// Hands over what somebody said or did, with the words that it is about.
    pub(crate) async fn said(&self, room: &Room, mut envelope: Envelope) -> Result<(), Halt> {
        annotate::quote(&self.session.reader, room, &mut envelope.event).await;
        Ok(self.deliver(envelope).await?)
    }

    /// A room that the user has left, or was made to leave.
    async fn left(&self, room: &RoomId, update: LeftRoomUpdate) -> Result<(), Halt> {
        let before = self.session.rooms.remove(room);
        if let (Some(View { standing: Standing::Direct(contact), .. }), Some(room)) =
            (before, self.client.get_room(room))
        {
            but_for_faults(self.timeline(&room, &contact, update.timeline, false).await)?;
        }
        let banned = self.client.get_room(room).is_some_and(|room| room.state() == RoomState::Banned);
        let reason =
            if banned { "You were banned from the conversation." } else { "You are not in the conversation any more." };
        self.gone(room, reason.to_owned()).await
    }

    /// Conversations that ended while nobody was listening, or whose end was not handed over.
    async fn gone_meanwhile(&self) -> Result<(), Halt> {
        for room in self.client.left_rooms() {
            if self.out.position(&conv_of(room.room_id())).await.is_some() {
                self.gone(room.room_id(), "You are not in the conversation any more.".to_owned()).await?;
            }
        }
        Ok(())
    }

    async fn gone(&self, room: &RoomId, reason: String) -> Result<(), Halt> {
        Ok(self.deliver(self.session.reader.notice(Some(conv_of(room)), Event::ConvGone { reason })).await?)
    }

    /// Somebody asks the user to come to a room.
    async fn invited(&self, room: &Room) -> Result<(), Halt> {
        let inviter = room.invite_details().await?.inviter_id;
        let heir = inherited(room, &self.journal).await?.is_some_and(|contact| contact == inviter);
        let direct = heir || room.is_direct().await.unwrap_or_default();
        if direct {
            self.journal.set_inviter(room.room_id(), &inviter).await?;
        }
        let view = View {
            standing: if direct { Standing::Direct(inviter.clone()) } else { Standing::Group },
            name: rooms::name(room),
            // The little that an invitation tells of the room.
            encrypted: room.encryption_settings().is_some(),
        };
        let mut envelope =
            self.session.reader.notice(Some(conv_of(room.room_id())), Event::Invite(view.info(room.room_id())));
        envelope.sender = Some(drawbridge_bridge::Sender { id: ContactId::new(inviter.as_str()), is_me: false });
        Ok(self.deliver(envelope).await?)
    }

    async fn contact_changed(&self, contact: &UserId) -> Result<(), Halt> {
        let info: ContactInfo = match Box::pin(profile::fetch(self.client, contact)).await {
            Ok(info) => info,
            // A new name is not worth holding the messages up for.
            Err(_) => return Ok(()),
        };
        Ok(self.deliver(self.session.reader.notice(None, Event::ContactUpsert(info))).await?)
    }

    pub(crate) fn history<'a>(&'a self, room: &'a Room) -> History<'a> {
        History { line: self, room }
    }
}

/// Whether a room may be another than it was: its members, its encryption, what replaces it.
fn stirs(update: &JoinedRoomUpdate) -> bool {
    let (State::Before(state) | State::After(state)) = &update.state;
    let is_state = |event: &TimelineEvent| !matches!(event.raw().get_field::<IgnoredAny>("state_key"), Ok(None));
    update.timeline.limited || !state.is_empty() || update.timeline.events.iter().any(is_state)
}

/// Goes on where the homeserver could not do something that others do not depend on.
fn but_for_faults(result: Result<(), Halt>) -> Result<(), Halt> {
    match result {
        Err(Halt::Fault(_)) => Ok(()),
        other => other,
    }
}

pub(crate) fn conv_of(room: &RoomId) -> ConvId {
    ConvId::new(room.as_str())
}

/// A room's history from the homeserver; stops when the keeper asks for it.
pub(crate) struct History<'a> {
    line: &'a Line<'a>,
    room: &'a Room,
}

#[async_trait]
impl Pager<TimelineEvent> for History<'_> {
    type Error = Halt;

    async fn page(&self, from: Option<&str>) -> Result<Page<TimelineEvent>, Halt> {
        let mut options = MessagesOptions::backward().from(from);
        options.limit = UInt::from(PAGE);
        tokio::select! {
            () = self.line.stop.cancelled() => Err(Halt::Stop),
            () = self.line.session.ended.cancelled() => Err(Halt::LoggedOut),
            messages = Box::pin(self.room.messages(options)) => {
                let messages = messages?;
                Ok(Page { events: messages.chunk, before: messages.end })
            }
        }
    }
}
