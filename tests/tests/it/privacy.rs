//! What people write is nowhere but with them: not with either server, not with the gateway at rest or in its log.

use std::{fs, path::PathBuf, time::Duration};

use drawbridge_tests::{Stage, World};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);

/// Which of the words are in which of the files.
fn found(words: &[&str], files: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let content = fs::read(file).unwrap_or_default();
        for word in words {
            if content.windows(word.len()).any(|window| window == word.as_bytes()) {
                found.push(format!("{word} in {}", file.display()));
            }
        }
    }
    found
}

#[test]
fn the_words_of_a_conversation_are_in_no_file() {
    let words = ["zebrafish", "yellowhammer", "xylophone", "vortex-canary"];
    let [hers, his, waiting, password] = words;
    let mut world = World::matrix("filter = \"drawbridge=trace,esession=trace\"").unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, World::BOB, &[]).unwrap();
    let dir = world.dir().to_owned();
    let synapse = world.synapse().unwrap();
    let mut bob = drawbridge_tests::clients::MatrixPeer::create(&dir, synapse, "bob", "builder").unwrap();
    synapse.add_user("alice", password).unwrap();
    let address = synapse.url();

    // The password goes to the gateway in a session, in words, so that the XMPP server does not see it either.
    let mut desk = world.chat(&account.with_resource("desk"), Stage::COMPONENT, &[]).unwrap();
    desk.secure().unwrap();
    desk.say("login").unwrap();
    for answer in [&address[..], "alice", password] {
        desk.next_message().unwrap();
        desk.say(answer).unwrap();
    }
    desk.expect("login", SOON, |event| event["text"].as_str().is_some_and(|text| text.contains("@alice:matrix.test")))
        .unwrap();
    assert!(desk.finish().unwrap().success());

    alice.subscribe(World::BOB).unwrap();
    let room = bob.joins().unwrap();
    alice.secure().unwrap();
    alice.deliver("1", &format!("{hers} & <b>")).unwrap();
    bob.hear(&format!("{hers} & <b>"), SOON).unwrap();
    bob.say(&room, his).unwrap();
    alice.hear(his, SOON).unwrap();

    // What went through the gateway's queues, and what waits there, is sealed: killed without warning, its database and
    // journal hold both.
    world.synapse().unwrap().process.stop().unwrap();
    alice.say_as("2", waiting).unwrap();
    alice.expect("it has left", SOON, |event| event["event"] == "sent" && event["id"] == "2").unwrap();
    world.gateway.kill9();
    let gateway = world.gateway_files();
    assert!(
        gateway.iter().any(|file| file.ends_with("drawbridge.db-wal")),
        "the database's journal is among the files"
    );
    assert_eq!(found(&words, &gateway), Vec::<String>::new(), "in the gateway's files, after a kill");

    world.synapse().unwrap().process.restart().unwrap();
    world.gateway.process.restart().unwrap();
    alice.receipt("2").unwrap();
    bob.hear(waiting, SOON).unwrap();
    assert!(world.gateway.terminate().unwrap().success());
    assert_eq!(found(&words, &world.gateway_files()), Vec::<String>::new(), "in the gateway's files");
    assert_eq!(found(&words, &world.server_files()), Vec::<String>::new(), "in the servers' files");

    // The search finds what is there to be found.
    let log = fs::read_to_string(world.gateway.process.log()).unwrap();
    assert!(log.contains("TRACE drawbridge") || log.contains("DEBUG drawbridge"), "the log is at its most talkative");
    alice.send(&json!({ "command": "clear_send", "text": "umbrella in clear", "id": "3" })).unwrap();
    alice.error("3").unwrap();
    assert!(!found(&["umbrella"], &world.server_files()).is_empty(), "clear text is seen by the XMPP server");
}
