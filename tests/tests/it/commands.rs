//! Commands by all their doors (form, chat, encrypted chat, the host's terminal), and what comes of them.

use std::{fs, time::Duration};

use drawbridge_tests::{Stage, World, clients::Chat};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const ALICE: &str = "alice@xmpp.test";

fn condition(error: &Value) -> &str {
    error["condition"].as_str().unwrap_or_default()
}

/// Says something in clear; gives what came of it: the repeated word of echo, or the error.
fn in_clear(chat: &mut Chat, word: &str) -> Value {
    chat.say_in_clear(word, word).unwrap();
    let outcome = |event: &Value| {
        (event["event"] == "message" && event["text"] == word) || (event["event"] == "error" && event["id"] == word)
    };
    chat.expect(&format!("what comes of {word}"), SOON, outcome).unwrap()
}

#[test]
fn who_is_not_on_the_list_is_refused_at_every_door() {
    const REFUSED: &str = "You may not use this gateway: whoever runs it allows only certain people or servers.";
    let world = World::echo_for(&[ALICE]).unwrap();
    let account = world.account("bob").unwrap();
    let mut bob = world.chat(&account, Stage::ECHO, &[]).unwrap();

    let refusal = bob.register(Stage::ECHO, &json!({ "username": "bob" })).unwrap_err().to_string();
    assert!(refusal.contains("forbidden") && refusal.contains(REFUSED), "by form: {refusal}");
    let command = "<command xmlns='http://jabber.org/protocol/commands' node='login' action='execute'/>";
    let refusal = bob.ask(Stage::ECHO, "set", command).unwrap();
    assert!(refusal.contains("<forbidden") && refusal.contains(REFUSED), "by ad-hoc command: {refusal}");
    let refusal = in_clear(&mut bob, "login");
    assert_eq!((condition(&refusal), &refusal["text"]), ("forbidden", &json!("you may not use this gateway")));
    bob.send(&json!({ "command": "start" })).unwrap();
    let failed = bob.session("failed").unwrap();
    assert!(failed["reason"].as_str().unwrap_or_default().contains("forbidden"), "nor by encrypted chat: {failed}");
    let items = "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>";
    let menu = bob.ask(Stage::ECHO, "get", items).unwrap();
    assert!(
        !menu.contains("node=\"login\"") && !menu.contains("node='login'"),
        "what he may not do is on no menu: {menu}"
    );

    // Nor does the operator let him in by a slip.
    let refusal = world.gateway.operator_says(&["users", "login", "bob@xmpp.test"]).unwrap_err().to_string();
    assert!(refusal.contains("bob@xmpp.test may not use this network. Add them to its allow list"), "{refusal}");

    let (_, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    alice.hear("hello", SOON).expect("who is on the list gets in");
}

#[test]
fn commands_in_a_session_with_the_gateway_are_read_by_nobody_else() {
    let world = World::echo("").unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, Stage::ECHO, &[]).unwrap();
    alice.secure().unwrap();
    let help = answer(&mut alice, "help");
    for command in ["login", "status", "verify", "policy"] {
        assert!(help.contains(command), "{help}");
    }
    let status = answer(&mut alice, "status");
    assert!(status.starts_with("You are not logged in to Echo. Write login"), "{status}");
    assert_eq!(answer(&mut alice, "login"), "Choose any name; there is no password.");
    assert_eq!(alice.next_message().unwrap(), "Name:");
    let done = answer(&mut alice, "alice");
    assert!(done.starts_with("You are logged in to Echo as alice@echo"), "{done}");
    let status = answer(&mut alice, "status");
    assert!(status.contains("Echo account: alice@echo"), "{status}");
    let sessions = answer(&mut alice, "verify");
    assert!(sessions.contains("the gateway itself"), "{sessions}");

    let telltale = "show how your login stands";
    assert!(help.contains(telltale), "{help}");
    let seen = || {
        let files = world.server_files().into_iter().map(|file| fs::read(file).unwrap_or_default());
        files.filter(|content| content.windows(telltale.len()).any(|window| window == telltale.as_bytes())).count()
    };
    assert_eq!(seen(), 0, "Prosody could read the commands");
    alice.say_in_clear("clear", "help").unwrap();
    alice.expect("help in clear", SOON, |event| event["event"] == "message" && event["encrypted"] == false).unwrap();
    assert_ne!(seen(), 0, "Prosody logs what it can read");
}

/// Says something in the session; gives what comes back in it.
fn answer(chat: &mut Chat, said: &str) -> String {
    chat.say(said).unwrap();
    chat.next_message().unwrap()
}

#[test]
fn what_the_user_wants_of_encryption_holds_by_whichever_door_they_said_it() {
    let world = World::echo("").unwrap();
    let (account, mut to_echo) = world.alice_on_echo(World::ECHO).unwrap();
    let mut to_flaky = world.chat(&account.with_resource("two"), "flaky%echo@echo.xmpp.test", &[]).unwrap();
    let mut to_gateway = world.chat(&account.with_resource("three"), Stage::ECHO, &[]).unwrap();
    let passes = |outcome: &Value| outcome["event"] == "message" && outcome["encrypted"] == false;
    let is_refused = |outcome: &Value| condition(outcome) == "policy-violation";

    // As it is: in clear until it was encrypted once, and never in clear again.
    assert!(passes(&in_clear(&mut to_echo, "before")), "prefer lets clear text pass");
    to_echo.secure().unwrap();
    to_echo.deliver("now encrypted", "now encrypted").unwrap();
    // Nothing waits any more that a new session would be started for.
    to_echo.hear("now encrypted", SOON).unwrap();
    to_echo.send(&json!({ "command": "end" })).unwrap();
    to_echo.session("ended").unwrap();
    assert!(is_refused(&in_clear(&mut to_echo, "after")), "and refuses it where there was encryption");
    assert!(passes(&in_clear(&mut to_flaky, "elsewhere")), "but nowhere else");

    // By chat.
    in_clear_command(&mut to_gateway, "policy encryption=off", "Encryption to your client: off");
    assert!(passes(&in_clear(&mut to_echo, "off")), "off lets clear text pass where there was encryption");

    // By form.
    let done = to_gateway.run(Stage::ECHO, "policy", &json!({ "encryption": "require" })).unwrap();
    assert!(done["notes"][0]["text"].as_str().unwrap_or_default().contains("to your client: require"), "{done}");
    assert!(is_refused(&in_clear(&mut to_flaky, "require")), "require refuses it where there was never encryption");
    to_flaky.secure().unwrap();
    to_flaky.deliver("in a session", "in a session").unwrap();
    to_flaky.hear("in a session", SOON).unwrap();

    // On the host.
    let said = world.gateway.operator_says(&["users", "policy", ALICE, "encryption=prefer"]).unwrap();
    assert!(said.contains("Encryption to your client: prefer"), "{said}");
    assert!(is_refused(&in_clear(&mut to_echo, "prefer again")), "what was encrypted once is so again");
    let status = world.gateway.operator_says(&["users", "status", ALICE]).unwrap();
    assert!(status.contains("Echo account: alice@echo") && status.contains("prefer"), "{status}");
    let contacts = world.gateway.operator_says(&["users", "contacts", ALICE]).unwrap();
    assert!(contacts.contains(World::ECHO), "{contacts}");
    let wrong = world.gateway.operator_says(&["users", "policy", ALICE, "encryption=never"]).unwrap_err();
    assert!(wrong.to_string().contains("require, prefer, off"), "{wrong}");
}

fn in_clear_command(chat: &mut Chat, said: &str, answer: &str) {
    chat.say_in_clear(said, said).unwrap();
    let wanted =
        |event: &Value| event["event"] == "message" && event["text"].as_str().is_some_and(|text| text.contains(answer));
    chat.expect(answer, SOON, wanted).unwrap();
}

#[test]
fn the_operator_marks_a_live_session_as_verified_by_its_code() {
    let mut world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let verify = |world: &World, code: &str| world.gateway.operator_says(&["verify", ALICE, code]);

    let none = verify(&world, "abcd-efgh-ikmo-pqru").unwrap_err().to_string();
    assert!(none.contains("has no encrypted session"), "without a session: {none}");
    let session = alice.secure().unwrap();
    alice.deliver("hello", "hello").unwrap();
    let (short, long) = (session["sas"].as_str().unwrap(), session["long"].as_str().unwrap());
    assert_eq!(session["verified"], false, "{session}");
    assert!(standing(&mut alice).contains("not verified"));

    // Both ends know the committed code, so its five characters are what counts.
    assert_eq!(session["compare"], session["sas"], "{session}");
    for wrong in ["abcd-efgh-ikmo-pqru", "acdef", &long[..9], &short[..4]] {
        let refusal = verify(&world, wrong).unwrap_err().to_string();
        assert!(refusal.contains("No session here has this code"), "{wrong:?}: {refusal}");
    }
    let unknown = world.gateway.operator_says(&["verify", "bob@xmpp.test", long]).unwrap_err().to_string();
    assert!(!unknown.contains("Verified"), "somebody else's code: {unknown}");
    assert_eq!(verify(&world, "").unwrap().trim_end(), "Nothing was marked as verified.");
    assert!(standing(&mut alice).contains("not verified"), "nothing of that has verified anything");

    // As a person types it.
    let typed = format!(" {} {}", short[..2].to_uppercase(), &short[2..]);
    let said = verify(&world, &typed).unwrap();
    assert!(said.contains("Verified: echo@echo"), "{said}");
    assert!(!standing(&mut alice).contains("not verified"));

    // What descends from it is verified as well, after a restart too; a client that is new is not.
    alice.send(&json!({ "command": "verify" })).unwrap();
    alice.expect("her own mark", SOON, |event| event["event"] == "session" && event["verified"] == true).unwrap();
    world.kill_and_restart_gateway().unwrap();
    alice.deliver("again", "again").unwrap();
    let next = alice.session("active").unwrap();
    assert_eq!((&next["chain"], &next["verified"]), (&json!("continued"), &json!(true)), "{next}");
    assert!(!standing(&mut alice).contains("not verified"));
    let mut tablet = world.chat(&account.with_resource("tablet"), World::ECHO, &[]).unwrap();
    let new = tablet.secure().unwrap();
    assert_eq!(new["verified"], false, "{new}");
    assert!(standing(&mut tablet).contains("not verified"));
}

/// What the gateway says of the sessions.
fn standing(chat: &mut Chat) -> String {
    let told = chat.run(Stage::ECHO, "verify", &json!({})).unwrap();
    told["notes"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn whoever_compared_codes_with_the_gateway_need_not_compare_them_with_its_contacts() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let first = alice.secure().unwrap();
    assert_eq!((&first["verified"], &first["through"]), (&json!(false), &Value::Null), "{first}");
    alice.send(&json!({ "command": "end" })).unwrap();
    alice.session("ended").unwrap();

    alice.send(&json!({ "command": "start", "with": Stage::ECHO })).unwrap();
    let session = alice.session("active").unwrap();
    let code = session["compare"].as_str().unwrap();
    let said = world.gateway.operator_says(&["verify", ALICE, code]).unwrap();
    assert!(said.contains("Verified: the gateway itself"), "{said}");
    alice.send(&json!({ "command": "verify", "with": Stage::ECHO })).unwrap();
    alice.expect("her own mark", SOON, |event| event["event"] == "session" && event["verified"] == true).unwrap();

    alice.send(&json!({ "command": "start", "with": World::ECHO })).unwrap();
    let vouched = alice.session("active").unwrap();
    assert_eq!((&vouched["verified"], &vouched["through"]), (&json!(true), &json!(Stage::ECHO)), "{vouched}");
    assert_eq!(vouched["hybrid"], true, "{vouched}");
    alice.deliver("hello", "hello").unwrap();
    let told = standing(&mut alice);
    assert!(told.contains("echo@echo") && !told.contains("not verified"), "{told}");

    // A client that has compared nothing is not vouched for.
    let mut tablet = world.chat(&account.with_resource("tablet"), World::ECHO, &[]).unwrap();
    let new = tablet.secure().unwrap();
    assert_eq!((&new["verified"], &new["through"]), (&json!(false), &Value::Null), "{new}");
}

#[test]
fn a_client_with_a_public_key_is_known_by_it_and_knows_the_contact_by_its_own() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.finish().unwrap();
    let phone = account.with_resource("phone");
    let mut alice = world.chat(&phone, World::ECHO, &["--public-key"]).unwrap();
    let first = alice.secure().unwrap();
    assert_eq!((&first["key_standing"], &first["verified"]), (&json!("first"), &json!(false)), "{first}");
    let said = world.gateway.operator_says(&["verify", ALICE, first["compare"].as_str().unwrap()]).unwrap();
    assert!(said.contains("Verified: echo@echo"), "{said}");
    alice.send(&json!({ "command": "verify" })).unwrap();
    alice.expect("her own mark", SOON, |event| event["event"] == "session" && event["verified"] == true).unwrap();
    alice.deliver("hello", "hello").unwrap();
    alice.finish().unwrap();

    // Her client loses its sessions, and keeps its key.
    let state = world.dir().join("alice@xmpp.test-phone");
    let file = fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "json"))
        .unwrap();
    let mut book: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    book["peers"] = json!({});
    fs::write(&file, book.to_string()).unwrap();
    let mut alice = world.chat(&phone, World::ECHO, &["--public-key"]).unwrap();
    let again = alice.secure().unwrap();
    assert_eq!((&again["chain"], &again["key"]), (&json!("new"), &first["key"]), "{again}");
    assert_eq!((&again["key_standing"], &again["verified"]), (&json!("verified"), &json!(true)), "{again}");
    alice.deliver("still me", "still me").unwrap();
    let told = standing(&mut alice);
    assert!(told.contains("echo@echo") && !told.contains("not verified"), "{told}");
    alice.finish().unwrap();

    // Somebody under the same name with another key.
    fs::remove_file(&file).unwrap();
    let mut other = world.chat(&phone, World::ECHO, &["--public-key"]).unwrap();
    assert_eq!(other.secure().unwrap()["key"], first["key"], "the contact keeps its key");
    let warning =
        |event: &Value| event["text"].as_str().is_some_and(|text| text.contains("another public key than before"));
    other.expect("the warning", SOON, warning).unwrap();
    let told = standing(&mut other);
    assert!(told.contains("not verified"), "{told}");
}
