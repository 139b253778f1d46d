//! `[[network]]`: one far network, the component it appears as, and who may use it.

use std::{collections::BTreeSet, path::Path, path::PathBuf};

use drawbridge_bridge::Secret;
use jid::BareJid;
use serde::{Deserialize, Serialize};

use super::{ConfigError, People, SecretSource, ServerAddr, secret, word::words};

/// `[[network]]`, with its secret read.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkConfig {
    /// Which bridge.
    pub kind: NetworkKind,
    /// The component's domain: no local part, no resource.
    #[serde(serialize_with = "secret::as_text")]
    pub jid: BareJid,
    /// Where the XMPP server listens for components.
    pub server: ServerAddr,
    /// Whether `server` may be on another host.
    pub allow_remote: bool,
    /// Shared with the XMPP server.
    #[serde(serialize_with = "secret::hidden")]
    pub secret: Secret,
    /// Where `secret` came from.
    pub secret_from: SecretSource,
    /// Who may use it.
    pub allow: People,
    /// What users see as the gateway's name, if not the network's own.
    pub name: Option<String>,
    /// `[network.matrix]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<MatrixConfig>,
}

words! {
    /// Which bridge.
    NetworkKind {
        /// Matrix.
        Matrix = "matrix",
        /// The echo network, to try the gateway with an XMPP server alone.
        Echo = "echo",
    }
}

/// `[network.matrix]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixConfig {
    /// The homeserver suggested in the login form: a server name or an address.
    pub homeserver: Option<String>,
}

/// `[[network]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkEntry {
    kind: NetworkKind,
    jid: String,
    server: ServerAddr,
    #[serde(default)]
    allow_remote: bool,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
    allow: Option<People>,
    name: Option<String>,
    matrix: Option<MatrixConfig>,
}

/// Checks every entry and reads its secret.
pub(super) fn resolve_all(
    entries: Vec<NetworkEntry>,
    credentials: Option<&Path>,
) -> Result<Vec<NetworkConfig>, ConfigError> {
    if entries.is_empty() {
        return Err(ConfigError::NoNetwork);
    }
    let mut seen = BTreeSet::new();
    let mut networks = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let key = format!("network[{index}]");
        let network = entry.resolve(&key, credentials)?;
        if !seen.insert(network.jid.clone()) {
            let fix = "each network needs a component of its own";
            return Err(ConfigError::invalid(format!("{key}.jid"), format!("{} is used twice", network.jid), fix));
        }
        networks.push(network);
    }
    Ok(networks)
}

impl NetworkEntry {
    fn resolve(self, key: &str, credentials: Option<&Path>) -> Result<NetworkConfig, ConfigError> {
        let jid = component_jid(key, &self.jid)?;
        if !self.allow_remote && !self.server.is_local() {
            return Err(ConfigError::RemoteServer { key: key.into(), server: self.server.to_string() });
        }
        if self.kind != NetworkKind::Matrix && self.matrix.is_some() {
            let fix = format!("remove the section, or set kind = \"matrix\" in {key}");
            return Err(ConfigError::invalid(format!("{key}.matrix"), "the network is not Matrix", fix));
        }
        let allow = match self.allow {
            Some(people) => people,
            None => People::of_domain(parent_domain(key, &jid)?),
        };
        let (secret, secret_from) = secret::find(key, &jid, self.secret, self.secret_file, credentials)?;
        Ok(NetworkConfig {
            kind: self.kind,
            jid,
            server: self.server,
            allow_remote: self.allow_remote,
            secret,
            secret_from,
            allow,
            name: self.name,
            matrix: self.matrix,
        })
    }
}

fn component_jid(key: &str, text: &str) -> Result<BareJid, ConfigError> {
    BareJid::new(text).ok().filter(|jid| jid.node().is_none()).ok_or_else(|| {
        let problem = format!("\"{text}\" is not a domain");
        ConfigError::invalid(format!("{key}.jid"), problem, "use the component's domain, as matrix.example.org")
    })
}

/// Who may use a component of `matrix.example.org` unless said otherwise: the people of `example.org`.
fn parent_domain(key: &str, jid: &BareJid) -> Result<BareJid, ConfigError> {
    jid.domain().as_str().split_once('.').and_then(|(_, parent)| BareJid::new(parent).ok()).ok_or_else(|| {
        let problem = format!("{jid} has no parent domain to allow by default");
        ConfigError::invalid(format!("{key}.allow"), problem, "list who may use it, as allow = [\"example.org\"]")
    })
}
