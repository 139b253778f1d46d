//! Who talks to whom (esessions.md, W6): the names of both ends in both forms.

use esession::{Binding, Credentials, Error, Established, Initiator, Misbehaviour, Responder, RetainedSecret, Secret};

use crate::world::{Dice, End, Failure, negotiate, negotiate_through, remove, toy, value};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.net";

fn end(own: &str, peer: &str) -> End {
    End { binding: Binding::between(own, peer), ..End::toy() }
}

#[test]
fn two_ends_that_name_each_other_are_bound() {
    let (alice, bob) = negotiate(&end(ALICE, BOB), &end(BOB, ALICE), 1);
    assert!(alice.agreed.bound && bob.agreed.bound);
    assert!(alice.agreed.peer_extras.is_empty(), "it is no field of the caller's");
}

#[test]
fn who_names_nobody_is_let_in_and_counts_as_unbound() {
    let (alice, bob) = negotiate(&end(ALICE, BOB), &End::toy(), 2);
    assert!(!alice.agreed.bound && !bob.agreed.bound);
    let (alice, bob) = negotiate(&End::toy(), &end(BOB, ALICE), 2);
    assert!(!alice.agreed.bound && !bob.agreed.bound);
}

#[test]
fn a_request_for_somebody_else_is_refused_before_anything_is_computed() {
    let other = Error::PeerMisbehaved(Misbehaviour::OtherEnds);
    // handed on to Carol, sent by Mallory as if it were his, written for the same two the other way round
    for bob in [end("carol@example.net", ALICE), end(BOB, "mallory@example.com"), end(ALICE, BOB)] {
        let failed = negotiate_through(&end(ALICE, BOB), &bob, 3, |_, _| {}).unwrap_err();
        assert_eq!(failed, Failure::Bob1(other.clone()));
        assert_eq!(failed.on_the_wire(), "not-acceptable x-ends");
    }
    // Lengths count: what one name gains the other cannot lose.
    let failed = negotiate_through(&end("ab", "c"), &end("bc", "a"), 3, |_, _| {}).unwrap_err();
    assert_eq!(failed, Failure::Bob1(other));
}

#[test]
fn an_answer_from_somebody_else_is_refused() {
    let (alice, form_a) = Initiator::begin(&toy(), &end(ALICE, BOB).binding, &mut Dice(4)).unwrap();
    let mut for_carol = form_a;
    remove(&mut for_carol, "x-ends");
    let carol = end("carol@example.net", ALICE).binding;
    let (_, form_b) = Responder::respond(&toy(), &for_carol, &carol, &mut Dice(5)).unwrap();
    let refused = alice.handle_response(&form_b, Credentials::default(), &mut Dice(6)).unwrap_err();
    assert_eq!(refused, Error::PeerMisbehaved(Misbehaviour::OtherEnds));
}

#[test]
fn names_that_were_taken_out_are_missed() {
    for (message, seen) in [(1, Failure::Bob3(Error::DecryptFailed)), (2, Failure::Alice4(Error::DecryptFailed))] {
        let failed = negotiate_through(&end(ALICE, BOB), &end(BOB, ALICE), 7, |current, form| {
            if current == message {
                remove(form, "x-ends");
            }
        });
        assert_eq!(failed.unwrap_err(), seen);
    }
}

#[test]
fn the_same_two_never_show_the_same_value_again() {
    let shown = |seed| {
        let (_, form) = Initiator::begin(&toy(), &Binding::between(ALICE, BOB), &mut Dice(seed)).unwrap();
        value(&form, "x-ends")
    };
    assert_ne!(shown(1), shown(2));
}

/// Mallory hands Alice's request back to her as if it came from Bob. Nothing of him is in the exchange, so even under a
/// secret that only Alice and Bob share she "verifies Bob" and talks to herself. The names end it.
#[test]
fn a_request_cannot_be_handed_back_to_whoever_made_it() {
    let secrets = vec![RetainedSecret::new(1, Secret::new(&[7; 32]), true)];
    let reflect = |binding: Binding| {
        let alice = End { secrets: secrets.clone(), binding, ..End::toy() };
        negotiate_through(&alice, &alice, 8, |_, _| {})
    };
    let verified = |end: &Established| end.chain.is_verified();
    let (alice, mirror) = reflect(Binding::default()).unwrap();
    assert!(verified(&alice) && verified(&mirror), "as XEP-0116 has it");
    let refused = reflect(Binding::between(ALICE, BOB)).unwrap_err();
    assert_eq!(refused, Failure::Bob1(Error::PeerMisbehaved(Misbehaviour::OtherEnds)));
}
