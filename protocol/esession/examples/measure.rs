//! What a negotiation costs: `cargo run --release -p esession --example measure`.
//!
//! Stanzas, octets of the four forms, and the time of both ends together, next to the bare exponentiations in the same run.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "it is a program")]

use std::time::{Duration, Instant};

use esession::{Error, Group, Initiator, Policy, Responder, dangerous};
use getrandom::{SysRng, rand_core::UnwrapErr};

const ROUNDS: usize = 50;

fn main() -> Result<(), Error> {
    println!("medians of {ROUNDS} rounds, both ends in one thread");
    for (group, hybrid) in [
        (Group::Modp14, false),
        (Group::Modp14, true),
        (Group::Modp15, false),
        (Group::Modp15, true),
        (Group::Modp16, false),
        (Group::Modp16, true),
    ] {
        let policy = Policy { groups: vec![group], hybrid, ..Policy::default() };
        let mut octets = 0;
        let negotiation = median(|| {
            octets = negotiate(&policy)?;
            Ok(())
        })?;
        let four = median(|| (0..4).try_for_each(|_| dangerous::power(group, &[2], &[0xaa; 64]).map(drop)))?;
        println!(
            "group {}{}: 4 stanzas, {octets} octets of forms, {:.2} ms; of it 4 bare exponentiations {:.2} ms",
            group.name(),
            if hybrid { " with the hybrid" } else { "" },
            milliseconds(negotiation),
            milliseconds(four),
        );
    }
    Ok(())
}

/// A whole negotiation; gives the octets of its forms.
fn negotiate(policy: &Policy) -> Result<usize, Error> {
    let rng = &mut UnwrapErr(SysRng);
    let (alice, form_a) = Initiator::begin(policy, &esession::Binding::default(), rng)?;
    let (bob, form_b) = Responder::respond(policy, &form_a, &esession::Binding::default(), rng)?;
    let (alice, form_a2) = alice.handle_response(&form_b, esession::Credentials::default(), rng)?;
    let (_, form_b2) = bob.handle_identity(&form_a2, esession::Credentials::default(), rng)?;
    alice.handle_completion(&form_b2)?;
    Ok([form_a, form_b, form_a2, form_b2].iter().map(|form| String::from(form).len()).sum())
}

fn median(mut work: impl FnMut() -> Result<(), Error>) -> Result<Duration, Error> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(ROUNDS / 2).copied().unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
