//! Ends that show public keys.

use esession::Identification;
use esession_chat::{Chain, Command, Event, SecretBook, SessionState};

use crate::world::{End, World};
use crate::{book, send};

/// Each end shows a key; it is remembered, verified with the codes, and missed when another one takes its place.
#[test]
fn keys_are_remembered_and_another_one_is_told() {
    let mut world = World::of([book(), book()]);
    world.tell(End::Alice, send("one"));
    world.settle();
    for end in [End::Alice, End::Bob] {
        let keys = world.keys(end);
        assert_eq!((keys.key_standing, keys.verified), (Some("first"), false));
        assert_eq!(keys.key.unwrap().len(), 8 * 8 + 7);
        world.tell(end, Command::Verify { with: None });
    }
    // Bob's client loses its sessions, and keeps its key: his signature says who he is.
    let mut fresh = SecretBook::default();
    *fresh.keys_mut() = world.saved(End::Bob).keys().clone();
    world.replace(End::Bob, fresh);
    world.tell(End::Alice, send("two"));
    world.settle();
    let keys = world.keys(End::Alice);
    assert_eq!((keys.chain, keys.key_standing, keys.verified), (Some(Chain::Lost), Some("verified"), true));
    // Somebody with another key.
    world.replace(End::Bob, book());
    world.tell(End::Alice, send("three"));
    world.settle();
    let keys = world.keys(End::Alice);
    assert_eq!((keys.key_standing, keys.verified), (Some("other"), false));
    let warned = world
        .events(End::Alice)
        .iter()
        .any(|event| matches!(event, Event::Notice { text } if text.contains("another public key than before")));
    assert!(warned);
}

#[test]
fn between_keys_three_messages_are_enough_and_one_comparison_lasts() {
    for ways in [[Identification::Key, Identification::Hash], [Identification::Hash, Identification::Key]] {
        let mut world = World::signing([book(), book()], &ways);
        world.tell(End::Alice, send("hello there"));
        world.settle();
        let [alice, bob] = [End::Alice, End::Bob].map(|end| world.keys(end));
        assert_eq!((&alice.compare, alice.compare.len()), (&bob.compare, 49));
        assert_eq!((alice.stanzas, alice.sas, alice.chain, alice.verified), (3, None, None, false));
        let whole = world.wire_text().matches("<field var='identity'").count();
        for end in [End::Alice, End::Bob] {
            world.tell(end, Command::Verify { with: None });
            assert!(world.keys(end).verified);
        }
        world.tell(End::Alice, Command::End { with: None });
        world.settle();
        world.tell(End::Bob, send("two"));
        world.settle();
        assert_eq!(world.keys(End::Alice).compare, alice.compare);
        assert!(world.keys(End::Alice).verified && world.keys(End::Bob).verified);
        assert_eq!((world.receipts(End::Alice), world.receipts(End::Bob), whole), (1, 1, 2));
        assert!(!world.wire_text().contains("hello there"));
    }
}

/// Fingerprints are enough for who knows the key, and who does not asks for it.
#[test]
fn a_fingerprint_that_nobody_knows_costs_a_negotiation() {
    let mut world = World::signing([book(), book()], &[Identification::Hash, Identification::Key]);
    world.tell(End::Alice, send("one"));
    world.settle();
    world.replace(End::Bob, book());
    world.tell(End::Alice, send("two"));
    world.settle();
    assert_eq!(world.texts(End::Bob), [("two".to_owned(), true)]);
    assert_eq!(world.keys(End::Alice).key_standing, Some("other"));
}

#[test]
fn one_thing_can_be_said_without_a_session() {
    let mut world = World::of([book(), book()]);
    world.tell(End::Alice, Command::SendSingle { text: "only this".to_owned(), id: None, with: None });
    world.settle();
    assert_eq!(world.texts(End::Bob), [("only this".to_owned(), true)]);
    assert_eq!(world.last_session(End::Bob).state, SessionState::Ended);
    assert!(!world.wire_text().contains("only this"));
    assert_eq!(world.wire_text().matches("<message").count(), 3);
    // Not to somebody else.
    world.replace(End::Bob, book());
    world.tell(End::Alice, Command::SendSingle { text: "secret".to_owned(), id: Some("7".to_owned()), with: None });
    world.settle();
    assert_eq!(world.texts(End::Bob), []);
    assert_eq!(world.errors(End::Alice), [("7".to_owned(), "not-sent".to_owned())]);
    // And not into the void.
    world.drop_next(End::Bob, 1);
    world.tell(End::Alice, Command::SendSingle { text: "nobody?".to_owned(), id: Some("8".to_owned()), with: None });
    world.settle();
    assert_eq!(world.errors(End::Alice).last().unwrap(), &("8".to_owned(), "not-sent".to_owned()));
}
