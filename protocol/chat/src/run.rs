//! The loop that joins the core, the link, the clock and whoever gives commands.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::sync::mpsc::Receiver;

use crate::chat::Chat;
use crate::command::Command;
use crate::effects::{Moment, Output};
use crate::event::Event;
use crate::link::{Happening, Link};
use crate::secrets::SecretFile;

/// Whoever gives commands and is told events: a person or a program.
pub(crate) trait Shell {
    /// Tells an event. Some are answered by a command, such as a message that was read.
    fn show(&mut self, event: &Event) -> Option<Command>;
    /// Understands a line of input.
    fn read(&mut self, line: &str) -> Option<Command>;
}

/// A line of input, its end, or a signal.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line.
    Line(String),
    /// There will be no more.
    End,
    /// Somebody wants us to go.
    Interrupted,
}

/// Why the client ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server, or the way to it.
    #[error("{0}")]
    Link(String),
    /// The disk.
    #[error(transparent)]
    Secrets(#[from] crate::secrets::SecretFileError),
}

/// Everything the loop works with.
pub(crate) struct Client<'a> {
    pub(crate) chat: Chat,
    pub(crate) link: Link,
    pub(crate) secrets: SecretFile,
    pub(crate) inputs: Receiver<Input>,
    pub(crate) shell: &'a mut dyn Shell,
}

impl Client<'_> {
    /// Runs until somebody wants to go, or it cannot go on. The last event is [`Event::Closed`] either way.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let result = self.work().await;
        let reason = result.as_ref().err().map(ToString::to_string);
        self.shell.show(&Event::Closed { reason });
        self.link.close().await;
        result
    }

    async fn work(&mut self) -> Result<(), Failure> {
        let mut rng = UnwrapErr(SysRng);
        let mut was_online = false;
        // what is wanted before there is a stream waits for it
        let mut early = VecDeque::new();
        let (mut interrupted, mut listening) = (false, true);
        loop {
            let due = self.chat.poll_timeout();
            let wake = tokio::time::Instant::from_std(due.unwrap_or_else(Instant::now));
            tokio::select! {
                happening = self.link.next() => match happening {
                    Happening::Online { jid, resumed } => {
                        self.chat.handle_online(jid, resumed, now(), &mut rng);
                        was_online = true;
                        for command in early.drain(..) {
                            self.chat.handle_command(command, now(), &mut rng);
                        }
                    }
                    Happening::Offline(reason) => self.chat.handle_offline(reason),
                    Happening::Stanza(stanza) => self.chat.handle_stanza(&stanza, now(), &mut rng),
                    Happening::Trace { incoming, xml } => {
                        let direction = if incoming { "in" } else { "out" };
                        self.shell.show(&Event::Trace { direction, xml });
                    }
                    Happening::Refused(head) => {
                        let text = format!("a stanza was too deep or too long to be read, and was dropped: {head}…");
                        self.shell.show(&Event::Notice { text });
                    }
                    Happening::Over(reason) => return Err(Failure::Link(reason)),
                },
                input = self.inputs.recv(), if listening => {
                    let command = match input {
                        Some(Input::Line(line)) => self.shell.read(&line),
                        Some(Input::Interrupted) if interrupted => return Ok(()),
                        Some(Input::Interrupted) => {
                            interrupted = true;
                            Some(Command::Quit {})
                        }
                        Some(Input::End) => Some(Command::Quit {}),
                        None => {
                            listening = false;
                            Some(Command::Quit {})
                        }
                    };
                    match command {
                        Some(Command::Quit {}) if !was_online => return Ok(()),
                        Some(command) if was_online => self.chat.handle_command(command, now(), &mut rng),
                        Some(command) => early.push_back(command),
                        None => {}
                    }
                },
                () = tokio::time::sleep_until(wake), if due.is_some() => self.chat.handle_timeout(now(), &mut rng),
            }
            if self.act(&mut rng).await? {
                return Ok(());
            }
        }
    }

    /// Does everything the core wants done; returns whether it wants to leave.
    async fn act(&mut self, rng: &mut UnwrapErr<SysRng>) -> Result<bool, Failure> {
        while let Some(output) = self.chat.poll_output() {
            match output {
                Output::Save => self.secrets.save(self.chat.book())?,
                Output::Send(stanza) => {
                    let id = stanza.attr("id").map(str::to_owned);
                    if let Err(text) = self.link.send(stanza).await {
                        self.shell.show(&Event::own_error(id.as_deref(), "not-sent", text));
                    }
                }
                Output::Event(event) => {
                    if let Some(command) = self.shell.show(&event) {
                        self.chat.handle_command(command, now(), rng);
                    }
                }
                Output::Close => return Ok(true),
            }
        }
        Ok(false)
    }
}

fn now() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    Moment { instant: Instant::now(), unix }
}
