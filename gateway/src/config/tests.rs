use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::*;

const SMALLEST: &str = r#"
    [[network]]
    kind = "echo"
    jid = "echo.example.org"
    server = "127.0.0.1:5347"
    secret = "s3cret"
"#;

#[test]
fn the_smallest_configuration_gets_the_documented_defaults() {
    let config = load(SMALLEST, &[]).unwrap();

    assert_eq!(config.data_dir, PathBuf::from("/var/lib/drawbridge"));
    assert_eq!(config.esession.groups, [16, 15, 14]);
    assert!(config.owners.is_empty());
    let network = &config.networks[0];
    assert_eq!(network.secret.expose(), b"s3cret");
    assert!(network.allow.contains(&jid("anyone@example.org")));
    assert!(!network.allow.contains(&jid("anyone@echo.example.org")));
    assert!(!network.allow.contains(&jid("anyone@other.org")));
}

#[test]
fn the_example_states_the_defaults() {
    let example = load(include_str!("../../example.toml"), &[]).unwrap();
    let smallest = load(SMALLEST, &[]).unwrap();

    assert_eq!(example.data_dir, smallest.data_dir);
    assert_eq!(example.log, smallest.log);
    assert_eq!(example.limits, smallest.limits);
    assert_eq!(example.esession, smallest.esession);
    assert_eq!(example.networks[0].kind, NetworkKind::Matrix);
    assert_eq!(example.networks[0].allow.to_string(), "example.org, bob@other.org");
}

#[test]
fn the_example_names_every_key_and_its_commented_keys_work_too() {
    // A commented key is "#key = value"; prose is "# Words".
    let uncommented: String = include_str!("../../example.toml")
        .lines()
        .map(|line| match line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())) {
            Some(key) => format!("{key}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let secret_file = private_file(&dir, "matrix.secret", "from a file\n");
    let text = uncommented
        .replace("/etc/drawbridge/matrix.secret\"\n", &format!("{}\"\n", secret_file.display()))
        .replace("secret = \"change me\"\n", "");
    let config = load(&text, &[]).unwrap();

    assert_eq!(config.networks[0].secret.expose(), b"from a file");
    let effective = config.effective();
    for key in serde_keys(&serde_json::to_value(&config).unwrap()) {
        assert!(effective.contains(&format!("{key} =")), "{key} is not in the effective configuration");
        if key != "secret_from" {
            assert!(uncommented.contains(&format!("\n{key} =")), "{key} is not in the example");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let misspelt = format!("[log]\nlevle = \"debug\"\n{SMALLEST}");
    assert_eq!(refusal(&misspelt, &[]), "log: unknown field `levle`, expected one of `level`, `format`, `filter`");
    let in_network = format!("{SMALLEST}\n    passwd = \"x\"");
    assert!(refusal(&in_network, &[]).starts_with("network[0]: unknown field `passwd`"));
    assert!(refusal(SMALLEST, &[("DRAWBRIDGE__LGO__LEVEL", "debug")]).contains("unknown field `lgo`"));
}

#[test]
fn the_environment_overrides_every_kind_of_key() {
    let env = [
        ("DRAWBRIDGE__DATA_DIR", "/srv/bridge"),
        ("DRAWBRIDGE__OWNERS", "example.org, bob@other.org"),
        ("DRAWBRIDGE__LOG__LEVEL", "debug"),
        ("DRAWBRIDGE__LIMITS__MAX_DEPTH", "32"),
        ("DRAWBRIDGE__LIMITS__NEGOTIATION_TIMEOUT", "7"),
        ("DRAWBRIDGE__ESESSION__GROUPS", "14"),
        ("DRAWBRIDGE__ESESSION__INSECURE_PEERS", "false"),
        ("DRAWBRIDGE__NETWORK__0__SECRET", "007"),
        ("DRAWBRIDGE_CONFIG", "not ours"),
    ];
    let config = load(SMALLEST, &env).unwrap();

    assert_eq!(config.data_dir, PathBuf::from("/srv/bridge"));
    assert!(config.owners.contains(&jid("alice@example.org")) && config.owners.contains(&jid("bob@other.org")));
    assert!(!config.owners.contains(&jid("eve@other.org")));
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.limits.max_depth, 32);
    assert_eq!(config.limits.negotiation_timeout.as_secs(), 7);
    assert_eq!(config.esession.groups, [14]);
    assert_eq!(config.networks[0].secret.expose(), b"007");
    assert_eq!(config.networks[0].kind, NetworkKind::Echo, "the rest of the entry stays as the file has it");
}

#[test]
fn the_environment_alone_is_enough() {
    let env = [
        ("DRAWBRIDGE__NETWORK__0__KIND", "matrix"),
        ("DRAWBRIDGE__NETWORK__0__JID", "matrix.example.org"),
        ("DRAWBRIDGE__NETWORK__0__SERVER", "unix:/run/prosody.sock"),
        ("DRAWBRIDGE__NETWORK__0__SECRET", "s3cret"),
        ("DRAWBRIDGE__NETWORK__0__MATRIX__HOMESERVER", "example.org"),
    ];
    let config = load("", &env).unwrap();
    assert_eq!(config.networks[0].server, ServerAddr::Unix("/run/prosody.sock".into()));
    assert_eq!(config.networks[0].matrix.as_ref().unwrap().homeserver.as_deref(), Some("example.org"));
}

#[test]
fn wrong_values_are_refused_with_key_and_remedy() {
    let with = |line: &str| format!("{line}\n{SMALLEST}");
    let network = |line: &str| format!("{SMALLEST}\n{line}");
    for (text, expected) in [
        (with("[log]\nformat = \"xml\""), "log.format: \"xml\" is not one of text, json"),
        (
            with("owners = [\"bob@\"]"),
            "owners: \"bob@\" is neither a bare JID (bob@example.org) nor a domain (example.org)",
        ),
        (with("[limits]\nmax_stanza = 524288"), "limits.max_stanza: 524288 is out of range; use 16384 to 524287"),
        (with("[limits]\nmax_depth = \"deep\""), "limits.max_depth: wrong type, expected an integer"),
        (
            with("[esession]\nauthorities = [\"/nowhere/ca.pem\"]"),
            "esession.authorities: /nowhere/ca.pem: No such file or directory (os error 2); name files of X.509 \
             roots (PEM) or OpenPGP certificates (armored) that drawbridge can read",
        ),
        (
            with("[esession]\ngroups = [14, 2]"),
            "esession.groups: group 2 is not supported; use groups of 18, 17, 16, 15, 14",
        ),
        (
            with("[esession]\ngroups = [14, 5]"),
            "esession.groups: group 5 is too weak; remove it, or set insecure_peers = true for peers that can do no better",
        ),
        (with("[esession]\nhashes = []"), "esession.hashes: the list is empty; remove the key for the default"),
        (with("[esession]\nciphers = []"), "esession.ciphers: the list is empty; remove the key for the default"),
        (
            network("[network.matrix]"),
            "network[0].matrix: the network is not Matrix; remove the section, or set kind = \"matrix\" in network[0]",
        ),
        (
            format!("{SMALLEST}{SMALLEST}"),
            "network[1].jid: echo.example.org is used twice; each network needs a component of its own",
        ),
        (
            SMALLEST.replace("echo.example.org", "echo"),
            "network[0].allow: echo has no parent domain to allow by default; list who may use it, as allow = [\"example.org\"]",
        ),
        (
            SMALLEST.replace("echo.example.org", "bob@example.org"),
            "network[0].jid: \"bob@example.org\" is not a domain; use the component's domain, as matrix.example.org",
        ),
        (
            SMALLEST.replace("127.0.0.1:5347", "127.0.0.1"),
            "network[0].server: \"127.0.0.1\" is neither host:port (127.0.0.1:5347) nor unix:/path/of/socket",
        ),
        (SMALLEST.replace("kind = \"echo\"", ""), "network[0].kind: missing; it has no default (see example.toml)"),
    ] {
        assert_eq!(refusal(&text, &[]), expected);
    }
    assert!(matches!(load("", &[]), Err(ConfigError::NoNetwork)));
}

#[test]
fn old_peers_are_accepted_by_one_switch() {
    let config = load(&format!("[esession]\ninsecure_peers = true\n{SMALLEST}"), &[]).unwrap();
    assert_eq!(config.esession.groups, [16, 15, 14, 5]);
}

#[test]
fn the_component_link_stays_on_this_host_unless_the_operator_says_otherwise() {
    for local in ["127.8.0.1:1", "[::1]:5347", "localhost:5347", "unix:/run/x"] {
        load(&SMALLEST.replace("127.0.0.1:5347", local), &[]).unwrap();
    }
    for remote in ["192.0.2.1:5347", "[2001:db8::1]:5347", "xmpp.example.org:5347", "localhost.example.org:1"] {
        let text = SMALLEST.replace("127.0.0.1:5347", remote);
        assert!(matches!(load(&text, &[]), Err(ConfigError::RemoteServer { .. })), "{remote}");
        load(&format!("{text}\n    allow_remote = true"), &[]).unwrap();
    }
}

#[test]
fn a_secret_comes_from_exactly_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = private_file(&dir, "echo.example.org.secret", "from disk\n");
    let without = SMALLEST.replace("secret = \"s3cret\"", "");
    let credentials = [("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())];

    assert!(matches!(load(&without, &[]), Err(ConfigError::MissingSecret { .. })));
    let empty = SMALLEST.replace("s3cret", "");
    assert!(refusal(&empty, &[]).starts_with("network[0].secret: it is empty"));

    let by_file = format!("{without}\n    secret_file = \"{}\"", file.display());
    assert_eq!(load(&by_file, &[]).unwrap().networks[0].secret.expose(), b"from disk");
    let both = format!("{SMALLEST}\n    secret_file = \"{}\"", file.display());
    assert!(matches!(load(&both, &[]), Err(ConfigError::TwoSecrets { .. })));
    let gone = by_file.replace(".secret\"", ".gone\"");
    assert!(matches!(load(&gone, &[]), Err(ConfigError::SecretFile { .. })));

    let by_systemd = load(&without, &credentials).unwrap();
    assert_eq!(by_systemd.networks[0].secret.expose(), b"from disk");
    assert_eq!(by_systemd.networks[0].secret_from, SecretSource::Credential(file.clone()));
    let for_root = load(&gone, &credentials).unwrap();
    assert_eq!(for_root.networks[0].secret_from, SecretSource::Credential(file), "the daemon may not read the file");
}

#[test]
fn a_credential_goes_before_the_key_file_that_root_can_read() {
    let dir = tempfile::tempdir().unwrap();
    private_file(&dir, "key", &"0a".repeat(32));
    let text = format!("key_file = \"/nonexistent/key\"\n{SMALLEST}");
    let config = load(&text, &[("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())]).unwrap();
    assert_eq!(config.store_key().unwrap().expose(), [10; 32]);
    assert!(load(&text, &[]).unwrap().store_key().is_err());
}

#[test]
fn secrets_that_others_can_read_are_problems() {
    let dir = tempfile::tempdir().unwrap();
    let file = private_file(&dir, "secret", "s3cret");
    let text = SMALLEST.replace("secret = \"s3cret\"", &format!("secret_file = \"{}\"", file.display()));
    assert_eq!(load(&text, &[]).unwrap().problems(), []);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let problems = load(&text, &[]).unwrap().problems();
    let shown = format!(
        "network[0].secret_file: every user of this host can get at {0} (mode 0644); chmod o= {0}",
        file.display()
    );
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [shown]);
}

#[test]
fn no_secret_is_ever_shown() {
    let config = load(SMALLEST, &[]).unwrap();
    assert!(config.effective().contains("secret = \"(hidden)\""));
    for shown in [
        config.effective(),
        format!("{config:?}"),
        refusal("[[network]]\nsecret = \"s3cret\nkind", &[]),
        refusal(&SMALLEST.replace("[[network]]", "[network]"), &[]),
        refusal(&format!("{SMALLEST}\n    secret = \"s3cret\""), &[]),
        refusal(&SMALLEST.replace("\"s3cret\"", "[\"s3cret\"]"), &[]),
        refusal(SMALLEST, &[("DRAWBRIDGE__NETWORK", "s3cret")]),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn the_effective_configuration_is_a_configuration() {
    let first = load(include_str!("../../example.toml"), &[]).unwrap().effective();
    let again: String =
        first.lines().filter(|line| !line.starts_with("secret_from")).map(|line| format!("{line}\n")).collect();
    assert_eq!(load(&again, &[]).unwrap().effective(), first);
}

#[test]
fn the_store_key_is_made_once_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let config = with_data_dir(&dir, "");
    let made = config.store_key().unwrap();

    assert_eq!(made.expose().len(), 32);
    assert_eq!(fs::metadata(config.key_path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(config.store_key().unwrap().expose(), made.expose());
    let another = tempfile::tempdir().unwrap();
    assert_ne!(with_data_dir(&another, "").store_key().unwrap().expose(), made.expose());
}

#[test]
fn no_key_is_made_for_a_database_that_was_sealed_with_another() {
    let dir = tempfile::tempdir().unwrap();
    let config = with_data_dir(&dir, "");
    assert!(config.known_store_key().unwrap().is_none(), "before the first start");
    let made = config.store_key().unwrap();
    private_file(&dir, "drawbridge.db", "sealed rows");
    fs::rename(config.key_path(), dir.path().join("elsewhere")).unwrap();

    for refused in [config.store_key().map(|_| ()), config.known_store_key().map(|_| ())] {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("/key is gone") && said.contains("put the key back"), "{said}");
        assert!(!config.key_path().exists(), "a new key would hide the loss");
    }
    fs::rename(dir.path().join("elsewhere"), config.key_path()).unwrap();
    assert_eq!(config.store_key().unwrap().expose(), made.expose());
}

#[test]
fn a_named_store_key_is_read_and_never_made() {
    let dir = tempfile::tempdir().unwrap();
    let named = format!("key_file = \"{}\"", dir.path().join("mine").display());
    let config = with_data_dir(&dir, &named);

    assert!(matches!(config.store_key(), Err(ConfigError::SecretFile { .. })));
    private_file(&dir, "mine", &format!("{}\n", "0a".repeat(32)));
    assert_eq!(config.store_key().unwrap().expose(), [10; 32]);
    private_file(&dir, "mine", "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=");
    assert_eq!(config.store_key().unwrap().expose(), [10; 32]);
    private_file(&dir, "mine", "0a0a");
    assert!(
        config
            .store_key()
            .unwrap_err()
            .to_string()
            .ends_with("it must be 64 hexadecimal digits, or base64 of 32 octets")
    );
}

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(file.path(), &env)
}

fn refusal(text: &str, env: &[(&str, &str)]) -> String {
    load(text, env).unwrap_err().to_string()
}

fn with_data_dir(dir: &tempfile::TempDir, line: &str) -> Config {
    load(&format!("data_dir = \"{}\"\n{line}\n{SMALLEST}", dir.path().display()), &[]).unwrap()
}

fn private_file(dir: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn jid(text: &str) -> jid::BareJid {
    jid::BareJid::new(text).unwrap()
}

/// The names of all values below.
fn serde_keys(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(table) => table
            .iter()
            .flat_map(|(key, value)| match value {
                serde_json::Value::Object(_) => serde_keys(value),
                serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_object) => {
                    items.iter().flat_map(serde_keys).collect()
                }
                serde_json::Value::Null => Vec::new(),
                _ => vec![key.clone()],
            })
            .collect(),
        _ => Vec::new(),
    }
}
