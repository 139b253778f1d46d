//! Profanity, a client that people use: on a terminal of its own, in tmux, where a story types and reads.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::ChatAccount;
use crate::{
    Error,
    process::{Child, bound_to_us},
    programs,
};

const PAUSE: Duration = Duration::from_millis(100);

/// Such a client at work. What it keeps lies in `dir`, in the home of its account.
pub struct Profanity {
    /// The socket of the terminal.
    socket: PathBuf,
    /// tmux itself; with it ends what runs in it.
    _terminal: Child,
}

impl Profanity {
    /// Starts it, with OMEMO for everybody, and waits until it is online.
    pub fn start(dir: &Path, account: &ChatAccount) -> Result<Self, Error> {
        let home = dir.join(account.jid.replace('/', "-"));
        let (config, data) = (home.join("config/profanity"), home.join("data/profanity"));
        let (bare, resource) = account.jid.split_once('/').unwrap_or((&account.jid, "profanity"));
        let ChatAccount { password, port, .. } = account;
        let written = fs::create_dir_all(&config).and_then(|()| fs::create_dir_all(&data)).and_then(|()| {
            fs::write(config.join("profrc"), "[omemo]\npolicy=always\ntrustmode=blind\n\n[ui]\nsplash=false\n")?;
            let account = format!(
                "[me]\nenabled=true\njid={bare}\nresource={resource}\npassword={password}\nserver=127.0.0.1\nport={port}\n\
                 tls.policy=disable\n"
            );
            fs::write(data.join("accounts"), account)
        });
        written.map_err(Error::io("writing what Profanity is told"))?;
        let profanity = programs::installed("profanity")?;
        let socket = home.join("terminal");
        let mut terminal = bound_to_us(programs::installed("tmux")?);
        terminal.env("XDG_CONFIG_HOME", home.join("config")).env("XDG_DATA_HOME", home.join("data"));
        terminal.env("LC_ALL", "C.UTF-8").args(["-D", "-f", "/dev/null", "-S"]).arg(&socket);
        terminal.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let terminal = Child::spawn(&mut terminal).map_err(Error::io("starting tmux"))?;
        let client = Self { socket, _terminal: terminal };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !client.socket.exists() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        let mut command = client.tmux()?;
        command.args(["new-session", "-d", "-x", "200", "-y", "50"]).arg(profanity).args(["-a", "me"]);
        run(command)?;
        client.shows("[online]", Duration::from_secs(30))?;
        Ok(client)
    }

    /// Types a line.
    pub fn types(&self, line: &str) -> Result<(), Error> {
        for keys in [&["send-keys", "-l", line][..], &["send-keys", "Enter"]] {
            let mut command = self.tmux()?;
            command.args(keys);
            run(command)?;
        }
        Ok(())
    }

    /// Waits until this is on the screen; the screen then.
    pub fn shows(&self, text: &str, patience: Duration) -> Result<String, Error> {
        let deadline = Instant::now() + patience;
        loop {
            let mut command = self.tmux()?;
            command.args(["capture-pane", "-p"]);
            let screen = run(command)?;
            if screen.contains(text) {
                return Ok(screen);
            }
            if Instant::now() > deadline {
                return Err(Error::TimedOut {
                    name: "Profanity".to_owned(),
                    awaited: text.to_owned(),
                    waited: patience,
                    log: screen,
                });
            }
            thread::sleep(PAUSE);
        }
    }

    fn tmux(&self) -> Result<Command, Error> {
        let mut command = Command::new(programs::installed("tmux")?);
        command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm").arg("-S").arg(&self.socket);
        Ok(command)
    }
}

fn run(mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::io("running tmux"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
