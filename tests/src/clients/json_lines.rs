//! A program that reads commands and prints events, one JSON object a line.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Value, json};

use crate::{
    Error,
    process::{Child, Log, Signal},
};

/// How many events an error shows.
const SHOWN: usize = 25;
const FINISH: Duration = Duration::from_secs(20);
const FETCH: Duration = Duration::from_secs(60);

/// Such a program at work. Events wait in order until somebody asks for them.
pub struct JsonLines {
    name: String,
    child: Child,
    commands: Option<ChildStdin>,
    arriving: Receiver<Value>,
    waiting: VecDeque<Value>,
    recent: VecDeque<Value>,
    log: Log,
}

impl JsonLines {
    /// Starts `command`; what it writes to standard error is appended to the file `log`.
    pub fn start(name: impl Into<String>, mut command: Command, log: impl Into<PathBuf>) -> Result<Self, Error> {
        let (name, log) = (name.into(), log.into());
        let errors = OpenOptions::new().create(true).append(true).open(&log);
        let errors: File = errors.map_err(Error::io(format!("opening {}", log.display())))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut log = Log::new(log);
        log.mark();
        let mut child = Child::spawn(&mut command).map_err(Error::io(format!("starting {name}")))?;
        let (commands, events) = (child.stdin(), child.stdout());
        let arriving = read_events(events);
        Ok(Self { name, child, commands, arriving, waiting: VecDeque::new(), recent: VecDeque::new(), log })
    }

    /// Gives it a command.
    pub fn send(&mut self, command: &Value) -> Result<(), Error> {
        let doing = format!("telling {} {command}", self.name);
        let Some(pipe) = &mut self.commands else {
            return Err(Error::Refused { asked: doing, answer: "it was told to finish before".into() });
        };
        writeln!(pipe, "{command}").and_then(|()| pipe.flush()).map_err(Error::io(doing))
    }

    /// The first event, of those not yet taken, for which `wanted` is true. Events before it keep waiting.
    ///
    /// `awaited` names it in the error that comes after `timeout`.
    pub fn expect(
        &mut self,
        awaited: &str,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Error> {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return Ok(self.waiting.remove(at).unwrap_or_default());
        }
        let start = Instant::now();
        loop {
            match self.arriving.recv_timeout(timeout.saturating_sub(start.elapsed())) {
                Ok(event) if wanted(&event) => {
                    self.remember(&event);
                    return Ok(event);
                }
                Ok(event) => {
                    self.remember(&event);
                    self.waiting.push_back(event);
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.timed_out(awaited, timeout)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended(awaited)),
            }
        }
    }

    /// The first event named so: `{"event": name, …}`.
    pub fn expect_event(&mut self, name: &str, timeout: Duration) -> Result<Value, Error> {
        self.expect(&format!("event {name:?}"), timeout, |event| event["event"] == name)
    }

    /// The next file that a client has fetched and opened: its octets, and where it lies.
    pub fn next_file(&mut self) -> Result<(Vec<u8>, String), Error> {
        let file = self.expect_event("file", FETCH)?;
        let octets = BASE64.decode(file["octets"].as_str().unwrap_or_default()).unwrap_or_default();
        Ok((octets, file["url"].as_str().unwrap_or_default().to_owned()))
    }

    /// Takes every event that has arrived and has not been taken, oldest first.
    pub fn take_events(&mut self) -> Vec<Value> {
        while let Ok(event) = self.arriving.try_recv() {
            self.remember(&event);
            self.waiting.push_back(event);
        }
        self.waiting.drain(..).collect()
    }

    /// Closes its standard input, which tells it to finish, and waits.
    pub fn finish(&mut self) -> Result<ExitStatus, Error> {
        self.commands = None;
        self.child.wait(FINISH).ok_or_else(|| self.timed_out("end after its input was closed", FINISH))
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        if self.child.ended().is_none() {
            self.child.signal(Signal::Kill);
            self.child.wait(FINISH);
        }
    }

    /// Freezes it (SIGSTOP).
    pub fn pause(&self) {
        self.child.signal(Signal::Stop);
    }

    /// Thaws it (SIGCONT).
    pub fn resume(&self) {
        self.child.signal(Signal::Cont);
    }

    /// The process id, for reading `/proc`.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn remember(&mut self, event: &Value) {
        self.recent.push_back(event.clone());
        if self.recent.len() > SHOWN {
            self.recent.pop_front();
        }
    }

    fn timed_out(&self, awaited: &str, waited: Duration) -> Error {
        Error::TimedOut { name: self.name.clone(), awaited: awaited.into(), waited, log: self.story() }
    }

    fn ended(&mut self, awaited: &str) -> Error {
        match self.child.wait(FINISH) {
            Some(status) => Error::Ended { name: self.name.clone(), status, log: self.story() },
            None => Error::Refused { asked: format!("{} for {awaited}", self.name), answer: "closed output".into() },
        }
    }

    fn story(&self) -> String {
        let events: String = self.recent.iter().map(|event| format!("    event {event}\n")).collect();
        format!("{events}{}", self.log.tail())
    }
}

fn read_events(output: Option<ChildStdout>) -> Receiver<Value> {
    let (events, arriving) = mpsc::channel();
    thread::spawn(move || {
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
            // A line that is not JSON is a mistake of the program: show it to whoever waits.
            let event = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not json": line }));
            if events.send(event).is_err() {
                break;
            }
        }
    });
    arriving
}
