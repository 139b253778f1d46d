//! A password that two people have agreed on: nobody gets a session without it, and it verifies nobody.

use esession::Identification;
use esession_chat::{Chain, Command, Event, SessionState};

use crate::world::{End, World};
use crate::{book, send};

fn password(words: &str) -> Command {
    Command::Password { password: Some(words.to_owned()), with: None }
}

/// What became of Alice's messages that could not be sent.
fn given_back(world: &mut World) -> Vec<String> {
    world.errors(End::Alice).into_iter().map(|(_, condition)| condition).collect()
}

/// How often somebody asked.
fn requests(world: &World) -> usize {
    world.on_the_wire("dhhashes").len()
}

#[test]
fn with_the_same_one_they_talk_and_the_chain_goes_on_from_there() {
    let mut world = World::new();
    world.tell(End::Alice, password("what we said at lunch"));
    world.tell(End::Bob, password("what we said at lunch"));
    world.tell(End::Alice, send("hello"));
    world.settle();
    for end in [End::Alice, End::Bob] {
        let keys = world.keys(end);
        assert_eq!((keys.password, keys.verified, keys.chain), (true, false, Some(Chain::New)), "{end:?}");
        assert!(world.own_errors(end).is_empty());
    }
    assert_eq!(world.texts(End::Bob), [("hello".to_owned(), true)]);
    assert!(!world.wire_text().contains("lunch"));

    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    world.tell(End::Bob, send("again"));
    world.settle();
    for end in [End::Alice, End::Bob] {
        let keys = world.keys(end);
        assert_eq!((keys.password, keys.chain), (false, Some(Chain::Continued)), "{end:?}");
    }
}

#[test]
fn another_one_is_tried_once_for_each_wish_and_loses_no_message() {
    let mut world = World::new();
    world.tell(End::Bob, password("tiger"));
    world.settle();
    world.tell(End::Alice, send("secret"));
    world.tell(End::Alice, password("lion"));
    world.wait(600);
    let reason = |world: &mut World, end| world.last_session(end).reason.unwrap_or_default();
    assert!(reason(&mut world, End::Alice).contains("another password"), "{}", reason(&mut world, End::Alice));
    assert_eq!(given_back(&mut world), ["not-sent"]);
    assert!(world.texts(End::Bob).is_empty() && !world.wire_text().contains("secret"));
    let asked = requests(&world);
    world.wait(600);
    assert_eq!(requests(&world), asked, "nobody may guess on");

    world.tell(End::Alice, password("tiger"));
    world.tell(End::Alice, send("secret"));
    world.settle();
    assert!(world.keys(End::Alice).password && world.keys(End::Bob).password);
    assert_eq!(world.texts(End::Bob), [("secret".to_owned(), true)]);
}

#[test]
fn who_is_not_given_the_password_is_told_that_there_is_one() {
    let mut world = World::new();
    world.tell(End::Bob, password("tiger"));
    world.settle();
    assert_eq!(world.last_session(End::Bob).state, SessionState::Failed);
    let told = world.last_session(End::Alice);
    assert!(told.reason.as_ref().is_some_and(|reason| reason.contains("/password")), "{told:?}");
    world.tell(End::Alice, send("hello"));
    world.wait(600);
    let told = world.last_session(End::Alice);
    assert!(told.reason.as_ref().is_some_and(|reason| reason.contains("/password")), "{told:?}");
    assert_eq!(given_back(&mut world), ["not-sent"]);
    assert!(world.texts(End::Bob).is_empty());
    // He thinks better of it.
    world.tell(End::Bob, Command::Password { password: None, with: None });
    world.tell(End::Alice, send("hello"));
    world.settle();
    assert_eq!(world.texts(End::Bob), [("hello".to_owned(), true)]);
    assert!(!world.keys(End::Bob).password);
}

#[test]
fn three_messages_have_no_place_for_one_and_are_refused() {
    let mut world = World::signing([book(), book()], &[Identification::Key]);
    world.tell(End::Bob, password("tiger"));
    world.settle();
    world.tell(End::Alice, send("hello"));
    world.wait(600);
    assert!(world.texts(End::Bob).is_empty());
    let refused = world.last_session(End::Alice);
    assert!(refused.reason.as_ref().is_some_and(|reason| reason.contains("not-acceptable")), "{refused:?}");
    // With the password she asks in four herself.
    world.tell(End::Alice, password("tiger"));
    world.settle();
    assert!(world.keys(End::Alice).password && world.keys(End::Bob).password);
}

#[test]
fn a_session_from_before_the_password_was_typed_does_not_have_it() {
    let mut world = World::new();
    world.tell(End::Alice, send("hello"));
    world.settle();
    assert!(!world.keys(End::Alice).password);
    world.tell(End::Bob, password("tiger"));
    world.tell(End::Alice, password("tiger"));
    world.settle();
    assert!(world.keys(End::Alice).password && world.keys(End::Bob).password, "it was negotiated anew");
    let warned = |event: &Event| matches!(event, Event::Notice { text } if text.contains("password"));
    assert!(!world.events(End::Alice).iter().any(warned));
}
