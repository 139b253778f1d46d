//! What ejabberd is told: one domain, its components, everything inside one directory and on loopback.

use serde_json::{Map, Value, json};

use super::Component;

pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) component: u16,
    pub(super) administration: u16,
}

const LOOPBACK: &str = "127.0.0.1";

/// The text of `ejabberd.yml`, as the JSON that YAML contains.
pub(super) fn write(domain: &str, components: &[Component], ports: &Ports) -> Value {
    let hosts: Map<String, Value> =
        components.iter().map(|one| (one.domain.clone(), json!({ "password": one.secret }))).collect();
    json!({
        "hosts": [domain],
        "loglevel": "info",
        "acme": { "auto": false },
        "auth_method": "internal",
        "auth_password_format": "scram",
        "listen": [
            {
                "port": ports.client, "ip": LOOPBACK, "module": "ejabberd_c2s",
                "starttls": false, "access": "all", "max_stanza_size": 524_288,
            },
            { "port": ports.component, "ip": LOOPBACK, "module": "ejabberd_service", "hosts": hosts },
            {
                "port": ports.administration, "ip": LOOPBACK, "module": "ejabberd_http",
                "request_handlers": { "/api": "mod_http_api" },
            },
        ],
        "api_permissions": { "accounts": { "from": "mod_http_api", "who": "all", "what": "register" } },
        "acl": { "trusted": { "server": trusted(components) } },
        "access_rules": { "trusted": { "allow": "trusted" } },
        "modules": {
            "mod_blocking": {}, "mod_caps": {}, "mod_carboncopy": {}, "mod_disco": {}, "mod_http_api": {},
            "mod_mam": { "default": "always" }, "mod_offline": {}, "mod_ping": {}, "mod_private": {},
            "mod_privacy": {}, "mod_pubsub": { "plugins": ["flat", "pep"] }, "mod_roster": {},
            "mod_stream_mgmt": {}, "mod_vcard": {},
            "mod_privilege": {
                "roster": { "both": "trusted" },
                "message": { "outgoing": "trusted" },
                "presence": { "roster": "trusted" },
            },
        },
    })
}

/// The domains of the components that may act for the users (XEP-0356).
fn trusted(components: &[Component]) -> Vec<&str> {
    let trusted: Vec<_> = components.iter().filter(|one| one.privileged).map(|one| one.domain.as_str()).collect();
    // An empty list is no list to ejabberd: a name that nobody has.
    if trusted.is_empty() { vec!["nobody.invalid"] } else { trusted }
}
