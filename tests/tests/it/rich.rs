//! Corrections, retractions, reactions, replies, formatted words and files between a client with OMEMO and somebody on Matrix,
//! on real servers.

use std::time::Duration;

use drawbridge_tests::World;
use drawbridge_tests::clients::{MatrixPeer, OmemoClient};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);
const OLDER: &str = OmemoClient::OLDER;
const NEWER: &str = OmemoClient::NEWER;
/// No dialect: nothing was encrypted towards Alice's client, nor is it asked for.
const CLEAR: &str = "";

/// Alice with a client that speaks `dialect`, and Bob, in a conversation.
fn alice_and_bob(dialect: &str) -> (World, OmemoClient, MatrixPeer, String) {
    let mut world = World::matrix("").unwrap();
    let (account, bob, room) = world.alice_knows_bob().unwrap();
    let speaks: &[&str] = if dialect == CLEAR { &[] } else { &[dialect] };
    let mut alice = OmemoClient::start(world.dir(), &account.with_resource("omemo"), speaks).unwrap();
    alice.meet(World::BOB, speaks).unwrap();
    (world, alice, bob, room)
}

/// The next message that fits.
fn hears(alice: &mut OmemoClient, fits: impl Fn(&Value) -> bool) -> Value {
    alice.expect("a message", SOON, |event| event["event"] == "message" && fits(event)).unwrap()
}

fn is_beside(event: &Value, what: &str, target: &str) -> bool {
    let has = |xml: &str| xml.contains(what) && xml.contains(&format!("id=\"{target}\""));
    event["beside"].as_array().unwrap().iter().any(|xml| has(xml.as_str().unwrap()))
}

fn in_reply_to(event: &Value) -> Value {
    json!({ "m.in_reply_to": { "event_id": event } })
}

/// Of Alice's, who `says` something, to Bob; then one of his to her.
fn styled_emotes_cross(bob: &mut MatrixPeer, room: &str, says: impl FnOnce(&str)) {
    says("/me waves *gladly*");
    let heard = &bob.hear("waves *gladly*", SOON).unwrap()["content"];
    assert_eq!(heard["msgtype"], "m.emote", "{heard}");
    assert_eq!(heard["formatted_body"], "waves <strong>gladly</strong>", "{heard}");
    let nods = json!({ "msgtype": "m.emote", "body": "nods", "format": "org.matrix.custom.html",
        "formatted_body": "<b>nods</b>" });
    bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": nods })).unwrap();
}

/// The next thing of this type that Alice did.
fn other(bob: &mut MatrixPeer, kind: &str) -> Value {
    let is_hers = |event: &Value| event["sender"].as_str().is_some_and(|sender| sender.starts_with("@alice:"));
    bob.expect(kind, SOON, |event| event["event"] == "other" && event["type"] == kind && is_hers(event)).unwrap()
}

#[test]
fn what_is_done_to_messages_arrives_as_what_it_is() {
    for dialect in [OLDER, NEWER, CLEAR] {
        let (_world, mut alice, mut bob, room) = alice_and_bob(dialect);
        alice.does(World::BOB, "a1", Some("tea?"), "").unwrap();
        let tea = bob.hear("tea?", SOON).unwrap()["event_id"].as_str().unwrap().to_owned();
        alice.does(World::BOB, "a2", Some("coffee?"), "<replace xmlns='urn:xmpp:message-correct:0' id='a1'/>").unwrap();
        let edit = bob.hear("* coffee?", SOON).unwrap();
        assert_eq!((&edit["content"]["m.relates_to"]["event_id"], &edit["encrypted"]), (&json!(tea), &json!(true)));
        assert_eq!(edit["content"]["m.new_content"]["body"], "coffee?");

        let html = json!({ "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
            "formatted_body": "<strong>tea</strong> or <del>nothing</del>" });
        let said = bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": html }));
        let said = said.unwrap()["event_id"].as_str().unwrap().to_owned();
        let heard = hears(&mut alice, |event| event["text"] == "*tea* or ~nothing~");
        let id = heard["id"].as_str().unwrap().to_owned();
        let new = json!({ "msgtype": "m.text", "body": "tea" });
        let edit = json!({ "msgtype": "m.text", "body": "* tea", "m.new_content": new,
            "m.relates_to": { "rel_type": "m.replace", "event_id": said } });
        bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": edit })).unwrap();
        assert!(is_beside(&hears(&mut alice, |event| event["text"] == "tea"), "replace", &id), "{dialect}");

        let react = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": tea, "key": "\u{1f44d}" } });
        bob.ask(json!({ "command": "event", "room": room, "type": "m.reaction", "content": react })).unwrap();
        if dialect == NEWER {
            hears(&mut alice, |event| is_beside(event, "reactions", "a1") && is_beside(event, "\u{1f44d}", "a1"));
        } else {
            hears(&mut alice, |event| event["text"] == "/me reacted with \u{1f44d} to: tea?");
        }

        let reactions =
            format!("<reactions xmlns='urn:xmpp:reactions:0' id='{id}'><reaction>\u{2764}</reaction></reactions>");
        alice.does(World::BOB, "a3", None, &reactions).unwrap();
        let reaction = other(&mut bob, "m.reaction");
        assert_eq!(reaction["content"]["m.relates_to"]["event_id"], said);
        hears(&mut alice, |event| {
            event["text"].as_str().is_some_and(|text| text.contains("reactions are not encrypted"))
        });
        alice.does(World::BOB, "a4", None, &format!("<reactions xmlns='urn:xmpp:reactions:0' id='{id}'/>")).unwrap();
        let redaction = other(&mut bob, "m.room.redaction");
        assert_eq!(redaction["content"]["redacts"], reaction["event_id"], "{redaction}");

        let reply = json!({ "msgtype": "m.text", "body": "with milk", "m.relates_to": in_reply_to(&json!(tea)) });
        bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": reply })).unwrap();
        let reply = hears(&mut alice, |event| is_beside(event, "reply", "a1"));
        assert!(reply["text"].as_str().unwrap().ends_with("with milk"), "{reply}");
        let (quote, words) = ("> *tea* or ~nothing~\n", "neither");
        let beside = format!(
            "<reply xmlns='urn:xmpp:reply:0' to='{}' id='{id}'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>
             <body start='0' end='{}'/></fallback>",
            World::BOB,
            quote.len()
        );
        alice.does(World::BOB, "a6", Some(&format!("{quote}{words}")), &beside).unwrap();
        assert_eq!(bob.hear(words, SOON).unwrap()["content"]["m.relates_to"], in_reply_to(&json!(said)), "{dialect}");
        styled_emotes_cross(&mut bob, &room, |words| alice.does(World::BOB, "a7", Some(words), "").unwrap());
        hears(&mut alice, |event| event["text"] == "/me *nods*");

        let retract = "<retract xmlns='urn:xmpp:message-retract:1' id='a1'/>";
        alice.does(World::BOB, "a5", (dialect == OLDER).then_some("fallback"), retract).unwrap();
        let redaction = other(&mut bob, "m.room.redaction");
        assert_eq!(redaction["content"]["redacts"], json!(tea), "{redaction}");
        bob.ask(json!({ "command": "redact", "room": room, "event_id": said })).unwrap();
        hears(&mut alice, |event| is_beside(event, "retract", &id));
        alice.finish().unwrap();
    }
}

#[test]
fn files_cross_sealed_on_both_sides() {
    for dialect in [OLDER, NEWER] {
        let (world, mut alice, mut bob, room) = alice_and_bob(dialect);
        let picture: Vec<u8> = b"\x89PNG a canary ".iter().copied().cycle().take(300_000).collect();
        alice.say(World::BOB, "look").unwrap();
        alice.share(World::BOB, "cat.png", &picture).unwrap();
        let shared = bob.hear("cat.png", SOON).unwrap();
        let content = &shared["content"];
        assert_eq!((&shared["encrypted"], &content["msgtype"]), (&json!(true), &json!("m.image")));
        assert_eq!((&content["info"]["size"], &content["info"]["mimetype"]), (&json!(300_000), &json!("image/png")));
        assert!(bob.fetch(content).unwrap() == picture);

        bob.share(&room, "dog.png", "image/png", &picture).unwrap();
        bob.say(&room, "behind it").unwrap();
        let (octets, url) = alice.next_file().unwrap();
        assert!(octets == picture && url.ends_with(".png"), "{} octets at {url}", octets.len());
        hears(&mut alice, |event| event["text"] == "behind it");
        alice.finish().unwrap();
        for file in world.server_files().into_iter().chain(world.gateway_files()) {
            let octets = std::fs::read(&file).unwrap_or_default();
            assert!(!octets.windows(9).any(|part| part == b" a canary"), "in {}", file.display());
        }
    }
}

#[test]
fn in_a_session_it_is_the_same_and_nothing_of_it_is_to_be_seen() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    let about = |kind: &str, id: &str| json!({ "kind": kind, "id": id });
    alice.send(&json!({ "command": "send", "text": "tea?", "id": "a1" })).unwrap();
    let tea = bob.hear("tea?", SOON).unwrap()["event_id"].as_str().unwrap().to_owned();
    alice.send(&json!({ "command": "send", "text": "coffee?", "about": about("correction", "a1") })).unwrap();
    assert_eq!(bob.hear("* coffee?", SOON).unwrap()["content"]["m.relates_to"]["event_id"], json!(tea));

    let reply = json!({ "msgtype": "m.text", "body": "with canary milk", "m.relates_to": in_reply_to(&json!(tea)) });
    let said = bob.ask(json!({ "command": "event", "room": room, "type": "m.room.message", "content": reply }));
    let said = said.unwrap()["event_id"].as_str().unwrap().to_owned();
    let is_reply = |event: &Value| event["event"] == "message" && event["about"] == about("reply", "a1");
    let heard = alice.expect("a reply", SOON, is_reply).unwrap();
    assert!(heard["encrypted"] == true && heard["text"].as_str().unwrap().ends_with("with canary milk"), "{heard}");
    let react = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": tea, "key": "\u{1f44d}" } });
    bob.ask(json!({ "command": "event", "room": room, "type": "m.reaction", "content": react })).unwrap();
    let reacts = |event: &Value| event["about"] == about("reactions", "a1") && event["text"] == "\u{1f44d}";
    alice.expect("a reaction", SOON, reacts).unwrap();

    let words = |text: &str| json!({ "command": "send", "text": text });
    styled_emotes_cross(&mut bob, &room, |text| alice.send(&words(text)).unwrap());
    alice.expect("an emote", SOON, |event| event["event"] == "message" && event["text"] == "/me *nods*").unwrap();
    let mut answer = words("none for me");
    answer["about"] = about("reply", heard["id"].as_str().unwrap());
    alice.send(&answer).unwrap();
    let answer = bob.hear("none for me", SOON).unwrap();
    assert_eq!(answer["content"]["m.relates_to"], in_reply_to(&json!(said)));

    // Alice's session promises that nothing is disclosed: on Matrix a reaction would be.
    let (id, sign) = (heard["id"].as_str().unwrap(), "\u{2764}");
    alice.send(&json!({ "command": "send", "text": sign, "id": "a3", "about": about("reactions", id) })).unwrap();
    let refused = alice.expect("a refusal", SOON, |event| event["event"] == "error" && event["id"] == "a3").unwrap();
    assert!(refused["text"].as_str().unwrap().contains("encryption"), "{refused}");
    alice.send(&json!({ "command": "send", "text": "", "id": "a4", "about": about("retraction", "a1") })).unwrap();
    assert_eq!(other(&mut bob, "m.room.redaction")["content"]["redacts"], json!(tea));
    bob.ask(json!({ "command": "redact", "room": room, "event_id": said })).unwrap();
    alice.expect("a retraction", SOON, |event| event["about"] == about("retraction", id)).unwrap();
    alice.finish().unwrap();
    for file in world.server_files().into_iter().chain(world.gateway_files()) {
        let octets = std::fs::read(&file).unwrap_or_default();
        assert!(!octets.windows(6).any(|part| part == b"canary"), "in {}", file.display());
    }
}
