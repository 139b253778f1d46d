//! Clients that people use, on real servers: a second device comes, and a device has lost everything that it kept.

use drawbridge_tests::World;
use drawbridge_tests::clients::{ChatAccount, Converse, Desktop, Gajim, MatrixPeer};
use serde_json::Value;

type Start = fn(&World, &ChatAccount) -> Desktop;

fn gajim(world: &World, account: &ChatAccount) -> Desktop {
    Gajim::start(world.dir(), &account.with_resource("gajim")).unwrap()
}

fn converse(world: &World, account: &ChatAccount) -> Desktop {
    Converse::start(world.dir(), &world.xmpp, &account.with_resource("converse"), Converse::BOTH).unwrap()
}

/// What Bob says arrives at each client.
fn bob_says(bob: &mut MatrixPeer, room: &str, words: &str, clients: &mut [Desktop]) {
    bob.say(room, words).unwrap();
    for alice in clients {
        alice.hear(words).unwrap();
    }
}

/// What Alice says with a client arrives at Bob, and the client shows that it did.
fn alice_says(alice: &mut Desktop, words: &str, bob: &mut MatrixPeer) {
    alice.say(World::BOB, words).unwrap();
    assert_eq!(bob.next_message().unwrap(), words);
    alice.receipt(words).unwrap();
}

/// Nothing came in clear, and nothing of Bob's could not be read.
fn ends(alice: &mut Desktop) {
    alice.finish().unwrap();
    // Converse shows that it cannot read the keys that Gajim sends to Bob; of a key that is gone, see below.
    let is_wrong = |it: &Value| match it["event"].as_str() {
        Some("error") => it["mine"] != true && !it["why"].as_str().is_some_and(|why| why.ends_with("Bad MAC")),
        name => matches!(name, Some("clear" | "failed")),
    };
    let wrong: Vec<_> = alice.take_events().into_iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn a_second_client_comes(first: Start, second: Start, bob_begins: bool) {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    let mut clients = vec![first(&world, &account)];
    alice_says(&mut clients[0], "alone", &mut bob);
    bob_says(&mut bob, &room, "one hears", &mut clients);
    clients.push(second(&world, &account));
    if bob_begins {
        bob_says(&mut bob, &room, "both hear", &mut clients);
    }
    alice_says(&mut clients[1], "from the new one", &mut bob);
    alice_says(&mut clients[0], "from the old one", &mut bob);
    bob_says(&mut bob, &room, "and still", &mut clients);
    ends(&mut clients.remove(0));
    bob_says(&mut bob, &room, "one again", &mut clients);
    alice_says(&mut clients[0], "alone again", &mut bob);
    clients.iter_mut().for_each(ends);
}

/// It begins: as soon as it is there, Gajim and the gateway each take one of its hundred keys, and whom it finds to have taken
/// the same one second, it cannot read until it has spoken itself.
#[test]
fn converse_comes_beside_gajim() {
    a_second_client_comes(gajim, converse, false);
}

#[test]
fn gajim_comes_beside_converse() {
    a_second_client_comes(converse, gajim, true);
}

fn a_device_loses_everything(start: Start) {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for (devices, alice_begins) in [(1, true), (2, true), (3, false)] {
        let mut clients = [start(&world, &account)];
        if !alice_begins {
            bob_says(&mut bob, &room, "Bob begins", &mut clients);
        }
        alice_says(&mut clients[0], &format!("device {devices}"), &mut bob);
        bob_says(&mut bob, &room, &format!("to device {devices}"), &mut clients);
        let seen = world.gateway.operator_says(&["users", "devices", "alice@xmpp.test"]).unwrap();
        assert_eq!(seen.matches("alice@xmpp.test, device ").count(), devices, "{seen}");
        ends(&mut clients[0]);
        clients[0].forgets_everything().unwrap();
    }
}

#[test]
fn gajim_loses_everything_and_talks_on() {
    a_device_loses_everything(gajim);
}

#[test]
fn converse_loses_everything_and_talks_on() {
    a_device_loses_everything(converse);
}
