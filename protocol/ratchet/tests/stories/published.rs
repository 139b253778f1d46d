//! What a device hands out, and finds again.

use std::collections::HashSet;

use omemo_ratchet::{Dialect, Error, HANDED_OUT, KeyExchange, MAX_OUTSTANDING, PERIOD, Prekeys, Session};

use crate::world::{End, rng};

const NOW: u64 = 1_800_000_000;

/// A device that wants to begin, by a bundle that it was handed out.
fn exchange(prekeys: &mut Prekeys, dialect: Dialect, of: &End) -> KeyExchange {
    let bundle = prekeys.hand_out(dialect, &of.identity, &mut rng());
    let (end, prekey) = (End::new(dialect), bundle.prekeys[7].id);
    let mut session = Session::initiate(dialect, &end.identity, &bundle, prekey, &mut rng()).unwrap();
    KeyExchange::read(dialect, &session.seal(b"hello").unwrap().octets).unwrap()
}

#[test]
fn nobody_is_handed_out_what_somebody_else_was() {
    for dialect in Dialect::ALL {
        let (of, mut prekeys) = (End::new(dialect), Prekeys::new(NOW, &mut rng()));
        let mut seen = HashSet::new();
        for _ in 0..20 {
            let bundle = prekeys.hand_out(dialect, &of.identity, &mut rng());
            assert_eq!((bundle.verify(dialect), bundle.prekeys.len()), (Ok(()), HANDED_OUT));
            for prekey in bundle.prekeys {
                assert!(prekey.id > 0 && seen.insert(prekey.id) && seen.len() < 1000);
            }
        }
    }
}

#[test]
fn what_was_handed_out_is_found_until_it_is_used() {
    for dialect in Dialect::ALL {
        let (of, mut prekeys) = (End::new(dialect), Prekeys::new(NOW, &mut rng()));
        let exchange = exchange(&mut prekeys, dialect, &of);
        let pairs = prekeys.find(&exchange).unwrap();
        let accepted = Session::accept(dialect, &of.identity, &exchange, pairs.each_ref(), &mut rng());
        assert_eq!(accepted.unwrap().1.as_slice(), b"hello");
        prekeys.used(exchange.prekey);
        assert_eq!(prekeys.find(&exchange), None);
    }
}

#[test]
fn who_only_asks_pushes_out_the_oldest_ones() {
    let dialect = Dialect::Omemo2;
    let (of, mut prekeys) = (End::new(dialect), Prekeys::new(NOW, &mut rng()));
    let first = exchange(&mut prekeys, dialect, &of);
    for _ in 1..MAX_OUTSTANDING / HANDED_OUT {
        prekeys.hand_out(dialect, &of.identity, &mut rng());
    }
    assert!(prekeys.find(&first).is_some());
    prekeys.hand_out(dialect, &of.identity, &mut rng());
    assert!(prekeys.find(&first).is_none());
}

#[test]
fn a_signed_prekey_stands_for_a_while_and_is_found_for_another() {
    let dialect = Dialect::Axolotl;
    let (of, mut prekeys) = (End::new(dialect), Prekeys::new(NOW, &mut rng()));
    let first = exchange(&mut prekeys, dialect, &of);
    assert_eq!(PERIOD / 86_400, 14);
    assert!(!prekeys.rotate(NOW + PERIOD - 1, &mut rng()));
    assert!(!prekeys.rotate(NOW - 1, &mut rng()), "a clock that was set back changes nothing");
    assert!(prekeys.rotate(NOW + PERIOD, &mut rng()));
    let second = exchange(&mut prekeys, dialect, &of);
    assert_ne!(first.signed_prekey, second.signed_prekey);
    assert!(prekeys.find(&first).is_some() && prekeys.find(&second).is_some());
    assert!(!prekeys.rotate(NOW + PERIOD, &mut rng()));
    assert!(prekeys.rotate(NOW + 2 * PERIOD, &mut rng()));
    assert!(prekeys.find(&first).is_none() && prekeys.find(&second).is_some());
}

#[test]
fn what_is_stored_is_found_again() {
    let dialect = Dialect::Axolotl;
    let (of, mut prekeys) = (End::new(dialect), Prekeys::new(NOW, &mut rng()));
    let [first, second] = [0, 1].map(|at| {
        prekeys.rotate(NOW + at * PERIOD, &mut rng());
        exchange(&mut prekeys, dialect, &of)
    });
    let state = prekeys.to_state();
    let restored = Prekeys::from_state(&state).unwrap();
    assert_eq!(restored, prekeys);
    assert!(restored.find(&first).is_some() && restored.find(&second).is_some());
    for length in 0..state.len() {
        assert!(Prekeys::from_state(&state[..length]).is_err(), "{length}");
    }
    assert_eq!(Prekeys::from_state(&[state.as_slice(), &[0]].concat()), Err(Error::Malformed("end of a state")));
}

#[test]
fn names_that_nobody_gives_are_in_no_store() {
    let (last, after) = (i32::MAX as u32, i32::MAX as u32 + 1);
    let (of, mut prekeys) = (End::new(Dialect::Omemo2), Prekeys::new(NOW, &mut rng()));
    prekeys.hand_out(Dialect::Omemo2, &of.identity, &mut rng());
    let state = prekeys.to_state();
    // Of the signed prekey, of the first prekey, and the next one.
    for at in [5, 53, state.len() - 4] {
        for (name, is_one) in [(0, false), (1, true), (last, true), (after, false), (u32::MAX, false)] {
            let mut changed = state.to_vec();
            changed[at..at + 4].copy_from_slice(&name.to_be_bytes());
            let read = Prekeys::from_state(&changed);
            assert_eq!(read.as_ref().err(), (!is_one).then_some(&Error::Malformed("name of a key")), "{at}: {name}");
            let Ok(mut read) = read else { continue };
            assert!(read.rotate(NOW + PERIOD, &mut rng()));
            let bundle = read.hand_out(Dialect::Omemo2, &of.identity, &mut rng());
            assert!(bundle.prekeys.iter().all(|prekey| (1..=last).contains(&prekey.id)));
            assert!((1..=last).contains(&bundle.signed_prekey.id));
        }
    }
}
