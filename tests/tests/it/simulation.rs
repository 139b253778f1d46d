//! Whatever happens in between: every message crosses once, in order, encrypted.

use std::io;
use std::sync::{Arc, Mutex};

use drawbridge_tests::simulation::{ALICE, Simulation};
use esession_chat::Chain;

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
            let far = world.far_has();
            assert!(
                world.receipted().iter().all(|text| far.contains(text)),
                "seed {seed}: a receipt for what is not there"
            );
        }
        world.settle(240);
        assert_eq!(world.far_has(), world.alice_wrote(), "seed {seed}: from alice to the contact");
        let shown: Vec<_> = world.contact_wrote().into_iter().map(|text| (text, true)).collect();
        assert_eq!(world.alice_has(), shown, "seed {seed}: from the contact to alice");
        assert!(!world.wire().iter().any(|stanza| stanza.contains("canary")), "seed {seed}: clear text on the wire");
        let lost = world.sessions().into_iter().filter(|(chain, _)| *chain == Some(Chain::Lost)).count();
        assert_eq!(lost, 0, "seed {seed}: the ends have no secret in common any more");
    }
}

/// What stands in the place of words that went with the process.
const LOST: &str = "lost when Drawbridge was stopped";

#[test]
fn what_must_not_be_stored_is_not_and_crashes_lose_none_of_it_in_silence() {
    let mut waited = 0;
    for seed in 200..200 + SEEDS {
        let mut world = Simulation::unlogged(seed);
        world.alice_writes();
        world.settle(2);
        for _ in 0..STEPS {
            world.step();
            assert!(!world.words_at_rest(), "seed {seed}: the words are on the disk");
            let far = world.far_has();
            assert!(world.receipted().iter().all(|text| far.contains(text)), "seed {seed}: an untrue receipt");
        }
        world.settle(240);
        // Her client sends again what the gateway has lost.
        assert_eq!(world.far_has(), world.alice_wrote(), "seed {seed}: from alice to the contact");
        let shown = world.alice_has();
        assert_eq!(shown.len(), world.contact_wrote().len(), "seed {seed}: from the contact to alice: {shown:?}");
        for ((shown, encrypted), written) in shown.into_iter().zip(world.contact_wrote()) {
            assert!(encrypted && (shown == written || shown.contains(LOST)), "seed {seed}: {shown} for {written}");
            waited += usize::from(shown.contains(LOST));
        }
        assert!(!world.wire().iter().any(|stanza| stanza.contains("canary")), "seed {seed}: clear text on the wire");
    }
    assert!(waited > 0, "no crash ever met words on their way to alice");
}

#[test]
fn a_quiet_world_needs_no_second_session() {
    let mut world = Simulation::new(1);
    for _ in 0..5 {
        world.alice_writes();
        world.contact_writes();
    }
    world.settle(30);
    // A conversation with a session does not leave memory, however long it is quiet.
    world.alice_writes();
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

#[test]
fn a_conversation_that_was_encrypted_is_never_in_clear_again() {
    let mut world = Simulation::new(3);
    world.alice_writes();
    world.settle(5);
    world.alice_writes_in_clear("canary in clear");
    world.settle(2);
    assert_eq!(world.errors(), ["policy-violation"]);
    assert_eq!(world.far_has(), world.alice_wrote(), "nothing of it crosses");

    // Nor the other way, when there is no session and the gateway remembers nothing.
    world.alice_ends_her_session();
    world.settle(2);
    world.crash();
    world.contact_writes();
    world.settle(20);
    assert_eq!(world.alice_has(), [(world.contact_wrote().remove(0), true)]);
    assert!(!world.wire().iter().any(|stanza| stanza.contains("canary of")), "on the wire");
}

#[test]
fn nothing_is_called_undisclosed_that_is_not_encrypted_on_the_far_side() {
    let mut world = Simulation::new(4);
    world.alice_writes();
    world.settle(5);
    assert_eq!(world.sessions().last().unwrap().1, Some("enabled"), "the far side is in clear");

    world.far_side_is_encrypted(true);
    world.settle(2);
    world.alice_ends_her_session();
    world.settle(2);
    world.alice_writes();
    world.settle(5);
    assert_eq!(world.sessions().last().unwrap().1, Some("never"));

    let sessions = world.sessions().len();
    world.far_side_is_encrypted(false);
    world.settle(5);
    world.alice_writes();
    world.settle(5);
    assert!(world.sessions().len() > sessions, "the session that said so is over");
    assert_eq!(world.sessions().last().unwrap().1, Some("enabled"));
    assert_eq!(world.far_has(), world.alice_wrote());
}

#[test]
fn a_session_without_a_log_ends_when_the_far_side_keeps_one_in_clear() {
    let mut world = Simulation::unlogged(5);
    world.alice_writes();
    world.settle(5);
    let sessions = world.sessions().len();
    assert_eq!((sessions, world.far_has()), (1, world.alice_wrote()));
    world.far_side_is_encrypted(false);
    world.settle(5);
    world.alice_writes();
    world.settle(240);
    assert_eq!(world.sessions().len(), sessions, "no other begins, because what it says would not be true");
    assert_eq!(world.errors().last(), Some(&"not-sent"), "and her client gives back what she wrote");
    world.far_side_is_encrypted(true);
    world.alice_writes();
    world.settle(60);
    let wrote = world.alice_wrote();
    assert_eq!(world.far_has(), [&*wrote[0], &*wrote[2]], "until it is true again");
}

#[test]
fn what_people_write_is_in_no_log_and_who_they_are_in_none_above_debug() {
    let lines = Lines::default();
    let to = lines.clone();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    log.with_writer(move || to.clone()).init();
    for seed in 100..104 {
        let mut world = Simulation::new(seed);
        for _ in 0..60 {
            world.step();
        }
        world.alice_writes_in_clear("canary in clear");
        world.settle(30);
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<_> = log.lines().filter(|line| line.contains(" drawbridge") || line.contains(" esession")).collect();
    assert!(ours.iter().any(|line| line.contains("DEBUG drawbridge")), "the log is talkative: {}", ours.len());
    let named = |line: &&&str| !line.contains("DEBUG") && !line.contains("TRACE") && line.contains(ALICE);
    assert_eq!(ours.iter().find(named), None);
    assert_eq!(log.lines().find(|line| line.contains("canary")), None);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
