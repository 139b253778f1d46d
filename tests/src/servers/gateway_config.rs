//! What the daemon is told: the configuration file of a gateway between the servers of one stage.

use std::path::Path;

/// The configuration of a gateway on loopback.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// For whom the host is their own: bare JIDs or domains.
    pub owners: Vec<String>,
    /// The networks: kind (`matrix`, `echo`), the component's domain, its secret.
    pub networks: Vec<(String, String, String)>,
    /// Who may use them: bare JIDs or domains. With nobody here, what the gateway allows by itself.
    pub allow: Vec<String>,
    /// Further tables in TOML, such as `[limits]`.
    pub more: String,
}

impl GatewaySettings {
    /// The text of the file, for a gateway that keeps its state in `data`.
    ///
    /// Rust's quoting of strings is TOML's for all that we write.
    pub(crate) fn write(&self, data: &Path, component_port: u16) -> String {
        let Self { owners, networks, allow, more } = self;
        let mut config = format!("data_dir = {data:?}\nowners = {owners:?}\n\n[log]\nlevel = \"debug\"\n\n{more}\n");
        for (kind, jid, secret) in networks {
            let server = format!("127.0.0.1:{component_port}");
            config.push_str(&format!(
                "\n[[network]]\nkind = {kind:?}\njid = {jid:?}\nserver = {server:?}\nsecret = {secret:?}\n"
            ));
            if !allow.is_empty() {
                config.push_str(&format!("allow = {allow:?}\n"));
            }
        }
        config
    }
}
