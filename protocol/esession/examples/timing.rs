//! Whether the time of a refusal tells how much of a MAC was right: `cargo run --release -p esession --example timing`.
//!
//! As dudect does it (Reparaz, Balasch, Verbauwhede 2017): two kinds of input in random turns, here values that are wrong from
//! the first octet on and values that are wrong in the last one only; Welch's t over the times, also without the longest
//! ones. Beyond 4.5 there is a difference. A comparison that stops at the first difference shows that one would be seen.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "it is a program")]

use std::hint::black_box;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{Binding, Credentials, Element, Error, Established, Group, Initiator, Policy, Responder, dangerous};
use getrandom::{SysRng, rand_core::UnwrapErr};
use rand_core::Rng;

/// Beyond this, dudect speaks of a leak.
const LEAK: f64 = 4.5;
/// Comparisons take less time than reading the clock: so many of the same in a sample.
const REPEATED: usize = 100;

fn main() -> Result<(), Error> {
    let samples = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    println!("{samples} samples each; |t| beyond {LEAK} is a difference");
    let naive = comparison(samples, |a, b| a.iter().zip(b).all(|(a, b)| a == b));
    let ours = comparison(samples, dangerous::is_same);
    let whole = stanza(samples)?;
    for (name, t) in [("stops at the first difference", naive), ("ours", ours), ("a whole stanza is refused", whole)] {
        println!("  {name}: |t| = {t:.1}");
    }
    let fine = naive > LEAK && ours < LEAK && whole < LEAK;
    println!("{}", if fine { "no difference in ours" } else { "not as it should be" });
    std::process::exit(i32::from(!fine))
}

/// The time of a comparison of 32 octets.
fn comparison(samples: usize, is_same: impl Fn(&[u8], &[u8]) -> bool) -> f64 {
    let mut right = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut right);
    let wrong = [0, 31].map(|place| {
        let mut wrong = right;
        wrong[place] ^= 1;
        wrong
    });
    welch(samples, |kind| {
        let wrong = black_box(wrong[kind]);
        let start = Instant::now();
        for _ in 0..REPEATED {
            black_box(is_same(black_box(&right), black_box(&wrong)));
        }
        Ok(start.elapsed().as_nanos() as f64)
    })
    .unwrap_or(f64::INFINITY)
}

/// The time in which a session refuses a stanza, and ends.
fn stanza(samples: usize) -> Result<f64, Error> {
    let mut sessions = Vec::new();
    welch(samples, |kind| {
        if sessions.is_empty() {
            let [mut alice, bob] = negotiate()?.map(|end| end.session);
            let c = alice.seal("<body>whatever was said</body>")?;
            sessions.push((bob, c));
        }
        let Some((mut bob, c)) = sessions.pop() else { return Err(Error::Malformed("session")) };
        let c = changed(&c, [0, 31][kind]);
        let start = Instant::now();
        let refused = black_box(bob.open(&c));
        let time = start.elapsed().as_nanos() as f64;
        assert!(refused.is_err(), "its MAC is wrong");
        Ok(time)
    })
}

/// The same stanza with one octet of its MAC changed.
fn changed(c: &Element, place: usize) -> Element {
    let mut c = c.clone();
    for child in c.children_mut().filter(|child| child.name() == "mac") {
        let mut mac = STANDARD.decode(child.text()).unwrap_or_default();
        mac[place] ^= 1;
        child.take_nodes();
        child.append_text_node(STANDARD.encode(mac));
    }
    c
}

fn negotiate() -> Result<[Established; 2], Error> {
    let policy = Policy { groups: vec![Group::Toy], insecure_groups: true, hybrid: false, ..Policy::default() };
    let (rng, none) = (&mut UnwrapErr(SysRng), Credentials::default);
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng)?;
    let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng)?;
    let (alice, form_a2) = alice.handle_response(&form_b, none(), rng)?;
    let (bob, form_b2) = bob.handle_identity(&form_a2, none(), rng)?;
    Ok([alice.handle_completion(&form_b2)?, bob])
}

/// The largest |t| over the times of both kinds, with all of them and without the longest.
fn welch(samples: usize, mut sample: impl FnMut(usize) -> Result<f64, Error>) -> Result<f64, Error> {
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        let kind = (UnwrapErr(SysRng).next_u32() & 1) as usize;
        times.push((kind, sample(kind)?));
    }
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let t = [50, 75, 90, 95, 99, 100].map(|percent| {
        let longest = sorted[(samples * percent / 100).min(samples - 1)];
        let [a, b] = [0, 1].map(|kind| {
            moments(times.iter().filter(|(of, time)| *of == kind && *time <= longest).map(|(_, time)| *time))
        });
        (a.mean - b.mean).abs() / (a.variance / a.count + b.variance / b.count).sqrt()
    });
    Ok(t.into_iter().fold(0.0, f64::max))
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

/// By Welford's way, in one go.
fn moments(values: impl Iterator<Item = f64>) -> Moments {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let from_mean = value - mean;
        mean += from_mean / count;
        squares += from_mean * (value - mean);
    }
    Moments { count, mean, variance: squares / (count - 1.0) }
}
