//! The main job: an XMPP user adds the gateway, logs in to Matrix, and an encrypted conversation crosses.

use std::time::Duration;

use drawbridge_tests::{
    Stage, World,
    clients::{Chat, MatrixPeer},
};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn alice_on_xmpp_and_bob_on_matrix_talk_and_nobody_in_between_reads() {
    let mut world = World::matrix("").unwrap();
    let account = world.account("alice").unwrap();
    let dir = world.dir().to_owned();
    let mut bob = MatrixPeer::create(&dir, world.synapse().unwrap(), "bob", "builder").unwrap();
    // Alice has used Matrix before, with another client, which holds the recovery key of her account.
    let mut phone = MatrixPeer::create(&dir, world.synapse().unwrap(), "alice", "wonderland").unwrap();
    let key = phone.ask(json!({ "command": "enable_recovery" })).unwrap()["key"].clone();

    let mut alice = world.chat(&account, World::BOB, &[]).unwrap();
    let fields = json!({ "homeserver": world.synapse().unwrap().url(), "username": "alice", "password": "wonderland" });
    alice.register(Stage::COMPONENT, &fields).unwrap();
    // The gateway's device is signed by Alice's own identity from here on, and reads what her phone writes.
    alice.recover(Stage::COMPONENT, &key).unwrap();

    let presence = alice.subscribe(World::BOB).unwrap();
    assert_eq!(presence["nick"], "bob", "the contact has its Matrix name: {presence}");
    let room = bob.joins().unwrap();
    phone.joins().unwrap();

    let session = alice.secure().unwrap();
    assert_eq!(session["disclosure"], "never", "both sides are encrypted and the host is Alice's own: {session}");
    assert_eq!(session["group"], "16", "the strongest group: {session}");
    assert_eq!(session["cipher"], "aes256-ctr", "the strongest cipher: {session}");
    assert!(session["sas"].as_str().is_some_and(|sas| sas.len() == 5), "{session}");

    messages_cross(&mut alice, &mut bob);
    signs_cross(&mut alice, &mut bob, &room);

    phone.say(&room, "from my phone").unwrap();
    alice.hear("You: from my phone", SOON).expect("what Alice says elsewhere on Matrix is shown as her own");
    bob.hear("from my phone", SOON).unwrap();

    alice.send(&json!({ "command": "end" })).unwrap();
    let ended = alice.session("ended").unwrap();
    assert_eq!(ended["acknowledged"], true, "both ends know that nothing was cut off: {ended}");

    alice.secure().unwrap();
    let status = world.gateway.terminate().unwrap();
    assert!(status.success(), "SIGTERM ends the gateway with {status}");
    let ended = alice.session("ended").expect("a gateway that stops ends its sessions");
    assert_eq!(ended["acknowledged"], true, "{ended}");
    assert!(alice.finish().unwrap().success());
}

/// Ten each way: every one arrives once, in order, as it was written, and its sender is told so.
fn messages_cross(alice: &mut Chat, bob: &mut MatrixPeer) {
    let lines: Vec<String> = (0..8)
        .map(|number| format!("line {number}"))
        .chain(["emoji \u{2615}\u{1F600}".to_owned(), "<b>not bold</b> & \"quoted\" ]]>".to_owned()])
        .collect();
    for (number, line) in lines.iter().enumerate() {
        alice.say_as(&format!("out{number}"), line).unwrap();
    }
    for (number, line) in lines.iter().enumerate() {
        alice.receipt(&format!("out{number}")).unwrap();
        let heard = bob.expect("next message", SOON, |event| event["event"] == "message").unwrap();
        assert_eq!(heard["body"], **line, "what Alice wrote, in order");
        assert_eq!(heard["encrypted"], true, "the room is encrypted");
        assert_eq!(heard["trust"], "signed device, user not verified", "the gateway's device is Alice's own");
    }
    for line in &lines {
        bob.say("@alice:matrix.test", line).unwrap();
    }
    for line in &lines {
        assert_eq!(alice.next_message().unwrap(), *line, "what Bob wrote, in order, in the session");
    }
}

/// Typing, what was read, and presence, both ways.
fn signs_cross(alice: &mut Chat, bob: &mut MatrixPeer, room: &str) {
    alice.send(&json!({ "command": "typing", "on": true })).unwrap();
    let typing = |event: &Value| event["event"] == "typing" && event["users"] == json!(["@alice:matrix.test"]);
    bob.expect("Alice's typing", SOON, typing).unwrap();
    bob.ask(json!({ "command": "typing", "room": room, "on": true })).unwrap();
    alice.expect("Bob's typing", SOON, |event| event["event"] == "typing" && event["on"] == true).unwrap();

    alice.deliver("read me", "have you read this?").unwrap();
    let heard = bob.hear("have you read this?", SOON).unwrap();
    bob.ask(json!({ "command": "read", "room": room, "event_id": heard["event_id"] })).unwrap();
    alice.expect("Bob's marker", SOON, |event| event["event"] == "displayed" && event["id"] == "read me").unwrap();

    let sent = bob.say(room, "and you, this?").unwrap();
    let heard = alice.hear("and you, this?", SOON).unwrap();
    alice.send(&json!({ "command": "displayed", "id": heard["id"] })).unwrap();
    let read = |event: &Value| {
        event["event"] == "receipt" && event["user"] == "@alice:matrix.test" && event["event_id"] == *sent
    };
    bob.expect("Alice's read receipt", SOON, read).unwrap();

    bob.ask(json!({ "command": "presence", "state": "unavailable", "status": "at tea" })).unwrap();
    let away = |event: &Value| event["event"] == "presence" && event["show"] == "away" && event["status"] == "at tea";
    alice.expect("Bob's absence", SOON, away).unwrap();
    // Her phone is online, so Matrix shows her online; her words are hers. What she says in a session that discloses
    // nothing is for nobody who reads Matrix's presence, which is not encrypted.
    alice.send(&json!({ "command": "presence", "show": "away", "status": "at a secret place" })).unwrap();
    let untold = |event: &Value| {
        event["encrypted"] == true
            && event["text"].as_str().is_some_and(|text| text.contains("status was not passed on"))
    };
    alice.expect("why it was not passed on", SOON, untold).unwrap();
    alice.send(&json!({ "command": "presence", "show": "away", "status": "at lunch", "clear": true })).unwrap();
    let status = |event: &Value| {
        event["event"] == "presence" && event["user"] == "@alice:matrix.test" && event["status"] == "at lunch"
    };
    bob.expect("Alice's status", SOON, status).unwrap();
}
