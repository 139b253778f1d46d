//! Logins that end and begin again, and what a fresh one shows.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use drawbridge_tests::{Stage, World, clients::MatrixPeer};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

fn note(done: &Value) -> &str {
    done["notes"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn a_login_ends_by_a_command_and_begins_again_on_the_host() {
    let mut world = World::matrix("").unwrap();
    let dir = world.dir().to_owned();
    let synapse = world.synapse().unwrap();
    // Her phone keeps her identity, which outlives any login of the gateway.
    let mut phone = MatrixPeer::create(&dir, synapse, "alice", "wonderland").unwrap();
    let key = phone.ask(json!({ "command": "enable_recovery" })).unwrap()["key"].clone();
    let fields = json!({ "homeserver": synapse.url(), "username": "alice", "password": "wonderland" });
    let mut bob = MatrixPeer::create(&dir, synapse, "bob", "builder").unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, World::BOB, &[]).unwrap();
    alice.register(Stage::COMPONENT, &fields).unwrap();
    alice.recover(Stage::COMPONENT, &key).unwrap();
    alice.subscribe(World::BOB).unwrap();
    let room = bob.joins().unwrap();
    let devices = |bob: &mut MatrixPeer| -> BTreeMap<String, bool> {
        let known = bob.ask(json!({ "command": "devices", "user": "@alice:matrix.test" })).unwrap();
        let known = known["devices"].as_array().unwrap().clone();
        let signed = |device: &Value| device["signed_by_owner"] == true;
        known.iter().map(|device| (device["device"].as_str().unwrap().to_owned(), signed(device))).collect()
    };
    let first = devices(&mut bob);
    assert_eq!(first.len(), 2, "her phone and the gateway: {first:?}");

    let done = alice.run(Stage::COMPONENT, "logout", &json!({ "confirm": "yes" })).unwrap();
    assert_eq!(done["status"], "completed", "{done}");
    let left = devices(&mut bob);
    assert_eq!(left.len(), 1, "the gateway's device is signed out of Matrix: {left:?}");
    let status = alice.run(Stage::COMPONENT, "status", &json!({})).unwrap();
    assert!(note(&status).contains("You are not logged in to Matrix"), "she is still registered: {status}");

    // With her password, which no XMPP server sees.
    let homeserver = world.synapse().unwrap().url();
    let wrong = format!("{homeserver}\nalice\nlooking glass\n");
    let login = ["users", "login", "alice@xmpp.test"];
    let refused = world.gateway.operator_types(&login, &wrong).unwrap();
    assert!(!refused.status.success(), "a wrong password");
    let right = format!("{homeserver}\nalice\nwonderland\n");
    let said = world.gateway.operator_types(&login, &right).unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && told.contains("@alice:matrix.test"), "{told}");
    let confirmed =
        world.gateway.operator_types(&["users", "recover", "alice@xmpp.test"], key.as_str().unwrap()).unwrap();
    let told = String::from_utf8_lossy(&confirmed.stdout);
    assert!(confirmed.status.success() && told.contains("Done"), "{told}");

    // Bob's client hears of the new device, for which her identity vouches.
    let vouched =
        |known: &BTreeMap<String, bool>| known.iter().any(|(device, signed)| !first.contains_key(device) && *signed);
    let known = (0..300).find_map(|_| {
        sleep(Duration::from_millis(100));
        Some(devices(&mut bob)).filter(vouched)
    });
    assert!(known.is_some_and(|known| known.len() == 2), "her phone and one new device");

    alice.subscribe(World::BOB).unwrap();
    bob.say(&room, "welcome back").unwrap();
    alice.hear("welcome back", SOON).unwrap();
    alice.secure().unwrap();
    alice.deliver("here I am", "here I am").unwrap();
    bob.hear("here I am", SOON).unwrap();
}

#[test]
fn who_wants_no_clear_text_is_offered_a_session_by_the_contact() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob) = world.alice_and_bob().unwrap();
    alice.subscribe(World::BOB).unwrap();
    let room = bob.joins().unwrap();
    let done = alice.run(Stage::COMPONENT, "policy", &json!({ "encryption": "require" })).unwrap();
    assert!(note(&done).contains("require"), "{done}");

    // She has started nothing: it is the gateway that does.
    bob.say(&room, "zebrafish").unwrap();
    let session = alice.session("active").unwrap();
    assert_eq!(session["role"], "responder", "{session}");
    let heard = alice.hear("zebrafish", SOON).unwrap();
    assert_eq!(heard["encrypted"], true, "{heard}");
    let seen = std::fs::read(world.xmpp.process.log()).unwrap();
    assert!(!seen.windows(9).any(|window| window == b"zebrafish"), "Prosody could read it");
}

#[test]
fn rooms_that_are_not_bridged_are_named_once() {
    let mut world = World::matrix("").unwrap();
    let dir = world.dir().to_owned();
    let synapse = world.synapse().unwrap();
    let fields = json!({ "homeserver": synapse.url(), "username": "alice", "password": "wonderland" });
    let mut bob = MatrixPeer::create(&dir, synapse, "bob", "builder").unwrap();
    let mut phone = MatrixPeer::create(&dir, synapse, "alice", "wonderland").unwrap();
    for name in ["Tea party", "Croquet"] {
        phone.ask(json!({ "command": "create_room", "name": name, "user": "@bob:matrix.test" })).unwrap();
        bob.joins().unwrap();
    }
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, Stage::COMPONENT, &[]).unwrap();
    alice.register(Stage::COMPONENT, &fields).unwrap();
    let told = |event: &Value| {
        let text = event["text"].as_str().unwrap_or_default();
        event["event"] == "message" && text.contains("These rooms are not") && text.contains("Tea party")
    };
    let told_once = alice.expect("the rooms that are not bridged", SOON, told).unwrap();
    assert!(told_once["text"].as_str().unwrap_or_default().contains("Croquet"), "{told_once}");

    world.kill_and_restart_gateway().unwrap();
    phone.ask(json!({ "command": "create_room", "name": "Trial", "user": "@bob:matrix.test" })).unwrap();
    bob.joins().unwrap();
    // By the time a direct chat has come through, the room before it has.
    bob.create_dm("@alice:matrix.test").unwrap();
    alice.expect("Bob's invitation", SOON, |event| event["event"] == "subscribe").unwrap();
    let again = alice.expect("being told again", Duration::from_secs(6), |event| {
        event["event"] == "message" && event["text"].as_str().is_some_and(|text| text.contains("These rooms"))
    });
    assert!(again.is_err(), "told twice: {again:?}");
    let roster = alice.roster().unwrap();
    assert_eq!(roster.keys().filter(|jid| jid.contains('%') && !jid.contains("bob")).count(), 0, "{roster:?}");
}
