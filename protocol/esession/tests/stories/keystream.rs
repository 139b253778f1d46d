//! A block of a key stream is used once: who had two texts under the same one would have both.

use std::collections::HashSet;

use esession::dangerous;
use esession::rand_core::Rng;
use esession::{
    Binding, Credentials, Element, Error, Established, Initiator, Responder, RetainedSecret, Secret, Session,
};

use crate::world::{Dice, End, negotiate, toy, unbase64};

/// Every block that was ever used, with its key.
#[derive(Default)]
struct Used(HashSet<(Vec<u8>, u128)>);

impl Used {
    /// Notes the blocks of what is sealed here.
    fn by(
        &mut self,
        session: &mut Session,
        seal: impl FnOnce(&mut Session) -> Result<Element, Error>,
    ) -> Option<Element> {
        let before = dangerous::state(session).unwrap();
        let c = seal(session).ok()?;
        let data = c.children().find(|child| child.name() == "data").map(|data| unbase64(&data.text()));
        for block in 0..data.unwrap_or_default().len().div_ceil(16).max(1) {
            let counter = before.sending_counter.wrapping_add(u128::try_from(block).unwrap());
            assert!(self.0.insert((before.sending.0.clone(), counter)), "block {counter:x} is used twice");
        }
        Some(c)
    }
}

#[test]
fn within_a_session_whatever_is_said_and_however_new_keys_cross() {
    for seed in 0..60 {
        let (mut used, dice) = (Used::default(), &mut Dice(seed));
        let (alice, bob) = negotiate(&End::toy(), &End::toy(), seed);
        let mut ends = [alice.session, bob.session];
        let mut under_way: [Vec<Element>; 2] = Default::default();
        for _ in 0..200 {
            let who = (dice.next_u32() % 2) as usize;
            match dice.next_u32() % 8 {
                0 => under_way[who].extend(used.by(&mut ends[who], |it| it.rekey("", dice))),
                1..4 => {
                    let words = "w".repeat((dice.next_u32() % 200) as usize);
                    under_way[who].extend(used.by(&mut ends[who], |it| it.seal(&words)));
                }
                _ if under_way[1 - who].is_empty() => {}
                _ => drop(ends[who].open(&under_way[1 - who].remove(0)).unwrap()),
            }
        }
        assert!(used.0.len() > 100, "only {}", used.0.len());
    }
}

/// An end whose machine is set back to an earlier day, dice and all, begins the same session again: with other keys, since
/// those of its peer's are fresh.
#[test]
fn after_an_end_was_set_back() {
    let secret = || vec![RetainedSecret::new(1, Secret::new(&[3; 32]), true)];
    for set_back in ["Alice", "Bob"] {
        let mut used = Used::default();
        for day in 0..40 {
            let fresh = |of: &str, number| if set_back == of { Dice(number) } else { Dice(number + 1000 * (day + 1)) };
            let ends = agree(&mut fresh("Alice", 1), &mut fresh("Bob", 2), &secret());
            for mut end in ends {
                for words in ["the first words of the day", "and others"] {
                    used.by(&mut end.session, |it| it.seal(words)).unwrap();
                }
            }
        }
    }
}

/// Where both are, nothing is fresh: this is how the stories above would see it.
#[test]
#[should_panic(expected = "is used twice")]
fn unless_both_ends_were() {
    let mut used = Used::default();
    for _ in 0..2 {
        let [mut alice, _] = agree(&mut Dice(1), &mut Dice(2), &[]);
        used.by(&mut alice.session, |it| it.seal("the first words of the day")).unwrap();
    }
}

fn agree(alices: &mut Dice, bobs: &mut Dice, secrets: &[RetainedSecret]) -> [Established; 2] {
    let with = || Credentials::secrets(secrets);
    let (alice, form_a) = Initiator::begin(&toy(), &Binding::default(), alices).unwrap();
    let (bob, form_b) = Responder::respond(&toy(), &form_a, &Binding::default(), bobs).unwrap();
    let (alice, form_a2) = alice.handle_response(&form_b, with(), alices).unwrap();
    let (bob, form_b2) = bob.handle_identity(&form_a2, with(), bobs).unwrap();
    [alice.handle_completion(&form_b2).unwrap(), bob]
}
