//! The search for what must not be there: every file of both servers and of the gateway, databases with their journals,
//! stores, logs, configuration.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{check::Checks, crossing::Seen, failure::Failure, place::Place, set::Set, talk::Talk};

/// Searches for the messages everywhere, and for alice's Matrix password where it must not stay.
pub(crate) fn run(checks: &mut Checks<'_>, place: &Place, set: &Set, talk: &Talk, seen: &Seen) -> Result<(), Failure> {
    let prosody = Files::below(&[place.of("prosody")])?;
    let synapse = Files::below(&[place.of("synapse")])?;
    let gateway = Files::below(&[place.of("gateway")])?;

    // First that the search finds what is there.
    let log = prosody.holding(seen.stanza.as_bytes());
    let database = synapse.holding(seen.event.as_bytes());
    let password = patterns(&set.accounts.alice_matrix);
    let form = prosody.holding_any(&password);
    let blind = log.is_empty() || database.is_empty() || form.is_empty() || !gateway.has("drawbridge.db");
    checks.promise(
        "the search finds what is there: ciphertext and login form with Prosody, an event id with Synapse",
        blind.then(|| format!("It found {log:?}, {database:?}, {form:?}: it cannot be trusted.")),
    );

    let messages = patterns(&talk.canary);
    for (owner, files) in [("Prosody", &prosody), ("Synapse", &synapse), ("the gateway", &gateway)] {
        let promise = format!("no word of any message in what {owner} holds ({})", files.size());
        checks.promise(&promise, found(&files.holding_any(&messages)));
    }
    let data = Files::below(&[place.of("prosody").join("data")])?;
    let clear = [gateway.holding_any(&password), data.holding_any(&password)].concat();
    checks.promise("alice's Matrix password neither with the gateway nor in what Prosody stores", found(&clear));
    Ok(())
}

/// The same search for the messages when everything has ended and the last log line is written.
pub(crate) fn after(checks: &mut Checks<'_>, place: &Place, talk: &Talk) -> Result<(), Failure> {
    let all = Files::below(&["prosody", "synapse", "gateway"].map(|owner| place.of(owner)))?;
    let promise = format!("still no word of any message in anything they leave ({})", all.size());
    checks.promise(&promise, found(&all.holding_any(&patterns(&talk.canary))));
    Ok(())
}

fn found(files: &[PathBuf]) -> Option<String> {
    (!files.is_empty()).then(|| {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        format!("It is in {}", names.join(", "))
    })
}

/// The word as it is, as hexadecimal digits, and inside of base64 at each of the three places where it can begin.
fn patterns(word: &str) -> Vec<Vec<u8>> {
    let mut patterns = vec![word.as_bytes().to_vec(), word.bytes().flat_map(|byte| hex(byte).into_bytes()).collect()];
    for before in 0..3_usize {
        let encoded = STANDARD.encode([&vec![0; before], word.as_bytes()].concat());
        // Digits that also depend on what stands before or after the word say nothing about it.
        let (first, last) = ((before * 8).div_ceil(6), (before + word.len()) * 8 / 6);
        patterns.push(encoded.bytes().take(last).skip(first).collect());
    }
    patterns
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}")
}

/// Files with their content, as it was at one moment.
struct Files(Vec<(PathBuf, Vec<u8>)>);

impl Files {
    fn below(dirs: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for dir in dirs {
            collect(dir, &mut files)?;
        }
        Ok(Self(files))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(file, content)| file.ends_with(name) && !content.is_empty())
    }

    fn holding(&self, pattern: &[u8]) -> Vec<PathBuf> {
        self.holding_any(&[pattern.to_vec()])
    }

    fn holding_any(&self, patterns: &[Vec<u8>]) -> Vec<PathBuf> {
        let holds = |content: &[u8]| patterns.iter().any(|pattern| contains(content, pattern));
        self.0.iter().filter(|(_, content)| holds(content)).map(|(file, _)| file.clone()).collect()
    }

    fn size(&self) -> String {
        let octets: usize = self.0.iter().map(|(_, content)| content.len()).sum();
        format!("{} files, {}.{} MB", self.0.len(), octets / 1_000_000, octets / 100_000 % 10)
    }
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<(), Failure> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Failure::Stopped(format!("{} cannot be read, so it cannot be searched: {error}", path.display()))
    };
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let entry = entry.map_err(|error| unreadable(dir, error))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(|error| unreadable(dir, error))?);
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() {
            match fs::read(&path) {
                Ok(content) => files.push((path, content)),
                // A journal that went between listing and reading.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, error)),
            }
        }
    }
    Ok(())
}

fn contains(content: &[u8], pattern: &[u8]) -> bool {
    let Some(first) = pattern.first() else { return true };
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        let candidate = rest.get(at..).unwrap_or_default();
        if candidate.starts_with(pattern) {
            return true;
        }
        rest = candidate.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_as_it_is_in_hexadecimal_and_at_every_place_in_base64() {
        let patterns = patterns("larch0123");
        for before in ["", "a", "ab", "abc", "abcd"] {
            let text = format!("{before}larch0123 and more");
            for form in [text.clone(), STANDARD.encode(&text), text.bytes().map(hex).collect()] {
                assert!(patterns.iter().any(|pattern| contains(form.as_bytes(), pattern)), "{form}");
            }
        }
        assert!(!patterns.iter().any(|pattern| contains(b"larch0124 and what else there may be", pattern)));
    }
}
