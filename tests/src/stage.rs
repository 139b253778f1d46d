//! Where a story plays: a directory, a Prosody and a Synapse of its own. Both together start in two seconds.

use std::{
    path::{Path, PathBuf},
    thread,
};

use tempfile::TempDir;

use crate::{
    Error,
    servers::{Component, Prosody, ProsodySettings, Synapse},
};

/// The servers of one story. They end, and their files go, with the stage; a story that fails leaves its files.
pub struct Stage {
    /// The XMPP server of `xmpp.test`.
    pub prosody: Prosody,
    /// The homeserver of `matrix.test`.
    pub synapse: Synapse,
    dir: Keep,
}

impl Stage {
    /// The domain of the XMPP accounts.
    pub const DOMAIN: &str = "xmpp.test";
    /// The domain of the component for Matrix.
    pub const COMPONENT: &str = "matrix.xmpp.test";
    /// The secret of that component.
    pub const SECRET: &str = "component secret";
    /// The server name of the Matrix accounts.
    pub const SERVER_NAME: &str = "matrix.test";

    /// Starts both servers in a new temporary directory, with one component that the XMPP server trusts (XEP-0356).
    pub fn set() -> Result<Self, Error> {
        Self::set_with(&ProsodySettings {
            domain: Self::DOMAIN.into(),
            components: vec![Component {
                domain: Self::COMPONENT.into(),
                secret: Self::SECRET.into(),
                privileged: true,
            }],
            trace: true,
        })
    }

    /// The same with another XMPP server.
    pub fn set_with(prosody: &ProsodySettings) -> Result<Self, Error> {
        let dir = TempDir::with_prefix("drawbridge-stage-").map_err(Error::io("making a temporary directory"))?;
        let dir = Keep(Some(dir));
        let (prosody, synapse) = thread::scope(|scope| {
            let synapse = scope.spawn(|| Synapse::start(&dir.path().join("synapse"), Self::SERVER_NAME));
            let prosody = Prosody::start(&dir.path().join("prosody"), prosody);
            let gone = |_| Err(Error::Refused { asked: "starting Synapse".into(), answer: "panic".into() });
            (prosody, synapse.join().unwrap_or_else(gone))
        });
        Ok(Self { prosody: prosody?, synapse: synapse?, dir })
    }

    /// The directory for what else the story needs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Every file in which the servers keep or log something: where a plaintext must not be found.
    pub fn server_files(&self) -> Vec<PathBuf> {
        let (prosody, synapse) = (&self.prosody, &self.synapse);
        [prosody.database_files(), prosody.log_files(), synapse.database_files(), synapse.log_files()].concat()
    }
}

/// A directory that stays when its story fails.
struct Keep(Option<TempDir>);

impl Keep {
    fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(dir) = self.0.take()
        {
            eprintln!("The story failed; the files of its servers are kept in {}", dir.keep().display());
        }
    }
}
