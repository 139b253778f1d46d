//! Checks every vector of a folder: `cargo run -p esession --example check_vectors -- FOLDER`.
//!
//! One line per file that fails, with what differs first; then a line of counts. Exits with 1 if anything failed.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it is a program")]

mod gajim;
mod negotiation;
mod three_message;
mod units;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// What became of one file.
pub(crate) enum Verdict {
    Passed,
    Failed(String),
    /// Not a failure: the reason is counted.
    Skipped(&'static str),
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        println!("usage: check_vectors FOLDER");
        return ExitCode::from(2);
    };
    match check_folder(Path::new(&folder)) {
        Ok(clean) if clean => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("{folder}: {error}");
            ExitCode::from(2)
        }
    }
}

fn check_folder(folder: &Path) -> std::io::Result<bool> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "json"));
    files.sort_by_key(std::fs::DirEntry::file_name);
    let (mut passed, mut failed) = (0, 0);
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        match check(&std::fs::read_to_string(file.path())?) {
            Verdict::Passed => passed += 1,
            Verdict::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
            Verdict::Failed(difference) => {
                failed += 1;
                println!("{}: {difference}", file.file_name().display());
            }
        }
    }
    let reasons: Vec<_> = skipped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    println!("{passed} passed, {failed} failed, {} skipped{reasons}", skipped.values().sum::<usize>());
    Ok(failed == 0 && passed > 0)
}

/// Checks one file of either format.
pub(crate) fn check(text: &str) -> Verdict {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return Verdict::Failed("is not JSON".into());
    };
    let outcome = match json.get("profile").and_then(|profile| profile.as_str()) {
        None if json.get("groups").is_some() => units::check(&json),
        None => return Verdict::Skipped("of an unknown format"),
        Some("spec" | "trunc217") if json["messages"] == 3 => three_message::check(&json),
        Some("spec" | "trunc217") => negotiation::check(&json),
        Some("gajim") => gajim::check(&json),
        Some(_) => return Verdict::Skipped("of an unknown profile"),
    };
    outcome.map_or_else(Verdict::Failed, |()| Verdict::Passed)
}

/// One comparison; the error says what differs and where.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let [ours, theirs] = [ours, theirs].map(|value| format!("{value:?}").chars().take(120).collect::<String>());
    Err(format!("{what} differs: computed {ours}, expected {theirs}"))
}

/// A string of the vector.
pub(crate) fn text<'a>(json: &'a serde_json::Value, path: &str) -> Result<&'a str, String> {
    json.pointer(path).and_then(|value| value.as_str()).ok_or_else(|| format!("{path} is missing"))
}

/// Octets of the vector.
pub(crate) fn octets(json: &serde_json::Value, path: &str) -> Result<Vec<u8>, String> {
    let hex = text(json, path)?;
    let even = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.to_owned() };
    hex::decode(even).map_err(|_| format!("{path} is not hexadecimal"))
}

/// A list of the vector, each entry with its name for messages.
pub(crate) fn list<'a>(
    json: &'a serde_json::Value,
    path: &str,
) -> Result<impl Iterator<Item = (String, &'a serde_json::Value)>, String> {
    let entries = json.pointer(path).and_then(|value| value.as_array()).ok_or_else(|| format!("{path} is missing"))?;
    let name = path.to_owned();
    Ok(entries.iter().enumerate().map(move |(place, entry)| (format!("{name}/{place}"), entry)))
}

/// A counter of 32 hexadecimal digits.
pub(crate) fn counter(json: &serde_json::Value, path: &str) -> Result<u128, String> {
    u128::from_str_radix(text(json, path)?, 16).map_err(|_| format!("{path} is not a counter"))
}

/// An element of the vector.
pub(crate) fn element(json: &serde_json::Value, path: &str) -> Result<minidom::Element, String> {
    text(json, path)?.parse().map_err(|error| format!("{path} is not XML: {error}"))
}
