//! Commands and events as JSON lines, for programs.
//!
//! Standard input takes one command a line, standard output gives one event a line, and nothing else. Unknown commands and
//! fields are refused with an `error` event (`bad-command`). The end of the input means `quit`. `esession-chat --help` shows
//! the same text:
//!
#![doc = include_str!("json.md")]

use std::io::Write;

use crate::command::Command;
use crate::event::Event;
use crate::run::Shell;

/// The shell for programs.
pub(crate) struct Json<W: Write> {
    output: W,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(output: W) -> Self {
        Self { output }
    }
}

impl<W: Write> Shell for Json<W> {
    fn show(&mut self, event: &Event) -> Option<Command> {
        let line = serde_json::to_string(event).unwrap_or_default();
        // a program that does not listen any more has ended its side; the end of the input tells us
        let _ = writeln!(self.output, "{line}").and_then(|()| self.output.flush());
        None
    }

    fn read(&mut self, line: &str) -> Option<Command> {
        if line.trim().is_empty() {
            return None;
        }
        match serde_json::from_str(line) {
            Ok(command) => Some(command),
            Err(error) => {
                self.show(&Event::own_error(None, "bad-command", error.to_string()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Values;
    use crate::event::{Chain, SessionEvent, SessionKeys, SessionState};

    const MANUAL: &str = include_str!("json.md");

    fn read(line: &str) -> (Option<Command>, String) {
        let mut output = Vec::new();
        let command = Json::new(&mut output).read(line);
        (command, String::from_utf8(output).unwrap())
    }

    #[test]
    fn commands_are_read_as_documented() {
        for line in MANUAL.lines().filter(|line| line.starts_with("{\"command\"")) {
            assert!(read(line).0.is_some(), "{line}: {}", read(line).1);
        }
        let register =
            r#"{"command":"register","to":"gw.example","fields":{"username":"bob","save":true,"many":["a","b"]}}"#;
        let Some(Command::Register { fields, .. }) = read(register).0 else { panic!() };
        assert_eq!(fields["save"].to_strings(), ["1"]);
        assert_eq!(fields["many"], Values::Many(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn what_is_not_understood_is_an_error_event() {
        for line in
            ["{\"command\":\"dance\"}", "{\"command\":\"send\"}", "{\"command\":\"quit\",\"now\":true}", "hello"]
        {
            let (command, output) = read(line);
            assert!(command.is_none() && output.contains("\"bad-command\""), "{line}");
        }
    }

    #[test]
    fn every_documented_event_exists_and_every_event_is_documented() {
        let source = include_str!("event.rs");
        let body = source.split("pub enum Event {").nth(1).unwrap().split("\n}\n").next().unwrap();
        let is_variant = |line: &&str| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase();
        let variants = body.lines().filter(|line| line.len() > 4).filter(is_variant);
        let names: Vec<String> =
            variants.map(|line| snake(line.trim().split([' ', '(', ',']).next().unwrap())).collect();
        assert!(names.len() > 15);
        for name in &names {
            assert!(MANUAL.contains(&format!("{{\"event\":\"{name}\"")), "{name} is not documented");
        }
    }

    fn snake(name: &str) -> String {
        name.chars().fold(String::new(), |snake, c| match (c.is_uppercase(), snake.is_empty()) {
            (true, false) => snake + "_" + &c.to_lowercase().to_string(),
            _ => snake + &c.to_lowercase().to_string(),
        })
    }

    #[test]
    fn a_session_is_one_flat_line() {
        let keys = SessionKeys {
            sas: Some("abcde".into()),
            long: Some("abcd-efgh".into()),
            compare: "abcde".into(),
            verified: false,
            confirmed: true,
            through: None,
            key: None,
            key_standing: None,
            chain: Some(Chain::New),
            group: "16".into(),
            cipher: "aes256-ctr".into(),
            hash: "sha256".into(),
            hybrid: true,
            password: false,
            certified_by: None,
            disclosure: None,
            logging: None,
            milliseconds: 5,
            stanzas: 4,
            bytes: 9,
        };
        let session = SessionEvent {
            with: "bob@example.org/b".into(),
            state: SessionState::Active,
            role: "initiator",
            reason: None,
            acknowledged: None,
            keys: Some(keys),
        };
        let mut output = Vec::new();
        Json::new(&mut output).show(&Event::Session(Box::new(session)));
        assert_eq!(
            String::from_utf8(output).unwrap(),
            "{\"event\":\"session\",\"with\":\"bob@example.org/b\",\"state\":\"active\",\"role\":\"initiator\",\
             \"sas\":\"abcde\",\"long\":\"abcd-efgh\",\"compare\":\"abcde\",\"verified\":false,\"confirmed\":true,\"chain\":\"new\",\"group\":\"16\",\
             \"cipher\":\"aes256-ctr\",\"hash\":\"sha256\",\"hybrid\":true,\"password\":false,\"milliseconds\":5,\"stanzas\":4,\"bytes\":9}\n"
        );
    }
}
