//! What is done to messages that are there.

use async_trait::async_trait;
use drawbridge_bridge::{
    Annotate, Annotation, ConvId, Event, Plaintext, Quote, Reference, RemoteId, SendError, Sent, TxnId,
};
use matrix_sdk::Room;
use matrix_sdk::ruma::{EventId, OwnedEventId};

use crate::envelope::Reader;
use crate::send::Draft;
use crate::session::MatrixSession;

#[async_trait]
impl Annotate for MatrixSession {
    async fn annotate(&self, conv: &ConvId, annotation: Annotation, txn: TxnId) -> Result<Sent, SendError> {
        let draft = match &annotation {
            Annotation::Edit { target, text } => {
                Draft::corrects(&event(target)?, text.expose()).ok_or(SendError::TooBig)?
            }
            Annotation::Retract { target } => Draft::Redaction(event(target)?),
            Annotation::React { target, key } => Draft::reacts(&event(target)?, key.expose()),
        };
        Box::pin(self.hand_over(conv, draft, txn)).await.map_err(SendError::from)
    }

    fn encrypts_reactions(&self) -> bool {
        false
    }
}

/// Puts the words of the message in, that an event is about.
pub(crate) async fn quote(reader: &Reader, room: &Room, event: &mut Event) {
    let (id, place) = match event {
        Event::Message { reply_to: Some(Reference { id, quote }), .. } => (id, quote),
        Event::Annotated { annotation: Annotation::React { target, .. }, quote } => (target, quote),
        _ => return,
    };
    let Ok(id) = EventId::parse(id.as_str()) else { return };
    // Without it the message comes all the same.
    if let Ok(event) = Box::pin(room.event(&id, None)).await {
        *place = reader.words(&event).map(|words| Quote(Plaintext::new(words)));
    }
}

fn event(id: &RemoteId) -> Result<OwnedEventId, SendError> {
    EventId::parse(id.as_str()).map_err(|_| SendError::Rejected("There is no such message.".to_owned()))
}
