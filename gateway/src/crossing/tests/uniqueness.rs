//! No key serves for two texts, however often the gateway stops between any two things (security.md, B9). Nor if a database
//! is put back from a copy; a whole machine that is taken back is another matter: these stories say what becomes of that.

#[path = "../../../../protocol/esession/tests/stories/dice.rs"]
mod dice;
mod history;
mod oracle;
mod restored;

use ::omemo::ratchet::Error;
use history::{Bug, History};

use crate::secure::omemo::Refusal;

/// So many histories of each kind, or as many as `HISTORIES` says: a thousand each have passed on 2026-11-28.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20)
}

/// Words both ways, lost, doubled and late, new sessions of both ends, and a machine that stops at any moment.
async fn lives(seed: u64, bug: Bug) -> History {
    let devices = [1, 3, 10][seed as usize % 3];
    let mut it = History::begin(seed, devices, bug).await;
    for _ in 0..80 {
        let (at, early, again) = (it.below(devices as usize), it.below(4) == 0, it.below(5) == 0);
        match it.below(20) {
            0..6 => it.says(early).await,
            6..10 => it.phone_hears(at, again),
            10..13 => it.phone_says(at),
            13..17 => {
                it.hears(early, again).await;
            }
            17 => it.phone_begins(at, early).await,
            18 => it.begins(at).await,
            _ => it.restart(),
        }
    }
    it
}

#[tokio::test]
async fn no_key_serves_for_two_texts_and_no_message_counts_twice_wherever_it_stops() {
    let (mut sealed, mut heard) = (0, 0);
    for seed in seeds() {
        let it = lives(seed, Bug::None).await;
        sealed += it.used.len();
        heard += it.heard.len();
    }
    assert!(sealed > 300 && heard > 60, "{sealed} sealed, {heard} heard");
}

#[tokio::test]
#[should_panic(expected = "of a chain is used twice")]
async fn unless_it_sends_before_it_has_stored() {
    for seed in seeds() {
        lives(seed, Bug::SendsFirst).await;
    }
}

#[tokio::test]
#[should_panic(expected = "words are heard twice")]
async fn unless_it_does_not_store_what_it_has_opened() {
    for seed in seeds() {
        lives(seed, Bug::OpensOnly).await;
    }
}

/// Words both ways until some step, and a copy of the database from another.
async fn lived_since_a_backup(seed: u64, devices: usize) -> History {
    let mut it = History::begin(seed, devices as u32, Bug::None).await;
    for at in 0..devices {
        it.begins(at).await;
        it.phone_hears(at, false);
    }
    let backup = it.below(20);
    for step in 0..40 {
        let (at, early, again) = (it.below(devices), it.below(4) == 0, it.below(2) == 0);
        match it.below(9) {
            _ if step == backup => it.back_up().await,
            0..3 => it.says(early).await,
            3..5 => it.phone_hears(at, false),
            5 => it.phone_says(at),
            6 => it.phone_begins(at, early).await,
            _ => {
                it.hears(early, again).await;
            }
        }
    }
    it
}

/// The gateway notices, and begins anew with every device: nothing of that day serves again, and nothing that was read since
/// is read again.
#[tokio::test]
async fn nor_after_a_copy_of_the_database_was_put_back() {
    for seed in seeds() {
        let devices = [1, 3, 10][seed as usize % 3];
        let mut it = lived_since_a_backup(seed, devices).await;
        it.put_back();
        it.used.put_back.clear();
        it.says(false).await;
        for _ in 0..20 {
            it.hears(false, true).await;
        }
        it.lose_what_is_underway();
        for at in 0..devices {
            it.begins(at).await;
            it.phone_hears(at, false);
        }
        let refused = it.refused;
        for _ in 0..3 {
            it.says(false).await;
            (0..devices).for_each(|at| it.phone_hears(at, false));
        }
        assert_eq!((it.refused, it.used.repeats), (refused, 0), "all devices read");
    }
}

#[tokio::test]
async fn nor_is_a_session_begun_again_by_what_began_one_since() {
    for seed in 0..4 {
        let mut it = History::begin(seed, 2, Bug::None).await;
        let at = it.below(2);
        it.phone_begins(at, false).await;
        it.back_up().await;
        it.phone_says(at);
        assert_eq!(it.hears(false, true).await, None);
        it.put_back();
        assert_eq!(it.hears(false, true).await, Some(Refusal::Broken(Error::UnknownPrekey)));
    }
}

/// Then the gateway goes on in the chains of that day, and cannot know. Of two messages under one key a device reads one; the
/// keys of payloads are fresh, so that who has both learns nothing (CBC, of two texts that are random). An answer to what was
/// read ends it, or a new session.
#[tokio::test]
async fn after_a_machine_was_taken_back_only_its_chains_repeat_until_they_are_answered() {
    let mut repeats = 0;
    for seed in 0..16 {
        let devices = [1, 3, 10][seed as usize % 3];
        let mut it = lived_since_a_backup(seed, devices).await;
        it.take_back();
        // What it has heard since is forgotten as well; whoever repeats that is believed.
        it.heard.clear();
        for _ in 0..3 {
            it.says(false).await;
        }
        repeats += it.used.repeats;
        it.lose_what_is_underway();
        // What a device says first may be of before it has read anything in that chain: then it reads the second text.
        for _ in 0..2 {
            for at in 0..devices {
                it.phone_says(at);
                it.hears(false, false).await;
                // A session that was broken was begun anew.
                it.phone_hears(at, false);
            }
            let refused = it.refused;
            it.says(false).await;
            (0..devices).for_each(|at| it.phone_hears(at, false));
            assert_eq!(it.refused, refused, "all devices read again");
        }
        for at in 0..devices {
            it.phone_says(at);
            it.hears(false, false).await;
        }
        it.used.put_back.clear();
        it.says(false).await;
    }
    assert!(repeats > 20, "only {repeats}");
}
