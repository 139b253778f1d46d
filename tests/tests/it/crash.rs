//! `kill -9` at any moment loses nothing that was receipted and doubles nothing, in either direction.

use std::{collections::HashSet, fs, time::Duration};

use drawbridge_tests::{
    World,
    clients::{Chat, MatrixPeer},
};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// Said in this order, one by one or all at once.
fn lines(who: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{who} {number}")).collect()
}

/// Every message that Alice has been shown, in order.
fn shown(events: &[Value]) -> Vec<String> {
    let messages = events.iter().filter(|event| event["event"] == "message" && event["encrypted"] == true);
    messages.map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

/// `part` has no doubles and keeps the order of `whole`.
fn assert_in_order(part: &[String], whole: &[String]) {
    let places: Vec<_> = part.iter().map(|line| whole.iter().position(|one| one == line)).collect();
    assert!(places.iter().all(Option::is_some), "somebody made up a message: {part:?}");
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "doubled, or out of order: {part:?}");
}

#[test]
fn six_kills_in_a_stream_of_messages() {
    let mut world = World::echo("").unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.secure().unwrap();
    let said = lines("message", 60);
    let mut settled = Vec::new();
    for (round, ten) in said.chunks(10).enumerate() {
        for line in ten {
            alice.say_as(line, line).unwrap();
        }
        // Each kill at another moment of the burst.
        let landmark = &ten[round];
        alice.settled(landmark).unwrap();
        settled.push(landmark);
        world.kill_and_restart_gateway().unwrap();
    }
    for line in said.iter().filter(|line| !settled.contains(line)) {
        alice.settled(line).expect("every message is acknowledged in the end");
    }
    alice.deliver("the last", "the last").unwrap();
    alice.hear("the last", SOON).unwrap();

    // What the far side took, by the transaction ids that outlive the gateway: each once.
    let files = world.gateway.state_files();
    let sent = files.iter().find(|file| file.ends_with("sent.jsonl")).expect("echo notes what it took");
    let sent = fs::read_to_string(sent).unwrap();
    let taken: Vec<&str> = sent.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(taken.len(), said.len() + 1, "taken once each: no more, no less");
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len(), "each under an id of its own");

    // The contacts of echo forget what they wanted to say when they are killed, so some answers never were.
    let heard = shown(&alice.take_events());
    assert_in_order(&heard, &said);
    assert!(!heard.is_empty(), "the answers that were given are shown");
}

#[test]
fn a_restart_between_two_messages_is_not_noticed() {
    let mut world = World::echo("").unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let first = alice.secure().unwrap();
    alice.deliver("one", "one").unwrap();
    alice.hear("one", SOON).unwrap();

    assert!(world.gateway.terminate().unwrap().success());
    alice.session("ended").expect("the session ends in good order");
    world.gateway.process.restart().unwrap();
    world.wait_for_link().unwrap();

    alice.deliver("two", "two").unwrap();
    alice.hear("two", SOON).unwrap();
    let second = alice.session("active").unwrap();
    assert_ne!(first["long"], second["long"], "a new session, with new keys");
    assert_eq!(second["chain"], "continued", "that descends from the old one");
}

#[test]
fn two_kills_while_alice_and_bob_talk() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    let (from_alice, from_bob) = (lines("alice", 20), lines("bob", 20));
    for round in 0..2 {
        let part = round * 10..round * 10 + 10;
        for (hers, his) in from_alice[part.clone()].iter().zip(&from_bob[part]) {
            alice.say_as(hers, hers).unwrap();
            bob.say(&room, his).unwrap();
        }
        world.kill_and_restart_gateway().unwrap();
    }
    for line in &from_alice {
        alice.settled(line).expect("every message is acknowledged in the end");
    }
    arrive_once(&mut alice, &mut bob, &room, &from_alice, &from_bob);
}

/// What each heard is exactly what the other said; a last message each way shows that nothing more comes.
fn arrive_once(alice: &mut Chat, bob: &mut MatrixPeer, room: &str, from_alice: &[String], from_bob: &[String]) {
    assert_eq!(bob.next_messages(from_alice.len()).unwrap(), from_alice, "all that Alice said, in order, once");
    let heard: Vec<String> = from_bob.iter().map(|_| alice.next_message().unwrap()).collect();
    assert_eq!(heard, from_bob, "all that Bob said, in order, once");
    alice.deliver("the last of Alice", "the last of Alice").unwrap();
    assert_eq!(bob.next_message().unwrap(), "the last of Alice", "nothing came twice");
    bob.say(room, "the last of Bob").unwrap();
    assert_eq!(alice.next_message().unwrap(), "the last of Bob", "nothing came twice");
}
