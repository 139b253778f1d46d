//! The block counter of one direction (XEP-0116 section 4.2, XEP-0200 section 4).

use crate::group::mpi;
use crate::primitives::{CryptoRng, random};

/// A 128-bit counter of cipher blocks. It runs on through the whole session; new keys do not reset it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counter(pub(crate) u128);

impl Counter {
    /// A random C_A for which nobody has to care about leading zeros, in either direction and after some carries.
    pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Self {
        loop {
            let counter = u128::from_be_bytes(*random::<16>(rng));
            if !matches!(counter >> 120, 0x00 | 0x7f | 0x80 | 0xff) {
                return Self(counter);
            }
        }
    }

    /// From the `counter` field: 1 to 16 octets, leading zeros allowed.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let valid = (1..=16).contains(&octets.len());
        valid.then(|| Self(octets.iter().fold(0, |counter, octet| (counter << 8) | u128::from(*octet))))
    }

    /// C_B of C_A: the top bit flipped.
    pub(crate) fn of_peer(self) -> Self {
        Self(self.0 ^ (1 << 127))
    }

    /// As it is MACed and sent: without leading zeros.
    pub(crate) fn mpi(self) -> Vec<u8> {
        mpi(&self.0.to_be_bytes()).to_vec()
    }

    /// The two ways peers put the counter into a MAC: without and with leading zeros.
    pub(crate) fn spellings(self) -> [Vec<u8>; 2] {
        [self.mpi(), self.0.to_be_bytes().to_vec()]
    }

    /// The counter after `blocks` blocks, modulo 2^128.
    pub(crate) fn after(self, blocks: u64) -> Self {
        Self(self.0.wrapping_add(u128::from(blocks)))
    }
}

/// Blocks of a text; an empty stanza also takes one.
pub(crate) fn blocks(length: usize) -> u64 {
    u64::try_from(length.div_ceil(16)).unwrap_or(u64::MAX).max(1)
}
