//! The `drawbridge` daemon as a process, as an operator runs it.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
};

use super::{Authority, GatewaySettings, XmppServer, prosody::files_below};
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
};

/// A running gateway.
pub struct Gateway {
    /// Stop it, freeze it, kill it, start it again.
    pub process: Process,
    program: PathBuf,
    dir: PathBuf,
}

impl Gateway {
    /// Starts `drawbridge run`; its configuration, its log and its state lie in `dir`, which is made. A gateway that ran
    /// there before is continued.
    ///
    /// Ready means that it serves; the XMPP server may take a moment more to let it in, or be down.
    pub fn start(dir: &Path, xmpp: &impl XmppServer, settings: &GatewaySettings) -> Result<Self, Error> {
        let program = programs::built("drawbridge", "DRAWBRIDGE_BIN")?;
        fs::create_dir_all(dir).map_err(Error::io("making the gateway's directory"))?;
        let file = dir.join("drawbridge.toml");
        fs::write(&file, settings.write(&dir.join("data"), xmpp.component_port()))
            .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o600)))
            .map_err(Error::io("configuring the gateway"))?;
        let mut command = bound_to_us(&program);
        command.args(["run", "--config"]).arg(&file).current_dir(dir);
        if let Some(authority) = dir.parent().and_then(Authority::beside) {
            command.env("SSL_CERT_FILE", authority);
        }
        let process = Process::start("drawbridge", command, dir.join("drawbridge.log"), Ready::Says(" ready"))?;
        Ok(Self { process, program, dir: dir.to_owned() })
    }

    /// What the operator types: runs `drawbridge` with these arguments and this gateway's configuration.
    pub fn operator(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.operator_types(arguments, "")
    }

    /// The same, and what it asks is answered by these lines.
    pub fn operator_types(&self, arguments: &[&str], lines: &str) -> Result<Output, Error> {
        let failed = || Error::io("running drawbridge");
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--config").arg(self.dir.join("drawbridge.toml"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed())?;
        if let Some(mut input) = child.stdin.take() {
            // Whoever asks nothing may be gone before.
            let _ = input.write_all(lines.as_bytes());
        }
        child.wait_with_output().map_err(failed())
    }

    /// What the operator types, and reads: the output of a command that succeeds; its complaint is the error.
    pub fn operator_says(&self, arguments: &[&str]) -> Result<String, Error> {
        let Output { status, stdout, stderr } = self.operator(arguments)?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let answer = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        Err(Error::Refused { asked: format!("drawbridge {}", arguments.join(" ")), answer })
    }

    /// SIGKILL: whatever it had not made durable is gone.
    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// SIGTERM; gives how it ended.
    pub fn terminate(&mut self) -> Result<ExitStatus, Error> {
        self.process.stop()
    }

    /// The files that it keeps its state in: database, keys, the networks' stores.
    pub fn state_files(&self) -> Vec<PathBuf> {
        files_below(&self.dir.join("data"))
    }

    /// The files that it logs to.
    pub fn log_files(&self) -> Vec<PathBuf> {
        vec![self.process.log().to_owned()]
    }
}
