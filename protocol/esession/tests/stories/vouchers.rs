//! Verify once: a verified chain with the gateway vouches for sessions with everybody behind it.

use esession::{
    Binding, ChainOutcome, Credentials, Element, Error, Evidence, Initiator, Responder, RetainedSecret, Secret,
    dangerous,
};

use crate::world::{
    Dice, End, Failure, add, base64, field, negotiate, negotiate_through, remove, set_values, toy, unbase64, value,
};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob%matrix.org@gateway.example.org";
const CAROL: &str = "carol%matrix.org@gateway.example.org";

/// The chain of Alice's client with the gateway itself.
fn chain(octet: u8, verified: bool) -> RetainedSecret {
    RetainedSecret::new(1, Secret::new(&[octet; 32]), verified)
}

fn end(own: &str, peer: &str, chains: &[RetainedSecret]) -> End {
    End { binding: Binding::between(own, peer).vouched_by(chains), ..End::toy() }
}

#[test]
fn one_comparison_verifies_everybody_behind_the_gateway() {
    let chains = [chain(1, true)];
    for contact in [BOB, CAROL] {
        for (first, second) in [(ALICE, contact), (contact, ALICE)] {
            let (mut asks, mut answers) = negotiate(&end(first, second, &chains), &end(second, first, &chains), 1);
            assert_eq!((asks.chain, answers.chain), (ChainOutcome::New, ChainOutcome::New), "their first session");
            assert!(asks.vouched && answers.vouched);
            assert!(asks.new_secret.is_verified() && answers.new_secret.is_verified(), "and so are all that follow");
            assert!(answers.session.open(&asks.session.confirm().unwrap()).unwrap().confirms);
        }
    }
}

#[test]
fn the_right_one_is_found_among_several() {
    let [one, two, three] = [1, 2, 3].map(|octet| chain(octet, true));
    let alice = end(ALICE, BOB, &[one, two.clone()]);
    let (alice, bob) = negotiate(&alice, &end(BOB, ALICE, &[three, two]), 2);
    assert!(alice.vouched && bob.vouched);
}

#[test]
fn what_either_end_has_not_verified_vouches_for_nothing() {
    let (yes, no) = ([chain(1, true)], [chain(1, false)]);
    for (alices, bobs) in
        [(&yes[..], &no[..]), (&no, &yes), (&no, &no), (&yes, &[]), (&[], &yes), (&yes, &[chain(2, true)])]
    {
        let (mut alice, mut bob) = negotiate(&end(ALICE, BOB, alices), &end(BOB, ALICE, bobs), 3);
        assert!(!alice.vouched && !bob.vouched);
        assert!(!alice.new_secret.is_verified() && !bob.new_secret.is_verified());
        drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
        assert!(alice.new_secret.verify(Evidence::Code), "comparing goes on as before");
    }
}

#[test]
fn it_goes_together_with_a_chain_and_with_a_password() {
    let chains = [chain(1, true)];
    let with = |end: End| End { oss: Some(Secret::new(b"1234")), secrets: vec![chain(9, false)], ..end };
    let (alice, bob) = negotiate(&with(end(ALICE, BOB, &chains)), &with(end(BOB, ALICE, &chains)), 4);
    for end in [alice, bob] {
        assert_eq!(end.chain, ChainOutcome::Continued { id: 1, verified: false });
        assert!(end.vouched && end.new_secret.is_verified());
    }
}

/// Mallory sits between the two and negotiates with each of them, under the names they expect. He has no voucher.
#[test]
fn who_is_in_between_has_no_voucher() {
    let chains = [chain(1, true)];
    let (alice, _) = negotiate(&end(ALICE, BOB, &chains), &end(BOB, ALICE, &[]), 5);
    let (_, bob) = negotiate(&end(ALICE, BOB, &[]), &end(BOB, ALICE, &chains), 5);
    assert!(!alice.vouched && !bob.vouched);
    assert!(!alice.new_secret.is_verified() && !bob.new_secret.is_verified());
}

/// He may copy what Alice announced, with her ESession ID and her names, into a request of his own. Bob finds his voucher
/// then, and Mallory cannot make the keys: nobody ever shows them to Bob.
#[test]
fn what_alice_announced_is_of_no_use_to_others() {
    let chains = [chain(1, true)];
    let (rng, policy, private) = (&mut Dice(6), toy(), [0xcc; 40]);
    let (_, form_a) = Initiator::begin(&policy, &end(ALICE, BOB, &chains).binding, rng).unwrap();

    let (_, mut form_m) = Initiator::begin(&policy, &Binding::between(ALICE, BOB), rng).unwrap();
    remove(&mut form_m, "x-x25519-mlkem768");
    let e = dangerous::power(esession::Group::Toy, &[2], &private).unwrap();
    set_values(&mut form_m, "dhhashes", &[&base64(&dangerous::sha256(dangerous::mpi(&e)))]);
    for var in ["my_nonce", "x-ends", "x-vouchers"] {
        let copied: Vec<_> = field(&mut form_a.clone(), var).children().map(Element::text).collect();
        set_values(&mut form_m, var, &copied.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let (bob, form_b) = Responder::respond(&policy, &form_m, &end(BOB, ALICE, &chains).binding, rng).unwrap();
    let mallory = dangerous::await_response(&policy, &form_m, &[(esession::Group::Toy, private.to_vec())]).unwrap();
    let (mallory, form_m2) = mallory.handle_response(&form_b, Credentials::default(), rng).unwrap();
    let (bob, form_b2) = bob.handle_identity(&form_m2, Credentials::default(), rng).unwrap();
    assert!(bob.vouched && !bob.session.is_confirmed());
    assert_eq!(mallory.handle_completion(&form_b2).unwrap_err(), Error::DecryptFailed);
}

/// Nor can he show Alice her own announcement as an answer, under her own ESession ID.
#[test]
fn what_alice_announced_is_no_answer_to_herself() {
    let (rng, policy) = (&mut Dice(7), toy());
    let (alice, form_a) = Initiator::begin(&policy, &end(ALICE, BOB, &[chain(1, true)]).binding, rng).unwrap();
    let nonce = unbase64(&value(&form_a, "my_nonce"));
    let (mallory, mut form_b) = dangerous::respond(&policy, &form_a, &nonce, 1 << 126, &[0xbb; 40]).unwrap();
    add(&mut form_b, "x-vouchers", &[&value(&form_a, "x-vouchers")]);
    let mallory = dangerous::as_if_sent(mallory, &form_b).unwrap();
    let (alice, form_a2) = alice.handle_response(&form_b, Credentials::default(), rng).unwrap();
    let (_, form_b2) = mallory.handle_identity(&form_a2, Credentials::default(), rng).unwrap();
    let alice = alice.handle_completion(&form_b2).unwrap();
    assert!(!alice.vouched && !alice.new_secret.is_verified());
}

#[test]
fn what_is_taken_out_or_put_in_on_the_way_is_noticed() {
    let chains = [chain(1, true)];
    let ends = [end(ALICE, BOB, &chains), end(BOB, ALICE, &chains)];
    for (message, seen) in [(1, Failure::Bob3(Error::DecryptFailed)), (2, Failure::Alice4(Error::DecryptFailed))] {
        let failed = negotiate_through(&ends[0], &ends[1], 8, |current, form| {
            if current == message {
                remove(form, "x-vouchers");
            }
        });
        assert_eq!(failed.unwrap_err(), seen);
    }
    let failed = negotiate_through(&ends[0], &ends[1], 8, |current, form| {
        if current == 1 {
            set_values(form, "x-vouchers", &["no base64"]);
        }
    });
    assert_eq!(failed.unwrap_err(), Failure::Bob1(Error::BadField("x-vouchers".into())));
    let unbound = negotiate_through(&End::toy(), &ends[1], 8, |current, form| {
        if current == 1 {
            add(form, "x-vouchers", &["AAAA"]);
        }
    });
    assert_eq!(unbound.unwrap_err(), Failure::Bob3(Error::DecryptFailed));
}

/// Whoever reads the forms learns neither whether anything is verified nor whether it is the same as yesterday.
#[test]
fn it_looks_the_same_with_and_without_a_voucher() {
    let mut seen = std::collections::BTreeSet::new();
    for (seed, chains) in
        [(9, vec![]), (10, vec![chain(1, true)]), (11, vec![chain(1, true)]), (12, vec![chain(1, false)])]
    {
        let mut counts = Vec::new();
        negotiate_through(&end(ALICE, BOB, &chains), &end(BOB, ALICE, &chains), seed, |message, form| {
            if message <= 2 {
                let values: Vec<_> = field(form, "x-vouchers").children().map(Element::text).collect();
                counts.push((values.len(), values.iter().all(|value| value.len() == 44)));
                assert!(values.into_iter().all(|value| seen.insert(value)), "never the same");
            }
        })
        .unwrap();
        assert_eq!(counts, [(4, true), (1, true)]);
    }
}
