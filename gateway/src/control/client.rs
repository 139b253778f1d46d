//! The operator's end of the socket, and the terminal in front of it.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{ControlError, MAX_LINE, Reply, Request, Turn, socket};
use crate::commands::{Answers, Dialogue, Form, Kind};

/// A connection to the daemon.
pub struct Client {
    from: BufReader<UnixStream>,
    to: UnixStream,
}

/// Where a person reads and writes.
pub trait Terminal {
    /// Shows a line or several.
    fn show(&mut self, text: &str);

    /// Asks; `hidden` while something secret is typed.
    ///
    /// # Errors
    /// That nothing can be read any more.
    fn ask(&mut self, prompt: &str, hidden: bool) -> io::Result<Zeroizing<String>>;
}

impl Client {
    /// To the daemon of a data directory.
    ///
    /// # Errors
    /// [`ControlError::NotRunning`], [`ControlError::NotYours`], or the socket's own.
    pub fn connect(data: &Path) -> Result<Self, ControlError> {
        let path = socket(data);
        let to = UnixStream::connect(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning(path.clone()),
            io::ErrorKind::PermissionDenied => ControlError::NotYours(path.clone()),
            _ => ControlError::Socket { path: path.clone(), source },
        })?;
        let from = to.try_clone().map_err(|source| ControlError::Socket { path, source })?;
        Ok(Self { from: BufReader::new(from), to })
    }

    /// One request, one reply.
    ///
    /// # Errors
    /// [`ControlError::Failed`] with the daemon's words, or [`ControlError::BrokeOff`].
    pub fn ask(mut self, request: &Request) -> Result<Reply, ControlError> {
        self.say(request)?;
        match self.hear()? {
            Reply::Failed(why) => Err(ControlError::Failed(why)),
            reply => Ok(reply),
        }
    }

    /// Runs a command in front of a person. What `known` answers is not asked.
    ///
    /// # Errors
    /// [`ControlError::Failed`] with the daemon's words, also when `known` does not do; [`ControlError::BrokeOff`];
    /// [`ControlError::NoInput`].
    pub fn run(mut self, request: &Request, known: &Answers, terminal: &mut dyn Terminal) -> Result<(), ControlError> {
        self.say(request)?;
        let mut given = known.clone();
        loop {
            match self.hear()? {
                Reply::Form { form, trouble } => {
                    if let Some(trouble) = trouble {
                        // What was given with the command is wrong: nobody is there to correct it.
                        if !known.values.is_empty() {
                            return Err(ControlError::Failed(trouble));
                        }
                        terminal.show(&trouble);
                    } else if !form.instructions.is_empty() && known.values.is_empty() {
                        terminal.show(&form.instructions);
                    }
                    given = fill_in(form, known, &given, terminal)?;
                    self.say(&Turn::Answers(given.clone()))?;
                }
                Reply::Show(text) => {
                    terminal.show(&text);
                    terminal.ask("Press Enter when you have done that", false).map_err(|_| ControlError::NoInput)?;
                    self.say(&Turn::Answers(Answers::default()))?;
                }
                Reply::Done(text) => {
                    terminal.show(&text);
                    return Ok(());
                }
                Reply::Failed(why) => return Err(ControlError::Failed(why)),
                Reply::Status(_) | Reply::Users(_) => return Err(ControlError::BrokeOff),
            }
        }
    }

    fn say<T: Serialize>(&mut self, what: &T) -> Result<(), ControlError> {
        let mut line = Zeroizing::new(serde_json::to_vec(what).map_err(|_| ControlError::BrokeOff)?);
        line.push(b'\n');
        self.to.write_all(&line).map_err(|_| ControlError::BrokeOff)
    }

    fn hear(&mut self) -> Result<Reply, ControlError> {
        let mut line = Vec::new();
        (&mut self.from).take(MAX_LINE).read_until(b'\n', &mut line).map_err(|_| ControlError::BrokeOff)?;
        serde_json::from_slice(&line).map_err(|_| ControlError::BrokeOff)
    }
}

fn fill_in(form: Form, known: &Answers, given: &Answers, terminal: &mut dyn Terminal) -> Result<Answers, ControlError> {
    let mut dialogue = match known.values.is_empty() {
        true => Dialogue::again(form, given),
        false => Dialogue::new(form, known),
    };
    while let Some(question) = dialogue.question() {
        let hidden = question.kind == Kind::Hidden;
        let typed = terminal.ask(&question.prompt(), hidden).map_err(|_| ControlError::NoInput)?;
        if let Err(wrong) = dialogue.answer(&typed) {
            terminal.show(&wrong);
        }
    }
    Ok(dialogue.into_answers())
}

/// Standard input and output: a person's terminal, or a script's pipes.
#[derive(Debug, Default)]
pub struct Stdio;

impl Terminal for Stdio {
    fn show(&mut self, text: &str) {
        // If nobody reads any more, there is nobody to tell.
        let _ = writeln!(io::stdout(), "{text}");
    }

    fn ask(&mut self, prompt: &str, hidden: bool) -> io::Result<Zeroizing<String>> {
        if hidden && io::stdin().is_terminal() {
            return rpassword::prompt_password(format!("{prompt} ")).map(Zeroizing::new);
        }
        let mut out = io::stdout();
        write!(out, "{prompt} ")?;
        out.flush()?;
        let mut line = Zeroizing::new(String::new());
        if io::stdin().lock().take(MAX_LINE).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(end);
        Ok(line)
    }
}
