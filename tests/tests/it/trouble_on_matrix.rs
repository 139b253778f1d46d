//! What goes wrong with Matrix, and what a burst of messages does.

use std::{
    thread,
    time::{Duration, Instant},
};

use drawbridge_tests::{
    Stage, World,
    clients::{Chat, MatrixPeer},
};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const BURST: usize = 500;

#[test]
fn a_login_that_fails_says_why_and_can_be_tried_again() {
    let mut world = World::matrix("").unwrap();
    let account = world.account("alice").unwrap();
    let synapse = world.synapse().unwrap();
    synapse.add_user("alice", "wonderland").unwrap();
    let fields = |password: &str| json!({ "homeserver": synapse.url(), "username": "alice", "password": password });
    let (right, wrong) = (fields("wonderland"), fields("looking glass"));
    let mut alice = world.chat(&account, World::BOB, &[]).unwrap();

    let refusal = alice.register(Stage::COMPONENT, &wrong).unwrap_err().to_string();
    assert!(refusal.contains("not-acceptable"), "a wrong password: {refusal}");
    assert!(refusal.to_lowercase().contains("password"), "the words name the password: {refusal}");

    world.synapse().unwrap().process.stop().unwrap();
    let refusal = alice.register(Stage::COMPONENT, &right).unwrap_err().to_string();
    assert!(refusal.contains("remote-server-timeout"), "a homeserver that is down is no wrong password: {refusal}");

    world.synapse().unwrap().process.restart().unwrap();
    alice.register(Stage::COMPONENT, &right).unwrap();
}

#[test]
fn a_homeserver_that_goes_down_delays_and_a_contact_who_leaves_is_gone() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();

    world.synapse().unwrap().process.stop().unwrap();
    for line in ["one", "two", "three"] {
        alice.say_as(line, line).unwrap();
    }
    // The gateway has them, and has not said that they arrived.
    alice.expect("the last has left", SOON, |event| event["event"] == "sent" && event["id"] == "three").unwrap();
    let early = alice.expect("receipt", Duration::from_secs(2), |event| event["event"] == "receipt");
    assert!(early.is_err(), "a receipt before the homeserver had the message: {early:?}");
    world.synapse().unwrap().process.restart().unwrap();
    for line in ["one", "two", "three"] {
        alice.receipt(line).expect("what waited goes out");
        assert_eq!(bob.next_message().unwrap(), line, "in order, once");
    }
    bob.say(&room, "back again").unwrap();
    alice.hear("back again", SOON).unwrap();

    what_xml_cannot_carry(&mut alice, &mut bob, &room);

    bob.ask(json!({ "command": "leave", "room": room })).unwrap();
    let gone = |event: &Value| {
        let status = event["status"].as_str().unwrap_or_default();
        event["event"] == "presence" && event["show"] == "unavailable" && status.contains("has left")
    };
    alice.expect("Bob's leaving", SOON, gone).unwrap();
    alice.say_as("late", "are you there?").unwrap();
    let error = alice.error("late").unwrap();
    assert_eq!(error["condition"], "gone", "the user is told that the conversation is over: {error}");
}

/// Characters that XML 1.0 has not, in a text and in a name: the stream survives, and the rest is read.
fn what_xml_cannot_carry(alice: &mut Chat, bob: &mut MatrixPeer, room: &str) {
    bob.say(room, "a\u{1}b\u{ffff}c\u{1f}").unwrap();
    alice.hear("a\u{fffd}b\u{fffd}c\u{fffd}", SOON).unwrap();
    bob.ask(json!({ "command": "rename", "name": "Bo\u{1}b <the> builder" })).unwrap();
    let renamed = |event: &Value| event["event"] == "presence" && event["nick"] == "Bo\u{fffd}b <the> builder";
    alice.expect("Bob's new name", SOON, renamed).unwrap();
    bob.say(room, "and on it goes").unwrap();
    alice.hear("and on it goes", SOON).unwrap();
}

#[test]
fn five_hundred_messages_at_once_each_way_arrive_in_order_and_once() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    bob.say(&room, "ready?").unwrap();
    alice.hear("ready?", SOON).unwrap();
    alice.deliver("ready", "ready").unwrap();
    bob.hear("ready", SOON).unwrap();

    let start = Instant::now();
    for number in 0..BURST {
        alice.say_as(&format!("a{number}"), &format!("alice {number}")).unwrap();
        bob.send(
            &json!({ "command": "send", "room": room, "text": format!("bob {number}"), "id": format!("b{number}") }),
        )
        .unwrap();
    }
    let (heard, outward) = thread::scope(|scope| {
        let bob = scope.spawn(|| (bob.next_messages(BURST).unwrap(), start.elapsed()));
        for number in 0..BURST {
            let line = format!("bob {number}");
            assert_eq!(alice.next_message().unwrap(), line, "what Bob said, in order, once");
        }
        eprintln!("{BURST} from Matrix to XMPP: {:.1?}, none lost", start.elapsed());
        bob.join().unwrap()
    });
    eprintln!("{BURST} from XMPP to Matrix: {outward:.1?}, none lost");
    let said: Vec<String> = (0..BURST).map(|number| format!("alice {number}")).collect();
    assert_eq!(heard, said, "what Alice said, in order, once");
    for number in 0..BURST {
        alice.receipt(&format!("a{number}")).unwrap();
    }

    alice.deliver("the last", "the last of Alice").unwrap();
    assert_eq!(bob.next_message().unwrap(), "the last of Alice", "nothing came twice");
    bob.say(&room, "the last of Bob").unwrap();
    assert_eq!(alice.next_message().unwrap(), "the last of Bob", "nothing came twice");
}
