//! Who is away is written to all the same: what waits for them at the servers is ciphertext (XEP-0187).

use std::{fs, thread, time::Duration};

use drawbridge_tests::World;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const KEY: [&str; 2] = ["--public-key", "--reachable"];

#[test]
fn what_a_user_missed_waits_at_their_server_even_when_the_gateway_is_gone() {
    let mut world = World::matrix("").unwrap();
    let (account, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    alice.finish().unwrap();
    let phone = account.with_resource("phone");
    let mut alice = world.chat(&phone, World::BOB, &KEY).unwrap();
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    alice.finish().unwrap();

    bob.say(&room, "while you were out").unwrap();
    let stored = || {
        let files = world.server_files();
        files.iter().any(|file| fs::read(file).is_ok_and(|octets| contains(&octets, b"xep-0116.html#ns-init")))
    };
    let waits = (0..300).any(|_| {
        thread::sleep(Duration::from_millis(100));
        stored()
    });
    assert!(waits, "nothing was left for Alice at her server");
    for file in world.server_files() {
        let octets = fs::read(&file).unwrap_or_default();
        assert!(!contains(&octets, b"while you were out"), "{}", file.display());
    }

    // She comes back while the gateway is down.
    world.gateway.process.stop().unwrap();
    let mut alice = world.chat(&phone, World::BOB, &KEY).unwrap();
    let heard = alice.hear("while you were out", SOON).unwrap();
    assert_eq!(heard["encrypted"], json!(true), "{heard}");
    assert!(heard["delayed"].is_string(), "{heard}");

    // And hears it once, also when it comes again for its receipt.
    world.gateway.process.restart().unwrap();
    world.wait_for_link().unwrap();
    bob.say(&room, "there you are").unwrap();
    alice.hear("there you are", SOON).unwrap();
    let twice = |event: &Value| event["event"] == "message" && event["text"] == "while you were out";
    assert!(!alice.take_events().iter().any(twice));
}

#[test]
fn a_contact_whose_login_is_down_is_written_to_by_what_it_has_published() {
    let mut world = World::matrix("").unwrap();
    let (account, mut alice, mut bob, _) = world.alice_talks_to_bob().unwrap();
    alice.finish().unwrap();
    let mut alice = world.chat(&account.with_resource("phone"), World::BOB, &KEY).unwrap();
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    assert_eq!(bob.next_message().unwrap(), "hello");
    alice.send(&json!({ "command": "end" })).unwrap();
    alice.expect("the end", SOON, |event| event["event"] == "session" && event["state"] == "ended").unwrap();

    world.synapse().unwrap().process.stop().unwrap();
    for line in ["for later", "and for good"] {
        alice.send(&json!({ "command": "send_offline", "text": line, "id": line })).unwrap();
        alice.expect("it has left", SOON, |event| event["event"] == "sent" && event["id"] == line).unwrap();
    }
    world.synapse().unwrap().process.restart().unwrap();
    for line in ["for later", "and for good"] {
        assert_eq!(bob.next_message().unwrap(), line, "in order, once");
        alice.receipt(line).expect("the receipt comes in a session");
    }
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
