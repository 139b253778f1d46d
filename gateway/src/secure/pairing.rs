//! Codes that this host makes and a client takes, in the place of comparing: a shared secret for one session with the gateway
//! (XEP-0116, section 4.4.1), whose chain is verified from there on.
//!
//! They are too long to be guessed, also by who was in between once and tries them all at home; hence no passwords that
//! people choose. They live in memory, for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use esession::{RetainedSecret, Secret};
use getrandom::SysRng;
use jid::BareJid;
use rand_core::{Rng, UnwrapErr};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long a code can be used.
pub const LIFETIME: Duration = Duration::from_secs(3600);
/// 25 of these are 120 bits, and nobody mistakes one for another.
const ALPHABET: &[u8; 28] = b"acdefghikmopqruvwxy123456789";
const LENGTH: usize = 25;

/// The codes that wait to be used, one a user.
#[derive(Default)]
pub struct Pairings(Mutex<HashMap<BareJid, (Secret, Instant)>>);

impl Pairings {
    /// A new code for this user, which takes the place of the one before. In groups of five.
    pub fn make(&self, user: &BareJid) -> Zeroizing<String> {
        let rng = &mut UnwrapErr(SysRng);
        let digit = |_| {
            // Numbers that would make some digits likelier than others are thrown again.
            let number =
                std::iter::repeat_with(|| rng.next_u32() as u8).find(|number| *number < 252).unwrap_or_default();
            char::from(ALPHABET[usize::from(number % 28)])
        };
        let digits: Zeroizing<String> = Zeroizing::new((0..LENGTH).map(digit).collect());
        let secret = Secret::new(digits.as_bytes());
        self.lock().insert(user.clone(), (secret, Instant::now()));
        let groups: Vec<&str> = (0..LENGTH / 5).filter_map(|group| digits.get(group * 5..group * 5 + 5)).collect();
        Zeroizing::new(groups.join("-"))
    }

    /// The user's code, as a chain that vouches.
    pub fn of(&self, user: &BareJid) -> Vec<RetainedSecret> {
        let mut codes = self.lock();
        codes.retain(|_, (_, made)| made.elapsed() < LIFETIME);
        codes.get(user).map(|(secret, _)| RetainedSecret::new(0, secret.clone(), true)).into_iter().collect()
    }

    /// It has been used.
    pub fn used(&self, user: &BareJid) {
        self.lock().remove(user);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BareJid, (Secret, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_code_is_good_for_one_user_for_a_while_and_once() {
        let (pairings, [alice, bob]) =
            (Pairings::default(), ["alice@example.org", "bob@example.org"].map(|jid| BareJid::new(jid).unwrap()));
        let code = pairings.make(&alice);
        assert_eq!((code.len(), code.matches('-').count()), (LENGTH + 4, 4));
        let digits = code.replace('-', "");
        assert!(digits.bytes().all(|digit| ALPHABET.contains(&digit)));
        assert_eq!(pairings.of(&alice)[0].value().expose(), digits.as_bytes());
        assert!(pairings.of(&alice)[0].is_verified() && pairings.of(&bob).is_empty());
        assert_ne!(*pairings.make(&alice), *code);
        pairings.used(&alice);
        assert!(pairings.of(&alice).is_empty());
        pairings.make(&alice);
        tokio::time::advance(LIFETIME).await;
        assert!(pairings.of(&alice).is_empty());
    }
}
