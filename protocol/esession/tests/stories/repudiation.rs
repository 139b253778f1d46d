//! Old MAC keys are published once neither end takes them any more (esessions.md, sections 13 and W19).

use esession::{Cipher, Element, Hash, Policy, Session, dangerous};

use crate::world::{Dice, End, base64, negotiate, toy, unbase64};

fn published(c: &Element) -> Vec<Vec<u8>> {
    c.children().filter(|child| child.name() == "old").map(|child| unbase64(&child.text())).collect()
}

/// Whoever reads the keys in this stanza can make neither end believe anything.
pub(crate) fn nobody_takes_what_is_published(c: &Element, ends: [&Session; 2]) {
    let states = ends.map(dangerous::state);
    for old in published(c) {
        for state in states.iter().flatten() {
            assert!(state.sets.iter().all(|(_, mac, _)| *mac != old), "a key that is published while it is in use");
        }
    }
}

/// A re-key and what must follow before anything is published, stanza by stanza.
#[test]
fn they_are_published_when_both_ends_have_shown_the_new_ones_and_not_before() {
    let rng = &mut Dice(1);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 1);
    let (alice, bob) = (&mut alice.session, &mut bob.session);
    let km = |session: &Session| dangerous::state(session).unwrap().sending.1;
    let (km_a, km_b) = (km(alice), km(bob));
    let say = |from: &mut Session, to: &mut Session| {
        let c = from.seal("<body/>").unwrap();
        nobody_takes_what_is_published(&c, [from, to]);
        drop(to.open(&c).unwrap());
        published(&c)
    };
    assert!(say(alice, bob).is_empty() && say(bob, alice).is_empty());
    drop(bob.open(&alice.rekey("", rng).unwrap()).unwrap());
    assert!(say(alice, bob).is_empty(), "Bob has not shown that he has her key");
    assert_eq!(say(bob, alice), std::slice::from_ref(&km_a), "he takes nothing under her old key any more");
    // what he seals with he has changed as well; she takes the old ones until she has his report, and he cannot know
    assert_eq!(say(alice, bob), [km_b.clone(), km_a], "her own, and his, which she has dropped");
    assert!(say(bob, alice).is_empty() && say(alice, bob).is_empty(), "each key once");
    drop(alice.open(&bob.rekey("", rng).unwrap()).unwrap());
    drop(say(alice, bob));
    assert!(say(bob, alice).contains(&km_b), "now he knows");
}

#[test]
fn of_two_keys_under_way_only_the_one_is_published_that_the_peer_has_left_behind() {
    let rng = &mut Dice(4);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 4);
    let (alice, bob) = (&mut alice.session, &mut bob.session);
    let km = |session: &Session| dangerous::state(session).unwrap().sending.1;
    drop(bob.open(&alice.seal("").unwrap()).unwrap());
    let first = km(alice);
    let one = alice.rekey("", rng).unwrap();
    let second = km(alice);
    let two = alice.rekey("", rng).unwrap();
    drop(bob.open(&one).unwrap());
    drop(alice.open(&bob.seal("").unwrap()).unwrap());
    let three = alice.seal("").unwrap();
    assert!(
        published(&three).contains(&first) && !published(&three).contains(&second),
        "Bob has still to read with it"
    );
    drop(bob.open(&two).unwrap());
    drop(bob.open(&three).unwrap());
    drop(alice.open(&bob.seal("").unwrap()).unwrap());
    assert!(published(&alice.seal("").unwrap()).contains(&second));
}

#[test]
fn who_does_not_want_to_publishes_nothing() {
    let rng = &mut Dice(2);
    let quiet = End::new(Policy { publish_old_keys: false, ..toy() });
    let (mut alice, mut bob) = negotiate(&quiet, &quiet, 2);
    drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
    for _ in 0..3 {
        let c = alice.session.rekey("<body/>", rng).unwrap();
        assert!(published(&c).is_empty());
        drop(bob.session.open(&c).unwrap());
        let c = bob.session.seal("<body/>").unwrap();
        assert!(published(&c).is_empty());
        drop(alice.session.open(&c).unwrap());
    }
}

/// From a transcript and what was published anybody makes another transcript that is as good.
#[test]
fn a_transcript_proves_nothing() {
    let rng = &mut Dice(3);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 3);
    let (alice, bob) = (&mut alice.session, &mut bob.session);
    let before = dangerous::state(alice).unwrap();
    let said = alice.seal("<body>I owe you 1 euro</body>").unwrap();
    drop(bob.open(&said).unwrap());
    drop(bob.open(&alice.rekey("", rng).unwrap()).unwrap());
    drop(alice.open(&bob.seal("").unwrap()).unwrap());
    let km = published(&alice.seal("").unwrap()).pop().unwrap();

    // A reader who was told the words by one of the ends changes them without knowing any cipher key.
    let text = |c: &Element, name: &str| c.children().find(|child| child.name() == name).unwrap().text();
    let mut data = unbase64(&text(&said, "data"));
    data["<body>I owe you ".len()] ^= b'1' ^ b'9';
    let content = format!("<data>{}</data>", base64(&data));
    let counter = before.sending_counter.to_be_bytes();
    let mac =
        |km: &[u8], content: &str| dangerous::hmac(Hash::Sha256, km, &[content.as_bytes(), dangerous::mpi(&counter)]);
    let original = dangerous::stanza_content(&said).unwrap();
    assert_eq!(base64(&mac(&km, &original)), text(&said, "mac"), "the published key is the one that was used");
    assert_ne!(mac(&km, &content), mac(&km, &original), "and makes a MAC for other words as well");
    let words = dangerous::keystream(Cipher::Aes256Ctr, &before.sending.0, before.sending_counter, &data);
    assert!(String::from_utf8(words).unwrap().starts_with("<body>I owe you 9 euro</body>"));
}
