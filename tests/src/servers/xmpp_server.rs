//! What a story needs of an XMPP server, whichever it is.

use std::path::PathBuf;

use crate::{Error, process::Process};

/// A running XMPP server with one domain of accounts, without TLS and without other servers.
pub trait XmppServer {
    /// Stop it, freeze it, kill it, start it again.
    fn process(&mut self) -> &mut Process;
    /// The domain of the accounts.
    fn domain(&self) -> &str;
    /// The loopback port for clients.
    fn client_port(&self) -> u16;
    /// The loopback port for components.
    fn component_port(&self) -> u16;
    /// Makes an account `name@domain`; gives its bare JID.
    fn add_user(&self, name: &str, password: &str) -> Result<String, Error>;
    /// The files that hold accounts, rosters, offline messages and archives.
    fn database_files(&self) -> Vec<PathBuf>;
    /// The files that it logs to.
    fn log_files(&self) -> Vec<PathBuf>;
}

/// A component that may connect (XEP-0114).
#[derive(Clone, Debug)]
pub struct Component {
    /// Its domain, for example `matrix.xmpp.test`.
    pub domain: String,
    /// The secret of its handshake.
    pub secret: String,
    /// Whether it may read and write rosters, see presence and send messages for the users (XEP-0356).
    pub privileged: bool,
}
