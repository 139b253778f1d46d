//! go-sendxmpp, which sends and prints messages on the command line, signed and encrypted with OpenPGP (XEP-0373).

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::ChatAccount;
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
    servers::Prosody,
};

/// Such a client, which keeps its key in `dir`, in the home of its account.
pub struct GoSendxmpp {
    home: PathBuf,
    account: ChatAccount,
    /// Of TLS: it speaks nothing else.
    port: u16,
}

impl GoSendxmpp {
    /// Makes a key for the account and publishes it.
    pub fn with_new_key(dir: &Path, prosody: &Prosody, account: &ChatAccount) -> Result<Self, Error> {
        let home = dir.join(account.jid.replace('/', "-"));
        fs::create_dir_all(&home).map_err(Error::io("making a home for go-sendxmpp"))?;
        let client = Self { home, account: account.clone(), port: prosody.tls_port() };
        client.runs(&["--ox-genprivkey-x25519"], "")?;
        Ok(client)
    }

    /// Sends words, signed and encrypted.
    pub fn says(&self, to: &str, text: &str) -> Result<(), Error> {
        self.runs(&["--ox", to], text).map(drop)
    }

    /// Prints what comes, until it is stopped.
    pub fn listens(&self) -> Result<Process, Error> {
        let mut command = self.command()?;
        command.args(["--debug", "--listen", "--ox"]);
        let log = self.home.join("listens.log");
        Process::start("go-sendxmpp", command, log, Ready::Says("urn:ietf:params:xml:ns:xmpp-bind"))
    }

    fn command(&self) -> Result<Command, Error> {
        let mut command = bound_to_us(programs::installed("go-sendxmpp")?);
        let server = format!("127.0.0.1:{}", self.port);
        command.args([
            "--no-tls-verify",
            "--tls",
            "--username",
            self.account.bare(),
            "--password",
            &self.account.password,
        ]);
        command.args(["--jserver", &server]);
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
        Ok(command)
    }

    fn runs(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        let failed = || Error::io("running go-sendxmpp");
        let mut command = self.command()?;
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed())?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(failed())?;
        }
        let output = child.wait_with_output().map_err(failed())?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        Err(Error::Refused { asked: format!("go-sendxmpp {}", arguments.join(" ")), answer: said })
    }
}
