//! OMEMO with Converse.js in a browser.

use drawbridge_tests::World;
use drawbridge_tests::clients::{Converse, OmemoClient};

const OLDER: &str = OmemoClient::OLDER;
const NEWER: &str = OmemoClient::NEWER;

#[test]
fn converse_talks_with_a_contact_in_each_dialect() {
    for (speaks, expected) in [(Converse::BOTH, NEWER), (&[OLDER], OLDER)] {
        let mut world = World::echo("").unwrap();
        let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
        alice.subscribe(World::ECHO).unwrap();
        alice.finish().unwrap();
        let account = account.with_resource("converse");
        let mut alice = Converse::start(world.dir(), &world.xmpp, &account, speaks).unwrap();
        alice.say(World::ECHO, "first").unwrap();
        assert_eq!(alice.hear("first").unwrap(), expected);
        alice.receipt("first").unwrap();
        world.kill_and_restart_gateway().unwrap();
        alice.say(World::ECHO, "after the gateway").unwrap();
        assert_eq!(alice.hear("after the gateway").unwrap(), expected);
        alice.reload().unwrap();
        alice.say(World::ECHO, "after the client").unwrap();
        assert_eq!(alice.hear("after the client").unwrap(), expected);
        alice.correct(World::ECHO, "corrected").unwrap();
        assert_eq!(alice.hear("corrected").unwrap(), expected);
        alice.finish().unwrap();
        assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    }
}

/// The contact begins each time, and the first time before anything was said.
#[test]
fn somebody_on_matrix_writes_to_new_browsers() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for (number, speaks) in [Converse::BOTH, &[OLDER], Converse::BOTH].into_iter().enumerate() {
        let account = account.with_resource(&format!("browser{number}"));
        let mut alice = Converse::start(world.dir(), &world.xmpp, &account, speaks).unwrap();
        let said = format!("said {number}");
        bob.say(&room, &said).unwrap();
        assert_eq!(alice.hear(&said).unwrap(), speaks[speaks.len() - 1]);
        let answer = format!("answer {number}");
        alice.say(World::BOB, &answer).unwrap();
        assert_eq!(bob.next_message().unwrap(), answer);
        alice.receipt(&answer).unwrap();
        bob.say(&room, &answer).unwrap();
        assert_eq!(alice.hear(&answer).unwrap(), speaks[speaks.len() - 1]);
        alice.finish().unwrap();
        assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    }
}
