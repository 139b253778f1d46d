//! What was counted, because nobody was told.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one link since it was opened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: Counter,
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) refused: Counter,
    pub(super) overflowed: Counter,
    pub(super) misaddressed: Counter,
    pub(super) unanswered: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one link since it was opened, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times the link came up.
    pub connections: u64,
    /// Stanzas handed over as [`super::Incoming::Stanza`].
    pub received: u64,
    /// Stanzas written, errors of the link's own included.
    pub sent: u64,
    /// Stanzas over the limits.
    pub refused: u64,
    /// Stanzas for which the incoming queue had no place.
    pub overflowed: u64,
    /// Stanzas not for our domain, or no stanzas at all.
    pub misaddressed: u64,
    /// Errors that were due and could not be queued.
    pub unanswered: u64,
}

impl Tally {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.get(),
            received: self.received.get(),
            sent: self.sent.get(),
            refused: self.refused.get(),
            overflowed: self.overflowed.get(),
            misaddressed: self.misaddressed.get(),
            unanswered: self.unanswered.get(),
        }
    }
}
