//! The configuration: one TOML file, every key also by environment, secrets also by file or systemd credential.
//!
//! A key is set by environment under its path in capitals, joined by two underscores and led by `DRAWBRIDGE`:
//! `DRAWBRIDGE__LOG__LEVEL=debug`, `DRAWBRIDGE__OWNERS=example.org,bob@other.org`,
//! `DRAWBRIDGE__NETWORK__0__SECRET=…`. `gateway/example.toml` explains every key.
//!
//! One file per section. [`Config::load`] refuses what cannot work; [`Config::problems`] lists what works but should
//! not stay so; [`Config::effective`] shows the result with the secrets hidden.

mod effective;
mod error;
mod esession;
mod exposure;
mod files;
mod key;
mod limits;
mod list;
mod log;
mod network;
mod people;
mod secret;
mod server;
mod sources;
mod word;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use esession::ESessionConfig;
pub use exposure::Problem;
pub use files::FilesConfig;
pub use limits::LimitsConfig;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use network::{MatrixConfig, NetworkConfig, NetworkKind};
pub use people::People;
pub use secret::SecretSource;
pub use server::ServerAddr;
pub use sources::{Env, process_env};

/// Everything that can be set. Only [`Config::load`] makes one, so it is complete and consistent.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// Where everything lives that must survive a restart. Absolute or relative to the working directory.
    pub data_dir: PathBuf,
    /// The file with the store key, if it is not `data_dir/key`.
    pub key_file: Option<PathBuf>,
    /// For whom this host is their own; decides whether an ESession may say `disclosure = never`.
    pub owners: People,
    /// `[log]`
    pub log: LogConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[esession]`
    pub esession: ESessionConfig,
    /// `[files]`
    pub files: FilesConfig,
    /// `[[network]]`, at least one; no two with the same JID.
    #[serde(rename = "network")]
    pub networks: Vec<NetworkConfig>,
    /// The file this came from.
    #[serde(skip)]
    path: PathBuf,
    /// Where systemd put our credentials.
    #[serde(skip)]
    credentials: Option<PathBuf>,
}

impl Config {
    /// Reads `path`, lets `env` override it, reads the files that hold secrets, and checks everything that can be
    /// checked without touching network or data directory.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key and what to do about it.
    pub fn load(path: &Path, env: &Env) -> Result<Self, ConfigError> {
        let file: ConfigFile = sources::read(path, env)?;
        let credentials = env.get("CREDENTIALS_DIRECTORY").filter(|dir| !dir.is_empty()).map(PathBuf::from);

        file.limits.check()?;
        file.files.check()?;
        let networks = network::resolve_all(file.network, credentials.as_deref())?;
        Ok(Self {
            data_dir: file.data_dir,
            key_file: file.key_file,
            owners: file.owners,
            log: file.log,
            limits: file.limits,
            esession: file.esession.resolve()?,
            files: file.files,
            networks,
            path: path.to_owned(),
            credentials,
        })
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("drawbridge.db")
    }
}

/// The file as it is written: everything optional, nothing unknown.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    data_dir: PathBuf,
    key_file: Option<PathBuf>,
    owners: People,
    log: LogConfig,
    limits: LimitsConfig,
    esession: ESessionConfig,
    files: FilesConfig,
    network: Vec<network::NetworkEntry>,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/drawbridge"),
            key_file: None,
            owners: People::default(),
            log: LogConfig::default(),
            limits: LimitsConfig::default(),
            esession: ESessionConfig::default(),
            files: FilesConfig::default(),
            network: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
