//! The main job beside another XMPP server.

use std::{fs, net::TcpStream, time::Duration};

use drawbridge_tests::{Stage, World, servers::XmppServer};
use serde_json::json;

#[test]
fn a_conversation_crosses_beside_ejabberd_which_cannot_read_it() {
    let world = World::echo_on_ejabberd(false).unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, World::ECHO, &[]).unwrap();
    let refusal = alice.register(Stage::ECHO, &json!({ "username": "a b" })).unwrap_err().to_string();
    assert!(refusal.contains("use no spaces"), "a form that is filled in wrong says what is wrong: {refusal}");
    alice.register(Stage::ECHO, &json!({ "username": "alice" })).unwrap();

    // The name is looked up beside: it comes with the first presence or soon after.
    let presence = alice.subscribe(World::ECHO).unwrap();
    if presence["nick"] != "echo" {
        alice.expect("the contact's name", Duration::from_secs(30), |event| event["nick"] == "echo").unwrap();
    }
    let session = alice.secure().unwrap();
    assert_eq!((&session["group"], &session["cipher"]), (&json!("16"), &json!("aes256-ctr")), "{session}");

    let lines = ["zebrafish", "emoji \u{2615}\u{1F600}", "<b>not bold</b> & \"quoted\" ]]>"];
    for (number, line) in lines.iter().enumerate() {
        alice.deliver(&format!("m{number}"), line).unwrap();
        assert_eq!(alice.next_message().unwrap(), *line, "the answer, in order, in the session");
    }

    alice.send(&json!({ "command": "clear_send", "text": "umbrella in clear", "id": "clear" })).unwrap();
    let error = alice.error("clear").unwrap();
    assert_eq!(error["condition"], "policy-violation", "no clear text in a protected conversation: {error}");
    alice.send(&json!({ "command": "end" })).unwrap();
    let ended = alice.session("ended").unwrap();
    assert_eq!(ended["acknowledged"], true, "both ends know that nothing was cut off: {ended}");
    assert!(alice.finish().unwrap().success());

    // ejabberd logs every stanza here: it saw the clear text, and of the session nothing.
    let holds = |word: &str| {
        let content = world.server_files().into_iter().map(|file| fs::read(file).unwrap_or_default());
        content.into_iter().any(|content| content.windows(word.len()).any(|window| window == word.as_bytes()))
    };
    assert!(holds("umbrella in clear"), "the search finds what is there");
    assert!(!holds("zebrafish"), "the XMPP server could read the conversation");
}

#[test]
fn the_server_of_the_stories_listens_nowhere_else_and_ends_with_them() {
    let before = port_mappers();
    let world = World::echo_on_ejabberd(false).unwrap();
    let ports = [world.xmpp.client_port(), world.xmpp.component_port()];
    for port in ports {
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
    assert_eq!(port_mappers(), before, "Erlang's port mapper listens for everybody and stays");
    drop(world);
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} still answers");
    }
}

fn port_mappers() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let names = processes.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok());
    names.filter(|name| name.trim() == "epmd").count()
}
