//! What was used already: neither d nor N_B of a request may come again for the same options (XEP-0187 section 5.2), else
//! what was written once could be delivered twice.

use std::collections::BTreeSet;

use crate::primitives::sha256;

/// The marks of what came in for one set of options. No secret. To be stored with the options, before anything is done about
/// what came in, and forgotten with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replays(BTreeSet<[u8; 32]>);

impl Replays {
    /// As they were stored.
    #[must_use]
    pub fn restore(marks: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(marks.into_iter().collect())
    }

    /// The marks, to be stored.
    pub fn marks(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter()
    }

    pub(super) fn of(value: &[u8], nonce: &[u8]) -> [[u8; 32]; 2] {
        [("dhkeys", value), ("my_nonce", nonce)].map(|(field, value)| {
            let mut mark = [0; 32];
            mark.copy_from_slice(&sha256(&[field.as_bytes(), value]));
            mark
        })
    }

    pub(super) fn knows(&self, marks: &[[u8; 32]; 2]) -> bool {
        marks.iter().any(|mark| self.0.contains(mark))
    }

    pub(super) fn note(&mut self, marks: [[u8; 32]; 2]) {
        self.0.extend(marks);
    }
}
