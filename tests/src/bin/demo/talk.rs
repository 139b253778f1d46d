//! The conversation: ten messages each way, half of them one after the other and timed, half all at once. Each carries a
//! word that is nowhere else, so that it can be searched for.

use std::time::{Duration, Instant};

use drawbridge_tests::{Error, Sample, clients::JsonLines};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    meeting::Meeting,
    set::random,
    story::{Story, duration},
};

/// How long a message may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a second copy may take to show up.
const SETTLE: Duration = Duration::from_millis(1500);
/// So many go one after the other.
const ALTERNATE: usize = 5;

const OUTWARD: [&str; 10] = [
    "Hello Bob! ☕ Shall we meet?",
    "<b>This is not bold</b> & this is not &amp; an entity",
    "\"quotes\", 'apostrophes', `ticks` and \\ backslashes \\n",
    "Grüße, привет, 你好, שלום, नमस्ते",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, e\u{301} = é",
    "</body></message><message to='eve@xmpp.test'/>",
    "**stars** _underscores_ ~~waves~~ # hash",
    "]]> and <!-- comments --> and <?xml version='1.0'?>",
    "{\"json\": [true, null, 1e9]} $HOME %s %n",
    "That was the tenth. Bye! 👋",
];

const INWARD: [&str; 10] = [
    "Hi Alice! 😀 Of course.",
    "<script>alert('no')</script> & <i>plain</i>",
    "x < y && y > z, \"and\" 'so' on",
    "Ünïcödé, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢, ½, €, ∀x∈ℝ",
    "🧑🏽‍🚀 and 🇺🇳 and ❤️‍🔥",
    "<encrypted/> <c xmlns='urn:x'/> &#0; &lt;",
    "[link](https://example.org/?a=1&b=2)",
    "first line\nsecond line\n\tindented",
    "  two  spaces   three, and a zero\u{200d}width joiner",
    "Ten from me as well. 🎉",
];

/// What was said, and what came of it.
pub(crate) struct Talk {
    /// The beginning of the word in every message.
    pub(crate) canary: String,
    pub(crate) outward: Way,
    pub(crate) inward: Way,
    /// The ids of alice's messages that were acknowledged to her.
    pub(crate) receipts: Vec<String>,
    /// What alice's client was told to have failed.
    pub(crate) errors: Vec<String>,
    /// What others than bob said to her meanwhile: the gateway.
    pub(crate) asides: Vec<String>,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Way {
    /// Messages by id, in the order they were written.
    pub(crate) said: Vec<(String, String)>,
    /// What arrived, in that order.
    pub(crate) heard: Vec<Heard>,
    /// From the writer's Enter to the reader's screen.
    pub(crate) times: Sample,
}

/// A message as it was read.
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) encrypted: bool,
    /// The Matrix event, where the reader is on Matrix.
    pub(crate) event: String,
}

impl Talk {
    /// Lets them talk. A message that does not arrive is no failure here: the checks tell.
    pub(crate) fn hold(story: &Story, meeting: &mut Meeting) -> Result<Self, Failure> {
        let canary = format!("larch{}", random()?.get(..8).unwrap_or_default());
        let mut talk = Self {
            outward: Way::prepared('a', &canary, &OUTWARD),
            inward: Way::prepared('b', &canary, &INWARD),
            canary,
            receipts: Vec::new(),
            errors: Vec::new(),
            asides: Vec::new(),
        };
        story.note("Each ends in a word that is nowhere else, which is searched for afterwards.");
        for number in 0..ALTERNATE {
            talk.outward.cross(story, "alice → bob", number, &mut meeting.alice, &mut meeting.bob, say_alice)?;
            let room = meeting.room.clone();
            talk.inward.cross(story, "bob → alice", number, &mut meeting.bob, &mut meeting.alice, |id, text| {
                say_bob(&room, id, text)
            })?;
        }
        talk.all_at_once(story, meeting)?;
        talk.settle(meeting)?;
        Ok(talk)
    }

    fn all_at_once(&mut self, story: &Story, meeting: &mut Meeting) -> Result<(), Failure> {
        let start = Instant::now();
        let pairs = self.outward.said.iter().zip(&self.inward.said).skip(ALTERNATE);
        for ((out_id, out), (in_id, inward)) in pairs {
            meeting.alice.send(&say_alice(out_id, out))?;
            meeting.bob.send(&say_bob(&meeting.room, in_id, inward))?;
        }
        let (all_out, all_in) = (self.outward.said.len(), self.inward.said.len());
        self.outward.hear(&mut meeting.bob, all_out)?;
        self.inward.hear(&mut meeting.alice, all_in)?;
        let took = start.elapsed();
        for (way, name) in [(&self.outward, "alice → bob"), (&self.inward, "bob → alice")] {
            way.said.iter().skip(ALTERNATE).for_each(|(_, text)| story.crossed(None, name, text));
        }
        story.plain(&format!("  the last five each way were written all at once; they took {}", duration(took)));
        Ok(())
    }

    /// Waits for the receipts, and for what should not come.
    fn settle(&mut self, meeting: &mut Meeting) -> Result<(), Failure> {
        let settled = Instant::now() + SETTLE;
        while self.receipts.len() < self.outward.said.len() {
            let receipt = meeting.alice.expect("receipt", PATIENCE, |event| event["event"] == "receipt");
            let Some(receipt) = in_time(receipt)? else { break };
            self.receipts.push(text(&receipt, "id"));
        }
        std::thread::sleep(settled.saturating_duration_since(Instant::now()));
        for event in meeting.bob.take_events().iter().filter(|event| is_message(event)) {
            self.outward.heard.push(Heard::from(event));
        }
        for event in meeting.alice.take_events() {
            match event["event"].as_str() {
                Some("message") if is_bobs(&event) => self.inward.heard.push(Heard::from(&event)),
                Some("message") => self.asides.push(format!("{}: {}", text(&event, "from"), text(&event, "text"))),
                Some("receipt") => self.receipts.push(text(&event, "id")),
                Some("error") => self.errors.push(event.to_string()),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Way {
    fn prepared(letter: char, canary: &str, texts: &[&str]) -> Self {
        let message = |(number, text): (usize, &&str)| {
            let id = format!("{letter}{:02}", number + 1);
            (id.clone(), format!("{text} {canary}{id}"))
        };
        Self { said: texts.iter().enumerate().map(message).collect(), ..Self::default() }
    }

    /// One message, timed.
    fn cross(
        &mut self,
        story: &Story,
        name: &str,
        number: usize,
        writer: &mut JsonLines,
        reader: &mut JsonLines,
        say: impl Fn(&str, &str) -> Value,
    ) -> Result<(), Failure> {
        let Some((id, text)) = self.said.get(number).cloned() else { return Ok(()) };
        let start = Instant::now();
        writer.send(&say(&id, &text))?;
        self.hear(reader, number + 1)?;
        let took = start.elapsed();
        self.times.push(took);
        story.crossed(Some(took), name, &text);
        Ok(())
    }

    /// Until so many have arrived, or one is missing.
    fn hear(&mut self, reader: &mut JsonLines, count: usize) -> Result<(), Failure> {
        while self.heard.len() < count {
            let Some(event) = in_time(reader.expect("message", PATIENCE, |event| is_message(event) && is_bobs(event)))?
            else {
                break;
            };
            self.heard.push(Heard::from(&event));
        }
        Ok(())
    }
}

impl From<&Value> for Heard {
    fn from(event: &Value) -> Self {
        let body = event["text"].as_str().or(event["body"].as_str());
        Self {
            text: body.unwrap_or_default().to_owned(),
            encrypted: event["encrypted"] == true,
            event: text(event, "event_id"),
        }
    }
}

fn say_alice(id: &str, text: &str) -> Value {
    json!({ "command": "send", "text": text, "id": id })
}

fn say_bob(room: &str, id: &str, text: &str) -> Value {
    json!({ "command": "send", "room": room, "text": text, "id": id })
}

/// A message of the other one.
pub(crate) fn is_message(event: &Value) -> bool {
    event["event"] == "message" && event["mine"] != true
}

/// Whether it comes from bob, or was read by him: then it tells no XMPP sender.
fn is_bobs(event: &Value) -> bool {
    event["from"].as_str().is_none_or(|from| from.contains('@'))
}

/// `None` when it did not come in time; a client that died is a failure.
fn in_time(event: Result<Value, Error>) -> Result<Option<Value>, Failure> {
    match event {
        Ok(event) => Ok(Some(event)),
        Err(Error::TimedOut { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
