//! A code that is given, in the place of one that is compared.

use esession::Identification;
use esession_chat::{Chain, Command, Event};

use crate::book;
use crate::world::{End, START, World};

fn pair(code: &str) -> Command {
    Command::Pair { code: code.to_owned(), with: None }
}

#[test]
fn who_was_given_the_same_code_need_not_compare() {
    let mut world = World::signing([book(), book()], &[Identification::Key]);
    world.tell(End::Alice, pair("acdef-ghikm-opqru-vwxy1-23456"));
    world.tell(End::Bob, pair("ACDEFGHIKMOPQRUVWXY123456"));
    world.settle();
    for end in [End::Alice, End::Bob] {
        let keys = world.keys(end);
        assert_eq!((keys.verified, keys.through, keys.chain), (true, None, Some(Chain::New)), "{end:?}");
    }
    // It was good for one session; its chain goes on.
    world.restart(End::Bob);
    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    let saved = world.saved(End::Alice);
    let chain = saved.of(&"bob@example.org".parse().unwrap(), START);
    assert!(chain.len() == 1 && chain[0].is_verified());
}

#[test]
fn a_code_that_the_peer_does_not_have_is_told_and_verifies_nobody() {
    let mut world = World::new();
    world.tell(End::Alice, pair("acdef-ghikm-opqru-vwxy1-23457"));
    world.settle();
    world.tell(End::Alice, pair("short"));
    assert!(!world.keys(End::Alice).verified);
    let warned = |event: &Event| matches!(event, Event::Notice { text } if text.contains("does not have the code"));
    assert_eq!(world.events(End::Alice).iter().filter(|event| warned(event)).count(), 1);
    assert!(
        matches!(world.events(End::Alice).last(), Some(Event::Error { condition, .. }) if condition == "bad-command")
    );
    // It is not tried again.
    world.tell(End::Bob, pair("acdef-ghikm-opqru-vwxy1-23457"));
    world.settle();
    assert!(!world.keys(End::Bob).verified);
}
