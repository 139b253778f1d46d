//! The Jacobi symbol of public values, by the binary algorithm (Shallit and Sorenson, 1993). Variable time.
//!
//! A tenth of what the one of crypto-bigint 0.7 takes, which costs as much as half an exponentiation.

/// Whether (value | modulus) = 1; `modulus` is odd. Both are big-endian.
pub(super) fn is_one(value: &[u8], modulus: &[u8]) -> bool {
    let (mut a, mut n) = (words(value), words(modulus));
    let mut is_positive = true;
    while !a.is_empty() {
        // (2 | n) = -1 for n = 3 or 5 modulo 8
        if shift_to_odd(&mut a) % 2 == 1 && matches!(low(&n) % 8, 3 | 5) {
            is_positive = !is_positive;
        }
        // reciprocity, for odd a and n
        if is_less(&a, &n) {
            std::mem::swap(&mut a, &mut n);
            if low(&a) % 4 == 3 && low(&n) % 4 == 3 {
                is_positive = !is_positive;
            }
        }
        subtract(&mut a, &n);
    }
    n == [1] && is_positive
}

/// Little-endian, without leading zeros.
fn words(octets: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| chunk.iter().fold(0, |word, octet| (word << 8) | u64::from(*octet));
    trimmed(octets.rchunks(8).map(word).collect())
}

fn trimmed(mut words: Vec<u64>) -> Vec<u64> {
    trim(&mut words);
    words
}

fn trim(words: &mut Vec<u64>) {
    while words.last() == Some(&0) {
        words.pop();
    }
}

fn low(words: &[u64]) -> u64 {
    words.first().copied().unwrap_or_default()
}

/// Divides a number that is not 0 by the highest power of two that divides it, and gives the exponent.
fn shift_to_odd(words: &mut Vec<u64>) -> u32 {
    let whole = words.iter().take_while(|word| **word == 0).count();
    words.drain(..whole);
    let bits = low(words).trailing_zeros();
    if bits > 0 {
        let mut above = 0;
        for word in words.iter_mut().rev() {
            let shifted = (*word >> bits) | above;
            above = *word << (64 - bits);
            *word = shifted;
        }
        trim(words);
    }
    u32::try_from(whole).unwrap_or_default() * 64 + bits
}

fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev())).is_lt()
}

/// a - b, for a >= b.
fn subtract(a: &mut Vec<u64>, b: &[u64]) {
    let mut borrow = false;
    for (place, word) in a.iter_mut().zip(b.iter().copied().chain(std::iter::repeat(0))) {
        let (difference, first) = place.overflowing_sub(word);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*place, borrow) = (difference, first || second);
    }
    trim(a);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By trial: a square of something.
    fn is_square(value: u32, prime: u32) -> bool {
        (1..prime).any(|root| root * root % prime == value % prime)
    }

    #[test]
    fn it_tells_the_squares_modulo_small_primes() {
        for prime in [3_u32, 5, 7, 11, 13, 17, 19, 23, 29, 31, 127, 251, 257] {
            for value in 0..2 * prime {
                let one = is_one(&value.to_be_bytes(), &prime.to_be_bytes());
                assert_eq!(one, is_square(value, prime), "({value} | {prime})");
            }
        }
    }

    #[test]
    fn it_multiplies_over_the_factors_of_the_modulus() {
        for value in 1..105_u32 {
            let one = |modulus: u32| is_one(&value.to_be_bytes(), &modulus.to_be_bytes());
            let coprime = [3, 5, 7].iter().all(|prime| value % prime != 0);
            let negative = [3, 5, 7].into_iter().filter(|prime| !one(*prime)).count();
            assert_eq!(one(105), coprime && negative % 2 == 0, "({value} | 105)");
        }
    }

    #[test]
    fn it_carries_between_words() {
        // 2^127 - 1 is a prime that is 7 modulo 8: 2 is a square, and so is each power of it; -1 is not.
        let prime = (u128::MAX >> 1).to_be_bytes();
        for exponent in 0..127 {
            let power = 1_u128 << exponent;
            assert!(is_one(&power.to_be_bytes(), &prime), "2^{exponent}");
            assert!(!is_one(&(u128::from_be_bytes(prime) - power).to_be_bytes(), &prime), "-2^{exponent}");
        }
        assert!(!is_one(&[0; 16], &prime));
        // 2^128 - 173 is one that is 3 modulo 8: 2 is none, and every second power of it.
        let prime = (u128::MAX - 172).to_be_bytes();
        for exponent in 0..128 {
            assert_eq!(is_one(&(1_u128 << exponent).to_be_bytes(), &prime), exponent % 2 == 0, "2^{exponent}");
        }
    }
}
