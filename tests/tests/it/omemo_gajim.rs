//! OMEMO with Gajim on a screen that nobody sees.

use drawbridge_tests::World;
use drawbridge_tests::clients::Gajim;

#[test]
fn gajim_talks_with_a_contact_through_restarts_of_both() {
    let mut world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.subscribe(World::ECHO).unwrap();
    alice.finish().unwrap();
    let account = account.with_resource("gajim");
    let mut alice = Gajim::start(world.dir(), &account).unwrap();
    alice.say(World::ECHO, "first").unwrap();
    alice.hear("first").unwrap();
    alice.receipt("first").unwrap();
    world.kill_and_restart_gateway().unwrap();
    alice.say(World::ECHO, "after the gateway").unwrap();
    alice.hear("after the gateway").unwrap();
    alice.finish().unwrap();
    assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    let mut alice = Gajim::start(world.dir(), &account).unwrap();
    alice.say(World::ECHO, "after the client").unwrap();
    alice.hear("after the client").unwrap();
    alice.correct(World::ECHO, "corrected").unwrap();
    // What echo has repeated, it corrects.
    alice.sees_correction("corrected").unwrap();
    alice.receipt("corrected").unwrap();
    alice.finish().unwrap();
    assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
}

/// The contact begins each time, and the first time before anything was said.
#[test]
fn somebody_on_matrix_writes_to_a_gajim_that_was_installed_anew() {
    let mut world = World::matrix("").unwrap();
    let (account, mut bob, room) = world.alice_knows_bob().unwrap();
    for name in ["first", "anew"] {
        let mut alice = Gajim::start(world.dir(), &account.with_resource(name)).unwrap();
        let welcome = format!("welcome {name}");
        bob.say(&room, &welcome).unwrap();
        alice.hear(&welcome).unwrap();
        alice.say(World::BOB, name).unwrap();
        assert_eq!(bob.next_message().unwrap(), name);
        alice.receipt(name).unwrap();
        bob.say(&room, name).unwrap();
        alice.hear(name).unwrap();
        alice.finish().unwrap();
        assert!(!alice.take_events().iter().any(|event| event["event"] == "clear"));
    }
}
