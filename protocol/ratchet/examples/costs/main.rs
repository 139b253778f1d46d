//! What OMEMO costs for each message and device: `cargo run --release -p omemo-ratchet --example costs`.
//!
//! Each time stands next to that of the bare primitives in the same run, of the same number, taken in turns. Of a session the
//! store knows private keys alone, so that whatever reads it computes the public ones.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "it is a program")]

mod bare;

use std::time::{Duration, Instant};

use getrandom::SysRng;
use omemo_ratchet::{Device, Dialect, Error, Identity, KeyExchange, Payload, Prekeys, Sealed, Session};
use rand_core::UnwrapErr;

use crate::bare::Bare;

/// Of a message that somebody writes.
const TEXT: [u8; 200] = [b'x'; 200];

fn main() -> Result<(), Error> {
    println!("messages of {} octets, against the bare primitives of the same number (medians)", TEXT.len());
    for dialect in Dialect::ALL {
        for devices in [1, 3, 10] {
            messages(dialect, devices)?;
        }
        turns(dialect)?;
        beginnings(dialect)?;
    }
    println!("\nsessions with one device, as they are stored, and in memory");
    for dialect in Dialect::ALL {
        sizes(dialect)?;
    }
    Ok(())
}

/// Two devices that have heard each other.
struct Pair {
    ours: Device,
    theirs: Device,
}

impl Pair {
    fn new(dialect: Dialect) -> Result<Self, Error> {
        let (ours, theirs) = (Identity::generate(&mut rng()), Identity::generate(&mut rng()));
        let mut prekeys = Prekeys::new(0, &mut rng());
        let bundle = prekeys.hand_out(dialect, &theirs, &mut rng());
        let mut pair = Self { ours: Device::default(), theirs: Device::default() };
        pair.ours.begin(Session::initiate(dialect, &ours, &bundle, 1, &mut rng())?);
        let exchange = KeyExchange::read(dialect, &pair.ours.seal(&[0; 32])?.octets)?;
        pair.theirs.open_exchange(dialect, &theirs, &exchange, |it| prekeys.find(it), &mut rng())?;
        pair.answer()?;
        Ok(pair)
    }

    /// Words of theirs, with a new ratchet key.
    fn answer(&mut self) -> Result<(), Error> {
        let sealed = self.theirs.seal(&[0; 32])?;
        self.ours.open(&sealed.octets, &mut rng()).map(drop)
    }
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// One after the other in one chain, for so many devices, as the gateway does: with the state from the store and to it.
fn messages(dialect: Dialect, devices: usize) -> Result<(), Error> {
    let mut pairs = (0..devices).map(|_| Pair::new(dialect)).collect::<Result<Vec<_>, _>>()?;
    let bare = Bare::new(dialect, &TEXT);
    let mut underway = Vec::new();
    let sealing = compare(
        200,
        || {
            let (payload, key) = Payload::seal(dialect, &TEXT, &mut rng())?;
            let sealed = pairs.iter_mut().map(|pair| pair.ours.seal(&key)).collect::<Result<Vec<_>, _>>()?;
            underway.push((payload, sealed));
            Ok(())
        },
        || bare.seals(devices),
    )?;
    println!("  {dialect:?}, sealed for {devices}: {}", ratio(sealing));
    let mut underway = underway.into_iter();
    let opening = compare(
        200,
        || {
            let (payload, sealed) = underway.next().ok_or(Error::NoSession)?;
            for (pair, Sealed { octets, .. }) in pairs.iter_mut().zip(sealed) {
                payload.open(dialect, &pair.theirs.open(&octets, &mut rng())?)?;
            }
            Ok(())
        },
        || bare.opens(devices),
    )?;
    println!("  {dialect:?}, opened by {devices}: {}", ratio(opening));
    let states: Vec<_> = pairs.iter().map(|pair| pair.ours.to_state()).collect();
    let stored = compare(
        200,
        || states.iter().try_for_each(|state| Device::from_state(state).map(|device| drop(device.to_state()))),
        || bare.publics(devices),
    )?;
    println!("  {dialect:?}, {devices} from the store and back: {}", ratio(stored));
    Ok(())
}

/// The first words of an answer: two agreements, a new key, and the rest as ever.
fn turns(dialect: Dialect) -> Result<(), Error> {
    let (mut pair, bare) = (Pair::new(dialect)?, Bare::new(dialect, &[0; 32]));
    let turn = compare(
        100,
        || {
            let sealed = pair.ours.seal(&[0; 32])?;
            pair.theirs.open(&sealed.octets, &mut rng())?;
            pair.answer()
        },
        || bare.turns(2),
    )?;
    println!("  {dialect:?}, a turn of the conversation, there and back: {}", ratio(turn));
    Ok(())
}

/// A bundle with 30 prekeys, made; and a session, begun by it and accepted.
fn beginnings(dialect: Dialect) -> Result<(), Error> {
    let (ours, theirs, bare) =
        (Identity::generate(&mut rng()), Identity::generate(&mut rng()), Bare::new(dialect, &[0; 32]));
    let mut prekeys = Prekeys::new(0, &mut rng());
    let made = compare(
        40,
        || {
            prekeys.hand_out(dialect, &theirs, &mut rng());
            Ok(())
        },
        || bare.publics(omemo_ratchet::HANDED_OUT),
    )?;
    println!("  {dialect:?}, a bundle: {}", ratio(made));
    let mut full = Prekeys::new(0, &mut rng());
    (0..omemo_ratchet::MAX_OUTSTANDING / omemo_ratchet::HANDED_OUT).for_each(|_| {
        full.hand_out(dialect, &theirs, &mut rng());
    });
    let full = full.to_state();
    let read = compare(40, || Prekeys::from_state(&full).map(drop), || bare.publics(omemo_ratchet::MAX_OUTSTANDING))?;
    println!("  {dialect:?}, all prekeys that may be outstanding, from the store: {}", ratio(read));
    let mut fresh = Prekeys::new(0, &mut rng());
    let bundle = fresh.hand_out(dialect, &theirs, &mut rng());
    let begun = compare(
        100,
        || {
            let mut session = Session::initiate(dialect, &ours, &bundle, 1, &mut rng())?;
            let exchange = KeyExchange::read(dialect, &session.seal(&[0; 32])?.octets)?;
            let find = |it: &KeyExchange| fresh.find(it);
            Device::default().open_exchange(dialect, &theirs, &exchange, find, &mut rng()).map(drop)
        },
        || bare.begins(),
    )?;
    println!("  {dialect:?}, a session, begun and accepted: {}", ratio(begun));
    Ok(())
}

fn sizes(dialect: Dialect) -> Result<(), Error> {
    const COUNT: usize = 2000;
    let pair = Pair::new(dialect)?;
    let state = pair.ours.to_state().len();
    let mut kept = Vec::with_capacity(COUNT);
    let before = resident();
    kept.extend((0..COUNT).map(|_| pair.ours.clone()));
    let octets = resident().saturating_sub(before) / COUNT;
    println!("  {dialect:?}: {state} octets stored, {octets} in memory");
    Ok(())
}

/// Octets of memory in use, as Linux says.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

fn ratio((whole, bare): (Duration, Duration)) -> String {
    let [whole, bare] = [whole, bare].map(|time| time.as_secs_f64() * 1e6);
    format!("{whole:.1} µs against {bare:.1} µs: {:.2} times", whole / bare)
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
