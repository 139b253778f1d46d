//! Where a story plays: a directory, a Prosody and a Synapse of its own. Both together start in two seconds.

use std::{
    path::{Path, PathBuf},
    thread,
};

use tempfile::TempDir;

use crate::{
    Error,
    servers::{Component, Gateway, GatewaySettings, Prosody, ProsodySettings, Synapse, XmppServer},
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
    /// The domain of the component for echo.
    pub const ECHO: &str = "echo.xmpp.test";
    /// The secret of both components.
    pub const SECRET: &str = "component secret";
    /// The server name of the Matrix accounts.
    pub const SERVER_NAME: &str = "matrix.test";

    /// Starts both servers in a new temporary directory. The XMPP server trusts the component for Matrix with its users'
    /// rosters, presence and messages (XEP-0356), the one for echo with nothing.
    pub fn set() -> Result<Self, Error> {
        Self::set_with(&Self::prosody(true))
    }

    /// The same, and the XMPP server does not log every stanza: for measuring.
    pub fn untraced() -> Result<Self, Error> {
        Self::set_with(&Self::prosody(false))
    }

    fn prosody(trace: bool) -> ProsodySettings {
        let components = vec![component(Self::COMPONENT, true), component(Self::ECHO, false)];
        ProsodySettings { domain: Self::DOMAIN.into(), components, takes_files: false, trace }
    }

    /// The same with another XMPP server.
    pub fn set_with(prosody: &ProsodySettings) -> Result<Self, Error> {
        let dir = Keep::new()?;
        let (prosody, synapse) = thread::scope(|scope| {
            let synapse = scope.spawn(|| Synapse::start(&dir.path().join("synapse"), Self::SERVER_NAME));
            let prosody = Prosody::start(&dir.path().join("prosody"), prosody);
            let gone = |_| Err(Error::Refused { asked: "starting Synapse".into(), answer: "panic".into() });
            (prosody, synapse.join().unwrap_or_else(gone))
        });
        Ok(Self { prosody: prosody?, synapse: synapse?, dir })
    }

    /// Starts the gateway between them, for Matrix and echo, on a host that belongs to the users of the domain.
    pub fn raise(&self) -> Result<Gateway, Error> {
        self.raise_with("")
    }

    /// The same with further tables of configuration in TOML. A gateway that ran on this stage before is continued.
    pub fn raise_with(&self, more: &str) -> Result<Gateway, Error> {
        let network = |kind: &str, jid: &str| (kind.to_owned(), jid.to_owned(), Self::SECRET.to_owned());
        let settings = GatewaySettings {
            owners: vec![Self::DOMAIN.into()],
            networks: vec![network("matrix", Self::COMPONENT), network("echo", Self::ECHO)],
            allow: Vec::new(),
            more: more.to_owned(),
        };
        Gateway::start(&self.dir().join("gateway"), &self.prosody, &settings)
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

fn component(domain: &str, privileged: bool) -> Component {
    Component { domain: domain.into(), secret: Stage::SECRET.into(), privileged }
}

/// A directory that stays when its story fails.
pub(crate) struct Keep(Option<TempDir>);

impl Keep {
    pub(crate) fn new() -> Result<Self, Error> {
        let dir = TempDir::with_prefix("drawbridge-stage-").map_err(Error::io("making a temporary directory"))?;
        Ok(Self(Some(dir)))
    }

    pub(crate) fn path(&self) -> &Path {
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
