//! OpenPGP for XMPP with a client that other people made, and somebody on Matrix, on real servers.

use std::time::Duration;

use drawbridge_tests::World;
use drawbridge_tests::clients::{Desktop, Gajim, GoSendxmpp, MatrixPeer, Profanity};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_client_with_openpgp_talks_with_somebody_on_matrix_through_a_restart() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let alice = GoSendxmpp::with_new_key(world.dir(), &world.xmpp, &account.with_resource("openpgp")).unwrap();
    alice.says(World::BOB, "signed and sealed").unwrap();
    bob.hear("signed and sealed", SOON).unwrap();

    let mut listening = alice.listens().unwrap();
    bob.say(&room, "a canary for Alice").unwrap();
    let line = listening.wait_for_line("a canary for Alice", SOON).unwrap();
    assert!(line.contains("bob%matrix.test@matrix.xmpp.test"), "{line}");
    world.kill_and_restart_gateway().unwrap();
    bob.say(&room, "a canary after the restart").unwrap();
    listening.wait_for_line("a canary after the restart", SOON).unwrap();
    listening.kill();
    alice.says(World::BOB, "still here").unwrap();
    bob.hear("still here", SOON).unwrap();

    let devices = world.gateway.operator_says(&["users", "devices", "alice@xmpp.test"]).unwrap();
    assert!(devices.contains("alice@xmpp.test, OpenPGP key (trusted blindly):"), "{devices}");
    assert!(devices.contains("bob%matrix.test@matrix.xmpp.test, OpenPGP key:"), "{devices}");
    nobody_has_read_a_canary(&world);
}

/// The contact begins, and goes on with whatever key Alice's account has published last.
#[test]
fn somebody_on_matrix_writes_to_a_client_with_openpgp_that_is_installed_anew() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for name in ["first", "anew"] {
        let alice = GoSendxmpp::with_new_key(world.dir(), &world.xmpp, &account.with_resource(name)).unwrap();
        if name == "first" {
            // It fetches the contact's key when it writes, and can check no signature before.
            alice.says(World::BOB, "hello").unwrap();
            bob.hear("hello", SOON).unwrap();
        }
        let mut listening = alice.listens().unwrap();
        let welcome = format!("welcome, {name}");
        bob.say(&room, &welcome).unwrap();
        listening.wait_for_line(&welcome, SOON).unwrap();
        listening.kill();
        alice.says(World::BOB, name).unwrap();
        bob.hear(name, SOON).unwrap();
    }
}

/// Installed anew it has another key, and the contact begins.
#[test]
fn profanity_talks_with_somebody_on_matrix_with_openpgp_through_restarts_of_both() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for name in ["first", "anew"] {
        let profanity = Profanity::start(world.dir(), &account.with_resource(name)).unwrap();
        for setting in ["/correction on", "/receipts request on"] {
            profanity.types(setting).unwrap();
        }
        profanity.announces_key().unwrap();
        if name == "anew" {
            bob.say(&room, "a canary of welcome").unwrap();
        }
        profanity.locks_with_key_of(World::BOB).unwrap();
        if name == "anew" {
            profanity.shows("drawbridge: a canary of welcome", SOON).unwrap();
        }
        let words = format!("a canary from {name}");
        profanity.types(&words).unwrap();
        bob.hear(&words, SOON).unwrap();
        assert!(profanity.shows_receipt(&words, SOON).unwrap());
        profanity.types(&format!("/correct a canary corrected by {name}")).unwrap();
        let edit = bob.hear(&format!("* a canary corrected by {name}"), SOON).unwrap();
        assert_eq!(edit["content"]["m.relates_to"]["rel_type"], "m.replace");

        world.kill_and_restart_gateway().unwrap();
        let said = bob.say(&room, &format!("a canary for {name}")).unwrap();
        profanity.shows(&format!("drawbridge: a canary for {name}"), SOON).unwrap();
        let new = format!("a canary of an edit for {name}");
        edits(&mut bob, &room, &said, &new);
        let screen = profanity.shows(&format!("drawbridge: {new}"), SOON).unwrap();
        assert!(!screen.contains(&format!("a canary for {name}")), "{screen}");
    }
    nobody_has_read_a_canary(&world);
}

/// It makes its key when it is first used. Installed anew it lists its new key beside the old one.
#[test]
fn gajim_talks_with_somebody_on_matrix_with_openpgp_through_restarts_of_both() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for name in ["first", "anew"] {
        let account = account.with_resource(name);
        let mut alice = Gajim::start_with_openpgp(world.dir(), &account).unwrap();
        let words = format!("a canary from {name}");
        alice.say(World::BOB, &words).unwrap();
        bob.hear(&words, SOON).unwrap();
        alice.receipt(&words).unwrap();
        alice.correct(World::BOB, &format!("a canary corrected by {name}")).unwrap();
        let edit = bob.hear(&format!("* a canary corrected by {name}"), SOON).unwrap();
        assert_eq!(edit["content"]["m.relates_to"]["rel_type"], "m.replace");
        alice.finish().unwrap();
        nothing_came_in_clear(&mut alice);

        let mut alice = Gajim::start_with_openpgp(world.dir(), &account).unwrap();
        world.kill_and_restart_gateway().unwrap();
        let said = bob.say(&room, &format!("a canary for {name}")).unwrap();
        alice.hear(&format!("a canary for {name}")).unwrap();
        edits(&mut bob, &room, &said, &format!("a canary of an edit for {name}"));
        alice.sees_correction(&format!("a canary of an edit for {name}")).unwrap();
        alice.finish().unwrap();
        nothing_came_in_clear(&mut alice);
    }
    let both =
        ["first", "anew"].map(|name| Gajim::start_with_openpgp(world.dir(), &account.with_resource(name)).unwrap());
    bob.say(&room, "a canary for both").unwrap();
    for mut alice in both {
        alice.hear("a canary for both").unwrap();
        nothing_came_in_clear(&mut alice);
    }
    nobody_has_read_a_canary(&world);
}

/// From the contact, that is: the gateway says by itself that a key is new.
fn nothing_came_in_clear(alice: &mut Desktop) {
    let clear = |event: &Value| event["event"] == "clear" && event["from"] == World::BOB;
    let events = alice.take_events();
    assert!(!events.iter().any(clear), "{events:?}");
}

/// Other words in the place of what was said.
fn edits(bob: &mut MatrixPeer, room: &str, said: &str, new: &str) {
    let edit = json!({ "msgtype": "m.text", "body": format!("* {new}"),
        "m.new_content": { "msgtype": "m.text", "body": new },
        "m.relates_to": { "rel_type": "m.replace", "event_id": said } });
    bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": edit })).unwrap();
}

fn nobody_has_read_a_canary(world: &World) {
    for file in world.server_files().into_iter().chain(world.gateway_files()) {
        let octets = std::fs::read(&file).unwrap_or_default();
        assert!(!octets.windows(8).any(|part| part == b"a canary"), "in {}", file.display());
    }
}
