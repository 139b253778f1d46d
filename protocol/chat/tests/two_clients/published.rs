//! Keys that servers give out, keys that the user vouches for, and what the user calls peers.

use esession::Identification;
use esession::namespaces::PUBLIC_KEY;
use esession_chat::{Command, Event, SecretBook};
use jid::BareJid;

use crate::away::leave;
use crate::world::{End, World};
use crate::{book, send};

fn world() -> World {
    let ways = [Identification::Hash, Identification::Key];
    let mut world = World::signing([book(), book()], &ways);
    for end in [End::Alice, End::Bob] {
        world.make_key_public(end);
    }
    world.settle();
    world
}

/// The standings of the peer's keys, after asking for them.
fn standings(world: &mut World, end: End) -> Vec<&'static str> {
    world.tell(end, Command::Keys { with: None });
    world.settle();
    let keys = world.events(end).iter().rev().find_map(|event| match event {
        Event::Keys { keys, .. } => Some(keys.iter().map(|key| key.standing).collect()),
        _ => None,
    });
    keys.expect("the keys")
}

fn own_print(world: &mut World, end: End) -> String {
    world.saved(end).keys().own().unwrap().public().fingerprint_text()
}

fn has_notice(world: &mut World, end: End, part: &str) -> bool {
    world.events(end).iter().any(|event| matches!(event, Event::Notice { text } if text.contains(part)))
}

#[test]
fn a_key_that_a_server_gives_out_is_recognised_and_not_trusted() {
    let mut world = world();
    for end in [End::Alice, End::Bob] {
        assert_eq!(standings(&mut world, end), ["published"]);
    }
    world.tell(End::Alice, send("hello"));
    world.settle();
    assert!(world.states(End::Alice).iter().all(|state| *state != esession_chat::SessionState::Failed));
    let keys = world.keys(End::Alice);
    assert_eq!((keys.key_standing, keys.verified), (Some("first"), false));
    assert_eq!(standings(&mut world, End::Alice), ["known"]);
}

#[test]
fn a_fingerprint_that_was_compared_elsewhere_verifies_every_session_of_that_key() {
    let mut world = world();
    standings(&mut world, End::Alice);
    let print = own_print(&mut world, End::Bob);
    world.tell(End::Alice, Command::TrustKey { fingerprint: print.replace(' ', ":").to_uppercase(), with: None });
    world.tell(End::Alice, send("hello"));
    world.settle();
    let keys = world.keys(End::Alice);
    assert_eq!((keys.key_standing, keys.verified), (Some("verified"), true));
    assert!(!world.keys(End::Bob).verified, "each for themself");

    // Also while one stands.
    let print = own_print(&mut world, End::Alice);
    world.tell(End::Bob, Command::TrustKey { fingerprint: print.clone(), with: None });
    assert!(world.keys(End::Bob).verified);
    world.tell(End::Bob, Command::ForgetKey { fingerprint: print.clone(), with: None });
    world.tell(End::Bob, Command::TrustKey { fingerprint: print, with: None });
    assert_eq!(world.own_errors(End::Bob), ["state"], "what is forgotten cannot be trusted");
    assert_eq!(standings(&mut world, End::Bob), ["published"]);
}

#[test]
fn who_has_never_been_talked_to_can_be_written_to_by_the_key_their_server_gives_out() {
    let mut world = world();
    world.make_reachable(End::Alice);
    world.settle();
    standings(&mut world, End::Alice);
    world.tell(End::Bob, leave("when you are back", "1"));
    world.settle();
    assert!(has_notice(&mut world, End::Bob, "Nobody has verified it"));
    assert!(world.events(End::Bob).iter().any(|event| matches!(event, Event::Sent { encrypted: true, .. })));
    assert!(!world.wire_text().contains("when you are back"));
    assert_eq!(world.texts(End::Alice), [("when you are back".to_owned(), true)]);
}

#[test]
fn a_key_of_another_name_and_one_out_of_date_are_nobodys() {
    let mut world = world();
    let key = world.published(End::Bob, PUBLIC_KEY);
    let end = key.split("<end>").nth(1).unwrap().split("</end>").next().unwrap();
    for (from, to) in [("bob@example.org", "carol@example.org"), (end, "2001-01-01T00:00:00Z")] {
        world.publish(End::Bob, PUBLIC_KEY, &key.replace(from, to));
        assert!(standings(&mut world, End::Alice).is_empty(), "{to}");
    }
    world.publish(End::Bob, PUBLIC_KEY, &key);
    assert_eq!(standings(&mut world, End::Alice), ["published"]);
}

#[test]
fn a_key_that_somebody_else_has_shown_is_told() {
    let bobs = book();
    let mut alices = book();
    let carol = BareJid::new("carol@example.org").unwrap();
    alices.keys_mut().meet(&carol, bobs.keys().own().unwrap().public());
    let mut world = World::signing([alices, bobs], &[Identification::Key]);
    world.tell(End::Alice, send("hello"));
    world.settle();
    assert_eq!(world.keys(End::Alice).key_standing, Some("moved"));
    assert!(has_notice(&mut world, End::Alice, "the public key of carol@example.org"));
}

#[test]
fn what_the_user_calls_a_peer_is_kept_and_is_nobody_elses() {
    let mut world = World::new();
    let name =
        |name: &str, with: Option<&str>| Command::Name { name: Some(name.to_owned()), with: with.map(str::to_owned) };
    world.tell(End::Alice, name(" Bob the Builder ", None));
    world.tell(End::Alice, name("bob the builder", Some("mallory@example.org")));
    assert_eq!(world.own_errors(End::Alice), ["state"]);
    let book: SecretBook = world.saved(End::Alice);
    world.replace(End::Alice, book);
    let named = Event::Named { with: "bob@example.org".to_owned(), name: Some("Bob the Builder".to_owned()) };
    assert!(world.events(End::Alice).contains(&named));
}
