//! Another implementation of ESessions, which knows nothing of what ours adds to them: with the gateway, and with our client.

use std::time::Duration;

use drawbridge_tests::World;
use drawbridge_tests::clients::ForeignClient;
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);
const ALICE: &str = "alice@xmpp.test";

#[test]
fn a_foreign_client_talks_with_a_contact_through_the_gateway() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let mut foreign = ForeignClient::start(world.dir(), &account.with_resource("foreign")).unwrap();

    let session = foreign.secure(World::ECHO).unwrap();
    assert_eq!((&session["chained"], &session["cipher"]), (&json!(false), &json!("aes256-ctr")), "{session}");
    for number in 0..100 {
        let words = format!("word {number}: <&> \u{1f511}");
        foreign.say(&words, number % 10 == 5).unwrap();
        assert_eq!(foreign.next_message().unwrap(), words);
    }
    // Its short code could have been searched by somebody in between; the long one could not.
    let verify = |code: &serde_json::Value| world.gateway.operator_says(&["verify", ALICE, code.as_str().unwrap()]);
    assert!(verify(&session["sas"]).unwrap_err().to_string().contains("No session here has this code"));
    assert!(verify(&session["long"]).unwrap().contains("Verified: echo@echo"));
    assert!(foreign.end().unwrap(), "nothing was cut off");
    foreign.finish().unwrap();

    // Its next session is known by the secret that the last one has left.
    let mut foreign = ForeignClient::start(world.dir(), &account.with_resource("foreign")).unwrap();
    let session = foreign.secure(World::ECHO).unwrap();
    assert_eq!(session["chained"], true, "{session}");
    foreign.say("back again", false).unwrap();
    assert_eq!(foreign.next_message().unwrap(), "back again");
    let codes = world.gateway.operator_says(&["verify", ALICE]).unwrap_err().to_string();
    assert!(codes.contains("from the client foreign (verified)"), "{codes}");
    assert!(foreign.end().unwrap());
}

#[test]
fn our_client_and_a_foreign_one_talk_whoever_asks() {
    let world = World::echo("").unwrap();
    let alice = world.account("alice").unwrap().with_resource("foreign");
    let bob = world.account("bob").unwrap();
    let mut alice = ForeignClient::start(world.dir(), &alice).unwrap();
    let mut bob = world.chat(&bob, "alice@xmpp.test/foreign", &[]).unwrap();
    for (asks, chained) in [("bob", false), ("alice", true), ("bob", true)] {
        bob.take_events();
        let (told, session) = if asks == "bob" {
            (bob.secure().unwrap(), alice.expect_event("session", SOON).unwrap())
        } else {
            let session = alice.secure("bob@xmpp.test").unwrap();
            (bob.session("active").unwrap(), session)
        };
        assert_eq!((&told["sas"], &told["long"]), (&session["sas"], &session["long"]), "{told} {session}");
        assert_eq!((&told["compare"], session["chained"] == true), (&session["long"], chained), "{told} {session}");
        for number in 0..10 {
            let words = format!("from {asks}'s session, {number}");
            bob.say(&words).unwrap();
            assert_eq!(alice.next_message().unwrap(), words);
            alice.say(&words, number % 3 == 0).unwrap();
            bob.hear(&words, SOON).unwrap();
        }
        if asks == "alice" {
            assert!(alice.end().unwrap());
            bob.session("ended").unwrap();
        } else {
            bob.send(&json!({ "command": "end" })).unwrap();
            assert_eq!(bob.session("ended").unwrap()["acknowledged"], true);
            alice.expect_event("ended", SOON).unwrap();
        }
    }
}

#[test]
fn a_password_from_the_host_verifies_a_foreign_client() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let pair = |with: &str| world.gateway.operator_says(&["users", "pair", ALICE, "--as-password", with]);
    let nobody = pair("echo%echo@elsewhere.test").unwrap_err().to_string();
    assert!(nobody.contains("This is nobody here"), "{nobody}");
    let told = pair(World::ECHO).unwrap();
    let password = told.trim().lines().last().unwrap();

    let mut foreign = ForeignClient::start(world.dir(), &account.with_resource("foreign")).unwrap();
    foreign.set_password("mistyped").unwrap();
    foreign.send(&json!({ "command": "start", "with": World::ECHO })).unwrap();
    foreign.expect_event("refused", SOON).unwrap();
    foreign.set_password(password).unwrap();
    foreign.secure(World::ECHO).unwrap();
    foreign.say("nobody had to compare anything", false).unwrap();
    assert_eq!(foreign.next_message().unwrap(), "nobody had to compare anything");
    let codes = world.gateway.operator_says(&["verify", ALICE]).unwrap_err().to_string();
    assert!(codes.contains("from the client foreign (verified)"), "{codes}");
    assert!(foreign.end().unwrap());

    // It is used up; what came of it is not.
    foreign.set_password("").unwrap();
    assert_eq!(foreign.secure(World::ECHO).unwrap()["chained"], true);
    foreign.say("known", false).unwrap();
    assert_eq!(foreign.next_message().unwrap(), "known");
    let codes = world.gateway.operator_says(&["verify", ALICE]).unwrap_err().to_string();
    assert!(codes.contains("from the client foreign (verified)"), "{codes}");
}

#[test]
fn our_client_and_a_foreign_one_need_the_same_password_whoever_asks() {
    let world = World::echo("").unwrap();
    let alice = world.account("alice").unwrap().with_resource("foreign");
    let bob = world.account("bob").unwrap();
    let mut alice = ForeignClient::start(world.dir(), &alice).unwrap();
    let mut bob = world.chat(&bob, "alice@xmpp.test/foreign", &[]).unwrap();
    for (asks, password) in [("bob", "Käse & Brot"), ("alice", "what we said at lunch")] {
        alice.set_password(&format!("{password}!")).unwrap();
        bob.send(&json!({ "command": "password", "password": password })).unwrap();
        let failed = bob.session("failed").unwrap();
        assert!(failed["reason"].as_str().unwrap().contains("another password than you"), "{failed}");
        // Who is asked cannot see it.
        alice.expect_event("session", SOON).unwrap();
        alice.set_password(password).unwrap();
        if asks == "bob" {
            bob.send(&json!({ "command": "password", "password": password })).unwrap();
            alice.expect_event("session", SOON).unwrap();
        } else {
            alice.secure("bob@xmpp.test").unwrap();
            alice.say("with it", false).unwrap();
        }
        let told = bob.session("active").unwrap();
        assert_eq!((&told["password"], &told["verified"]), (&json!(true), &json!(false)), "{told}");
        bob.say("hello").unwrap();
        assert_eq!(alice.next_message().unwrap(), "hello");
        bob.send(&json!({ "command": "end" })).unwrap();
        bob.session("ended").unwrap();
        bob.take_events();
    }
}
