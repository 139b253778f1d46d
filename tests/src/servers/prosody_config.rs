//! What Prosody is told: one virtual host, its components, everything inside one directory and on loopback.

use std::path::Path;

use super::Component;

/// A domain of ours and the components beside it.
#[derive(Clone, Debug)]
pub struct ProsodySettings {
    /// The domain of the accounts, for example `xmpp.test`.
    pub domain: String,
    /// The components that may connect (XEP-0114).
    pub components: Vec<Component>,
    /// Whether it takes files (XEP-0363), also from the components. They are given out over TLS, with a certificate of
    /// [`super::Authority`].
    pub takes_files: bool,
    /// Whether every stanza goes to the log as it is on the wire (for looking at what the server sees; costs time).
    pub trace: bool,
}

pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) component: u16,
    pub(super) web: u16,
    pub(super) files: u16,
    pub(super) tls: u16,
}

const MODULES: &[&str] = &[
    "blocklist",
    "carbons",
    "csi_simple",
    "disco",
    "mam",
    "offline",
    "pep",
    "ping",
    "private",
    "roster",
    "saslauth",
    "smacks",
    "vcard4",
    "vcard_legacy",
    "websocket",
];

/// The text of `prosody.cfg.lua`. Rust's quoting of strings is Lua's for all that we write.
pub(super) fn write(settings: &ProsodySettings, dir: &Path, ports: &Ports) -> String {
    let ProsodySettings { domain, components, takes_files, trace } = settings;
    let Ports { client, component, web, files, tls } = ports;
    let [https, tls] = [files, tls].map(|port| if *takes_files { port.to_string() } else { String::new() });
    let trace = if *trace { &["stanza_debug"][..] } else { &[] };
    let modules: String = MODULES.iter().chain(trace).map(|module| format!("{module:?}; ")).collect();
    let mut config = format!(
        r#"run_as_root = true
pidfile = {pidfile:?}
data_path = {data:?}
certificates = {dir:?}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client} }}
c2s_direct_tls_interfaces = {{ "127.0.0.1" }}
c2s_direct_tls_ports = {{ {tls} }}
component_interfaces = {{ "127.0.0.1" }}
component_ports = {{ {component} }}
http_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {web} }}
http_default_host = {domain:?}
consider_websocket_secure = true
https_interfaces = {{ "127.0.0.1" }}
https_ports = {{ {https} }}
modules_disabled = {{ "s2s"; "tls" }}
modules_enabled = {{ {modules}}}
c2s_require_encryption = false
c2s_stanza_size_limit = 524288
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
storage = "internal"
log = {{ {{ to = "console"; levels = {{ min = "debug" }}; timestamps = "%H:%M:%S" }} }}

VirtualHost {domain:?}
"#,
        pidfile = dir.join("prosody.pid"),
        data = dir.join("data"),
    );
    let privileged: Vec<_> = components.iter().filter(|component| component.privileged).collect();
    if !privileged.is_empty() {
        config += "  modules_enabled = { \"privilege\" }\n  privileged_entities = {\n";
        for component in privileged {
            let grant = r#"{ roster = "both"; message = "outgoing"; presence = "roster" }"#;
            config.push_str(&format!("    [{:?}] = {grant};\n", component.domain));
        }
        config += "  }\n";
    }
    if *takes_files {
        config.push_str(&format!(
            "\nComponent \"upload.{domain}\" \"http_file_share\"\n  http_host = \"localhost\"\n  \
             http_external_url = \"https://localhost:{files}/\"\n"
        ));
    }
    for Component { domain, secret, privileged } in components {
        config.push_str(&format!("\nComponent {domain:?}\n  component_secret = {secret:?}\n"));
        if *privileged {
            config += "  modules_enabled = { \"privilege\" }\n";
        }
    }
    config
}
