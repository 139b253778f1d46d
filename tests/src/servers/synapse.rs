//! Synapse, from PyPI, on SQLite.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{loopback, prosody::files_below, synapse_config};
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
};

/// A running homeserver for one server name that talks to no other.
pub struct Synapse {
    /// Stop it, freeze it, kill it, start it again.
    pub process: Process,
    dir: PathBuf,
    server_name: String,
    port: u16,
}

impl Synapse {
    /// Starts it with everything it owns in `dir`, which is made; accounts and rooms from an earlier run there are kept.
    pub fn start(dir: &Path, server_name: &str) -> Result<Self, Error> {
        let python = programs::python("venv")?;
        let port = loopback::free_port()?;
        fs::create_dir_all(dir).map_err(Error::io("making Synapse's directory"))?;
        let config = dir.join("homeserver.yaml");
        let settings = synapse_config::write(server_name, dir, port).to_string();
        fs::write(&config, settings).map_err(Error::io("configuring Synapse"))?;
        let logging = synapse_config::write_log().to_string();
        fs::write(dir.join("log.yaml"), logging).map_err(Error::io("configuring Synapse's log"))?;

        let mut command = bound_to_us(python);
        command.args(["-m", "synapse.app.homeserver", "--config-path"]).arg(config).current_dir(dir);
        let ready = Ready::Answers { port, say: "GET /health HTTP/1.0\r\n\r\n".into(), hear: " 200 " };
        let process = Process::start("synapse", command, dir.join("synapse.log"), ready)?;
        Ok(Self { process, dir: dir.to_owned(), server_name: server_name.to_owned(), port })
    }

    /// The part of its user ids after the colon.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The loopback port of the client API.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of the client API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes an account `@name:server` without a device; gives its user id.
    pub fn add_user(&self, name: &str, password: &str) -> Result<String, Error> {
        let asked = || format!("a Matrix account for {name}");
        let request = json!({
            "username": name, "password": password, "inhibit_login": true, "auth": { "type": "m.login.dummy" },
        });
        let answer = loopback::post_json(self.port, "/_matrix/client/v3/register", &request);
        match answer.map_err(Error::io(asked()))? {
            (200, _) => Ok(format!("@{name}:{}", self.server_name)),
            (status, answer) => Err(Error::Refused { asked: asked(), answer: format!("{status} {answer}") }),
        }
    }

    /// The SQLite database, to be opened read-only.
    pub fn database(&self) -> PathBuf {
        self.dir.join("homeserver.db")
    }

    /// The files that hold accounts, events and media.
    pub fn database_files(&self) -> Vec<PathBuf> {
        // SQLite's journals lie beside it.
        let beside = |end| self.dir.join(format!("homeserver.db{end}"));
        let databases = ["", "-wal", "-shm", "-journal"].map(beside).into_iter().filter(|file| file.exists());
        databases.chain(files_below(&self.dir.join("media"))).collect()
    }

    /// The files that it logs to.
    pub fn log_files(&self) -> Vec<PathBuf> {
        vec![self.process.log().to_owned()]
    }
}
