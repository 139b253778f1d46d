//! ejabberd, as Debian packages it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Component, XmppServer,
    ejabberd_config::{self, Ports},
    loopback,
    prosody::{files_below, stream_header},
};
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
};

/// Where Debian puts Erlang's libraries, ejabberd among them.
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu";

/// Every stanza as it is on the wire, and no line left out however fast they come.
const LOGGED: [&str; 7] =
    ["-ejabberd", "log_burst_limit_count", "1000000", "-s", "ejabberd", "-eval", "xmpp:set_config([{debug, true}])."];

/// A running ejabberd with one domain.
pub struct Ejabberd {
    /// Stop it, freeze it, kill it, start it again.
    pub process: Process,
    dir: PathBuf,
    domain: String,
    ports: Ports,
}

impl Ejabberd {
    /// Starts it with everything it owns in `dir`, which is made; accounts from an earlier run there are kept.
    pub fn start(dir: &Path, domain: &str, components: &[Component]) -> Result<Self, Error> {
        let erlang = programs::installed("erl")?;
        let port = loopback::free_port;
        let ports = Ports { client: port()?, component: port()?, administration: port()? };
        fs::create_dir_all(dir).map_err(Error::io("making ejabberd's directory"))?;
        let config = dir.join("ejabberd.yml");
        let settings = ejabberd_config::write(domain, components, &ports).to_string();
        fs::write(&config, settings).map_err(Error::io("configuring ejabberd"))?;

        // As `ejabberdctl foreground` would, but as this user and as no part of a cluster: without a node name Erlang
        // neither listens for other nodes nor leaves its port mapper (epmd) behind.
        let mut command = bound_to_us(erlang);
        command.args(["-noinput", "-mnesia", "dir"]).arg(format!("{:?}", dir.join("data"))).args(LOGGED);
        command.env("ERL_LIBS", LIBRARIES).env("EJABBERD_CONFIG_PATH", config).current_dir(dir);
        command.env("EJABBERD_LOG_PATH", dir.join("server.log")).env("ERL_CRASH_DUMP_BYTES", "0");
        let ready = Ready::Answers { port: ports.client, say: stream_header(domain), hear: "</stream:features>" };
        let process = Process::start("ejabberd", command, dir.join("ejabberd.log"), ready)?;
        Ok(Self { process, dir: dir.to_owned(), domain: domain.to_owned(), ports })
    }
}

impl XmppServer for Ejabberd {
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
        let asked = || format!("an XMPP account for {name}");
        let request = json!({ "user": name, "host": self.domain, "password": password });
        match loopback::post_json(self.ports.administration, "/api/register", &request).map_err(Error::io(asked()))? {
            (200, _) => Ok(format!("{name}@{}", self.domain)),
            (status, answer) => Err(Error::Refused { asked: asked(), answer: format!("{status} {answer}") }),
        }
    }

    fn database_files(&self) -> Vec<PathBuf> {
        files_below(&self.dir.join("data"))
    }

    fn log_files(&self) -> Vec<PathBuf> {
        let own = ["server.log", "error.log"].map(|file| self.dir.join(file));
        own.into_iter().filter(|file| file.exists()).chain([self.process.log().to_owned()]).collect()
    }
}
