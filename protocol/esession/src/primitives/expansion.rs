//! Octets that follow from a seed (HKDF-Expand without its limit on the length, RFC 5869 section 2.3): the same seed and
//! purpose give the same ones.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use zeroize::{Zeroize, Zeroizing};

use super::hmac;
use crate::options::Hash;
use crate::secret::Secret;

/// The octets for one purpose.
pub(crate) struct Expansion<'a> {
    seed: &'a Secret,
    purpose: &'a str,
    count: u64,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(seed: &'a Secret, purpose: &'a str) -> Self {
        Self { seed, purpose, count: 0 }
    }
}

impl TryRng for Expansion<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_be_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_be_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        for chunk in octets.chunks_mut(32) {
            self.count += 1;
            let parts: [&[u8]; 3] = [self.purpose.as_bytes(), b"\0", &self.count.to_be_bytes()];
            let mut block = Zeroizing::new(hmac(Hash::Sha256, self.seed.expose(), &parts).to_vec());
            for (octet, derived) in chunk.iter_mut().zip(block.iter()) {
                *octet = *derived;
            }
            block.zeroize();
        }
        Ok(())
    }
}

impl TryCryptoRng for Expansion<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds are stored: what follows from one must stay what it is. Computed with Python's hmac.
    #[test]
    fn the_same_octets_follow_from_a_seed_at_all_times() {
        let seed = Secret::new(&[9; 32]);
        let mut expansion = Expansion::new(&seed, "modp14");
        let mut octets = [0; 64];
        expansion.try_fill_bytes(&mut octets).unwrap();
        let known = "3d84fa875705480955af80086075859a3e37124deb0567900608d19332a0dea8\
                     00556ac89a71d2df5665bcb827dc5f0574c335e3bdf2108f2b69127fe0296245";
        assert_eq!(hex::encode(octets), known);
        assert_eq!(expansion.try_next_u32(), Ok(0xf662_8915));
        assert_eq!(expansion.try_next_u64(), Ok(0x4e23_9579_14ff_6c6d));
    }
}
