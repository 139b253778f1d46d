//! What the XMPP server trusts the gateway with (XEP-0356): contacts are in the roster by themselves, and what the user
//! writes elsewhere on the network is theirs. Without that trust the contacts ask, a few at a time.

use std::{collections::BTreeMap, time::Duration};

use drawbridge_tests::{
    RosterItem, Stage, World,
    clients::{Chat, MatrixPeer},
    servers::XmppServer,
};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const CONTACTS: [&str; 5] = ["echo", "flaky", "refuser", "silent", "slow"];

type Roster = BTreeMap<String, RosterItem>;

fn jid(contact: &str) -> String {
    format!("{contact}%echo@echo.xmpp.test")
}

fn has_everybody(roster: &Roster) -> bool {
    CONTACTS.iter().all(|contact| roster.get(&jid(contact)).is_some_and(|item| item.subscription == "both"))
}

/// Requests to be in the roster, of which a client makes windows.
fn requests(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["event"] == "subscribe").collect()
}

/// The contact shows itself to the client.
fn sees(alice: &mut Chat, contact: &str) -> Value {
    let shown = |event: &Value| {
        let from = event["from"].as_str().unwrap_or_default();
        event["event"] == "presence" && from.starts_with(contact) && event["show"] == "available"
    };
    alice.expect(&format!("presence of {contact}"), SOON, shown).unwrap()
}

fn remove(alice: &mut Chat, contact: &str) {
    alice
        .raw(&format!(
            "<iq xmlns='jabber:client' type='set' id='remove'><query xmlns='jabber:iq:roster'>\
             <item jid='{contact}' subscription='remove'/></query></iq>"
        ))
        .unwrap();
}

#[test]
fn where_the_server_trusts_the_gateway_contacts_are_simply_there_and_go_for_good() {
    let world = World::trusted_echo().unwrap();
    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let roster = alice.roster_becomes("all contacts", has_everybody).unwrap();
    assert_eq!(roster[&jid("echo")].name.as_deref(), Some("echo"), "contacts have their names: {roster:?}");
    assert_eq!(roster[Stage::ECHO].subscription, "both", "the gateway itself is there too: {roster:?}");
    for contact in CONTACTS {
        assert_eq!(sees(&mut alice, &jid(contact))["nick"], contact);
    }
    // The contact sees her, without a question: echo offers a session as soon as it knows her client.
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    alice.hear("hello", SOON).unwrap();

    remove(&mut alice, &jid("silent"));
    alice.roster_becomes("silent gone", |roster| !roster.contains_key(&jid("silent"))).unwrap();
    let events = alice.take_events();
    assert_eq!(requests(&events), Vec::<&Value>::new(), "nobody had to ask");
    alice.send(&json!({ "command": "unregister", "to": Stage::ECHO })).unwrap();
    alice.expect_event("unregistered", SOON).unwrap();
    alice.roster_becomes("nobody", Roster::is_empty).unwrap();
}

#[test]
fn without_that_trust_contacts_ask_and_a_yes_is_enough() {
    contacts_ask_and_a_yes_is_enough(&World::echo("").unwrap());
    contacts_ask_and_a_yes_is_enough(&World::echo_on_ejabberd(false).unwrap());
}

/// ejabberd 23.01 grants the roster and then fails at every change to it (processone/ejabberd#3942).
#[test]
fn where_the_trust_is_not_kept_contacts_ask_as_well() {
    contacts_ask_and_a_yes_is_enough(&World::echo_on_ejabberd(true).unwrap());
}

fn contacts_ask_and_a_yes_is_enough<X: XmppServer>(world: &World<X>) {
    let account = world.account("alice").unwrap();
    // This client asks its user.
    let mut alice = Chat::start(world.dir(), &account, World::ECHO, &[]).unwrap();
    alice.register(Stage::ECHO, &json!({ "username": "alice" })).unwrap();
    for contact in CONTACTS {
        let asks = |event: &Value| event["event"] == "subscribe" && event["from"] == jid(contact);
        let request = alice.expect(&format!("request of {contact}"), SOON, asks).unwrap();
        assert_eq!((&request["nick"], &request["accepted"]), (&json!(contact), &json!(false)));
    }
    let roster = alice.roster().unwrap();
    assert!(!roster.contains_key(&jid("echo")), "nobody is in the roster without having been let in: {roster:?}");

    alice.send(&json!({ "command": "subscribed", "to": jid("echo") })).unwrap();
    alice.subscribe(&jid("echo")).unwrap();
    alice.roster_becomes("echo", |roster| roster.get(&jid("echo")).is_some_and(|i| i.subscription == "both")).unwrap();
    alice
        .raw(&format!(
            "<message xmlns='jabber:client' to='{}' type='chat' id='clear'><body>in clear</body></message>",
            jid("echo")
        ))
        .unwrap();
    let answer = alice.hear("in clear", SOON).unwrap();
    assert_eq!(answer["encrypted"], false, "nobody asked for encryption");

    let again = alice.take_events();
    assert_eq!(
        requests(&again).iter().filter(|event| event["from"] == jid("echo")).count(),
        0,
        "who got in asks no more"
    );
}

#[test]
fn on_prosody_matrix_conversations_are_in_the_roster_and_what_alice_writes_elsewhere_is_hers() {
    conversations_are_there_and_what_alice_writes_elsewhere_is_hers(World::matrix("").unwrap(), true);
}

#[test]
fn on_ejabberd_matrix_conversations_are_in_the_roster_and_what_alice_writes_elsewhere_is_hers() {
    conversations_are_there_and_what_alice_writes_elsewhere_is_hers(World::matrix_on_ejabberd().unwrap(), false);
}

/// `silently`: whether the server lets its users' rosters be changed.
fn conversations_are_there_and_what_alice_writes_elsewhere_is_hers<X: XmppServer>(mut world: World<X>, silently: bool) {
    let account = world.account("alice").unwrap();
    let dir = world.dir().to_owned();
    // Alice and Bob have talked on Matrix before there was a gateway.
    let synapse = world.synapse().unwrap();
    let mut bob = MatrixPeer::create(&dir, synapse, "bob", "builder").unwrap();
    let mut phone = MatrixPeer::create(&dir, synapse, "alice", "wonderland").unwrap();
    let fields = json!({ "homeserver": synapse.url(), "username": "alice", "password": "wonderland" });
    let key = phone.ask(json!({ "command": "enable_recovery" })).unwrap()["key"].clone();
    let room = phone.create_dm("@bob:matrix.test").unwrap();
    bob.joins().unwrap();

    let mut alice = world.chat(&account, World::BOB, &["--trace"]).unwrap();
    alice.raw("<iq xmlns='jabber:client' type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>").unwrap();
    alice.register(Stage::COMPONENT, &fields).unwrap();
    let there = |roster: &Roster| roster.get(World::BOB).is_some_and(|item| item.subscription == "both");
    let roster = alice.roster_becomes("Bob", there).unwrap();
    if silently {
        assert_eq!(roster[World::BOB].name.as_deref(), Some("bob"), "by the name that he has on Matrix: {roster:?}");
    }
    sees(&mut alice, World::BOB);
    alice.recover(Stage::COMPONENT, &key).unwrap();

    phone.say(&room, "from my phone").unwrap();
    bob.hear("from my phone", SOON).unwrap();
    let copy = alice.on_wire(&["from my phone"]).unwrap();
    let own = ["urn:xmpp:carbons:2", "<sent", &format!("from='{}'", account.jid), &format!("to='{}'", World::BOB)];
    assert!(own.iter().all(|part| copy.contains(part)), "her server shows it as what she sent to Bob: {copy}");
    assert!(!copy.contains("You: "), "and so it needs no mark in words: {copy}");

    // It went to Bob once: what her server sent in her name did not cross again.
    bob.say(&room, "I read it").unwrap();
    assert_eq!(alice.hear("I read it", SOON).unwrap()["encrypted"], false);
    phone.say(&room, "and this").unwrap();
    assert_eq!(bob.next_message().unwrap(), "and this");
    alice.on_wire(&["and this"]).unwrap();

    // Out of the roster is out of the room, as taking somebody off a contact list means it.
    remove(&mut alice, World::BOB);
    let left = |event: &Value| event["user"] == "@alice:matrix.test" && event["membership"] == "leave";
    bob.expect("Alice's leaving", SOON, left).unwrap();
    let roster = alice.roster_becomes("nobody but the gateway", |roster| !roster.contains_key(World::BOB)).unwrap();
    assert!(roster.contains_key(Stage::COMPONENT), "the gateway stays: {roster:?}");
    let events = alice.take_events();
    assert_eq!(requests(&events).is_empty(), silently, "nobody had to ask: {:?}", requests(&events));

    // That holds when the gateway starts anew; and an invitation is a question even where the gateway needs no leave.
    world.kill_and_restart_gateway().unwrap();
    let before = alice.roster().unwrap();
    assert!(!before.contains_key(World::BOB), "{before:?}");
    bob.create_dm("@alice:matrix.test").unwrap();
    let asks = |event: &Value| event["event"] == "subscribe" && event["from"] == World::BOB;
    alice.expect("Bob's invitation", SOON, asks).unwrap();
}
