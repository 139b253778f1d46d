//! Randomness as rPGP asks for it.

use rand_core::CryptoRng;

/// Today's source as one of yesterday.
pub(crate) struct Old<'a, R: ?Sized>(pub(crate) &'a mut R);

impl<R: CryptoRng + ?Sized> rand_core_06::RngCore for Old<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, octets: &mut [u8]) {
        self.0.fill_bytes(octets);
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill_bytes(octets);
        Ok(())
    }
}

impl<R: CryptoRng + ?Sized> rand_core_06::CryptoRng for Old<'_, R> {}

#[cfg(test)]
mod tests {
    use rand_core::Rng;
    use rand_core_06::RngCore as _;

    use super::*;

    /// Counts.
    struct Dice(u64);

    impl rand_core::TryRng for Dice {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(u32::try_from(self.try_next_u64()? & 0xff).unwrap_or_default())
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 += 2;
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
            octets.iter_mut().for_each(|octet| {
                self.0 += 2;
                *octet = self.0.to_le_bytes()[0];
            });
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Dice {}

    #[test]
    fn what_is_asked_of_the_old_source_is_what_the_new_one_says() {
        let (mut asked, mut told) = (Dice(40), Dice(40));
        let old = &mut Old(&mut asked);
        assert_eq!((old.next_u32(), old.next_u64()), (told.next_u32(), told.next_u64()));
        let (mut these, mut those) = ([[0; 9]; 2], [[0; 9]; 2]);
        old.fill_bytes(&mut these[0]);
        old.try_fill_bytes(&mut these[1]).unwrap_or_default();
        those.iter_mut().for_each(|octets| told.fill_bytes(octets));
        assert_eq!(these, those);
    }
}
