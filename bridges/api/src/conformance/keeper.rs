//! The keeper, as the suite plays it: stores envelopes and positions, knows doubles, and can close at a chosen moment.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{Closed, Committed, ConvId, Envelope, Event, Position, RemoteId, Sink};

/// Durable as far as the suite is concerned: it outlives sessions.
pub struct Keeper {
    stored: Mutex<Stored>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Stored {
    /// Everything delivered while open, doubles too.
    delivered: Vec<Envelope>,
    positions: HashMap<ConvId, Position>,
    /// How many more messages of contacts are taken before it closes.
    takes: Option<usize>,
}

impl Default for Keeper {
    fn default() -> Self {
        Self { stored: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Keeper {
    /// Closes once it has taken `messages` more messages.
    pub fn close_after(&self, messages: usize) {
        self.stored().takes = Some(messages);
    }

    /// Takes everything again.
    pub fn reopen(&self) {
        self.stored().takes = None;
    }

    /// Loses all positions, as after a crash of the worst kind.
    pub fn forget_positions(&self) {
        self.stored().positions.clear();
    }

    /// What came in a conversation from the contact, doubles too.
    pub fn messages(&self, conv: &ConvId) -> Vec<Envelope> {
        let is_theirs = |envelope: &&Envelope| envelope.conv.as_ref() == Some(conv) && is_message(envelope);
        self.stored().delivered.iter().filter(is_theirs).cloned().collect()
    }

    /// Their texts, each event once, in the order of its first delivery.
    pub fn texts(&self, conv: &ConvId) -> Vec<String> {
        let mut seen: Vec<(Option<RemoteId>, u32)> = Vec::new();
        let mut texts = Vec::new();
        for envelope in self.messages(conv) {
            let key = (envelope.remote_id, envelope.version);
            if key.0.is_some() && seen.contains(&key) {
                continue;
            }
            seen.push(key);
            texts.extend(text(&envelope.event).map(str::to_owned));
        }
        texts
    }

    /// Everything of the contact that has an id there, each event once, in the order of its first delivery.
    pub(super) fn events(&self, conv: &ConvId) -> Vec<Envelope> {
        let mut events: Vec<Envelope> = Vec::new();
        for envelope in &self.stored().delivered {
            let is_theirs =
                envelope.conv.as_ref() == Some(conv) && envelope.sender.as_ref().is_some_and(|it| !it.is_me);
            let is_known = events.iter().any(|known| known.remote_id == envelope.remote_id);
            if is_theirs && envelope.remote_id.is_some() && !is_known {
                events.push(envelope.clone());
            }
        }
        events
    }

    /// Wakes at every delivery.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for Keeper {
    async fn deliver(&self, envelope: Envelope) -> Result<Committed, Closed> {
        let mut stored = self.stored();
        match &mut stored.takes {
            Some(0) => return Err(Closed),
            Some(left) if is_message(&envelope) => *left -= 1,
            _ => {}
        }
        let same = |known: &Envelope| {
            known.conv == envelope.conv && known.remote_id == envelope.remote_id && known.version >= envelope.version
        };
        let known = envelope.remote_id.is_some() && stored.delivered.iter().any(same);
        if let (Some(conv), Some(position)) = (&envelope.conv, &envelope.position) {
            stored.positions.insert(conv.clone(), position.clone());
        }
        stored.delivered.push(envelope);
        drop(stored);
        self.changed.send_replace(());
        Ok(if known { Committed::Known } else { Committed::Fresh })
    }

    async fn position(&self, conv: &ConvId) -> Option<Position> {
        self.stored().positions.get(conv).cloned()
    }

    async fn set_position(&self, conv: &ConvId, position: Position) -> Result<(), Closed> {
        let mut stored = self.stored();
        if stored.takes == Some(0) {
            return Err(Closed);
        }
        stored.positions.insert(conv.clone(), position);
        Ok(())
    }
}

/// The text of a message.
pub(super) fn text(event: &Event) -> Option<&str> {
    match event {
        Event::Message { text, .. } => Some(text.expose()),
        _ => None,
    }
}

fn is_message(envelope: &Envelope) -> bool {
    text(&envelope.event).is_some() && envelope.sender.as_ref().is_some_and(|sender| !sender.is_me)
}
