//! What a session promises about who else reads along is true (XEP-0155, `disclosure`).

use drawbridge_tests::World;
use serde_json::json;

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
