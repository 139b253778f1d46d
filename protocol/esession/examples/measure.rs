//! What a negotiation and a session cost: `cargo run --release -p esession --example measure`.
//!
//! Each time stands next to that of the bare primitives in the same run, taken in turns.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "it is a program")]

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{
    Binding, Cipher, Credentials, Error, Established, Group, Hash, Identification, Initiator, OfflineSender, Policy,
    Published, Replays, Responder, SigningKey, dangerous,
};
use getrandom::{SysRng, rand_core::UnwrapErr};

fn main() -> Result<(), Error> {
    println!("negotiations, both ends in one thread, against the exponentiations that they must have (medians)");
    for group in [Group::Modp14, Group::Modp15, Group::Modp16] {
        for hybrid in [false, true] {
            negotiations(&Policy { groups: vec![group], hybrid, ..Policy::default() })?;
        }
    }
    println!("\nbetween keys of 2048 bits: the same, with two signatures and their checks");
    let keys = [key()?, key()?];
    for hybrid in [false, true] {
        signed(&Policy { groups: vec![Group::Modp14], hybrid, ..signing() }, &keys)?;
    }
    println!(
        "\nstanzas, sealed and opened, against AES-256 in counter mode, Base64 and HMAC over it, there and back (medians)"
    );
    for length in [200, 4 << 10, 64 << 10] {
        stanzas(length)?;
    }
    println!("\nmemory of sessions at rest: {} in a MiB", per_mebibyte()?);
    Ok(())
}

fn negotiations(policy: &Policy) -> Result<(), Error> {
    let group = policy.groups.first().copied().ok_or(Error::Malformed("group"))?;
    let mut octets = 0;
    let (whole, bare) = compare(
        40,
        || {
            octets = negotiate(policy)?.1;
            Ok(())
        },
        || (0..4).try_for_each(|_| dangerous::power(group, &[2], &[0xaa; 64]).map(drop)),
    )?;
    let with = if policy.hybrid { ", hybrid" } else { "" };
    println!("  group {}{with}: 4 stanzas, {octets} octets of forms, {}", group.name(), ratio(whole, bare));
    Ok(())
}

/// A whole negotiation, and the octets of its forms.
fn negotiate(policy: &Policy) -> Result<([Established; 2], usize), Error> {
    let rng = &mut UnwrapErr(SysRng);
    let [alices, bobs] = ["alice@example.org", "bob@example.net"];
    let (alice, form_a) = Initiator::begin(policy, &Binding::between(alices, bobs), rng)?;
    let (bob, form_b) = Responder::respond(policy, &form_a, &Binding::between(bobs, alices), rng)?;
    let (alice, form_a2) = alice.handle_response(&form_b, Credentials::default(), rng)?;
    let (bob, form_b2) = bob.handle_identity(&form_a2, Credentials::default(), rng)?;
    let alice = alice.handle_completion(&form_b2)?;
    Ok(([alice, bob], [form_a, form_b, form_a2, form_b2].iter().map(|form| String::from(form).len()).sum()))
}

fn key() -> Result<SigningKey, Error> {
    SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng))
}

fn signing() -> Policy {
    let ways = vec![Identification::Key];
    Policy { own_identification: ways.clone(), peer_identification: ways, ..Policy::default() }
}

/// Three messages, and what is left for who is away: published once, written and read.
fn signed(policy: &Policy, keys: &[SigningKey; 2]) -> Result<(), Error> {
    let [alices, bobs] = keys;
    let of = |own: &SigningKey, known: &SigningKey| Credentials {
        signing_key: Some(own.clone()),
        known_keys: vec![known.public().clone()],
        ..Credentials::default()
    };
    let (alice, bob, binding, rng) = (of(alices, bobs), of(bobs, alices), Binding::default(), &mut UnwrapErr(SysRng));
    let bare = || {
        (0..4).try_for_each(|_| dangerous::power(Group::Modp14, &[2], &[0xaa; 64]).map(drop))?;
        keys.iter().try_for_each(|key| key.sign(b"x").map(|sign| assert!(key.public().verify(b"x", &sign))))
    };
    let mut octets = 0;
    let (whole, floor) = compare(
        40,
        || {
            let (waiting, form_a) = Initiator::begin_signed(policy, &binding, rng)?;
            let (responder, form_b) = Responder::respond_signed(policy, &form_a, &binding, bob.clone(), rng)?;
            let (_, form_a2) = waiting.handle_response(&form_b, &alice)?;
            octets = [form_a, form_b, form_a2.clone()].iter().map(|form| String::from(form).len()).sum();
            responder.handle_identity(&form_a2).map(drop)
        },
        bare,
    )?;
    let with = if policy.hybrid { ", hybrid" } else { "" };
    println!("  three messages{with}: 3 stanzas, {octets} octets of forms, {}", ratio(whole, floor));
    let published = Published::make(policy, 1, None, std::slice::from_ref(alices), rng)?;
    let (whole, floor) = compare(
        40,
        || {
            let (form, c) = OfflineSender::single(policy, published.form(), &binding, &bob, 0, "<body/>", rng)?;
            octets = String::from(&form).len() + String::from(&c).len();
            let mut seen = Replays::default();
            published.accept(policy, &form, &binding, &alice, 0, &mut seen)?.open(&c).map(drop)
        },
        bare,
    )?;
    println!("  left for who is away{with}: 1 stanza, {octets} octets, {}", ratio(whole, floor));
    Ok(())
}

fn stanzas(length: usize) -> Result<(), Error> {
    let ([mut alice, mut bob], _) = negotiate(&Policy { groups: vec![Group::Modp14], ..Policy::default() })?;
    let content = "x".repeat(length);
    let (whole, bare) = compare(
        400,
        || bob.session.open(&alice.session.seal(&content)?).map(drop),
        || {
            let sealed = STANDARD.encode(dangerous::keystream(Cipher::Aes256Ctr, &[7; 32], 1, content.as_bytes()));
            let mac = || dangerous::hmac(Hash::Sha256, &[7; 32], &[sealed.as_bytes()]);
            drop((mac(), mac()));
            let data = STANDARD.decode(&sealed).unwrap_or_default();
            drop(dangerous::keystream(Cipher::Aes256Ctr, &[7; 32], 1, &data));
            Ok(())
        },
    )?;
    println!("  {length} octets: {}", ratio(whole, bare));
    Ok(())
}

/// By what the process grows.
fn per_mebibyte() -> Result<usize, Error> {
    const COUNT: usize = 2000;
    let policy = Policy { groups: vec![Group::Toy], insecure_groups: true, ..Policy::default() };
    let mut sessions = Vec::with_capacity(COUNT);
    let before = resident();
    for _ in 0..COUNT / 2 {
        sessions.extend(negotiate(&policy)?.0.map(|established| established.session));
    }
    Ok((COUNT << 20) / resident().saturating_sub(before).max(1))
}

/// Octets of memory in use, as Linux says.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

fn ratio(whole: Duration, bare: Duration) -> String {
    let [whole, bare] = [whole, bare].map(|time| time.as_secs_f64() * 1e6);
    format!("{whole:.0} µs against {bare:.0} µs: {:.2} times", whole / bare)
}

/// The medians of both, taken in turns, so that whatever else the machine does strikes both.
fn compare(
    rounds: usize,
    mut whole: impl FnMut() -> Result<(), Error>,
    mut bare: impl FnMut() -> Result<(), Error>,
) -> Result<(Duration, Duration), Error> {
    let mut times = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    for _ in 0..rounds {
        for (times, work) in times.iter_mut().zip([&mut whole as &mut dyn FnMut() -> Result<(), Error>, &mut bare]) {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed());
        }
    }
    let [whole, bare] = times.map(|mut times| {
        times.sort_unstable();
        times.get(rounds / 2).copied().unwrap_or_default()
    });
    Ok((whole, bare))
}
