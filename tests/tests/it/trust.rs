//! Whom the gateway's device gives keys to on Matrix, as the user decides.

use std::time::Duration;

use drawbridge_tests::{Stage, World, clients::MatrixPeer};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);
const CAROL: &str = "carol%matrix.test@matrix.xmpp.test";

#[test]
fn devices_that_nobody_vouches_for_get_keys_only_if_the_user_says_so() {
    let mut world = World::matrix("").unwrap();
    let (account, mut to_bob, mut bob) = world.alice_and_bob().unwrap();
    let dir = world.dir().to_owned();
    // Carol's client is an old one: nothing vouches for its device.
    let synapse = world.synapse().unwrap();
    synapse.add_user("carol", "sings").unwrap();
    let mut carol = MatrixPeer::start(&dir, synapse, "carol", "sings", &["--unsigned"]).unwrap();
    let mut to_carol = world.chat(&account.with_resource("two"), CAROL, &[]).unwrap();
    to_carol.subscribe(CAROL).unwrap();
    carol.joins().unwrap();
    to_carol.secure().unwrap();

    to_carol.say_as("early", "too early").unwrap();
    let error = to_carol.error("early").unwrap();
    let words = error["text"].as_str().unwrap_or_default();
    assert!(words.contains("no cross-signing identity"), "the error says why: {error}");
    to_bob.subscribe(World::BOB).unwrap();
    bob.joins().unwrap();
    to_bob.secure().unwrap();
    to_bob.deliver("hello", "hello").unwrap();
    bob.hear("hello", SOON).expect("who is vouched for gets keys");

    let done = to_carol.run(Stage::COMPONENT, "policy", &json!({ "devices": "all" })).unwrap();
    assert!(done["notes"][0]["text"].as_str().unwrap_or_default().contains("Message keys go to: all"), "{done}");
    to_carol.deliver("now", "now you can read it").unwrap();
    assert_eq!(carol.next_message().unwrap(), "now you can read it", "and what came back is not sent");

    let said = world.gateway.operator_says(&["users", "policy", "alice@xmpp.test", "devices=cross-signed"]).unwrap();
    assert!(said.contains("Message keys go to: cross-signed"), "{said}");
    to_carol.say_as("late", "too late").unwrap();
    let error = to_carol.error("late").unwrap();
    assert!(error["text"].as_str().unwrap_or_default().contains("no cross-signing identity"), "{error}");
    to_bob.deliver("still", "still here").unwrap();
    bob.hear("still here", SOON).unwrap();
}

#[test]
fn a_contact_with_another_identity_is_written_to_only_when_the_user_has_accepted_it() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    alice.deliver("before", "before").unwrap();
    bob.hear("before", SOON).unwrap();

    bob.ask(json!({ "command": "reset_identity", "password": "builder" })).unwrap();
    let told = |event: &serde_json::Value| {
        event["event"] == "message"
            && event["encrypted"] == true
            && event["from"].as_str().is_some_and(|from| from.starts_with(World::BOB))
            && event["text"].as_str().is_some_and(|text| text.contains("identity of @bob:matrix.test has changed"))
    };
    alice.expect("words in the session", SOON, told).unwrap();
    alice.say_as("stopped", "for the old bob").unwrap();
    let error = alice.error("stopped").unwrap();
    assert!(error["text"].as_str().is_some_and(|text| text.contains("has changed")), "{error}");
    bob.say(&room, "it is me").unwrap();

    let done = alice.run(Stage::COMPONENT, "policy", &json!({ "allow": "@bob:matrix.test" })).unwrap();
    assert!(done["notes"][0]["text"].as_str().is_some_and(|text| text.contains("write to @bob:matrix.test again")));
    alice.hear("it is me", SOON).expect("what waited is shown now");
    alice.deliver("after", "after").unwrap();
    assert_eq!(bob.next_message().unwrap(), "after", "and what was refused never comes");
    let status = alice.run(Stage::COMPONENT, "status", &json!({})).unwrap();
    assert!(!status.to_string().contains("Nothing is sent"), "what was accepted stays accepted: {status}");
}
