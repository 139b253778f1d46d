//! Diffie-Hellman values that no honest peer sends, at every step, with the exact error.

use esession::dangerous;
use esession::{Error, Group, Misbehaviour, Policy, Standing};

use crate::world::{
    Dice, End, Failure, base64, negotiate, negotiate_through, over_the_wire, set_values, toy, unbase64, value,
};

/// Dice that are loaded: every octet is nought.
struct Noughts;

impl rand_core::TryRng for Noughts {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
        octets.fill(0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Noughts {}

/// XEP-0116, section 4.1: more than 2^255. Ours have 512 bits.
#[test]
fn an_exponent_is_never_small() {
    let (_, form_a) = esession::Initiator::begin(&toy(), &esession::Binding::default(), &mut Noughts).unwrap();
    let exponent = [&[0x80], &[0; 63][..]].concat();
    let expected = dangerous::power(Group::Toy, &[2], &exponent).unwrap();
    assert_eq!(value(&form_a, "dhhashes"), base64(&dangerous::sha256(&expected)));
}

/// p of group 14, from the published list.
fn prime_14() -> Vec<u8> {
    let units: serde_json::Value = serde_json::from_str(include_str!("../../vectors/primitives.json")).unwrap();
    hex::decode(units["groups"]["14"]["p"].as_str().unwrap()).unwrap()
}

fn toy_prime() -> Vec<u8> {
    hex::decode("ffffffffffffffffffffffffffffc3a7").unwrap()
}

/// p + n, of the same length.
fn plus(octets: &[u8], n: i16) -> Vec<u8> {
    let mut octets = octets.to_vec();
    let mut carry = n;
    for octet in octets.iter_mut().rev() {
        let sum = i16::from(*octet) + carry;
        *octet = u8::try_from(sum.rem_euclid(256)).unwrap();
        carry = sum.div_euclid(256);
    }
    octets
}

/// Out of range, not a square, badly encoded, or of another group.
fn bad_values(p: &[u8], good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let negative = {
        // p - 2^2: minus a square is no square, as p = 3 mod 4
        plus(p, -4)
    };
    vec![
        ("nothing", vec![]),
        ("0", vec![0]),
        ("1", vec![1]),
        ("1 with a leading zero", vec![0, 1]),
        ("p-1", plus(p, -1)),
        ("p", p.to_vec()),
        ("p+1", plus(p, 1)),
        ("no square", negative),
        ("a good value with a leading zero", [&[0], good].concat()),
        ("too long", [&[1], p].concat()),
        ("far too long", vec![0x55; 5000]),
    ]
}

#[test]
fn alice_refuses_a_bad_d_before_any_key_exists() {
    for (name, bad) in bad_values(&toy_prime(), &[4]) {
        let failed = negotiate_through(&End::toy(), &End::toy(), 1, |message, form| {
            if message == 2 {
                set_values(form, "dhkeys", &[&base64(&bad)]);
            }
        })
        .unwrap_err();
        assert_eq!(failed, Failure::Alice2(Error::PeerMisbehaved(Misbehaviour::BadResponderValue)), "{name}");
        assert_eq!(failed.on_the_wire(), "not-acceptable dhkeys", "{name}");
    }
}

/// Mallory commits to the bad value properly: only the value itself is wrong.
#[test]
fn bob_refuses_a_bad_e_although_it_was_committed_to() {
    for (name, bad) in bad_values(&toy_prime(), &[4]) {
        let failed = negotiate_through(&End::toy(), &End::toy(), 2, |message, form| match message {
            1 => set_values(form, "dhhashes", &[&base64(&dangerous::sha256(&bad))]),
            3 => set_values(form, "dhkeys", &[&base64(&bad)]),
            _ => {}
        })
        .unwrap_err();
        assert_eq!(failed, Failure::Bob3(Error::PeerMisbehaved(Misbehaviour::BadInitiatorValue)), "{name}");
        assert_eq!(failed.on_the_wire(), "feature-not-implemented dhkeys", "{name}");
    }
}

#[test]
fn the_real_groups_check_the_same() {
    for (name, bad) in bad_values(&prime_14(), &[4]) {
        assert!(dangerous::check_public(Group::Modp14, &bad).is_err(), "{name}");
    }
    for good in [vec![2], vec![4], vec![9]] {
        assert_eq!(dangerous::check_public(Group::Modp14, &good), Ok(()));
    }
    // -2 is no square in any of these groups
    assert!(dangerous::check_public(Group::Modp14, &plus(&prime_14(), -2)).is_err());
}

#[test]
fn a_value_that_was_not_committed_to_is_refused() {
    let failed = negotiate_through(&End::toy(), &End::toy(), 3, |message, form| {
        if message == 3 {
            set_values(form, "dhkeys", &[&base64(&[4])]);
        }
    })
    .unwrap_err();
    assert_eq!(failed, Failure::Bob3(Error::PeerMisbehaved(Misbehaviour::BrokenCommitment)));
    assert_eq!(failed.on_the_wire(), "feature-not-implemented dhkeys");
}

/// d of another group: too long for this one, or not a square in it.
#[test]
fn a_value_of_another_group_is_refused() {
    let alice = End::new(Policy { groups: vec![Group::Modp14], ..Policy::default() });
    let y = dangerous::power(Group::Modp15, &[2], &[0xab; 64]).unwrap();
    let failed = negotiate_through(&alice, &alice, 4, |message, form| {
        if message == 2 {
            set_values(form, "dhkeys", &[&base64(dangerous::mpi(&y))]);
        }
    });
    assert_eq!(failed.unwrap_err(), Failure::Alice2(Error::PeerMisbehaved(Misbehaviour::BadResponderValue)));
}

#[test]
fn a_bad_value_in_a_re_key_ends_the_session() {
    for (name, bad) in bad_values(&toy_prime(), &[4]).into_iter().filter(|(_, bad)| !bad.is_empty()) {
        let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 5);
        let c = dangerous::seal_with_key(&mut alice.session, &bad, 0).unwrap();
        let error = bob.session.open(&over_the_wire(&c)).unwrap_err();
        assert_eq!(error, Error::PeerMisbehaved(Misbehaviour::BadRekeyValue), "{name}");
        assert_eq!(bob.session.standing(), Standing::Broken);
        assert!(dangerous::state(&bob.session).is_none(), "the keys are gone");
    }
}

#[test]
fn a_count_of_keys_that_were_never_sent_ends_the_session() {
    for new in [1, 2, 999_999] {
        let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 6);
        let c = dangerous::seal_with_key(&mut alice.session, &[], new).unwrap();
        assert_eq!(bob.session.open(&c).unwrap_err(), Error::PeerMisbehaved(Misbehaviour::BadNewCount));
    }
}

/// The toy group makes what happens once in 256 sessions happen often.
#[test]
fn leading_zeros_in_e_d_and_k_do_not_matter() {
    let (mut short_e, mut short_d, mut short_k) = (0, 0, 0);
    for seed in 0..4000 {
        let mut public = [Vec::new(), Vec::new()];
        let (mut alice, mut bob) = negotiate_through(&End::toy(), &End::toy(), seed, |message, form| match message {
            2 => public[1] = unbase64(&value(form, "dhkeys")),
            3 => public[0] = unbase64(&value(form, "dhkeys")),
            _ => {}
        })
        .unwrap();
        short_e += usize::from(public[0].len() < 16);
        short_d += usize::from(public[1].len() < 16);
        let private = dangerous::state(&alice.session).unwrap().sets[0].2.clone();
        let k = dangerous::power(Group::Toy, &public[1], &private).unwrap();
        short_k += usize::from(k[0] == 0);
        let c = alice.session.seal("<body/>").unwrap();
        assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body/>");
    }
    assert!(short_e >= 5 && short_d >= 5 && short_k >= 5, "{short_e} {short_d} {short_k}");
}

/// The counter in the form and in the MACs: stripped or padded, both are understood (A12).
#[test]
fn counters_with_leading_zeros_are_understood() {
    for counter in [0, 1, 0x80 << 120, (0x80 << 120) | 5, u128::MAX, u128::MAX >> 8, 0x7f << 120] {
        let rng = &mut Dice(7);
        let (alice, form_a) = esession::Initiator::begin(&toy(), &esession::Binding::default(), rng).unwrap();
        let (bob, form_b) = dangerous::respond(&toy(), &form_a, &[1; 16], counter, &[0xdd; 64]).unwrap();
        let (alice, form_a2) = alice.handle_response(&form_b, esession::Credentials::default(), rng).unwrap();
        let (mut bob, form_b2) = bob.handle_identity(&form_a2, esession::Credentials::default(), rng).unwrap();
        let mut alice = alice.handle_completion(&form_b2).unwrap();
        for _ in 0..3 {
            let c = alice.session.seal("<body/>").unwrap();
            assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body/>");
            let c = bob.session.seal("<body/>").unwrap();
            assert_eq!(alice.session.open(&c).unwrap().content.expose(), "<body/>");
        }
    }
    let mut counters = Vec::new();
    for seed in 0..2000 {
        negotiate_through(&End::toy(), &End::toy(), seed, |message, form| {
            if message == 2 {
                counters.push(unbase64(&value(form, "counter")));
            }
        })
        .unwrap();
    }
    assert!(counters.iter().all(|c| c.len() == 16 && ![0, 0x7f, 0x80, 0xff].contains(&c[0])));
}
