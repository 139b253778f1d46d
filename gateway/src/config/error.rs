//! What can be wrong with a configuration. Every message names the key and says what to do.

use std::{io, path::PathBuf};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file itself cannot be read.
    #[error("cannot read the configuration {}: {source}; name the right file with --config", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML. The offending line is not shown, since it may hold a secret.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A key that does not exist, or a value of the wrong type.
    #[error("{key}: {reason}")]
    Refused {
        /// The key, or the section in which it was found.
        key: String,
        /// What the parser says.
        reason: String,
    },
    /// A value that cannot work.
    #[error("{key}: {problem}; {fix}")]
    Invalid {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        fix: String,
    },
    /// There is nothing to bridge to.
    #[error("network: there is none; add a [[network]] with kind, jid, server and secret (see example.toml)")]
    NoNetwork,
    /// A component link needs the secret it shares with the XMPP server.
    #[error(
        "{key}.secret: missing; set secret_file = \"…\" (or secret, or the systemd credential {credential}) to the \
         component secret of your XMPP server"
    )]
    MissingSecret {
        /// The network's key.
        key: String,
        /// The credential that was looked for.
        credential: String,
    },
    /// Nobody could tell which of two is meant.
    #[error("{key}: both secret and secret_file are set; remove one")]
    TwoSecrets {
        /// The network's key.
        key: String,
    },
    /// A file that should hold a secret cannot be read.
    #[error("{key}: cannot read {}: {source}; it must exist and be readable by the user drawbridge runs as", path.display())]
    SecretFile {
        /// The key that names the file.
        key: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The component link is neither encrypted nor authenticated, so it must not leave the host.
    #[error(
        "{key}.server: {server} is not on this host, and the component link is in clear; use a loopback address or a \
         Unix socket (a tunnel's end is fine), or set allow_remote = true if the network between is yours alone"
    )]
    RemoteServer {
        /// The network's key.
        key: String,
        /// The address as configured.
        server: String,
    },
    /// What the database holds can be opened with no other key.
    #[error(
        "key_file: the store key {} is gone, and {} cannot be read without it; put the key back, or name \
         it as key_file. If it is lost for good, move the whole data_dir away to begin anew: users must log in again, and what waited \
         for delivery is lost",
        path.display(), database.display()
    )]
    KeyLost {
        /// Where the key was looked for.
        path: PathBuf,
        /// What is sealed with it.
        database: PathBuf,
    },
    /// The store key could not be created.
    #[error("key_file: cannot create {}: {source}; data_dir must exist and be writable by drawbridge", path.display())]
    KeyNotCreated {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConfigError {
    pub(super) fn invalid(key: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), problem: problem.into(), fix: fix.into() }
    }
}
