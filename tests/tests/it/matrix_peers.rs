//! Two people on Matrix, before any gateway comes between: the far shore works.

use std::{fs, time::Duration};

use drawbridge_tests::{Stage, clients::MatrixPeer};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);

fn meet(stage: &Stage) -> (MatrixPeer, MatrixPeer) {
    let alice = MatrixPeer::create(stage.dir(), &stage.synapse, "alice", "wonderland").unwrap();
    let bob = MatrixPeer::create(stage.dir(), &stage.synapse, "bob", "builder").unwrap();
    (alice, bob)
}

#[test]
fn alice_and_bob_talk_encrypted_and_the_homeserver_cannot_read_it() {
    let stage = Stage::set().unwrap();
    let (mut alice, mut bob) = meet(&stage);
    let room = alice.create_dm("@bob:matrix.test").unwrap();
    let invitation = bob.expect_event("invited", SOON).unwrap();
    assert_eq!(invitation["direct"], true);
    assert_eq!(invitation["sender"], "@alice:matrix.test");
    bob.expect("alice sees him in", SOON, |event| event["event"] == "joined" && event["room"] == *room).unwrap();
    alice
        .expect("bob's arrival", SOON, |event| event["user"] == "@bob:matrix.test" && event["membership"] == "join")
        .unwrap();

    let question = "is this tea, or <b>only</b> \u{1F375}?";
    let sent = alice.say(&room, question).unwrap();
    let heard = bob.hear(question, SOON).unwrap();
    assert_eq!(heard["event_id"], *sent);
    assert_eq!(heard["sender"], "@alice:matrix.test");
    assert_eq!(heard["encrypted"], true);
    assert_eq!(heard["trust"], "signed device, user not verified");

    bob.ask(json!({ "command": "read", "room": room, "event_id": sent })).unwrap();
    let receipt = alice.expect_event("receipt", SOON).unwrap();
    assert_eq!((&receipt["user"], &receipt["event_id"]), (&json!("@bob:matrix.test"), &json!(sent)));

    bob.ask(json!({ "command": "typing", "room": room, "on": true })).unwrap();
    alice.expect("bob's typing", SOON, |event| event["users"] == json!(["@bob:matrix.test"])).unwrap();
    bob.say("@alice:matrix.test", "only \u{1F375}, by law").unwrap();
    assert_eq!(alice.hear("only \u{1F375}, by law", SOON).unwrap()["room"], *room);

    bob.ask(json!({ "command": "presence", "state": "unavailable", "status": "at tea" })).unwrap();
    alice.expect("bob's absence", SOON, |event| event["user"] == bob.user() && event["status"] == "at tea").unwrap();

    for file in stage.server_files() {
        let content = fs::read(&file).unwrap();
        for plaintext in ["is this tea", "by law"] {
            let found = content.windows(plaintext.len()).any(|window| window == plaintext.as_bytes());
            assert!(!found, "{plaintext:?} is in {}", file.display());
        }
    }

    bob.ask(json!({ "command": "leave", "room": room })).unwrap();
    alice.expect("bob's leaving", SOON, |event| event["user"] == bob.user() && event["membership"] == "leave").unwrap();
    assert!(alice.finish().unwrap().success());
    assert!(bob.finish().unwrap().success());
}

#[test]
fn bob_hears_everything_once_and_in_order_after_being_away() {
    let mut stage = Stage::set().unwrap();
    let (mut alice, mut bob) = meet(&stage);
    let room = alice.create_dm("@bob:matrix.test").unwrap();
    bob.expect_event("joined", SOON).unwrap();
    alice.say(&room, "before").unwrap();
    bob.hear("before", SOON).unwrap();

    // More than a sync carries by default: the rest has to be fetched.
    bob.pause();
    let said: Vec<String> = (0..40).map(|number| format!("line {number}")).collect();
    for line in &said {
        alice.say(&room, line).unwrap();
    }
    stage.synapse.process.restart().unwrap();
    bob.resume();
    alice.say(&room, "after").unwrap();
    bob.expect("the last line", SOON * 2, |event| event["body"] == "after").unwrap();

    let heard = bob.take_events();
    let heard: Vec<&str> =
        heard.iter().filter(|event| event["event"] == "message").map(|event| event["body"].as_str().unwrap()).collect();
    assert_eq!(heard, said);
}

#[test]
fn a_peer_that_was_killed_comes_back_as_the_same_device() {
    let stage = Stage::set().unwrap();
    let (mut alice, mut bob) = meet(&stage);
    let room = alice.create_dm("@bob:matrix.test").unwrap();
    bob.expect_event("joined", SOON).unwrap();
    let devices = json!({ "command": "devices", "user": "@bob:matrix.test" });
    let before = alice.ask(devices.clone()).unwrap();
    assert_eq!(before["devices"].as_array().unwrap().len(), 1);
    assert_eq!(before["devices"][0]["signed_by_owner"], true);

    bob.kill();
    alice.say(&room, "are you there?").unwrap();
    let mut bob = MatrixPeer::start(stage.dir(), &stage.synapse, "bob", "builder", &[]).unwrap();

    assert_eq!(bob.hear("are you there?", SOON).unwrap()["encrypted"], true);
    assert_eq!(alice.ask(devices).unwrap()["devices"], before["devices"]);
}
