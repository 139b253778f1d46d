//! Many messages at once: how fast they arrive, whether all do, once and in order, and what that costs the gateway.

use std::time::{Duration, Instant};

use drawbridge_tests::{Error, clients::JsonLines, servers::Gateway};
use serde_json::Value;

use crate::{
    people::{People, said, say, say_in},
    resources,
};

/// Nothing for so long means that the rest is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a second copy may take to show up.
const SETTLE: Duration = Duration::from_secs(2);

/// So many on each way alone, and through the gateway.
pub(crate) fn measure(people: &mut People, gateway: &Gateway, count: usize) -> Result<(), Error> {
    let (room, daves) = (people.room.clone(), people.daves.clone());
    tell("XMPP alone", &burst(&mut people.erin, say, &mut people.carol, count)?);
    tell("Matrix alone", &burst(&mut people.bob, |text| say_in(&daves, text), &mut people.dave, count)?);
    let before = resources::cpu(gateway)?;
    tell("alice to bob", &burst(&mut people.alice, say, &mut people.bob, count)?);
    let between = resources::cpu(gateway)?;
    tell("bob to alice", &burst(&mut people.bob, |text| say_in(&room, text), &mut people.alice, count)?);
    let after = resources::cpu(gateway)?;
    let thousand = |spent: Duration| spent.as_secs_f64() * 1000.0 / count as f64;
    println!(
        "CPU of the gateway for 1,000 messages: {:.1} s outward, {:.1} s inward",
        thousand(between - before),
        thousand(after - between)
    );
    Ok(())
}

/// What came of a burst.
struct Outcome {
    sent: usize,
    /// The numbers of the messages as they arrived.
    arrived: Vec<usize>,
    /// From the first command to the last arrival.
    took: Duration,
}

fn burst(
    writer: &mut JsonLines,
    say: impl Fn(&str) -> Value,
    reader: &mut JsonLines,
    count: usize,
) -> Result<Outcome, Error> {
    let number = |event: &Value| said(event)?.strip_prefix("burst ")?.parse::<usize>().ok();
    let start = Instant::now();
    for number in 0..count {
        writer.send(&say(&format!("burst {number}")))?;
    }
    let (mut arrived, mut took) = (Vec::<usize>::new(), Duration::ZERO);
    while arrived.len() < count {
        match reader.expect("message of the burst", PATIENCE, |event| number(event).is_some()) {
            Ok(event) => arrived.extend(number(&event)),
            Err(Error::TimedOut { .. }) => break,
            Err(error) => return Err(error),
        }
        took = start.elapsed();
    }
    std::thread::sleep(SETTLE);
    arrived.extend(reader.take_events().iter().filter_map(number));
    // What the writer was told meanwhile: answers and receipts.
    writer.take_events();
    Ok(Outcome { sent: count, arrived, took })
}

fn tell(name: &str, outcome: &Outcome) {
    let Outcome { sent, arrived, took } = outcome;
    let mut distinct = arrived.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let (lost, doubled) = (sent - distinct.len(), arrived.len() - distinct.len());
    let disordered = arrived.windows(2).filter(|pair| pair[0] > pair[1]).count();
    let rate = distinct.len() as f64 / took.as_secs_f64();
    println!(
        "burst of {sent}, {name}: {took:.1?}, {rate:.0} a second; {lost} lost, {doubled} doubled, {disordered} out of order"
    );
}
