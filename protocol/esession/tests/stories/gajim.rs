//! The odd ways of old Gajim. What real ones wrote is in the vectors; here one of our ends takes their part.

use esession::{
    Cipher, Credentials, Element, Error, Established, Hash, Identification, Initiator, Misuse, Policy, Profile,
    Responder, Standing, dangerous, ends_in_clear, namespaces,
};

use crate::public_keys::rsa_keys;
use crate::world::{Dice, End, negotiate, toy};

fn policy() -> Policy {
    Policy { ciphers: vec![Cipher::Aes128Ctr], ..toy() }
}

/// A session of Bob with an Alice who goes Gajim's way.
fn session(bob: &Policy) -> Result<(Established, Established), Error> {
    gone(Profile::Gajim, bob, &Credentials::default())
}

/// The same in any way, with what both have.
fn gone(way: Profile, bob: &Policy, with: &Credentials) -> Result<(Established, Established), Error> {
    let rng = &mut Dice(2);
    let alice = Policy {
        own_identification: bob.peer_identification.clone(),
        peer_identification: bob.own_identification.clone(),
        ..bob.clone()
    };
    let (alice, form_a) = Initiator::begin(&alice, &esession::Binding::default(), rng)?;
    let (bob, form_b) = Responder::respond(bob, &form_a, &esession::Binding::default(), rng)?;
    let (alice, form_a2) = dangerous::identify(alice, &form_b, &[vec![7; 32]], with.clone(), Some(way))?;
    let (bob, form_b2) = bob.handle_identity(&form_a2, with.clone(), rng)?;
    Ok((alice.handle_completion(&form_b2)?, bob))
}

#[test]
fn it_is_recognised_by_what_it_proves() {
    let (mut alice, mut bob) = session(&policy()).unwrap();
    assert_eq!((alice.agreed.profile, bob.agreed.profile), (Profile::Gajim, Profile::Gajim));
    for (from, to) in [(0, 1), (1, 0), (0, 1)] {
        let ends = [&mut alice.session, &mut bob.session];
        let [from, to] = if from < to {
            ends
        } else {
            let [a, b] = ends;
            [b, a]
        };
        let c = from.seal("<body>in its own way</body>").unwrap();
        assert_eq!(to.open(&c).unwrap().content.expose().trim_end(), "<body>in its own way</body>");
    }
    assert_eq!(alice.sas, bob.sas);
}

#[test]
fn a_policy_may_refuse_it() {
    let refused = session(&Policy { accept_gajim: false, ..policy() }).unwrap_err();
    assert_eq!(refused, Error::DecryptFailed);
}

/// It knew no public keys, one cipher and one hash; keys that are cut are keys of 16 octets.
#[test]
fn an_odd_way_is_tried_only_where_it_leads_somewhere() {
    let [key, _] = rsa_keys();
    let keyed =
        Credentials { known_keys: vec![key.public().clone()], signing_key: Some(key), ..Credentials::default() };
    let key = || vec![Identification::Key];
    for way in [Profile::Gajim, Profile::Truncated] {
        assert_eq!(gone(way, &policy(), &keyed).unwrap().1.agreed.profile, way);
        let shows = Policy { own_identification: key(), ..policy() };
        let sees = Policy { peer_identification: key(), ..policy() };
        for keys in [shows, sees] {
            assert_eq!(gone(way, &keys, &keyed).unwrap_err(), Error::DecryptFailed, "{way:?}");
        }
    }
    let longer = Policy { ciphers: vec![Cipher::Aes256Ctr], ..policy() };
    let other = Policy { hashes: vec![Hash::Whirlpool], ..policy() };
    for odd in [longer, other] {
        assert_eq!(session(&odd).unwrap_err(), Error::DecryptFailed);
    }
}

#[test]
fn whoever_goes_by_the_xep_is_never_taken_for_it() {
    for seed in 0..50 {
        let (alice, bob) = negotiate(&End::new(policy()), &End::new(policy()), seed);
        assert_eq!((alice.agreed.profile, bob.agreed.profile), (Profile::Xep, Profile::Xep));
    }
}

/// A middle man who makes Alice believe that Bob is Gajim gets nothing but a failed negotiation: Bob goes along, and then
/// his proof covers the form that he sent.
#[test]
fn to_pretend_to_be_it_leads_nowhere() {
    let rng = &mut Dice(2);
    let (alice, form_a) = Initiator::begin(&policy(), &esession::Binding::default(), rng).unwrap();
    let (bob, form_b) = dangerous::respond(&policy(), &form_a, &[5; 8], 1 << 126, &[0xdd; 64]).unwrap();
    let (alice, form_a2) = alice.handle_response(&oddly_typed(&form_b), Credentials::default(), rng).unwrap();
    let (bob, form_b2) = bob.handle_identity(&form_a2, Credentials::default(), rng).unwrap();
    assert_eq!(bob.agreed.profile, Profile::Gajim);
    assert!(!bob.session.is_confirmed(), "so nothing is kept of it");
    assert_eq!(alice.handle_completion(&form_b2).unwrap_err(), Error::DecryptFailed);
}

#[test]
fn one_oddity_alone_is_nothing() {
    for (nonce, typed) in [(&[5; 8][..], false), (&[5; 16], true)] {
        let rng = &mut Dice(2);
        let (alice, form_a) = Initiator::begin(&policy(), &esession::Binding::default(), rng).unwrap();
        let (bob, form_b) = dangerous::respond(&policy(), &form_a, nonce, 1 << 126, &[0xdd; 64]).unwrap();
        let form_b = if typed { oddly_typed(&form_b) } else { form_b };
        let bob = dangerous::as_if_sent(bob, &form_b).unwrap();
        let (alice, form_a2) = alice.handle_response(&form_b, Credentials::default(), rng).unwrap();
        let (bob, form_b2) = bob.handle_identity(&form_a2, Credentials::default(), rng).unwrap();
        let alice = alice.handle_completion(&form_b2).unwrap();
        assert_eq!((alice.agreed.profile, bob.agreed.profile), (Profile::Xep, Profile::Xep));
    }
}

/// Form B with a type that only Gajim writes.
fn oddly_typed(form_b: &Element) -> Element {
    let field = form_b.children().position(|field| field.attr("var") == Some("FORM_TYPE")).unwrap();
    String::from(form_b).replacen("var=", "type='text-single' var=", field + 1).parse().unwrap()
}

#[test]
fn it_is_spared_what_it_cannot_bear() {
    let (mut alice, mut bob) = session(&policy()).unwrap();
    let c = alice.session.confirm().unwrap();
    assert!(c.children().any(|child| child.name() == "data"), "no stanza without data");
    assert!(bob.session.open(&c).unwrap().confirms);
    assert!(!bob.session.may_rekey());
    let rekey = bob.session.rekey("<body/>", &mut Dice(1)).unwrap_err();
    assert_eq!(rekey, Error::Misuse(Misuse::RekeyTooEarly));
    for length in [1, 15, 16, 17, 63, 64, 65] {
        let c = bob.session.seal(&"x".repeat(length)).unwrap();
        let data = c.children().find(|child| child.name() == "data").unwrap().text();
        assert_eq!(data.len() % 4, 0);
        let octets = data.len() / 4 * 3 - data.bytes().filter(|c| *c == b'=').count();
        assert_eq!(octets % 16, 0, "whole blocks only");
        alice.session.open(&c).unwrap();
    }
    let end = bob.session.terminate().unwrap();
    assert!(end.is("feature", "http://jabber.org/protocol/feature-neg"), "it understands an end in clear only");
    assert_eq!(bob.session.standing(), Standing::Ended);
    let form = namespaces::negotiation_form(&end).unwrap();
    assert!(ends_in_clear(form), "a hint, for who talks to it");
    let acknowledges = String::from(form).replace("submit", "result").parse().unwrap();
    assert!(
        !ends_in_clear(&acknowledges) && !ends_in_clear(&String::from(form).replace(">1<", ">0<").parse().unwrap())
    );
    assert!(alice.session.open(&end).is_err(), "and ours does not believe one");
    assert!(!matches!(alice.session.standing(), Standing::Ended));
}
