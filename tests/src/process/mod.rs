//! A process that runs until its story ends, and never longer.

mod child;
mod log;
mod ready;

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

pub(crate) use child::{Child, Signal, bound_to_us};
pub(crate) use log::Log;
pub use ready::Ready;

use crate::Error;

/// How long a server may take to be ready on a busy machine; it takes a second or two on an idle one.
const START: Duration = Duration::from_secs(60);
/// How long a process may take to finish after SIGTERM.
const FINISH: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// A server process: started, stopped, frozen, killed and started again under the same command.
pub struct Process {
    name: String,
    command: Command,
    ready: Ready,
    log: Log,
    child: Option<Child>,
}

impl Process {
    /// Starts `command`, with all that it prints appended to the file `log`, and waits until it is ready.
    pub fn start(
        name: impl Into<String>,
        mut command: Command,
        log: impl Into<PathBuf>,
        ready: Ready,
    ) -> Result<Self, Error> {
        let (name, log) = (name.into(), log.into());
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.map_err(Error::io(format!("opening {}", log.display())))?;
        let errors = output.try_clone().map_err(Error::io("sharing a log file"))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut process = Self { name, command, ready, log: Log::new(log), child: None };
        process.launch()?;
        Ok(process)
    }

    /// Asks it to finish (SIGTERM) and waits; after twenty seconds it is killed, which is an error.
    pub fn stop(&mut self) -> Result<ExitStatus, Error> {
        let Some(child) = &mut self.child else { return Ok(ExitStatus::default()) };
        child.signal(Signal::Term);
        // A frozen process takes the signal when it thaws.
        child.signal(Signal::Cont);
        let status = child.wait(FINISH);
        self.child = None;
        status.ok_or_else(|| self.timed_out("end after SIGTERM", FINISH))
    }

    /// Kills it on the spot (SIGKILL): nothing in it gets to run any more.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Freezes it (SIGSTOP): its sockets stay open and answer nothing.
    pub fn pause(&self) {
        self.signal(Signal::Stop);
    }

    /// Thaws it (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::Cont);
    }

    /// Stops it if it runs, and starts it again on the same ports and files.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    /// Whether it is running (frozen counts).
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.ended().is_none())
    }

    /// The process id, for reading `/proc` (memory, CPU); `None` when it is not running.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        let Some(child) = &mut self.child else { return Ok(ExitStatus::default()) };
        let Some(status) = child.wait(timeout) else { return Err(self.timed_out("end", timeout)) };
        self.child = None;
        Ok(status)
    }

    /// Waits for a line that contains `text`, written since the last start.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> Result<String, Error> {
        let start = Instant::now();
        loop {
            // A process may write its last line and end: look at the line after looking at the process.
            let ended = self.child.as_mut().and_then(Child::ended);
            if let Some(line) = self.log.find(text) {
                return Ok(line);
            }
            if let Some(status) = ended {
                return Err(Error::Ended { name: self.name.clone(), status, log: self.log.tail() });
            }
            if start.elapsed() > timeout {
                return Err(self.timed_out(&format!("line with {text:?}"), timeout));
            }
            sleep(POLL);
        }
    }

    /// The file with all that it has printed since its first start.
    pub fn log(&self) -> &Path {
        self.log.path()
    }

    fn launch(&mut self) -> Result<(), Error> {
        self.log.mark();
        let child = Child::spawn(&mut self.command).map_err(Error::io(format!("starting {}", self.name)))?;
        let child = self.child.insert(child);
        let start = Instant::now();
        while !self.ready.check(&self.log) {
            if let Some(status) = child.ended() {
                self.child = None;
                return Err(Error::Ended { name: self.name.clone(), status, log: self.log.tail() });
            }
            if start.elapsed() > START {
                self.child = None;
                return Err(self.timed_out("sign that it is ready", START));
            }
            sleep(POLL);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            child.signal(signal);
        }
    }

    fn timed_out(&self, awaited: &str, waited: Duration) -> Error {
        Error::TimedOut { name: self.name.clone(), awaited: awaited.into(), waited, log: self.log.tail() }
    }
}
