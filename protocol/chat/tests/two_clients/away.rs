//! What is left for who is away.

use esession_chat::{Command, Event, SecretBook};

use crate::book;
use crate::world::{End, World};

pub(crate) fn leave(text: &str, id: &str) -> Command {
    Command::SendOffline { text: text.to_owned(), id: Some(id.to_owned()), with: None }
}

#[test]
fn who_is_away_finds_what_was_left_for_them_once() {
    let mut world = World::of([book(), book()]);
    world.tell(End::Alice, leave("too early", "0"));
    world.settle();
    assert_eq!(world.errors(End::Alice), [("0".to_owned(), "not-sent".to_owned())], "Bob's key is not known yet");
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    world.tell(End::Alice, leave("nowhere to put it", "1"));
    world.settle();
    assert_eq!(world.errors(End::Alice).last().unwrap(), &("1".to_owned(), "not-sent".to_owned()));

    world.make_reachable(End::Bob);
    for (text, id) in [("see you", "2"), ("soon", "3")] {
        world.tell(End::Alice, leave(text, id));
        world.settle();
    }
    assert_eq!(world.texts(End::Bob), [("see you".to_owned(), true), ("soon".to_owned(), true)]);
    let left = world.on_the_wire("html#ns-init");
    let left: Vec<_> =
        left.iter().filter(|xml| xml.contains("type='submit'") || xml.contains("type=\"submit\"")).collect();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|xml| !xml.contains("see you") && !xml.contains("<body")));
    assert_eq!(world.sent_by(End::Bob), 3, "the roster, his presence, his options, and no answer");

    // It does not come again: not now, and not when he has been away once more.
    let again = left[0].replacen("<message ", "<message from='alice@example.org/a' ", 1);
    world.inject(End::Bob, &again);
    world.restart(End::Bob);
    world.inject(End::Bob, &again);
    world.settle();
    assert_eq!(world.texts(End::Bob), []);
    // What nobody signed whom Bob knows is not shown, and he is told that there was something.
    world.replace(End::Alice, book());
    world.tell(End::Alice, leave("it is me", "4"));
    world.settle();
    assert_eq!(world.errors(End::Alice).last().unwrap().1, "not-sent");
}

#[test]
fn what_a_stranger_has_left_is_not_shown() {
    let mut world = World::of([book(), book()]);
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    let mut forgetful = SecretBook::default();
    forgetful.keys_mut().set_own(&world.saved(End::Bob).keys().own().unwrap());
    world.replace(End::Bob, forgetful);
    world.make_reachable(End::Bob);
    world.tell(End::Alice, leave("do you know me?", "1"));
    world.settle();
    assert_eq!(world.texts(End::Bob), []);
    let told = |event: &Event| matches!(event, Event::Notice { text } if text.contains("key is not known"));
    assert_eq!(world.events(End::Bob).iter().filter(|event| told(event)).count(), 1);
}
