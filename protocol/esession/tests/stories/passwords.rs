//! A password as the other shared secret: both ends have it or there is no session. What it proves, and what it does not.

use esession::{Agreed, Credentials, Error, Hash, Initiator, Responder, Secret, dangerous};

use crate::world::{Dice, End, Failure, negotiate, negotiate_through, over_the_wire, unbase64, value};

fn end(password: &str) -> End {
    End { oss: Some(Secret::new(password.as_bytes())).filter(|_| !password.is_empty()), ..End::toy() }
}

#[test]
fn with_the_same_password_at_both_ends_there_is_a_session() {
    let (mut alice, mut bob) = negotiate(&end("Käse & Brot"), &end("Käse & Brot"), 1);
    assert!(alice.agreed.password && bob.agreed.password);
    assert!(bob.session.open(&alice.session.confirm().unwrap()).unwrap().confirms);
    // People choose it: who was in between may know it by now.
    assert!(!alice.new_secret.is_verified() && !bob.new_secret.is_verified());
    let is_unprotected = |agreed: &Agreed| !agreed.password;
    let (alice, bob) = negotiate(&end(""), &end(""), 1);
    assert!(is_unprotected(&alice.agreed) && is_unprotected(&bob.agreed));
    let empty = End { oss: Some(Secret::new(b"")), ..End::toy() };
    assert!(is_unprotected(&negotiate(&empty, &end(""), 1).0.agreed), "an empty one is none");
}

#[test]
fn with_different_ones_or_with_one_only_the_initiator_refuses() {
    for (alices, bobs) in [("tiger", "Tiger"), ("tiger", ""), ("", "tiger"), ("tiger", "tiger ")] {
        let refused = negotiate_through(&end(alices), &end(bobs), 2, |_, _| {}).unwrap_err();
        assert_eq!(refused, Failure::Alice4(Error::DecryptFailed), "{alices:?} {bobs:?}");
        assert_eq!(refused.on_the_wire(), "feature-not-implemented");
    }
}

/// Why it verifies nobody: somebody who poses as Alice, once, and then tries all passwords at home.
#[test]
fn whoever_asked_once_can_search_what_people_choose() {
    let (bob, rng) = (end("4711"), &mut Dice(3));
    let mallory = End::toy();
    let (waits, form_a) = Initiator::begin(&mallory.policy, &mallory.binding, rng).unwrap();
    let (answers, form_b) = Responder::respond(&bob.policy, &over_the_wire(&form_a), &bob.binding, rng).unwrap();
    let (waits, form_a2) = waits.handle_response(&over_the_wire(&form_b), Credentials::default(), rng).unwrap();
    let (_, form_b2) = answers.handle_identity(&over_the_wire(&form_a2), bob.credentials(), rng).unwrap();

    let (_, _, counter) = dangerous::provisional(&waits);
    let (identity, mac) = (unbase64(&value(&form_b2, "identity")), unbase64(&value(&form_b2, "mac")));
    let counter = counter.to_be_bytes();
    let fits = |guess: &String| {
        let (_, _, keys) = dangerous::final_keys(&waits, None, Some(&Secret::new(guess.as_bytes())));
        dangerous::hmac(Hash::Sha256, &keys.mac, &[dangerous::mpi(&counter), &identity]) == mac
    };
    let found: Vec<_> = (0..10_000).map(|number| format!("{number:04}")).filter(fits).collect();
    assert_eq!(found, ["4711"]);
}
