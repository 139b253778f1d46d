//! X25519 and ML-KEM-768 beside the group (esessions.md, W10).

use esession::{
    Credentials, Error, Established, Group, Identification, Initiator, Misbehaviour, Policy, Responder, Role, Standing,
    dangerous,
};

use crate::world::{
    Dice, End, Failure, base64, negotiate, negotiate_through, remove, set_values, toy, unbase64, value,
};

const FIELD: &str = "x-x25519-mlkem768";

fn without() -> End {
    End::new(Policy { hybrid: false, ..toy() })
}

#[test]
fn it_is_used_where_both_ends_have_it() {
    for (alice, bob, hybrid) in [
        (End::toy(), End::toy(), true),
        (End::toy(), without(), false),
        (without(), End::toy(), false),
        (without(), without(), false),
    ] {
        let (mut alice, mut bob) = negotiate(&alice, &bob, 1);
        assert_eq!((alice.agreed.hybrid, bob.agreed.hybrid), (hybrid, hybrid));
        assert_eq!(alice.sas, bob.sas);
        drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
        drop(alice.session.open(&bob.session.rekey("<body/>", &mut Dice(2)).unwrap()).unwrap());
        drop(bob.session.open(&alice.session.rekey("<body/>", &mut Dice(3)).unwrap()).unwrap());
    }
}

/// What somebody gets who breaks the group, as a quantum computer would: K of the exponents alone.
fn keys_from_the_group_alone(alice: &Established, d: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let x = &dangerous::state(&alice.session).unwrap().sets[0].2;
    let dh = dangerous::power(Group::Toy, d, x).unwrap();
    let k = dangerous::hash(esession::Hash::Sha256, dangerous::mpi(&dh));
    let (k, _) = dangerous::strengthen(&k, None, None);
    let keys = dangerous::derive(&k, Role::Initiator, esession::Cipher::Aes256Ctr, esession::Profile::Xep);
    (keys.cipher, keys.mac)
}

#[test]
fn a_broken_group_gives_no_keys() {
    for (end, hybrid) in [(End::toy(), true), (without(), false)] {
        let mut d = Vec::new();
        let (alice, _) = negotiate_through(&end, &end, 4, |message, form| {
            if message == 2 {
                d = unbase64(&value(form, "dhkeys"));
            }
        })
        .unwrap();
        let sending = dangerous::state(&alice.session).unwrap().sending;
        assert_eq!(keys_from_the_group_alone(&alice, &d) != sending, hybrid);
    }
}

#[test]
fn a_broken_group_gives_no_keys_after_a_new_key_either() {
    for (end, hybrid) in [(End::toy(), true), (without(), false)] {
        let (mut alice, mut bob) = negotiate(&end, &end, 5);
        drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
        let c = alice.session.rekey("<body/>", &mut Dice(6)).unwrap();
        let e = unbase64(&c.children().find(|child| child.name() == "key").unwrap().text());
        let y = dangerous::state(&bob.session).unwrap().sets[0].2.clone();
        drop(bob.session.open(&c).unwrap());
        let dh = dangerous::power(Group::Toy, &e, &y).unwrap();
        let alone = dangerous::derive_rekey(dangerous::mpi(&dh), true, esession::Cipher::Aes256Ctr);
        assert_eq!(dangerous::state(&alice.session).unwrap().sending != alone, hybrid);
        let element = c.children().find(|child| child.name() == "x-hybrid");
        assert_eq!(element.map(|child| unbase64(&child.text()).len()), hybrid.then_some(1216 + 1088));
    }
}

#[test]
fn every_new_key_brings_new_shares_also_where_two_cross() {
    let rng = &mut Dice(7);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 7);
    drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let crossing = [alice.session.rekey("<a/>", rng).unwrap(), bob.session.rekey("<b/>", rng).unwrap()];
        for c in &crossing {
            let message = unbase64(&c.children().find(|child| child.name() == "x-hybrid").unwrap().text());
            assert!(seen.insert(message[..32].to_vec()) && seen.insert(message[32..64].to_vec()));
        }
        drop(bob.session.open(&crossing[0]).unwrap());
        drop(alice.session.open(&crossing[1]).unwrap());
        drop(bob.session.open(&alice.session.seal("<body>a</body>").unwrap()).unwrap());
        drop(alice.session.open(&bob.session.seal("<body>b</body>").unwrap()).unwrap());
    }
}

#[test]
fn who_takes_it_out_on_the_way_is_noticed() {
    for (message, seen) in [(1, Failure::Bob3(Error::DecryptFailed)), (2, Failure::Alice4(Error::DecryptFailed))] {
        let failed = negotiate_through(&End::toy(), &End::toy(), 8, |current, form| {
            if current == message {
                remove(form, FIELD);
            }
        });
        assert_eq!(failed.unwrap_err(), seen);
    }
}

#[test]
fn bad_shares_are_refused() {
    let change = |octets: &mut Vec<u8>, how: usize| match how {
        0 => octets.truncate(octets.len() - 1),
        1 => octets.push(0),
        // coefficients above the modulus (FIPS 203 section 7.2)
        2 => octets[32..1216].fill(0xff),
        // a point of small order
        _ => octets[..32].fill(0),
    };
    for how in 0..4 {
        for (message, bob) in [(1, true), (2, false)] {
            let failed = negotiate_through(&End::toy(), &End::toy(), 9, |current, form| {
                if current == message {
                    let mut octets = unbase64(&value(form, FIELD));
                    change(&mut octets, how);
                    set_values(form, FIELD, &[&base64(&octets)]);
                }
            });
            let error = Error::BadField(FIELD.into());
            let expected = if bob { Failure::Bob1(error) } else { Failure::Alice2(error) };
            assert_eq!(failed.unwrap_err(), expected, "{how}");
        }
    }
}

#[test]
fn a_hybrid_session_stays_one() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 10);
    drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
    let square = dangerous::power(Group::Toy, &[2], &[9; 16]).unwrap();
    let c = dangerous::seal_with_key(&mut alice.session, dangerous::mpi(&square), 0).unwrap();
    let refused = bob.session.open(&c).unwrap_err();
    assert_eq!(refused, Error::PeerMisbehaved(Misbehaviour::BadRekeyValue));
    assert_eq!(bob.session.standing(), Standing::Broken);
}

#[test]
fn it_is_in_the_keys_of_three_messages_as_well() {
    let [key, _] = crate::public_keys::rsa_keys();
    let policy = |hybrid| Policy {
        own_identification: vec![Identification::Key],
        peer_identification: vec![Identification::Key],
        hybrid,
        ..toy()
    };
    let credentials = || Credentials { signing_key: Some(key.clone()), ..Credentials::default() };
    for (hybrid, binding) in [(true, esession::Binding::between("a@x", "b@x")), (false, esession::Binding::default())] {
        let rng = &mut Dice(11);
        let (alice, form_a) = Initiator::begin_signed(&policy(true), &binding, rng).unwrap();
        let bobs = if hybrid { esession::Binding::between("b@x", "a@x") } else { binding };
        let (bob, form_b) = Responder::respond_signed(&policy(hybrid), &form_a, &bobs, credentials(), rng).unwrap();
        let (mut alice, form_a2) = alice.handle_response(&form_b, &credentials()).unwrap();
        let mut bob = bob.handle_identity(&form_a2).unwrap();
        for agreed in [&alice.agreed, &bob.agreed] {
            assert_eq!((agreed.hybrid, agreed.bound), (hybrid, hybrid));
        }
        drop(alice.session.open(&bob.session.seal("<a/>").unwrap()).unwrap());
        drop(bob.session.open(&alice.session.rekey("<body/>", rng).unwrap()).unwrap());
    }
}
