//! What Synapse is told: one server name, SQLite, no federation, no limits, everything inside one directory.

use std::path::Path;

use serde_json::{Value, json};

/// The text of `homeserver.yaml`, as the JSON that YAML contains.
pub(super) fn write(server_name: &str, dir: &Path, port: u16) -> Value {
    let unlimited = json!({ "per_second": 1_000_000, "burst_count": 1_000_000 });
    let mut config = json!({
        "server_name": server_name,
        "public_baseurl": format!("http://127.0.0.1:{port}/"),
        "pid_file": dir.join("synapse.pid"),
        "listeners": [{
            "port": port,
            "bind_addresses": ["127.0.0.1"],
            "type": "http",
            "tls": false,
            "resources": [{ "names": ["client"], "compress": false }],
        }],
        "database": { "name": "sqlite3", "args": { "database": dir.join("homeserver.db") } },
        "log_config": dir.join("log.yaml"),
        "media_store_path": dir.join("media"),
        "signing_key_path": dir.join("signing.key"),
        "macaroon_secret_key": "on loopback for a test",
        "form_secret": "on loopback for a test",
        "report_stats": false,
        "trusted_key_servers": [],
        "suppress_key_server_warning": true,
        "federation_domain_whitelist": [],
        "presence": { "enabled": true },
        "user_directory": { "enabled": true, "search_all_users": true },
        "url_preview_enabled": false,
        // Accounts are made by whoever reaches the loopback port, with the least costly password hash.
        "enable_registration": true,
        "enable_registration_without_verification": true,
        "bcrypt_rounds": 4,
        "rc_login": { "address": &unlimited, "account": &unlimited, "failed_attempts": &unlimited },
        "rc_joins": { "local": &unlimited, "remote": &unlimited },
        "rc_invites": { "per_room": &unlimited, "per_user": &unlimited, "per_issuer": &unlimited },
        "rc_presence": { "per_user": &unlimited },
    });
    for limit in [
        "rc_message",
        "rc_registration",
        "rc_joins_per_room",
        "rc_room_creation",
        "rc_key_requests",
        "rc_media_create",
        "rc_user_directory",
        "rc_profile",
        "rc_third_party_invite",
    ] {
        if let Some(settings) = config.as_object_mut() {
            settings.insert(limit.into(), unlimited.clone());
        }
    }
    config
}

/// Logging to standard output, one line an event.
pub(super) fn write_log() -> Value {
    json!({
        "version": 1,
        "formatters": { "line": { "format": "%(asctime)s %(levelname)s %(name)s: %(message)s" } },
        "handlers": { "output": { "class": "logging.StreamHandler", "formatter": "line" } },
        "root": { "level": "INFO", "handlers": ["output"] },
        "disable_existing_loggers": false,
    })
}
