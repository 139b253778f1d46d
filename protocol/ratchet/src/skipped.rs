//! Message keys that were passed over, for messages that come late (Signal, "The Double Ratchet Algorithm", section 2.6).

use std::collections::VecDeque;

use crate::chain::MessageKey;
use crate::keys::PublicKey;
use crate::wire::Header;

/// So many messages may be missing before one; else who forges messages could have us derive keys for ever.
pub const MAX_SKIP: u32 = 1000;
/// So many keys are kept in a session; the oldest go first (XEP-0384 section 4.3).
pub const MAX_KEPT: usize = 1000;
/// After so many turns of the conversation a key is kept no more.
pub const MAX_TURNS: u32 = 50;

/// The key of a message that has not come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Passed {
    pub(crate) ratchet_key: PublicKey,
    pub(crate) number: u32,
    /// In which turn it was passed over.
    pub(crate) turn: u32,
    pub(crate) key: MessageKey,
}

/// The oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Skipped(VecDeque<Passed>);

impl Skipped {
    pub(crate) fn find(&self, header: &Header) -> Option<&MessageKey> {
        self.0.iter().find(|passed| passed.is_for(header)).map(|passed| &passed.key)
    }

    pub(crate) fn remove(&mut self, header: &Header) {
        self.0.retain(|passed| !passed.is_for(header));
    }

    /// In this turn.
    pub(crate) fn extend(&mut self, turn: u32, passed: Vec<Passed>) {
        self.0.extend(passed);
        self.0.retain(|passed| turn.saturating_sub(passed.turn) <= MAX_TURNS);
        self.0.drain(..self.0.len().saturating_sub(MAX_KEPT));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Passed> + Clone {
        self.0.iter()
    }
}

impl From<VecDeque<Passed>> for Skipped {
    fn from(passed: VecDeque<Passed>) -> Self {
        Self(passed)
    }
}

impl Passed {
    pub(crate) fn is_for(&self, header: &Header) -> bool {
        self.ratchet_key == header.ratchet_key && self.number == header.number
    }
}
