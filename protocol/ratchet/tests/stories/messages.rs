//! Messages: lost, late, twice, forged, and from far ahead.

use omemo_ratchet::{Device, Dialect, Error, MAX_KEPT, MAX_MESSAGE, MAX_SKIP, MAX_TURNS};

use crate::world::{End, acquainted, rng};

#[test]
fn what_comes_late_is_heard_once_across_any_number_of_turns() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let mut late = Vec::new();
        for turn in 0..4 {
            late.push((turn, alice.seal(&format!("late {turn}"))));
            bob.open(&alice.seal("now")).unwrap();
            alice.open(&bob.seal("yes")).unwrap();
        }
        for (turn, sealed) in late.into_iter().rev() {
            assert_eq!(bob.open(&sealed).unwrap(), format!("late {turn}"));
            assert_eq!(bob.open(&sealed), Err(Error::Replayed));
        }
    }
}

#[test]
fn what_was_heard_before_changes_nothing() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let mut heard = vec![alice.seal("one")];
        bob.open(&heard[0]).unwrap();
        for _ in 0..5 {
            alice.open(&bob.seal("turn")).unwrap();
            heard.push(alice.seal("two"));
            bob.open(heard.last().unwrap()).unwrap();
        }
        for sealed in &heard {
            let before = bob.device.clone();
            assert_eq!(bob.open(sealed), Err(Error::Replayed));
            assert_eq!(bob.device, before);
        }
    }
}

#[test]
fn any_changed_octet_is_noticed_and_changes_nothing() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let next = alice.seal("next");
        alice.seal("lost");
        for sealed in [next, alice.seal("from ahead")] {
            for at in 0..sealed.octets.len() {
                for bit in [1, 0x80] {
                    let (mut forged, before) = (sealed.clone(), bob.device.clone());
                    forged.octets[at] ^= bit;
                    let opened = bob.open(&forged);
                    assert!(opened.is_err(), "{dialect:?} {at} {opened:?}");
                    assert_eq!(bob.device, before);
                }
            }
            bob.open(&sealed).unwrap();
        }
    }
}

#[test]
fn a_message_cut_off_anywhere_is_refused() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let sealed = alice.seal("whole");
        for length in 0..sealed.octets.len() {
            let mut cut = sealed.clone();
            cut.octets.truncate(length);
            assert!(bob.open(&cut).is_err(), "{dialect:?} {length}");
        }
        let mut long = sealed.clone();
        long.octets.resize(MAX_MESSAGE + 1, 0);
        assert_eq!(bob.open(&long), Err(Error::Malformed("message of this length")));
        long.octets.truncate(MAX_MESSAGE);
        assert_ne!(bob.open(&long), Err(Error::Malformed("message of this length")));
        if dialect == Dialect::Axolotl {
            let mut newer = sealed.clone();
            newer.octets[0] = 0x43;
            assert_eq!(bob.open(&newer), Err(Error::Malformed("version")));
        }
        bob.open(&sealed).unwrap();
    }
}

#[test]
fn a_message_of_one_session_is_none_of_another() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let [mut carol, _] = acquainted(dialect);
        assert_eq!(bob.open(&carol.seal("hello")), Err(Error::DecryptFailed));
        // Nor does an end hear itself.
        let sealed = alice.seal("echo");
        assert!(alice.open(&sealed).is_err());
        bob.open(&sealed).unwrap();
    }
}

#[test]
fn who_is_too_far_ahead_is_not_followed() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let first = alice.seal("first");
        bob.open(&first).unwrap();
        for _ in 0..MAX_SKIP {
            alice.seal("lost");
        }
        let (last, beyond) = (alice.seal("last"), alice.seal("beyond"));
        let before = bob.device.clone();
        assert_eq!(bob.open(&beyond), Err(Error::TooManySkipped));
        assert_eq!(bob.device, before);
        assert_eq!(bob.open(&last).unwrap(), "last");
        assert_eq!(bob.open(&beyond).unwrap(), "beyond");
    }
}

#[test]
fn a_chain_whose_end_is_lost_beyond_measure_does_not_hold_up_the_next() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        bob.open(&alice.seal("first")).unwrap();
        for _ in 0..=MAX_SKIP + 1 {
            alice.seal("lost");
        }
        alice.open(&bob.seal("turn")).unwrap();
        assert_eq!(bob.open(&alice.seal("here")).unwrap(), "here");
    }
}

#[test]
fn of_the_keys_that_were_passed_over_the_oldest_go_first() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let mut lost = Vec::new();
        for _ in 0..3 {
            lost.extend((0..MAX_SKIP / 2).map(|_| alice.seal("lost")));
            bob.open(&alice.seal("here")).unwrap();
        }
        let kept = lost.len() - MAX_KEPT;
        assert!(bob.device.to_state().len() < MAX_KEPT * 80);
        assert_eq!(bob.open(&lost[kept - 1]), Err(Error::Replayed));
        assert_eq!(bob.open(&lost[kept]).unwrap(), "lost");
        assert_eq!(bob.open(lost.last().unwrap()).unwrap(), "lost");
    }
}

#[test]
fn keys_of_long_ago_are_kept_no_more() {
    for dialect in Dialect::ALL {
        for (turns, kept) in [(MAX_TURNS, true), (MAX_TURNS + 1, false)] {
            let [mut alice, mut bob] = acquainted(dialect);
            let late = alice.seal("late");
            for _ in 0..turns {
                bob.open(&alice.seal("now")).unwrap();
                alice.open(&bob.seal("yes")).unwrap();
            }
            bob.open(&alice.seal("now")).unwrap();
            assert_eq!(bob.open(&late).is_ok(), kept, "{dialect:?} {turns}");
        }
    }
}

#[test]
fn it_is_known_how_many_were_heard_in_a_row() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let in_a_row = |end: &End| end.device.session().unwrap().heard_in_a_row();
        for _ in 0..60 {
            bob.open(&alice.seal("and")).unwrap();
        }
        assert_eq!(in_a_row(&bob), 60);
        alice.open(&bob.seal("yes")).unwrap();
        bob.open(&alice.seal("good")).unwrap();
        assert_eq!((in_a_row(&alice), in_a_row(&bob)), (1, 1));
    }
}

#[test]
fn a_state_that_is_not_whole_is_refused() {
    let [alice, _] = acquainted(Dialect::Axolotl);
    let state = alice.device.to_state();
    assert_eq!(Device::from_state(&state).unwrap(), alice.device);
    for length in 0..state.len() {
        assert!(Device::from_state(&state[..length]).is_err(), "{length}");
    }
    let longer = [state.as_slice(), &[0]].concat();
    assert_eq!(Device::from_state(&longer), Err(Error::Malformed("end of a state")));
    let mut newer = state.to_vec();
    newer[0] += 1;
    assert_eq!(Device::from_state(&newer), Err(Error::Malformed("version of a state")));
    let mut greedy = state.to_vec();
    greedy[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Device::from_state(&greedy), Err(Error::Malformed("list of a state")));
}

#[test]
fn nothing_is_said_where_there_is_no_session() {
    assert_eq!(Device::default().seal(b"").unwrap_err(), Error::NoSession);
    assert_eq!(Device::default().open(b"", &mut rng()).unwrap_err(), Error::NoSession);
}
