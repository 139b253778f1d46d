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
