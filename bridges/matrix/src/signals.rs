//! Small signals, both ways: typing, read marks, presence.

use std::sync::PoisonError;

use async_trait::async_trait;
use drawbridge_bridge::{Availability, ContactId, ConvId, Error, Event, RemoteId, Sender, Signals};
use matrix_sdk::ruma::api::client::receipt::create_receipt::v3::ReceiptType as Receipt;
use matrix_sdk::ruma::events::AnySyncEphemeralRoomEvent;
use matrix_sdk::ruma::events::presence::PresenceEvent;
use matrix_sdk::ruma::events::receipt::{ReceiptEventContent, ReceiptThread, ReceiptType};
use matrix_sdk::ruma::presence::PresenceState;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::ruma::{EventId, OwnedEventId, RoomId, UserId};

use crate::digest::conv_of;
use crate::error::Fault;
use crate::session::{MatrixSession, joined};
use crate::sync::{Halt, Line};

#[async_trait]
impl Signals for MatrixSession {
    async fn typing(&self, conv: &ConvId, on: bool) -> Result<(), Error> {
        let client = self.client().await?;
        Ok(joined(&client, conv)?.typing_notice(on).await.map_err(Fault::from)?)
    }

    async fn displayed(&self, conv: &ConvId, remote_id: &RemoteId) -> Result<(), Error> {
        let event = EventId::parse(remote_id.as_str()).map_err(|_| Error::NotFound)?;
        let client = self.client().await?;
        let room = joined(&client, conv)?;
        let mark = room.send_single_receipt(Receipt::Read, ReceiptThread::Unthreaded, event);
        Ok(Box::pin(mark).await.map_err(Fault::from)?)
    }

    async fn presence(&self, availability: Availability, status: Option<&str>) -> Result<(), Error> {
        let state = match availability {
            Availability::Online => PresenceState::Online,
            Availability::Away => PresenceState::Unavailable,
            Availability::Offline => PresenceState::Offline,
        };
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
        let client = self.client().await?;
        let told = client.set_presence(state, status.map(ToOwned::to_owned), true);
        Ok(Box::pin(told).await.map_err(Fault::from)?)
    }
}

impl Line<'_> {
    /// Who types in a direct chat, and how far the contact has read.
    pub(crate) async fn ephemeral(
        &self,
        room: &RoomId,
        contact: &UserId,
        events: &[Raw<AnySyncEphemeralRoomEvent>],
    ) -> Result<(), Halt> {
        for event in events {
            match event.deserialize() {
                Ok(AnySyncEphemeralRoomEvent::Typing(event)) => {
                    let on = event.content.user_ids.iter().any(|user| user == contact);
                    if self.typing_changed(room, on) {
                        self.signal(room, contact, Event::Typing { on }).await?;
                    }
                }
                Ok(AnySyncEphemeralRoomEvent::Receipt(event)) => {
                    for event in read_by(&event.content, contact) {
                        let up_to = RemoteId::new(event.as_str());
                        self.signal(room, contact, Event::Displayed { up_to }).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The presence of people with whom there is a direct chat.
    pub(crate) async fn presence(&self, events: Vec<Raw<PresenceEvent>>) -> Result<(), Halt> {
        for event in events {
            let Ok(PresenceEvent { content, sender }) = event.deserialize() else { continue };
            if !self.session.rooms.has_contact(&sender) {
                continue;
            }
            let availability = match content.presence {
                PresenceState::Online => Availability::Online,
                PresenceState::Unavailable => Availability::Away,
                _ => Availability::Offline,
            };
            let status = content.status_msg.filter(|status| !status.is_empty());
            let contact = ContactId::new(sender.as_str());
            let event = Event::Presence { contact, availability, status };
            self.deliver(self.session.reader.notice(None, event)).await?;
        }
        Ok(())
    }

    async fn signal(&self, room: &RoomId, contact: &UserId, event: Event) -> Result<(), Halt> {
        let mut envelope = self.session.reader.notice(Some(conv_of(room)), event);
        envelope.sender = Some(Sender { id: ContactId::new(contact.as_str()), is_me: false });
        Ok(self.deliver(envelope).await?)
    }

    /// The homeserver repeats who types; only changes are news.
    fn typing_changed(&self, room: &RoomId, on: bool) -> bool {
        let mut typing = self.session.typing.lock().unwrap_or_else(PoisonError::into_inner);
        if on { typing.insert(room.to_owned()) } else { typing.remove(room) }
    }
}

/// The events up to which somebody has read, in public or within a thread.
fn read_by(receipts: &ReceiptEventContent, user: &UserId) -> Vec<OwnedEventId> {
    let read = |receipts: &matrix_sdk::ruma::events::receipt::Receipts| {
        receipts.get(&ReceiptType::Read).is_some_and(|users| users.contains_key(user))
    };
    receipts.0.iter().filter(|(_, receipts)| read(receipts)).map(|(event, _)| event.clone()).collect()
}
