//! How long one message takes from the writer's Enter to the reader's screen, when nothing else is going on.

use std::time::{Duration, Instant};

use drawbridge_tests::{Error, Sample, clients::JsonLines};
use serde_json::Value;

use crate::people::{People, said, say, say_in};

const PATIENCE: Duration = Duration::from_secs(60);

/// So many rounds of one message on each way, so that all meet the same weather.
pub(crate) fn measure(people: &mut People, rounds: usize) -> Result<(), Error> {
    let (mut out, mut back) = (Sample::default(), Sample::default());
    let (mut xmpp, mut matrix) = (Sample::default(), Sample::default());
    for round in 0..rounds {
        let text = format!("round {round}");
        let (room, daves) = (people.room.clone(), people.daves.clone());
        out.push(cross(&mut people.alice, &say(&text), &mut people.bob, &text)?);
        back.push(cross(&mut people.bob, &say_in(&room, &text), &mut people.alice, &text)?);
        xmpp.push(cross(&mut people.erin, &say(&text), &mut people.carol, &text)?);
        matrix.push(cross(&mut people.bob, &say_in(&daves, &text), &mut people.dave, &text)?);
    }
    tell("XMPP alone, erin to carol, ESession", &xmpp);
    tell("Matrix alone, bob to dave, Megolm", &matrix);
    tell("alice to bob", &out);
    tell("bob to alice", &back);
    let both = median(&xmpp) + median(&matrix);
    for (name, sample) in [("outward", &out), ("inward", &back)] {
        let whole = median(sample);
        let added = whole.as_secs_f64() - both.as_secs_f64();
        let ratio = whole.as_secs_f64() / both.as_secs_f64();
        println!("latency, added {name}: {:.1} ms over both legs alone ({ratio:.2}x of them)", added * 1e3);
    }
    Ok(())
}

fn cross(writer: &mut JsonLines, command: &Value, reader: &mut JsonLines, text: &str) -> Result<Duration, Error> {
    let start = Instant::now();
    writer.send(command)?;
    reader.expect(text, PATIENCE, |event| said(event) == Some(text))?;
    Ok(start.elapsed())
}

fn tell(name: &str, sample: &Sample) {
    let slow = sample.percentile(95).unwrap_or_default();
    println!("latency, {name}: {:.1?}, 95 of 100 within {slow:.1?}", median(sample));
}

fn median(sample: &Sample) -> Duration {
    sample.median().unwrap_or_default()
}
