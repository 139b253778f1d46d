//! Clients of one user that encrypt in different ways, and devices that vouch for each other, on real servers.

use std::{fs, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use drawbridge_tests::World;
use drawbridge_tests::clients::{GoSendxmpp, OmemoClient};

const ALICE: &str = "alice@xmpp.test";
const NEWER: &str = OmemoClient::NEWER;
const SOON: Duration = Duration::from_secs(60);

fn hear(client: &mut OmemoClient, words: &str) {
    while client.next_message().unwrap().0 != words {}
}

#[test]
fn a_session_omemo_and_openpgp_protect_the_same_conversation() {
    let mut world = World::matrix("").unwrap();
    let (account, mut computer, mut bob, room) = world.alice_talks_to_bob().unwrap();
    computer.deliver("computer", "from the computer").unwrap();
    assert_eq!(bob.next_message().unwrap(), "from the computer");

    let mut telephone = OmemoClient::start(world.dir(), &account.with_resource("telephone"), &[NEWER]).unwrap();
    telephone.meet(World::BOB, &[NEWER]).unwrap();
    telephone.say(World::BOB, "from the telephone").unwrap();
    assert_eq!(bob.next_message().unwrap(), "from the telephone");

    let laptop = GoSendxmpp::with_new_key(world.dir(), &world.xmpp, &account.with_resource("laptop")).unwrap();
    laptop.says(World::BOB, "from the laptop").unwrap();
    assert_eq!(bob.next_message().unwrap(), "from the laptop");
    let mut laptop = laptop.listens().unwrap();

    let noise = |event: &serde_json::Value| {
        let from_bob = event["from"].as_str().is_some_and(|from| from.starts_with(World::BOB));
        from_bob && event["text"].as_str().is_some_and(|text| text.contains("cannot read it"))
    };
    for (round, words) in ["for all of you", "after a restart"].into_iter().enumerate() {
        bob.say(&room, words).unwrap();
        assert_eq!(computer.hear(words, SOON).unwrap()["encrypted"], true);
        hear(&mut telephone, words);
        laptop.wait_for_line(words, SOON).unwrap();
        if round == 0 {
            let events = computer.take_events();
            assert!(!events.iter().any(noise), "in a session nobody sees what is sealed for others: {events:?}");
            world.kill_and_restart_gateway().unwrap();
        }
    }
}

#[test]
fn a_device_that_people_have_verified_vouches_for_the_next_one() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let start = |world: &World, name: &str| {
        let mut client = OmemoClient::start(world.dir(), &account.with_resource(name), &[NEWER]).unwrap();
        client.meet(World::ECHO, &[NEWER]).unwrap();
        client
    };
    let mut first = start(&world, "first");
    first.say(World::ECHO, "alone").unwrap();
    hear(&mut first, "alone");
    let prints = |world: &World| -> Vec<(String, String)> {
        let said = world.gateway.operator_says(&["users", "devices", ALICE]).unwrap();
        let lines: Vec<_> = said.lines().collect();
        let of_hers = lines.windows(2).filter(|pair| pair[0].starts_with("alice@xmpp.test, device"));
        of_hers.map(|pair| (pair[1].trim().to_owned(), pair[0].to_owned())).collect()
    };
    let own = prints(&world)[0].0.clone();
    world.gateway.operator_says(&["users", "devices", ALICE, "--trust", &own]).unwrap();

    let mut second = start(&world, "second");
    second.say(World::ECHO, "let me in").unwrap();
    second.expect_event("error", SOON).unwrap();
    let other = prints(&world).into_iter().map(|(print, _)| print).find(|print| *print != own).unwrap();
    let digits: String = other.split_whitespace().collect();
    let octets: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let says = format!(
        "<trust-message xmlns='urn:xmpp:tm:1' usage='urn:xmpp:atm:1' encryption='{NEWER}'><key-owner jid='{ALICE}'>\
         <trust>{}</trust></key-owner></trust-message>",
        BASE64.encode(octets)
    );
    first.does(World::ECHO, "vouching", None, &says).unwrap();
    let told = |words: &str| words.contains("is trusted from now on");
    while !told(&first.next_message().unwrap().0) {}
    second.say(World::ECHO, "and now").unwrap();
    hear(&mut second, "and now");
    hear(&mut first, "and now");
    assert!(prints(&world).iter().all(|(_, device)| device.ends_with("(verified):")), "{:?}", prints(&world));
}

/// As after a disk was lost: the database of an earlier day, and devices that have gone on since.
#[test]
fn after_a_database_was_put_back_a_contact_is_read_at_once() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let mut alice = OmemoClient::start(world.dir(), &account.with_resource("omemo"), &[NEWER]).unwrap();
    alice.meet(World::BOB, &[NEWER]).unwrap();
    alice.say(World::BOB, "hello").unwrap();
    assert_eq!(bob.next_message().unwrap(), "hello");
    world.gateway.terminate().unwrap();
    let files: Vec<_> = world.gateway.state_files();
    let database = files.iter().find(|file| file.ends_with("data/drawbridge.db")).unwrap();
    let backup = world.dir().join("backup");
    fs::copy(database, &backup).unwrap();
    world.gateway.process.restart().unwrap();
    world.wait_for_link().unwrap();
    for words in ["one", "two"] {
        bob.say(&room, words).unwrap();
        hear(&mut alice, words);
    }
    world.gateway.terminate().unwrap();
    fs::copy(&backup, database).unwrap();
    world.gateway.process.restart().unwrap();
    world.wait_for_link().unwrap();
    bob.say(&room, "three").unwrap();
    hear(&mut alice, "three");
    alice.say(World::BOB, "I can hear you").unwrap();
    assert_eq!(bob.next_message().unwrap(), "I can hear you");
    let log = fs::read_to_string(world.gateway.process.log()).unwrap();
    assert_eq!(log.matches("put back from a copy").count(), 1, "{log}");
}
