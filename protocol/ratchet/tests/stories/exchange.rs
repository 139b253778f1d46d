//! How sessions begin: with what is published, while the other end is away, and with both ends at once.

use omemo_ratchet::{Dialect, Error, KeyExchange, MAX_SESSIONS, Session};

use crate::world::{End, acquainted, rng};

#[test]
fn a_session_begins_while_the_peer_is_away_and_says_so_until_it_answers() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = End::pair(dialect);
        alice.begin(&bob.bundle());
        let sealed = ["one", "two", "three"].map(|text| alice.seal(text));
        assert!(sealed.iter().all(|sealed| sealed.is_key_exchange));
        assert!(!alice.device.session().unwrap().is_answered());
        // Whichever comes first begins it.
        for at in [1, 0, 2] {
            assert_eq!(bob.open(&sealed[at]).unwrap(), ["one", "two", "three"][at]);
        }
        assert_eq!((bob.prekeys.len(), bob.device.session().unwrap().is_answered()), (9, true));
        let answer = bob.seal("four");
        assert!(!answer.is_key_exchange);
        assert_eq!(alice.open(&answer).unwrap(), "four");
        assert!(alice.device.session().unwrap().is_answered() && !alice.seal("five").is_key_exchange);
    }
}

#[test]
fn a_prekey_serves_once() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = End::pair(dialect);
        alice.begin(&bob.bundle());
        let first = alice.seal("hello");
        bob.open(&first).unwrap();
        // The session is lost, and somebody sends again what began it.
        bob.device = Default::default();
        assert_eq!(bob.open(&first), Err(Error::UnknownPrekey));
        // So for one that never was, and for a signed prekey of long ago.
        let mut exchange = KeyExchange::read(dialect, &first.octets).unwrap();
        exchange.signed_prekey = 8;
        let begun = bob.device.open_exchange(dialect, &bob.identity, &exchange, |_| None, &mut rng());
        assert_eq!(begun.unwrap_err(), Error::UnknownPrekey);
        assert_eq!(bob.device, Default::default());
    }
}

#[test]
fn a_bundle_that_somebody_else_has_signed_begins_nothing() {
    for dialect in Dialect::ALL {
        let [alice, bob] = End::pair(dialect);
        let mallory = End::new(dialect);
        let begin = |bundle| Session::initiate(dialect, &alice.identity, &bundle, 1, &mut rng()).unwrap_err();
        let mut bundle = bob.bundle();
        bundle.signed_prekey = mallory.bundle().signed_prekey;
        assert_eq!(begin(bundle), Error::BadSignature);
        let mut bundle = bob.bundle();
        bundle.identity = mallory.bundle().identity;
        assert_eq!(begin(bundle), Error::BadSignature);
        let mut bundle = bob.bundle();
        bundle.prekeys.clear();
        assert_eq!(begin(bundle), Error::UnknownPrekey);
    }
}

#[test]
fn keys_whose_results_everybody_knows_are_refused() {
    // Two of small order (RFC 7748, section 7), and one that is no Ed25519 point: there is none with y = 2.
    let none =
        [[0; 32], std::array::from_fn(|at| u8::from(at == 0)), std::array::from_fn(|at| if at == 0 { 2 } else { 0 })];
    for dialect in Dialect::ALL {
        let [alice, bob] = End::pair(dialect);
        for key in none.into_iter().take(2) {
            let mut bundle = bob.bundle();
            bundle.prekeys[0].key.0 = key;
            let begun = Session::initiate(dialect, &alice.identity, &bundle, 1, &mut rng());
            assert_eq!(begun.unwrap_err(), Error::BadKey);
        }
    }
    for octets in none {
        assert_eq!(Dialect::Omemo2.read_identity(&octets), Err(Error::BadKey), "{octets:?}");
    }
}

#[test]
fn when_both_begin_at_once_they_end_up_in_one_session() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = End::pair(dialect);
        let (alices, bobs) = (alice.bundle(), bob.bundle());
        alice.begin(&bobs);
        bob.begin(&alices);
        let (from_alice, from_bob) = (alice.seal("a"), bob.seal("b"));
        assert_eq!(bob.open(&from_alice).unwrap(), "a");
        assert_eq!(alice.open(&from_bob).unwrap(), "b");
        for round in 0..5 {
            let sealed = alice.seal(&format!("a{round}"));
            assert_eq!(bob.open(&sealed).unwrap(), format!("a{round}"));
            let sealed = bob.seal(&format!("b{round}"));
            assert_eq!(alice.open(&sealed).unwrap(), format!("b{round}"));
        }
        assert!(!alice.seal("").is_key_exchange && !bob.seal("").is_key_exchange);
    }
}

#[test]
fn a_device_that_was_wiped_begins_anew_and_late_words_of_before_are_heard() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let late = alice.seal("of before");
        alice.device = Default::default();
        assert_eq!(alice.open(&bob.seal("for nobody")), Err(Error::NoSession));
        alice.begin(&bob.bundle());
        assert_eq!(bob.open(&alice.seal("here I am again")).unwrap(), "here I am again");
        assert_eq!(bob.open(&late).unwrap(), "of before");
        // The late word has put the old session in force; Alice's next one puts it right.
        assert_eq!(bob.open(&alice.seal("still here")).unwrap(), "still here");
        assert_eq!(alice.open(&bob.seal("so you are")).unwrap(), "so you are");
    }
}

#[test]
fn a_device_that_was_set_back_is_answered_in_the_session_that_it_speaks_in() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let before = alice.device.clone();
        alice.begin(&bob.bundle());
        let newer = alice.seal("in a newer one");
        bob.open(&newer).unwrap();
        alice.device = before;
        assert_eq!(bob.open(&alice.seal("in the older one")).unwrap(), "in the older one");
        assert_eq!(alice.open(&bob.seal("here")).unwrap(), "here");
        // A copy is known as one, whatever other sessions say of it.
        assert_eq!(bob.open(&newer), Err(Error::Replayed));
        let copy = alice.seal("once");
        bob.open(&copy).unwrap();
        assert_eq!(bob.open(&copy), Err(Error::Replayed));
    }
}

#[test]
fn old_sessions_are_forgotten() {
    for dialect in Dialect::ALL {
        let [mut alice, mut bob] = acquainted(dialect);
        let late = bob.seal("late");
        for _ in 0..MAX_SESSIONS {
            let mut lost = End { device: Default::default(), ..bob.clone() };
            lost.begin(&alice.bundle());
            alice.open(&lost.seal("again")).unwrap();
        }
        assert_eq!(alice.open(&late), Err(Error::DecryptFailed));
    }
}

#[test]
fn fingerprints_are_the_same_in_both_dialects() {
    let identity = End::new(Dialect::Axolotl).identity;
    let [first, second] = Dialect::ALL.map(|dialect| identity.public(dialect).fingerprint().unwrap());
    assert_eq!(first, second);
    assert_eq!((first.len(), first.split(' ').count()), (71, 8));
    assert_ne!(identity.secret(), End::new(Dialect::Axolotl).identity.secret());
}

#[test]
fn nothing_secret_is_printed() {
    let [alice, bob] = acquainted(Dialect::Omemo2);
    let printed = format!("{:?} {:?} {:?}", alice.identity, bob.signed_prekey, alice.device);
    for secret in [alice.identity.secret(), bob.signed_prekey.secret()] {
        assert!(!printed.contains(&format!("{:?}", secret.expose())) && printed.contains("Key(..)"));
    }
}
