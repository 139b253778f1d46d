//! What a session promises about who else reads along is true (XEP-0155, `disclosure`).

use std::time::Duration;

use drawbridge_tests::World;
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_host_that_is_not_the_users_own_says_so() {
    let mut world = World::matrix_on_a_foreign_host().unwrap();
    let (account, mut alice, _bob, _) = world.alice_talks_to_bob().unwrap();
    alice.send(&json!({ "command": "end" })).unwrap();
    alice.session("ended").unwrap();
    let session = alice.secure().unwrap();
    assert_eq!(session["disclosure"], "enabled", "somebody else runs this host, and could read: {session}");

    // A client that insists is refused, and sends nothing.
    let mut careful = world.chat(&account.with_resource("two"), World::BOB, &["--never-disclosed"]).unwrap();
    careful.say_as("secret", "for nobody else").unwrap();
    let failed = careful.session("failed").unwrap();
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("not-acceptable")), "{failed}");
    let error = careful.error("secret").unwrap();
    assert_eq!(error["condition"], "not-sent", "{error}");
}

#[test]
fn a_far_side_without_encryption_is_told() {
    let world = World::echo("").unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let session = alice.secure().unwrap();
    assert_eq!(session["disclosure"], "enabled", "echo encrypts nothing, on whosever host: {session}");
}

#[test]
fn nothing_is_stored_for_a_client_that_demands_it_where_the_operator_lets_it() {
    let mut world = World::matrix("\n[esession]\ntransient = true\n").unwrap();
    let (account, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    alice.finish().unwrap();
    let mut alice = world.chat(&account.with_resource("two"), World::BOB, &["--never-logged"]).unwrap();
    let session = alice.secure().unwrap();
    assert_eq!(session["logging"], "mustnot", "{session}");
    alice.deliver("1", "one").unwrap();
    assert_eq!(bob.next_message().unwrap(), "one");
    bob.say(&room, "two").unwrap();
    alice.hear("two", SOON).unwrap();

    // Killed while a message waits for the homeserver, the gateway has lost it. The client has not.
    world.synapse().unwrap().process.stop().unwrap();
    for (id, words) in [("3", "three"), ("4", "four"), ("5", "five")] {
        alice.say_as(id, words).unwrap();
        alice.expect("it has left", SOON, |event| event["event"] == "sent" && event["id"] == id).unwrap();
    }
    world.gateway.kill9();
    world.synapse().unwrap().process.restart().unwrap();
    world.gateway.process.restart().unwrap();
    for (id, words) in [("3", "three"), ("4", "four"), ("5", "five")] {
        alice.receipt(id).unwrap();
        assert_eq!(bob.next_message().unwrap(), words, "in their order");
    }
    alice.deliver("6", "six").unwrap();
    assert_eq!(bob.next_message().unwrap(), "six", "nothing came twice");
}

#[test]
fn where_the_operator_does_not_let_it_a_client_that_demands_that_nothing_is_stored_is_refused() {
    let mut world = World::matrix("").unwrap();
    let (account, ..) = world.alice_talks_to_bob().unwrap();
    let mut careful = world.chat(&account.with_resource("two"), World::BOB, &["--never-logged"]).unwrap();
    careful.say_as("secret", "for no disk").unwrap();
    let failed = careful.session("failed").unwrap();
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("not-acceptable")), "{failed}");
    assert_eq!(careful.error("secret").unwrap()["condition"], "not-sent");
}
