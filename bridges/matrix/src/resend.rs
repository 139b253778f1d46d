//! Whether a message went out although nobody heard the answer.

use drawbridge_bridge::TxnId;
use matrix_sdk::Room;
use matrix_sdk::room::MessagesOptions;
use matrix_sdk::ruma::{OwnedEventId, UInt};

use crate::envelope::Reader;
use crate::error::Fault;
use crate::timeline::Placed;

const PAGE: u32 = 100;
/// So far back at the most; beyond, the homeserver's own memory of the transaction has to do.
const PAGES: usize = 50;
/// The two clocks may differ by this (milliseconds).
const SKEW: u64 = 10 * 60 * 1000;

/// Looks through the room, from its end back to the first attempt, for the event of one of our transactions.
pub(crate) async fn find(reader: &Reader, room: &Room, txn: &TxnId, since: u64) -> Result<Option<OwnedEventId>, Fault> {
    let mut from: Option<String> = None;
    for _ in 0..PAGES {
        let mut options = MessagesOptions::backward().from(from.as_deref());
        options.limit = UInt::from(PAGE);
        let page = Box::pin(room.messages(options)).await?;
        for event in &page.chunk {
            if reader.echo(event).as_ref() == Some(txn) {
                return Ok(event.event_id().map(ToOwned::to_owned));
            }
            if event.time() + SKEW < since {
                return Ok(None);
            }
        }
        match page.end {
            Some(end) if from.as_ref() != Some(&end) => from = Some(end),
            _ => break,
        }
    }
    Ok(None)
}
