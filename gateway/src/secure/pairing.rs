//! Codes that this host makes and a client takes, in the place of comparing: a shared secret for one session with the gateway
//! (XEP-0116, section 4.4.1), whose chain is verified from there on.
//!
//! They are too long to be guessed, also by who was in between once and tries them all at home; hence no passwords that
//! people choose. They live in memory, for a while. Clients of other makers take one as a password, which goes into the keys
//! as it is, if they have a place for the other shared secret of XEP-0116.

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

/// How a client takes a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Announced, in a session with the gateway, so that other clients of the user are not in the way.
    Code,
    /// As the other shared secret of the next session with this JID of ours, which nobody can have without it.
    Password(BareJid),
}

/// The codes that wait to be used, one a user.
#[derive(Default)]
pub struct Pairings(Mutex<HashMap<BareJid, Pairing>>);

struct Pairing {
    secret: Secret,
    way: Way,
    made: Instant,
}

impl Pairings {
    /// A new code for this user, which takes the place of the one before. One that is announced is in groups of five.
    pub fn make(&self, user: &BareJid, way: Way) -> Zeroizing<String> {
        let rng = &mut UnwrapErr(SysRng);
        let digit = |_| {
            // Numbers that would make some digits likelier than others are thrown again.
            let number =
                std::iter::repeat_with(|| rng.next_u32() as u8).find(|number| *number < 252).unwrap_or_default();
            char::from(ALPHABET[usize::from(number % 28)])
        };
        let digits: Zeroizing<String> = Zeroizing::new((0..LENGTH).map(digit).collect());
        let secret = Secret::new(digits.as_bytes());
        let is_password = way != Way::Code;
        self.lock().insert(user.clone(), Pairing { secret, way, made: Instant::now() });
        if is_password {
            return digits;
        }
        let groups: Vec<&str> = (0..LENGTH / 5).filter_map(|group| digits.get(group * 5..group * 5 + 5)).collect();
        Zeroizing::new(groups.join("-"))
    }

    /// The user's code, as a chain that vouches.
    pub fn vouchers(&self, user: &BareJid) -> Vec<RetainedSecret> {
        self.get(user, &Way::Code).map(|secret| RetainedSecret::new(0, secret, true)).into_iter().collect()
    }

    /// The user's code, as the password of sessions with this JID of ours.
    pub fn password(&self, user: &BareJid, own: &BareJid) -> Option<Secret> {
        self.get(user, &Way::Password(own.clone()))
    }

    /// It has been used.
    pub fn used(&self, user: &BareJid) {
        self.lock().remove(user);
    }

    fn get(&self, user: &BareJid, way: &Way) -> Option<Secret> {
        let mut codes = self.lock();
        codes.retain(|_, pairing| pairing.made.elapsed() < LIFETIME);
        codes.get(user).filter(|pairing| pairing.way == *way).map(|pairing| pairing.secret.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BareJid, Pairing>> {
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
        let code = pairings.make(&alice, Way::Code);
        assert_eq!((code.len(), code.matches('-').count()), (LENGTH + 4, 4));
        let digits = code.replace('-', "");
        assert!(digits.bytes().all(|digit| ALPHABET.contains(&digit)));
        assert_eq!(pairings.vouchers(&alice)[0].value().expose(), digits.as_bytes());
        assert!(pairings.vouchers(&alice)[0].is_verified() && pairings.vouchers(&bob).is_empty());
        assert!(pairings.password(&alice, &bob).is_none());
        assert_ne!(*pairings.make(&alice, Way::Code), *code);
        pairings.used(&alice);
        assert!(pairings.vouchers(&alice).is_empty());
        pairings.make(&alice, Way::Code);
        tokio::time::advance(LIFETIME).await;
        assert!(pairings.vouchers(&alice).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_is_what_is_typed_and_announced_nowhere() {
        let (pairings, [alice, bob, carol]) = (
            Pairings::default(),
            ["alice@example.org", "bob@gw.example.org", "carol@gw.example.org"].map(|jid| BareJid::new(jid).unwrap()),
        );
        pairings.make(&alice, Way::Code);
        let password = pairings.make(&alice, Way::Password(bob.clone()));
        assert_eq!(password.len(), LENGTH);
        assert_eq!(pairings.password(&alice, &bob).unwrap().expose(), password.as_bytes());
        assert!(pairings.vouchers(&alice).is_empty(), "it has taken the place of the code");
        assert!(pairings.password(&alice, &carol).is_none() && pairings.password(&bob, &bob).is_none());
        tokio::time::advance(LIFETIME).await;
        assert!(pairings.password(&alice, &bob).is_none());
    }
}
