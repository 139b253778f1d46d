//! Other terms, while the session stands.

use esession_chat::{Command, Event, SessionState};

use crate::send;
use crate::world::{End, World};

fn terms(disclosure: Option<&str>, logging: Option<&str>) -> Command {
    Command::Terms { disclosure: disclosure.map(str::to_owned), logging: logging.map(str::to_owned), with: None }
}

fn agreed(world: &mut World, end: End) -> (Option<String>, Option<String>) {
    let keys = world.keys(end);
    (keys.disclosure, keys.logging)
}

fn notices(world: &mut World, end: End, part: &str) -> usize {
    let is_one = |event: &&Event| matches!(event, Event::Notice { text } if text.contains(part));
    world.events(end).iter().filter(is_one).count()
}

#[test]
fn both_ends_hear_of_other_terms_and_the_session_is_the_same() {
    let mut world = World::new();
    world.tell(End::Alice, send("one"));
    world.settle();
    let codes = world.keys(End::Alice).long;
    world.tell(End::Bob, terms(Some("enabled"), Some("mustnot")));
    world.settle();
    for end in [End::Alice, End::Bob] {
        assert_eq!(agreed(&mut world, end), (Some("enabled".to_owned()), Some("mustnot".to_owned())), "{end:?}");
        assert_eq!(world.keys(end).long, codes);
    }
    assert_eq!(notices(&mut world, End::Alice, "disclosed to third parties"), 1);
    assert!(!world.wire_text().contains("renegotiate"), "nobody else hears of it");
    world.tell(End::Alice, send("two"));
    world.settle();
    let sent = world.on_the_wire("<body").pop().unwrap();
    assert!(sent.contains("no-permanent-store"), "{sent}");
    assert_eq!(world.texts(End::Bob).len(), 2);
}

#[test]
fn who_keeps_no_transcript_does_not_agree_to_one() {
    let mut world = World::new();
    world.make_unlogged(End::Bob);
    world.tell(End::Alice, send("one"));
    world.settle();
    assert_eq!(agreed(&mut world, End::Alice).1.as_deref(), Some("mustnot"));
    world.tell(End::Alice, terms(None, Some("may")));
    world.settle();
    assert_eq!(agreed(&mut world, End::Alice).1.as_deref(), Some("mustnot"));
    assert_eq!(notices(&mut world, End::Alice, "keeps to what was agreed"), 1);
    assert_eq!(world.last_session(End::Bob).state, SessionState::Active);
}

#[test]
fn terms_that_are_none_and_terms_without_a_session_are_refused_to_the_user() {
    let mut world = World::new();
    world.tell(End::Alice, terms(None, Some("perhaps")));
    world.tell(End::Alice, terms(None, Some("mustnot")));
    assert_eq!(world.own_errors(End::Alice), ["bad-command", "state"]);
}
