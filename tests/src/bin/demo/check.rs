//! What was promised, held against what happened.

use crate::{
    crossing::Seen,
    failure::Failure,
    story::Story,
    talk::{Talk, Way},
};

/// The promises so far, and those that were broken.
pub(crate) struct Checks<'a> {
    story: &'a Story,
    broken: Vec<String>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(story: &'a Story) -> Self {
        Self { story, broken: Vec::new() }
    }

    /// Tells a promise and whether it holds; how it was broken is told with the verdict.
    pub(crate) fn promise(&mut self, promise: &str, broken: Option<String>) {
        match broken {
            None => self.story.good(promise),
            Some(how) => {
                self.story.bad(&format!("NOT so: {promise}"));
                self.broken.push(format!("{promise}.\n    But: {how}"));
            }
        }
    }

    /// Every message once, in order, encrypted; a receipt for each that alice wrote.
    pub(crate) fn talk(&mut self, talk: &Talk) {
        self.way("alice → bob", &talk.outward);
        self.way("bob → alice", &talk.inward);
        let said: Vec<&String> = talk.outward.said.iter().map(|(id, _)| id).collect();
        let receipts: Vec<&String> = talk.receipts.iter().collect();
        let mut sorted = receipts.clone();
        sorted.sort();
        let wrong = (sorted != said).then(|| format!("There came receipts for {receipts:?}."));
        self.promise(&format!("{} receipts came back to alice, one for each message", said.len()), wrong);
        let wrong = (!talk.errors.is_empty()).then(|| talk.errors.join("; "));
        self.promise("no error was reported to her", wrong);
    }

    /// The servers had ciphertext, and nothing else.
    pub(crate) fn seen(&mut self, seen: &Seen) {
        let Seen { encrypted_stanzas, clear_stanzas, encrypted_events, clear_events, .. } = seen;
        let wrong = (*clear_stanzas > 0 || *encrypted_stanzas < 20).then(|| {
            format!(
                "It was {encrypted_stanzas} encrypted ones and {clear_stanzas} with readable text, as its trace shows."
            )
        });
        self.promise(
            &format!("Prosody carried {encrypted_stanzas} encrypted stanzas between the two (messages and receipts), none readable"),
            wrong,
        );
        let wrong = (*encrypted_events != 20 || *clear_events > 0).then(|| {
            format!("It has {encrypted_events} of type m.room.encrypted and {clear_events} of m.room.message.")
        });
        self.promise("Synapse stored 20 events of type m.room.encrypted, none of m.room.message", wrong);
    }

    /// The end of the checks: a failure if one promise was broken.
    pub(crate) fn verdict(self) -> Result<(), Failure> {
        if self.broken.is_empty() { Ok(()) } else { Err(Failure::Wrong(self.broken)) }
    }

    fn way(&mut self, name: &str, way: &Way) {
        let count = way.said.len();
        let promise = format!("{name}: {count} of {count} messages arrived, each once, in order, unchanged, encrypted");
        self.promise(&promise, difference(way));
    }
}

/// The first thing that is wrong with what arrived.
fn difference(way: &Way) -> Option<String> {
    let heard: Vec<&str> = way.heard.iter().map(|heard| heard.text.as_str()).collect();
    for (id, text) in &way.said {
        match heard.iter().filter(|heard| **heard == text).count() {
            0 => return Some(format!("Message {id} is missing or changed. What arrived: {heard:?}")),
            1 => {}
            copies => return Some(format!("Message {id} arrived {copies} times.")),
        }
    }
    let said: Vec<&str> = way.said.iter().map(|(_, text)| text.as_str()).collect();
    if heard.len() > said.len() {
        return Some(format!("There is more than was written: {heard:?}"));
    }
    if heard != said {
        return Some(format!("The order is another: {heard:?}"));
    }
    way.heard.iter().find(|heard| !heard.encrypted).map(|heard| format!("This came in clear: {:?}", heard.text))
}
