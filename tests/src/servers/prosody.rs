//! Prosody, as Debian packages it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Authority, XmppServer, loopback,
    prosody_config::{self, Ports, ProsodySettings},
};
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
};

/// A running Prosody with one virtual host, without TLS and without other servers.
pub struct Prosody {
    /// Stop it, freeze it, kill it, start it again.
    pub process: Process,
    dir: PathBuf,
    domain: String,
    ports: Ports,
}

impl Prosody {
    /// Starts it with everything it owns in `dir`, which is made; accounts from an earlier run there are kept.
    pub fn start(dir: &Path, settings: &ProsodySettings) -> Result<Self, Error> {
        let program = programs::installed("prosody")?;
        let [client, component] = [loopback::free_port()?, loopback::free_port()?];
        let ports = Ports {
            client,
            component,
            web: loopback::free_port()?,
            files: loopback::free_port()?,
            tls: loopback::free_port()?,
        };
        fs::create_dir_all(dir.join("data")).map_err(Error::io("making Prosody's directory"))?;
        if settings.takes_files {
            Authority::certify(dir, &["localhost", &settings.domain])?;
        }
        let config = dir.join("prosody.cfg.lua");
        fs::write(&config, prosody_config::write(settings, dir, &ports)).map_err(Error::io("configuring Prosody"))?;

        let mut command = bound_to_us(program);
        command.arg("--config").arg(config).arg("-F").current_dir(dir);
        let ready =
            Ready::Answers { port: ports.client, say: stream_header(&settings.domain), hear: "</stream:features>" };
        let process = Process::start("prosody", command, dir.join("prosody.log"), ready)?;
        Ok(Self { process, dir: dir.to_owned(), domain: settings.domain.clone(), ports })
    }

    /// Where clients connect that speak TLS from the first octet (XEP-0368), if it takes files.
    pub fn tls_port(&self) -> u16 {
        self.ports.tls
    }

    /// Where clients in browsers connect (RFC 7395).
    pub fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}/xmpp-websocket", self.ports.web)
    }
}

impl XmppServer for Prosody {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn domain(&self) -> &str {
        &self.domain
    }

    fn client_port(&self) -> u16 {
        self.ports.client
    }

    fn component_port(&self) -> u16 {
        self.ports.component
    }

    fn add_user(&self, name: &str, password: &str) -> Result<String, Error> {
        let mut command = Command::new(programs::installed("prosodyctl")?);
        command.arg("--config").arg(self.dir.join("prosody.cfg.lua")).args(["register", name, &self.domain, password]);
        let output = command.output().map_err(Error::io("running prosodyctl"))?;
        if output.status.success() {
            return Ok(format!("{name}@{}", self.domain));
        }
        let answer = [output.stdout, output.stderr].concat();
        let answer = String::from_utf8_lossy(&answer).trim().to_owned();
        Err(Error::Refused { asked: format!("an XMPP account for {name}"), answer })
    }

    fn database_files(&self) -> Vec<PathBuf> {
        files_below(&self.dir.join("data"))
    }

    fn log_files(&self) -> Vec<PathBuf> {
        vec![self.process.log().to_owned()]
    }
}

/// What a client says first (RFC 6120, section 4.7).
pub(crate) fn stream_header(domain: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

pub(super) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
