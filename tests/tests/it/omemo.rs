//! OMEMO with the libraries of other people, on a real Prosody: a contact behind the gateway is a device like any other.

use std::time::Duration;

use drawbridge_tests::World;
use drawbridge_tests::clients::{OmemoClient, Profanity};
use serde_json::json;

const ALICE: &str = "alice@xmpp.test";
const SOON: Duration = Duration::from_secs(30);
const OLDER: &str = OmemoClient::OLDER;
const NEWER: &str = OmemoClient::NEWER;

#[test]
fn a_client_with_omemo_talks_with_a_contact_in_each_dialect_and_both() {
    for (speaks, expected) in [(&[OLDER][..], OLDER), (&[NEWER], NEWER), (&[OLDER, NEWER], NEWER)] {
        let world = World::echo("").unwrap();
        let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
        alice.subscribe(World::ECHO).unwrap();
        alice.finish().unwrap();
        let mut alice = OmemoClient::start(world.dir(), &account.with_resource("omemo"), speaks).unwrap();
        alice.meet(World::ECHO, &[expected]).unwrap();
        alice.say(World::ECHO, "first").unwrap();
        let heard = [(); 2].map(|()| alice.next_message().unwrap());
        assert!(heard.contains(&("first".to_owned(), expected.to_owned())), "{heard:?}");
        assert!(heard.iter().any(|(words, _)| words.starts_with("Notice: a device of yours")), "{heard:?}");
        for number in 0..20 {
            let words = format!("word {number}: <&> \u{1f511}");
            assert_eq!(alice.say(World::ECHO, &words).unwrap(), json!([expected]));
            assert_eq!(alice.next_message().unwrap(), (words, expected.to_owned()));
            alice.expect_event("receipt", SOON).unwrap();
        }
        assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
        alice.finish().unwrap();
        for file in world.server_files().into_iter().chain(world.gateway_files()) {
            let octets = std::fs::read(&file).unwrap_or_default();
            assert!(!octets.windows(7).any(|part| part == b"word 7:"), "in {}", file.display());
        }
    }
}

#[test]
fn a_session_outlives_the_gateway_and_the_client() {
    let mut world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    for dialect in [OLDER, NEWER] {
        let account = account.with_resource(if dialect == OLDER { "older" } else { "newer" });
        let mut alice = OmemoClient::start(world.dir(), &account, &[dialect]).unwrap();
        alice.meet(World::ECHO, &[dialect]).unwrap();
        alice.say(World::ECHO, "first").unwrap();
        for _ in 0..2 {
            alice.next_message().unwrap();
        }
        for round in 0..3 {
            let words = format!("{dialect}, round {round}");
            alice.say(World::ECHO, &words).unwrap();
            assert_eq!(alice.next_message().unwrap(), (words, dialect.to_owned()));
            match round {
                0 => world.kill_and_restart_gateway().unwrap(),
                1 => {
                    alice.finish().unwrap();
                    alice = OmemoClient::start(world.dir(), &account, &[dialect]).unwrap();
                }
                _ => {}
            }
        }
        alice.finish().unwrap();
    }
}

#[test]
fn a_second_device_reads_along_and_one_that_has_lost_everything_comes_back() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let start = |name: &str, dialect| {
        let mut client = OmemoClient::start(world.dir(), &account.with_resource(name), &[dialect]).unwrap();
        client.meet(World::ECHO, &[dialect]).unwrap();
        client
    };
    let hear = |client: &mut OmemoClient, words: &str| while client.next_message().unwrap().0 != words {};
    let mut first = start("first", OLDER);
    first.say(World::ECHO, "alone").unwrap();
    hear(&mut first, "alone");

    let mut second = start("second", NEWER);
    second.say(World::ECHO, "the two of us").unwrap();
    hear(&mut second, "the two of us");
    hear(&mut first, "the two of us");
    first.say(World::ECHO, "both").unwrap();
    hear(&mut first, "both");
    hear(&mut second, "both");

    first.send(&json!({ "command": "forget", "with": World::ECHO })).unwrap();
    first.finish().unwrap();
    let mut first = start("first", OLDER);
    first.say(World::ECHO, "here again").unwrap();
    hear(&mut first, "here again");
    hear(&mut second, "here again");

    // Wiped: whoever it is now, it has another identity and another number.
    first.finish().unwrap();
    OmemoClient::forgets_everything(world.dir(), &account.with_resource("first")).unwrap();
    let mut first = start("first", OLDER);
    first.say(World::ECHO, "as somebody new").unwrap();
    hear(&mut first, "as somebody new");
    hear(&mut second, "as somebody new");
    let devices = world.gateway.operator_says(&["users", "devices", ALICE]).unwrap();
    assert_eq!(devices.matches("alice@xmpp.test, device").count(), 3, "{devices}");
}

/// It cannot even publish its device list on this server, and its bundle only half (clients.md, 4).
#[test]
fn profanity_talks_with_a_contact_once_it_has_made_its_keys() {
    let mut world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let profanity = Profanity::start(world.dir(), &account.with_resource("profanity")).unwrap();
    profanity.locks(World::ECHO).unwrap();
    profanity.types("hello from a terminal").unwrap();
    profanity.shows("~ echo%echo@echo.xmpp.test/drawbridge: hello from a terminal", SOON).unwrap();
    // The fingerprint that it shows is the one that the host shows.
    let shown = profanity.fingerprint(World::ECHO).unwrap();
    let host = world.gateway.operator_says(&["users", "devices", ALICE]).unwrap();
    assert!(host.contains(&shown.replace('-', " ")), "{shown} {host}");
    // The user trusts their device, and it goes on.
    let own = host.lines().skip_while(|line| !line.contains("trusted blindly")).nth(1).unwrap().trim();
    let trusted = world.gateway.operator_says(&["users", "devices", ALICE, "--trust", own]).unwrap();
    assert!(trusted.contains("Trusted, and of others only"), "{trusted}");
    world.kill_and_restart_gateway().unwrap();
    profanity.types("and once more").unwrap();
    profanity.shows("~ echo%echo@echo.xmpp.test/drawbridge: and once more", SOON).unwrap();
}

/// What it was told is gone, and its keys.
#[test]
fn profanity_corrects_itself_shows_what_has_arrived_and_comes_back_with_other_keys() {
    let mut world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    for name in ["first", "anew"] {
        let profanity = Profanity::start(world.dir(), &account.with_resource(name)).unwrap();
        for setting in ["/correction on", "/receipts request on"] {
            profanity.types(setting).unwrap();
        }
        profanity.locks(World::ECHO).unwrap();
        profanity.types(&format!("hello from {name}")).unwrap();
        profanity.shows(&format!("drawbridge: hello from {name}"), SOON).unwrap();
        assert!(profanity.shows_receipt(&format!("hello from {name}"), SOON).unwrap());
        profanity.types(&format!("/correct good day from {name}")).unwrap();
        // What echo has repeated, it corrects.
        profanity.shows(&format!("drawbridge: good day from {name}"), SOON).unwrap();
        if name == "anew" {
            world.gateway.kill9();
            profanity.types("to nobody").unwrap();
            profanity.shows("me: to nobody", SOON).unwrap();
            assert!(!profanity.shows_receipt("to nobody", Duration::from_secs(2)).unwrap());
            world.gateway.process.restart().unwrap();
            world.wait_for_link().unwrap();
        }
    }
    let devices = world.gateway.operator_says(&["users", "devices", ALICE]).unwrap();
    assert_eq!(devices.matches("alice@xmpp.test, device").count(), 2, "{devices}");
}

/// Where it can publish its device list: the contact begins, and one more client comes beside it.
#[test]
fn somebody_on_matrix_writes_first_to_profanity_and_then_to_another_client_as_well() {
    let mut world = World::matrix_on_ejabberd().unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let profanity = Profanity::start(world.dir(), &account.with_resource("profanity")).unwrap();
    profanity.types("/omemo gen").unwrap();
    profanity.shows("materials generated", SOON).unwrap();
    profanity.types(&format!("/msg {}", World::BOB)).unwrap();
    bob.say(&room, "first words").unwrap();
    profanity.shows("drawbridge: first words", SOON).unwrap();
    profanity.types("and an answer").unwrap();
    assert_eq!(bob.next_message().unwrap(), "and an answer");

    let mut second = OmemoClient::start(world.dir(), &account.with_resource("second"), &[OLDER]).unwrap();
    second.meet(World::BOB, &[OLDER]).unwrap();
    second.say(World::BOB, "from the second").unwrap();
    assert_eq!(bob.next_message().unwrap(), "from the second");
    bob.say(&room, "for both").unwrap();
    while second.next_message().unwrap().0 != "for both" {}
    profanity.shows("drawbridge: for both", SOON).unwrap();
    profanity.types("from the first").unwrap();
    assert_eq!(bob.next_message().unwrap(), "from the first");
}

#[test]
fn somebody_on_matrix_writes_first_in_each_dialect() {
    for dialect in [OLDER, NEWER] {
        let mut world = World::matrix("").unwrap();
        let (account, mut bob, room) = world.alice_knows_bob().unwrap();
        let mut alice = OmemoClient::start(world.dir(), &account.with_resource("omemo"), &[dialect]).unwrap();
        bob.say(&room, "first words").unwrap();
        let heard = [(); 2].map(|()| alice.next_message().unwrap());
        assert!(heard.contains(&("first words".to_owned(), dialect.to_owned())), "{heard:?}");
        alice.say(World::BOB, "and an answer").unwrap();
        assert_eq!(bob.next_message().unwrap(), "and an answer");
        assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    }
}
