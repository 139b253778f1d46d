//! Profanity, a client that people use: on a terminal of its own, in tmux, where a story types and reads.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{ChatAccount, GnuPg};
use crate::{
    Error,
    process::{Child, bound_to_us},
    programs,
    servers::Authority,
};

const PAUSE: Duration = Duration::from_millis(100);
const SOON: Duration = Duration::from_secs(30);

/// Such a client at work. What it keeps lies in `dir`, in the home of its account.
pub struct Profanity {
    account: ChatAccount,
    /// The socket of the terminal.
    socket: PathBuf,
    /// Where a file is put to be looked at.
    opened: PathBuf,
    /// tmux itself; with it ends what runs in it.
    _terminal: Child,
    /// What it has for OpenPGP. Its agent goes when nobody needs one any more.
    gpg: GnuPg,
}

impl Profanity {
    /// Starts it, with OMEMO for everybody, and waits until it is online.
    pub fn start(dir: &Path, account: &ChatAccount) -> Result<Self, Error> {
        let home = dir.join(account.jid.replace('/', "-"));
        let (config, data) = (home.join("config/profanity"), home.join("data/profanity"));
        let (bare, resource) = account.jid.split_once('/').unwrap_or((&account.jid, "profanity"));
        let ChatAccount { password, port, .. } = account;
        let (trusted, opened) = (home.join("trusted"), home.join("opened"));
        let written = [&config, &data, &trusted].into_iter().try_for_each(fs::create_dir_all).and_then(|()| {
            if let Some(authority) = Authority::beside(dir) {
                fs::copy(authority, trusted.join("authority.pem"))?;
            }
            let settings = format!(
                "[omemo]\npolicy=always\ntrustmode=blind\n\n[ui]\nsplash=false\n\n[connection]\ntls.certpath={}\n\n\
                 [executables]\nurl.open.cmd=mv %p {}\n",
                trusted.display(),
                opened.display()
            );
            fs::write(config.join("profrc"), settings)?;
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
        let gpg = GnuPg::new(&home.join("gnupg"))?;
        terminal.env("GNUPGHOME", gpg.home());
        terminal.env("LC_ALL", "C.UTF-8").args(["-D", "-f", "/dev/null", "-S"]).arg(&socket);
        terminal.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let terminal = Child::spawn(&mut terminal).map_err(Error::io("starting tmux"))?;
        let client = Self { account: account.clone(), gpg, socket, opened, _terminal: terminal };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !client.socket.exists() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        let mut command = client.tmux()?;
        command.args(["new-session", "-d", "-x", "200", "-y", "50"]).arg(profanity).args(["-a", "me"]);
        run(command)?;
        client.shows("[online]", SOON)?;
        Ok(client)
    }

    /// Makes its keys, and opens a chat that is encrypted.
    pub fn locks(&self, contact: &str) -> Result<(), Error> {
        self.types("/omemo gen")?;
        self.shows("materials generated", SOON)?;
        self.types(&format!("/msg {contact}"))?;
        self.types("/omemo start")?;
        self.shows("[OMEMO]", SOON)?;
        // It says that it has a session before it has the contact's bundle.
        self.fingerprint(contact).map(drop)
    }

    /// Makes a key with GnuPG and announces it (XEP-0373).
    pub fn announces_key(&self) -> Result<(), Error> {
        // It would open every chat with OMEMO as well.
        self.types("/omemo policy manual")?;
        let own = format!("xmpp:{}", self.account.bare());
        self.gpg.run(&["--quick-gen-key", &own, "default", "default", "never"])?;
        let file = self.gpg.home().join("own.asc");
        fs::write(&file, self.gpg.run(&["--export", "--armor", &own])?).map_err(Error::io("writing a key"))?;
        self.types(&format!("/ox announce {}", file.display()))
    }

    /// Takes the contact's key, signs it, and opens a chat that is encrypted with it.
    pub fn locks_with_key_of(&self, contact: &str) -> Result<(), Error> {
        let deadline = Instant::now() + SOON;
        self.types(&format!("/ox discover {contact}"))?;
        let print = loop {
            let screen = self.shows(&format!("Discovering Public Key for {contact}"), SOON)?;
            let is_print = |word: &&str| word.len() == 40 && word.bytes().all(|it| it.is_ascii_hexdigit());
            match screen.split_whitespace().rfind(is_print) {
                Some(print) => break print.to_owned(),
                None if Instant::now() > deadline => return Err(never_showed("a fingerprint", SOON, screen)),
                None => thread::sleep(PAUSE),
            }
        };
        self.types(&format!("/ox request {contact} {print}"))?;
        while self.gpg.fingerprint(contact).is_err() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        self.gpg.run(&["--quick-lsign-key", &print])?;
        self.types(&format!("/msg {contact}"))?;
        self.types("/ox start")?;
        self.shows("[OX]", SOON).map(drop)
    }

    /// What it shows of the contact's key, as soon as it has it.
    pub fn fingerprint(&self, contact: &str) -> Result<String, Error> {
        const SHOWN: &str = "OMEMO fingerprint: ";
        let asked = || {
            self.types(&format!("/omemo fingerprint {contact}"))?;
            self.shows(SHOWN, Duration::from_secs(3))
        };
        let screen = (0..10).find_map(|_| asked().ok()).map_or_else(asked, Ok)?;
        let shown = screen.split(SHOWN).nth(1).and_then(|rest| rest.split_whitespace().next());
        Ok(shown.unwrap_or_default().to_owned())
    }

    /// Opens the last file that came, with what it was told to open files with: the octets.
    pub fn opens_file(&self) -> Result<Vec<u8>, Error> {
        self.shows("aesgcm://", SOON)?;
        self.types("/url open \t")?;
        let deadline = Instant::now() + SOON;
        while !self.opened.exists() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        fs::read(&self.opened).map_err(Error::io("reading what Profanity opened"))
    }

    /// Whether it shows that these words of the account's have arrived: they are red until then, if it asks for receipts.
    pub fn shows_receipt(&self, text: &str, patience: Duration) -> Result<bool, Error> {
        const RED: &str = "\u{1b}[31m";
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let mut command = self.tmux()?;
            command.args(["capture-pane", "-p", "-e"]);
            let screen = run(command)?;
            let own = |line: &&str| line.contains(text) && line.contains("me:");
            if screen.lines().find(own).is_some_and(|line| !line.contains(RED)) {
                return Ok(true);
            }
            thread::sleep(PAUSE);
        }
        Ok(false)
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
                return Err(never_showed(text, patience, screen));
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

fn never_showed(text: &str, waited: Duration, screen: String) -> Error {
    Error::TimedOut { name: "Profanity".to_owned(), awaited: text.to_owned(), waited, log: screen }
}

fn run(mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::io("running tmux"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
