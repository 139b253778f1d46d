//! Finding somebody on Matrix from an XMPP client.

use std::{thread::sleep, time::Duration};

use drawbridge_tests::{Stage, World, clients::Chat};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// jabber:iq:gateway: what somebody typed for a contact, to an address or an error.
fn prompt(alice: &mut Chat, typed: &str) -> Value {
    alice.send(&json!({ "command": "gateway_prompt", "to": Stage::COMPONENT, "text": typed })).unwrap();
    let answers = |event: &Value| {
        event["event"] == "gateway_prompt" || (event["event"] == "error" && event["from"] == Stage::COMPONENT)
    };
    alice.expect(&format!("the address of {typed:?}"), SOON, answers).unwrap()
}

fn search(alice: &mut Chat, nick: &str) -> String {
    let query = format!("<query xmlns='jabber:iq:search'><nick>{nick}</nick></query>");
    alice.ask(Stage::COMPONENT, "set", &query).unwrap()
}

#[test]
fn by_id_by_link_and_by_name() {
    let mut world = World::matrix("").unwrap();
    let account = world.account("eve").unwrap();
    let mut eve = world.chat(&account, World::BOB, &[]).unwrap();
    let refusal = search(&mut eve, "bob");
    assert!(refusal.contains("registration-required"), "strangers find nobody: {refusal}");
    assert_eq!(prompt(&mut eve, "@bob:matrix.test")["condition"], "registration-required");

    let (_, mut alice, mut bob) = world.alice_and_bob().unwrap();
    alice.send(&json!({ "command": "gateway_prompt", "to": Stage::COMPONENT })).unwrap();
    let question = alice.expect_event("gateway_prompt", SOON).unwrap();
    assert!(question["description"].as_str().unwrap_or_default().contains("@"), "it shows how an id looks: {question}");
    for typed in ["@bob:matrix.test", " @bob:matrix.test\n", "https://matrix.to/#/@bob:matrix.test", World::BOB] {
        assert_eq!(prompt(&mut alice, typed)["jid"], World::BOB, "{typed:?}");
    }
    assert_eq!(prompt(&mut alice, "@nobody:matrix.test")["condition"], "item-not-found");
    let wrong = prompt(&mut alice, "who?");
    assert_eq!(wrong["condition"], "not-acceptable", "{wrong}");
    assert!(wrong["text"].as_str().unwrap_or_default().contains("write it as @"), "it says what to write: {wrong}");

    // By a part of the name. The homeserver's directory takes a moment to know it.
    bob.ask(json!({ "command": "rename", "name": "Robert <the> Builder" })).unwrap();
    let found = (0..100)
        .map(|_| search(&mut alice, "Robert"))
        .find(|answer| {
            let done = answer.contains("Robert &lt;the");
            if !done {
                sleep(Duration::from_millis(100));
            }
            done
        })
        .expect("the search finds him by name");
    assert!(found.contains(World::BOB), "with his address: {found}");
    let by_form = "<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'><field var='nick'>\
                   <value>Robert</value></field></x></query>";
    let found = alice.ask(Stage::COMPONENT, "set", by_form).unwrap();
    assert!(found.contains("<reported") && found.contains(World::BOB), "a form is answered by a form: {found}");
    let nobody = search(&mut alice, "zebrafish");
    assert!(nobody.contains("result") && !nobody.contains("<item"), "{nobody}");

    // The address that was found is one to write to.
    alice.subscribe(World::BOB).unwrap();
    bob.joins().unwrap();
    alice.secure().unwrap();
    alice.deliver("found you", "found you").unwrap();
    bob.hear("found you", SOON).unwrap();
    let card = alice.ask(World::BOB, "get", "<vCard xmlns='vcard-temp'/>").unwrap();
    assert!(card.contains("<FN>Robert &lt;the") && card.contains("@bob:matrix.test"), "his name and id: {card}");
    let card = alice.ask(Stage::COMPONENT, "get", "<vCard xmlns='vcard-temp'/>").unwrap();
    assert!(card.contains("Matrix"), "the gateway says what it is: {card}");
}

#[test]
fn what_the_data_policy_promises_about_leaving_is_kept() {
    let mut world = World::matrix("").unwrap();
    let (_, mut alice, mut bob, room) = world.alice_talks_to_bob().unwrap();
    alice.deliver("hello", "hello").unwrap();
    bob.say(&room, "hello yourself").unwrap();
    alice.hear("hello yourself", SOON).unwrap();

    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let told = alice.ask(Stage::COMPONENT, "get", info).unwrap().replace('"', "'");
    assert!(told.contains("category='gateway'") && told.contains("type='matrix'"), "{told}");
    for promise in ["urn:xmpp:data-policy:0", "encryption_at_rest", "full_erasure", "which can read it"] {
        assert!(told.contains(promise), "{promise} is missing in {told}");
    }

    // Somebody else's record stays, so that there is a database to look into.
    let eve = world.account("eve").unwrap();
    let mut eve = world.chat(&eve, Stage::COMPONENT, &[]).unwrap();
    eve.say_in_clear("1", "status").unwrap();
    eve.expect("an answer", SOON, |event| event["event"] == "message").unwrap();
    let traces = ["alice@xmpp.test", "@alice:matrix.test", "@bob:matrix.test", room.as_str()];
    let found = |world: &World| -> Vec<String> {
        let files = world.gateway.state_files();
        let holds = |content: &[u8], word: &str| content.windows(word.len()).any(|window| window == word.as_bytes());
        let all = files.iter().flat_map(|file| {
            let content = std::fs::read(file).unwrap_or_default();
            let words: Vec<_> = traces.iter().filter(|word| holds(&content, word)).collect();
            words.into_iter().map(|word| format!("{word} in {}", file.display())).collect::<Vec<_>>()
        });
        all.collect()
    };
    assert!(!found(&world).is_empty(), "the search finds what is there");

    let devices = json!({ "command": "devices", "user": "@alice:matrix.test" });
    assert_eq!(bob.ask(devices.clone()).unwrap()["devices"].as_array().unwrap().len(), 1);
    alice.send(&json!({ "command": "unregister", "to": Stage::COMPONENT })).unwrap();
    alice.expect_event("unregistered", SOON).unwrap();
    alice.roster_becomes("nobody", std::collections::BTreeMap::is_empty).unwrap();
    assert_eq!(bob.ask(devices).unwrap()["devices"], json!([]), "the device is signed out of Matrix");
    assert_eq!(found(&world), Vec::<String>::new(), "nothing about her is left with the gateway");
    alice
        .raw(&format!(
            "<message xmlns='jabber:client' to='{}' type='chat' id='late'><body>x</body></message>",
            World::BOB
        ))
        .unwrap();
    assert_eq!(alice.error("late").unwrap()["condition"], "registration-required");
}
