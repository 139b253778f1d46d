//! Whatever happens in between: every message crosses once, in order, encrypted.

use drawbridge_tests::simulation::Simulation;

/// Seeds of one run; each is a world of its own.
const SEEDS: u64 = 60;
/// Things that happen in one world.
const STEPS: usize = 60;

#[test]
fn crashes_lost_stanzas_and_failing_sends_neither_lose_nor_double_nor_reorder() {
    for seed in 0..SEEDS {
        let mut world = Simulation::new(seed);
        world.alice_writes();
        world.settle(2);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle(240);
        assert_eq!(world.far_has(), world.alice_wrote(), "seed {seed}: from alice to the contact");
        let shown: Vec<_> = world.contact_wrote().into_iter().map(|text| (text, true)).collect();
        assert_eq!(world.alice_has(), shown, "seed {seed}: from the contact to alice");
        assert!(!world.wire().iter().any(|stanza| stanza.contains("canary")), "seed {seed}: clear text on the wire");
    }
}

#[test]
fn a_quiet_world_needs_no_second_session() {
    let mut world = Simulation::new(1);
    for _ in 0..5 {
        world.alice_writes();
        world.contact_writes();
    }
    world.settle(10);
    assert_eq!(world.far_has(), world.alice_wrote());
    assert_eq!(world.alice_has().len(), 5);
    let requests =
        world.wire().iter().filter(|stanza| stanza.contains("type=\"form\"") || stanza.contains("type='form'"));
    assert_eq!(requests.count(), 1, "one negotiation");
}

#[test]
fn a_conversation_with_nothing_to_do_leaves_memory_and_nobody_notices() {
    let mut world = Simulation::new(2);
    for _ in 0..3 {
        world.alice_writes();
        world.settle(2);
        world.contact_writes();
        world.settle(2);
        world.alice_ends_her_session();
        world.settle(15);
        assert_eq!(world.awake(), 0, "conversations in memory");
    }
    world.contact_writes();
    world.settle(10);
    assert_eq!(world.far_has(), world.alice_wrote());
    let shown: Vec<_> = world.contact_wrote().into_iter().map(|text| (text, true)).collect();
    assert_eq!(world.alice_has(), shown);
}
