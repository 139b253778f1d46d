//! Presence and requests in the session.

use esession_chat::{Command, Event, SessionState};

use crate::send;
use crate::world::{End, World};

fn status(words: &str) -> Command {
    let status = (!words.is_empty()).then(|| words.to_owned());
    Command::Presence { show: Some("away".to_owned()), status, clear: false }
}

fn shown(events: &[Event]) -> Vec<(Option<String>, bool)> {
    let presences = events.iter().filter_map(|event| match event {
        Event::Presence { show, status, encrypted, .. } if show == "away" => Some((status.clone(), *encrypted)),
        _ => None,
    });
    presences.collect()
}

#[test]
fn what_somebody_says_of_themself_is_for_those_they_talk_to() {
    let mut world = World::new();
    world.tell(End::Alice, status("at the sea"));
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    assert_eq!(shown(world.events(End::Bob)), [(Some("at the sea".to_owned()), true)]);
    world.tell(End::Alice, status("in the mountains"));
    world.tell(End::Alice, status(""));
    world.settle();
    let after = [(Some("in the mountains".to_owned()), true), (None, false)];
    assert_eq!(shown(world.events(End::Bob))[1..], after);
    assert!(!world.wire_text().contains("the sea") && !world.wire_text().contains("mountains"));
    // The session has not lost its step.
    world.tell(End::Bob, send("and I am at work"));
    world.tell(End::Alice, send("poor you"));
    world.settle();
    assert_eq!((world.texts(End::Alice).len(), world.texts(End::Bob).len()), (1, 1));
    assert!(!world.states(End::Bob).contains(&SessionState::Failed));

    let clear = Command::Presence { show: None, status: Some("for all".to_owned()), clear: true };
    world.tell(End::Alice, clear);
    world.settle();
    assert!(world.wire_text().contains("for all"));
}

#[test]
fn questions_and_answers_go_through_the_session_too() {
    let mut world = World::new();
    let ask = |xml: &str| Command::Ask { kind: "get".to_owned(), xml: xml.to_owned(), with: None };
    world.tell(End::Alice, ask("<query xmlns='jabber:iq:version'/>"));
    assert!(matches!(world.events(End::Alice).last(), Some(Event::Error { condition, .. }) if condition == "state"));
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    for query in ["<query xmlns='jabber:iq:version'/>", "<query xmlns='jabber:iq:private'/>"] {
        world.tell(End::Alice, ask(query));
        world.settle();
    }
    let answers: Vec<_> = world
        .events(End::Alice)
        .iter()
        .filter_map(|event| match event {
            Event::Stanza { xml, encrypted } => Some((xml.clone(), *encrypted)),
            _ => None,
        })
        .collect();
    assert!(answers[0].1 && answers[0].0.contains("<name>esession-chat</name>"), "{answers:?}");
    assert!(!answers[1].1 && answers[1].0.contains("service-unavailable"), "{answers:?}");
    assert!(!world.wire_text().contains("jabber:iq:version"));
    world.tell(End::Bob, send("still here"));
    world.settle();
    assert_eq!(world.texts(End::Alice), [("still here".to_owned(), true)]);
}

#[test]
fn of_presence_and_questions_in_a_session_that_is_over_nothing_is_said() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.forget_secrets(End::Bob);
    world.tell(End::Alice, status("secret"));
    world.settle();
    assert_eq!(shown(world.events(End::Bob)), [(None, false)]);
    let ask = Command::Ask { kind: "get".to_owned(), xml: "<ping xmlns='urn:xmpp:ping'/>".to_owned(), with: None };
    world.tell(End::Alice, ask);
    world.settle();
    let refused = |event: &Event| matches!(event, Event::Stanza { xml, .. } if xml.contains("not-acceptable"));
    assert!(world.events(End::Alice).iter().any(refused));
}
