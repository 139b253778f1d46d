//! What goes wrong, and that the user is told, and that nothing else suffers. On echo: no homeserver is needed.

use std::time::Duration;

use drawbridge_tests::{Process, Stage, World, clients::Chat, servers::XmppServer};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
/// As long as nobody should hear anything.
const SILENCE: Duration = Duration::from_millis(700);

fn condition(error: &Value) -> &str {
    error["condition"].as_str().unwrap_or_default()
}

fn words(error: &Value) -> &str {
    error["text"].as_str().unwrap_or_default()
}

/// A message in clear.
fn clear(id: &str, to: &str) -> String {
    format!("<message xmlns='jabber:client' to='{to}' type='chat' id='{id}'><body>{id}</body></message>")
}

/// Alice converses with `with` as well as before.
fn all_is_well(alice: &mut Chat, id: &str) {
    alice.deliver(id, id).unwrap();
    alice.hear(id, SOON).expect("echo repeats it");
}

#[test]
fn only_whom_the_operator_lets_in_gets_in() {
    let world = World::echo_of_others().unwrap();
    let account = world.account("mallory").unwrap();
    let mut mallory = world.chat(&account, "echo%echo@echo.others.test", &[]).unwrap();
    let refusal = mallory.register(world.component(), &json!({ "username": "mallory" })).unwrap_err().to_string();
    assert!(refusal.contains("forbidden"), "somebody of another domain cannot register: {refusal}");
    mallory.raw(&clear("hi", "echo%echo@echo.others.test")).unwrap();
    let error = mallory.error("hi").unwrap();
    assert_eq!((condition(&error), words(&error)), ("forbidden", "you may not use this gateway"));
    mallory.send(&json!({ "command": "start" })).unwrap();
    let failed = mallory.session("failed").unwrap();
    assert!(failed["reason"].as_str().unwrap_or_default().contains("forbidden"), "nor start a session: {failed}");
    drop(world);

    let world = World::echo("").unwrap();
    let account = world.account("alice").unwrap();
    let mut alice = world.chat(&account, World::ECHO, &[]).unwrap();
    alice.raw(&clear("hi", World::ECHO)).unwrap();
    let error = alice.error("hi").unwrap();
    assert_eq!((condition(&error), words(&error)), ("registration-required", "register with echo.xmpp.test first"));
    let refusal = alice.register(Stage::ECHO, &json!({ "username": "a b" })).unwrap_err().to_string();
    assert!(refusal.contains("use no spaces"), "a form that is filled in wrong says what is wrong: {refusal}");
    alice.register(Stage::ECHO, &json!({ "username": "alice" })).unwrap();
    alice.secure().unwrap();
    all_is_well(&mut alice, "now it works");
}

#[test]
fn what_cannot_be_delivered_comes_back_and_names_the_message() {
    let world = World::echo("[limits]\nmax_message = 2000\n").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    alice.secure().unwrap();

    alice.say_as("long", &"x".repeat(2001)).unwrap();
    let error = alice.error("long").unwrap();
    assert_eq!((condition(&error), words(&error)), ("policy-violation", "the message is longer than 2000 octets"));
    alice.deliver("just fits", &"x".repeat(2000)).unwrap();

    alice.send(&json!({ "command": "clear_send", "text": "in clear", "id": "in clear" })).unwrap();
    let error = alice.error("in clear").unwrap();
    assert_eq!(condition(&error), "policy-violation", "a clear message in a protected conversation: {error}");
    assert!(words(&error).starts_with("this conversation is encrypted"), "the user is told what to do: {error}");
    alice
        .raw(&format!("<message to='{}' id='to all' type='chat'><body>in clear</body></message>", World::ECHO))
        .unwrap();
    let error = alice.error("to all").unwrap();
    assert_eq!(error["from"], World::ECHO, "the error comes from where it was sent to, so that clients show it there");
    all_is_well(&mut alice, "after the clear message");
    let repeated = alice.hear("in clear", SILENCE);
    assert!(repeated.is_err(), "the clear message reached the far side: {repeated:?}");

    let mut to_refuser = world.chat(&account.with_resource("two"), "refuser%echo@echo.xmpp.test", &[]).unwrap();
    to_refuser.secure().unwrap();
    to_refuser.say_as("no", "take this").unwrap();
    let error = to_refuser.error("no").unwrap();
    assert_eq!((condition(&error), words(&error)), ("not-allowed", "this contact takes no messages"));

    // The second attempt succeeds, and the one behind waits its turn.
    let mut to_flaky = world.chat(&account.with_resource("three"), "flaky%echo@echo.xmpp.test", &[]).unwrap();
    to_flaky.secure().unwrap();
    to_flaky.say_as("1", "first").unwrap();
    to_flaky.say_as("2", "second").unwrap();
    assert_eq!(to_flaky.next_message().unwrap(), "first");
    assert_eq!(to_flaky.next_message().unwrap(), "second");

    let mut to_nobody = world.chat(&account.with_resource("four"), "nobody%nowhere@echo.xmpp.test", &[]).unwrap();
    to_nobody.secure().unwrap();
    to_nobody.say_as("lost", "are you there?").unwrap();
    let error = to_nobody.error("lost").unwrap();
    assert_eq!((condition(&error), words(&error)), ("item-not-found", "there is no such person on the network"));
    to_nobody.raw(&clear("x", "a%b%c@echo.xmpp.test")).unwrap();
    assert_eq!(condition(&to_nobody.error("x").unwrap()), "item-not-found", "an address that is nobody's");
}

#[test]
fn a_session_that_is_attacked_is_replaced_and_one_that_is_refused_says_why() {
    let world = World::echo("").unwrap();
    let (account, mut alice) = world.alice_on_echo(World::ECHO).unwrap();
    let first = alice.secure().unwrap();
    all_is_well(&mut alice, "before the attack");

    // Somebody on the way changes a stanza: here with a MAC that nobody made.
    let forged = format!(
        "<message xmlns='jabber:client' to='{}' type='chat' id='forged'><c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'>\
         <data>AAAAAAAAAAAAAAAAAAAAAA==</data><mac>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</mac></c></message>",
        first["with"].as_str().unwrap()
    );
    alice.raw(&forged).unwrap();
    alice.say_as("once", "exactly once").unwrap();
    let second = alice.session("active").expect("a new session replaces the broken one");
    assert_ne!(first["long"], second["long"], "with new keys");
    assert_eq!(second["chain"], "continued", "which descend from the old ones: {second}");
    alice.receipt("once").unwrap();
    alice.hear("exactly once", SOON).unwrap();
    all_is_well(&mut alice, "after the attack");
    let again = alice.hear("exactly once", SILENCE);
    assert!(again.is_err(), "the message arrived twice: {again:?}");

    let options = ["--trace", "--ciphers", "aes192-ctr"];
    let mut picky = world.chat(&account.with_resource("picky"), World::ECHO, &options).unwrap();
    picky.send(&json!({ "command": "start" })).unwrap();
    let failed = picky.session("failed").unwrap();
    assert!(failed["reason"].as_str().unwrap_or_default().contains("not-acceptable"), "{failed}");
    let refusal = |event: &Value| {
        let xml = event["xml"].as_str().unwrap_or_default();
        event["direction"] == "in" && xml.contains("<not-acceptable") && xml.contains("crypt_algs")
    };
    picky.expect("error that names the field crypt_algs", SOON, refusal).unwrap();
    all_is_well(&mut alice, "after the refusal");
}

#[test]
fn every_client_of_a_user_has_a_session_of_its_own() {
    let world = World::echo("").unwrap();
    let (account, mut desk) = world.alice_on_echo(World::ECHO).unwrap();
    let at_desk = desk.secure().unwrap();
    let mut phone = world.chat(&account.with_resource("phone"), World::ECHO, &[]).unwrap();
    let on_phone = phone.secure().unwrap();
    assert_ne!(at_desk["long"], on_phone["long"], "two sessions have nothing in common");
    for client in [&mut desk, &mut phone] {
        let notice = client.next_message().unwrap();
        assert!(notice.starts_with("Notice: a client of yours, \"phone\","), "nothing was lost: {notice}");
    }

    for number in 0..5 {
        let (speaker, text) = if number % 2 == 0 {
            (&mut desk, format!("desk {number}"))
        } else {
            (&mut phone, format!("phone {number}"))
        };
        speaker.deliver(&text, &text).unwrap();
        for client in [&mut desk, &mut phone] {
            assert_eq!(client.next_message().unwrap(), text, "every client sees every answer, once and in order");
        }
    }

    assert!(phone.finish().unwrap().success());
    desk.deliver("alone", "alone").unwrap();
    assert_eq!(desk.next_message().unwrap(), "alone");
}

#[test]
fn prosody_restarts_in_mid_conversation() {
    the_xmpp_server_restarts_in_mid_conversation(World::echo("").unwrap(), Process::kill);
}

#[test]
fn ejabberd_restarts_in_mid_conversation() {
    // Killed, it would have forgotten an account as young as Alice's.
    let stop = |process: &mut Process| {
        process.stop().unwrap();
    };
    the_xmpp_server_restarts_in_mid_conversation(World::echo_on_ejabberd(true).unwrap(), stop);
}

fn the_xmpp_server_restarts_in_mid_conversation<X: XmppServer>(mut world: World<X>, end: fn(&mut Process)) {
    let (_, mut alice) = world.alice_on_echo("slow%echo@echo.xmpp.test").unwrap();
    alice.secure().unwrap();
    alice.deliver("before", "before").unwrap();

    // The answer comes five seconds later: into the restart.
    end(world.xmpp.process());
    alice.expect_event("offline", SOON).unwrap();
    alice.say_as("during", "during").unwrap();
    world.xmpp.process().restart().unwrap();

    alice.session("active").expect("client and gateway find each other again");
    alice.receipt("during").unwrap();
    assert_eq!(alice.next_message().unwrap(), "before", "the answer that was due during the restart");
    assert_eq!(alice.next_message().unwrap(), "during");
    alice.deliver("after", "after").unwrap();
    assert_eq!(alice.next_message().unwrap(), "after");
    let text = alice.take_events().into_iter().find(|event| event["event"] == "message");
    assert_eq!(text, None, "nothing comes twice");
}
