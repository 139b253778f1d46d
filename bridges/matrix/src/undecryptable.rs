//! Events that wait for their key: announced once, and delivered as a higher version when it comes.

use std::pin::pin;

use drawbridge_bridge::Envelope;
use futures::StreamExt;
use matrix_sdk::Room;
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::ruma::OwnedEventId;

use crate::envelope::Content;
use crate::error::Fault;
use crate::journal::Sealed;
use crate::sync::{Halt, Line};

/// Of more than these the oldest are given up.
const WAITING: usize = 2000;

impl Line<'_> {
    /// Remembers a sealed event and announces it, unless its key has come in this very moment.
    pub(crate) async fn sealed(
        &self,
        room: &Room,
        event: &TimelineEvent,
        envelope: Envelope,
        id: OwnedEventId,
        session: Option<String>,
    ) -> Result<(), Halt> {
        let _lock = self.session.unsealing.lock().await;
        if session.is_some() {
            let again = Box::pin(room.decrypt_event(event.raw().cast_ref_unchecked(), None)).await?;
            match self.session.reader.read(room.room_id(), &again, envelope.position.clone()) {
                Content::Said(envelope) => return self.said(room, *envelope).await,
                Content::Silent => return Ok(()),
                Content::Sealed(..) => {}
            }
        }
        let mut waiting = self.journal.undecryptable().await?;
        if !waiting.iter().any(|known| known.event == id) {
            waiting.push(Sealed { room: room.room_id().to_owned(), event: id, session });
            let surplus = waiting.len().saturating_sub(WAITING);
            waiting.drain(..surplus);
            self.journal.set_undecryptable(&waiting).await?;
        }
        Ok(self.deliver(envelope).await?)
    }

    /// Tries the events of these Megolm sessions again, or all; what opens is delivered as version 1.
    pub(crate) async fn retry_sealed(&self, sessions: Option<&[String]>) -> Result<(), Halt> {
        let _lock = self.session.unsealing.lock().await;
        let waiting = self.journal.undecryptable().await?;
        for sealed in &waiting {
            let due = sessions.is_none_or(|sessions| sealed.session.as_ref().is_some_and(|id| sessions.contains(id)));
            if due && self.unseal(sealed).await? {
                let mut left = self.journal.undecryptable().await?;
                left.retain(|known| known.event != sealed.event);
                self.journal.set_undecryptable(&left).await?;
            }
        }
        Ok(())
    }

    /// Whether an event need not wait any more.
    async fn unseal(&self, sealed: &Sealed) -> Result<bool, Halt> {
        let Some(room) = self.client.get_room(&sealed.room) else { return Ok(true) };
        let event = match Box::pin(room.event(&sealed.event, None)).await.map_err(Fault::from) {
            Ok(event) => event,
            Err(Fault::NotFound | Fault::Refused(_)) => return Ok(true),
            Err(fault) => return Err(fault.into()),
        };
        match self.session.reader.read(&sealed.room, &event, None) {
            Content::Said(mut envelope) => {
                envelope.version = 1;
                self.said(&room, *envelope).await?;
                Ok(true)
            }
            Content::Silent => Ok(true),
            Content::Sealed(..) => Ok(false),
        }
    }

    /// Waits for room keys, wherever they come from (other devices, the backup), for ever.
    pub(crate) async fn watch_keys(&self) -> Halt {
        let Some(keys) = self.client.encryption().room_keys_received_stream().await else {
            return std::future::pending().await;
        };
        let mut keys = pin!(keys);
        loop {
            // Having missed some, or after a recovery, all are tried: the SDK asks the backup for what still fails.
            let sessions: Option<Vec<String>> = tokio::select! {
                () = self.session.recovered.notified() => None,
                came = keys.next() => match came {
                    Some(keys) => keys.ok().map(|keys| keys.into_iter().map(|key| key.session_id).collect()),
                    None => return std::future::pending().await,
                },
            };
            match self.retry_sealed(sessions.as_deref()).await {
                // They are tried again at the next start.
                Ok(()) | Err(Halt::Fault(_)) => {}
                Err(halt) => return halt,
            }
        }
    }
}
