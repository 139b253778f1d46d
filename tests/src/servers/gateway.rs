//! The `drawbridge` daemon as a process, as an operator runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use super::prosody::files_below;
use crate::{
    Error,
    process::{Process, Ready, bound_to_us},
    programs,
};

/// A running gateway.
pub struct Gateway {
    /// Stop it, freeze it, kill it, start it again.
    pub process: Process,
    dir: PathBuf,
}

impl Gateway {
    /// Starts `drawbridge run` with the TOML text `config`; its file and its log lie in `dir`, which is made.
    pub fn start(dir: &Path, config: &str) -> Result<Self, Error> {
        let program = programs::built("drawbridge", "DRAWBRIDGE_BIN")?;
        fs::create_dir_all(dir).map_err(Error::io("making the gateway's directory"))?;
        let file = dir.join("drawbridge.toml");
        fs::write(&file, config).map_err(Error::io("configuring the gateway"))?;
        let mut command = bound_to_us(program);
        command.args(["run", "--config"]).arg(file).current_dir(dir);
        let process = Process::start("drawbridge", command, dir.join("drawbridge.log"), Ready::Says("ready"))?;
        Ok(Self { process, dir: dir.to_owned() })
    }

    /// SIGKILL: whatever it had not made durable is gone.
    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// SIGTERM; gives how it ended.
    pub fn terminate(&mut self) -> Result<ExitStatus, Error> {
        self.process.stop()
    }

    /// Every file it has written, its log excepted: configuration, database and stores.
    pub fn state_files(&self) -> Vec<PathBuf> {
        files_below(&self.dir).into_iter().filter(|file| file != self.process.log()).collect()
    }

    /// The files that it logs to.
    pub fn log_files(&self) -> Vec<PathBuf> {
        vec![self.process.log().to_owned()]
    }
}
