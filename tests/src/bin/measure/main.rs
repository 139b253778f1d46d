//! What Drawbridge costs, on real servers, next to what the same thing costs without it in the same run: negotiation,
//! latency, bursts, CPU and memory. `tests/measure` builds it optimised and starts it.

#![allow(clippy::print_stdout, reason = "it is a program that prints what it measured")]

mod burst;
mod contacts;
mod latency;
mod negotiation;
mod people;
mod resources;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use drawbridge_tests::Stage;

use crate::people::People;

/// Measures Drawbridge on a real Prosody and a real Synapse.
#[derive(Parser)]
struct Options {
    /// Negotiations for each group
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    negotiations: usize,
    /// Messages one after the other, each way
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    messages: usize,
    /// Messages at once, each way
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    burst: usize,
    /// Matrix logins at the end, for the memory that they take
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    logins: usize,
    /// Contacts of one login, for what OMEMO makes and sends for each
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    contacts: usize,
    /// Measure that alone, which needs no servers
    #[arg(long)]
    contacts_only: bool,
}

fn main() -> ExitCode {
    match play(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(options: &Options) -> Result<(), Box<dyn Error>> {
    let profile = if cfg!(debug_assertions) { "dev: tests/measure builds with --release" } else { "release" };
    println!("profile {profile}; medians unless said otherwise");
    contacts::measure(options.contacts)?;
    if options.contacts_only {
        return Ok(());
    }
    let stage = Stage::untraced()?;
    let gateway = stage.raise()?;
    println!("memory, no login: {}", resources::memory(&gateway)?);
    let mut people = People::meet(&stage)?;
    println!("memory, 1 login: {}", resources::memory(&gateway)?);
    negotiation::measure(&stage, &people, options.negotiations)?;
    latency::measure(&mut people, options.messages)?;
    burst::measure(&mut people, &gateway, options.burst)?;
    println!("memory, 1 login, after {} messages: {}", 2 * options.burst, resources::memory(&gateway)?);
    people.crowd(&stage, options.logins)?;
    println!("memory, {} logins: {}", options.logins, resources::memory(&gateway)?);
    Ok(())
}
