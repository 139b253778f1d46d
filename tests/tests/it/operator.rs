//! What the operator is told, and a component link that somebody else has.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use drawbridge_tests::{
    Stage, World,
    clients::{Chat, ChatAccount},
    servers::{Gateway, GatewaySettings},
};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn check_doctor_and_status_tell_how_it_is() {
    let mut world = World::echo("").unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.secure().unwrap();
    let says = |world: &World, what: &str| world.gateway.operator_says(&[what]);

    let check = says(&world, "check").unwrap();
    assert!(check.contains(Stage::ECHO), "{check}");
    assert!(!check.contains(Stage::SECRET), "a secret is shown: {check}");
    let doctor = says(&world, "doctor").unwrap();
    assert!(!doctor.contains("WRONG") && doctor.contains("drawbridge runs"), "{doctor}");
    let users = says(&world, "users").unwrap();
    assert!(users.contains("alice@xmpp.test") && users.contains("alice@echo"), "{users}");
    assert!(says(&world, "status").unwrap().contains(Stage::ECHO));

    world.gateway.terminate().unwrap();
    let doctor = says(&world, "doctor").unwrap();
    assert!(doctor.contains("accepts echo.xmpp.test"), "it tries the secret: {doctor}");
    let gone = says(&world, "status").unwrap_err().to_string();
    assert!(gone.contains("drawbridge"), "a daemon that is not there is named: {gone}");

    let file = world.dir().join("gateway/drawbridge.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = says(&world, "check").unwrap_err().to_string();
    assert!(open.contains("every user of this host can get at"), "a secret that lies open: {open}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, config.replace(Stage::SECRET, "another secret")).unwrap();
    let wrong = says(&world, "doctor").unwrap_err().to_string();
    for words in ["WRONG", "refused the secret", "component_secret"] {
        assert!(wrong.contains(words), "what is wrong, and how to mend it: {wrong}");
    }
    fs::write(&file, config + "\nbananas = 1\n").unwrap();
    let unknown = says(&world, "check").unwrap_err().to_string();
    assert!(unknown.contains("bananas"), "an unknown key is named: {unknown}");
}

#[test]
fn a_link_that_an_earlier_connection_still_has_is_waited_for() {
    let mut world = World::echo("").unwrap();
    let settings = GatewaySettings {
        owners: Vec::new(),
        networks: vec![("echo".into(), Stage::ECHO.into(), Stage::SECRET.into())],
        allow: Vec::new(),
        more: String::new(),
    };
    // The earlier one answers nothing any more, and its connection stands: half open, as after a broken network.
    world.gateway.process.pause();
    let mut next = Gateway::start(&world.dir().join("next"), &world.xmpp, &settings).unwrap();
    next.process.wait_for_line("an earlier connection still lives", SOON).unwrap();
    world.gateway.kill9();
    next.process.wait_for_line("the component link is up", SOON).unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, World::ECHO, &[]).unwrap();
    alice.register(Stage::ECHO, &json!({ "username": "alice" })).unwrap();
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    assert!(next.terminate().unwrap().success());
}

#[test]
fn one_daemon_serves_two_networks_and_keeps_them_apart() {
    let stage = Stage::set().unwrap();
    let mut gateway = stage.raise().unwrap();
    gateway.process.wait_for_line("the component link is up", SOON).unwrap();
    stage.synapse.add_user("alice", "wonderland").unwrap();
    let account = ChatAccount::create(&stage.prosody, "alice", "pencil").unwrap();
    let mut alice = Chat::start(stage.dir(), &account, World::ECHO, &["--accept-subscriptions"]).unwrap();
    let matrix = json!({ "homeserver": stage.synapse.url(), "username": "alice", "password": "wonderland" });
    alice.register(Stage::COMPONENT, &matrix).unwrap();
    alice.register(Stage::ECHO, &json!({ "username": "alice" })).unwrap();
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    alice.hear("hello", SOON).unwrap();

    let which = gateway.operator_says(&["users", "status", "alice@xmpp.test"]).unwrap_err().to_string();
    assert!(which.contains("--network"), "two are meant: {which}");
    let status = |network: &str| gateway.operator_says(&["users", "status", "alice@xmpp.test", "--network", network]);
    assert!(status("matrix").unwrap().contains("@alice:matrix.test"));
    assert!(status(Stage::ECHO).unwrap().contains("alice@echo"));

    alice.send(&json!({ "command": "unregister", "to": Stage::COMPONENT })).unwrap();
    alice.expect_event("unregistered", SOON).unwrap();
    alice.deliver("still", "still here").unwrap();
    alice.hear("still here", SOON).expect("leaving one network is leaving one");
    assert!(gateway.terminate().unwrap().success());
}
