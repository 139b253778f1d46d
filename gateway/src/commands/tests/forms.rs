//! As ad-hoc commands and as registration: what other people's clients send.

use minidom::Element;

use super::world::{PASSWORD, World, bare};
use crate::accounts::LoginState;
use crate::xmpp::element::{Build, element};
use crate::xmpp::{adhoc, error, ns, register};

const ALICE: &str = "alice@example.org";

fn iq(from: &str, kind: &str, payload: Element) -> Element {
    let iq = element("iq", ns::CLIENT).with("type", kind).with("id", "1").with("from", format!("{from}/tablet"));
    iq.with("to", "gw.example.org").with_child(payload)
}

fn form(values: &[(&str, &str)]) -> Element {
    let field = |(name, value): &(&str, &str)| {
        let value = element("value", ns::DATA_FORMS).with_text(value);
        element("field", ns::DATA_FORMS).with("var", *name).with_child(value)
    };
    element("x", ns::DATA_FORMS).with("type", "submit").with_children(values.iter().map(field))
}

fn command(node: &str) -> Element {
    element("command", ns::COMMANDS).with("node", node)
}

async fn run(world: &World, from: &str, command: Element) -> Element {
    adhoc::handle(&world.keeper, &iq(from, "set", command)).await
}

/// Status and note of an answered command.
fn outcome(answer: &Element) -> (String, String) {
    assert_eq!(answer.attr("type"), Some("result"), "{answer:?}");
    let command = answer.get_child("command", ns::COMMANDS).unwrap();
    let note = command.get_child("note", ns::COMMANDS).map(Element::text).unwrap_or_default();
    (command.attr("status").unwrap().to_owned(), note)
}

fn session(answer: &Element) -> String {
    answer.get_child("command", ns::COMMANDS).unwrap().attr("sessionid").unwrap().to_owned()
}

#[tokio::test]
async fn the_login_command_shows_a_form_and_takes_its_answers() {
    let world = World::new();
    let asked = run(&world, ALICE, command("login").with("action", "execute")).await;
    assert_eq!(outcome(&asked).0, "executing");
    let shown = asked.get_child("command", ns::COMMANDS).unwrap().get_child("x", ns::DATA_FORMS).unwrap();
    let kinds: Vec<_> = shown.children().filter_map(|f| Some((f.attr("var")?, f.attr("type")?))).collect();
    assert_eq!(kinds, [("username", "text-single"), ("password", "text-private")]);
    let instructions = shown.get_child("instructions", ns::DATA_FORMS).unwrap().text();
    assert!(instructions.contains("people who run your XMPP server can read what you enter"), "{instructions}");

    let wrong = command("login").with("sessionid", session(&asked)).with("action", "next");
    let refused = run(&world, ALICE, wrong.with_child(form(&[("username", "alice"), ("password", "open")]))).await;
    assert_eq!(outcome(&refused), ("executing".into(), "The password is wrong.".into()));
    assert!(refused.get_child("command", ns::COMMANDS).unwrap().has_child("x", ns::DATA_FORMS), "the form stands");

    let right = command("login").with("sessionid", session(&asked)).with("action", "complete");
    let done = run(&world, ALICE, right.with_child(form(&[("username", "alice"), ("password", PASSWORD)]))).await;
    assert_eq!(outcome(&done).0, "completed");
    world.comes_to(ALICE, LoginState::Online).await;
}

#[tokio::test]
async fn hostile_commands_get_the_protocols_own_errors() {
    let world = World::new();
    let asked = run(&world, ALICE, command("login")).await;
    let id = session(&asked);
    let answers = || form(&[("username", "alice"), ("password", PASSWORD)]);
    for (from, command, condition, specific) in [
        (ALICE, command("no-such-node"), "item-not-found", None),
        (ALICE, command("login").with("sessionid", "wrong"), "bad-request", Some("bad-sessionid")),
        ("bob@example.org", command("login").with("sessionid", &id), "bad-request", Some("bad-sessionid")),
        (
            "bob@example.org",
            command("login").with("sessionid", &id).with("action", "cancel"),
            "bad-request",
            Some("bad-sessionid"),
        ),
        (ALICE, command("login").with("sessionid", &id).with("action", "prev"), "bad-request", Some("bad-action")),
        (ALICE, command("login").with("action", "complete"), "bad-request", Some("bad-action")),
        (
            ALICE,
            command("login").with("sessionid", &id).with("action", "jump"),
            "bad-request",
            Some("malformed-action"),
        ),
        ("eve@example.net", command("login"), "forbidden", None),
    ] {
        let answer = run(&world, from, command.with_child(answers())).await;
        assert_eq!(error::reason(&answer).0, condition);
        let child = answer.get_child("error", ns::CLIENT).unwrap();
        assert_eq!(child.children().find(|c| c.has_ns(ns::COMMANDS)).map(|c| c.name().to_owned()).as_deref(), specific);
    }
    let done = run(&world, ALICE, command("login").with("sessionid", id).with_child(answers())).await;
    assert_eq!(outcome(&done).0, "completed", "nothing of that touched alice's own command");
    assert_eq!(world.state("bob@example.org"), None);
}

#[tokio::test]
async fn huge_answers_are_refused_and_the_form_stands() {
    let world = World::new();
    let id = session(&run(&world, ALICE, command("login")).await);
    let huge = "x".repeat(100_000);
    let many: Vec<_> = (0..1000).map(|n| format!("field{n}")).collect();
    let mut values: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
    values.extend([("username", "alice"), ("password", huge.as_str())]);
    let answer = run(&world, ALICE, command("login").with("sessionid", id).with_child(form(&values))).await;
    assert_eq!(outcome(&answer), ("executing".into(), "Password is too long: at most 4096 octets.".into()));
}

#[tokio::test]
async fn a_new_command_gives_up_the_one_before() {
    let world = World::new();
    let id = session(&run(&world, ALICE, command("login")).await);
    assert_eq!(outcome(&run(&world, ALICE, command("status")).await).0, "completed");
    let late = run(&world, ALICE, command("login").with("sessionid", id)).await;
    assert_eq!(error::reason(&late).0, "bad-request");
    assert_eq!(world.directories(), 0);
}

#[tokio::test]
async fn a_command_can_be_cancelled() {
    let world = World::new();
    let id = session(&run(&world, ALICE, command("login")).await);
    let cancelled = run(&world, ALICE, command("login").with("sessionid", id).with("action", "cancel")).await;
    assert_eq!(outcome(&cancelled).0, "canceled");
    assert_eq!(world.directories(), 0);
}

#[tokio::test]
async fn the_menu_has_what_is_possible_now() {
    let world = World::new();
    let nodes = async |who| adhoc::items(&world.keeper, &bare(who)).await.into_iter().map(|i| i.0).collect::<Vec<_>>();
    assert_eq!(nodes(ALICE).await, ["login", "status", "help"]);
    world.logged_in(ALICE).await;
    assert_eq!(nodes(ALICE).await.len(), 12);
    assert!(nodes("eve@example.net").await.is_empty());
}

async fn registration(world: &World, from: &str, kind: &str, children: Vec<Element>) -> Element {
    let query = element("query", ns::REGISTER).with_children(children);
    register::handle(&world.keeper, &iq(from, kind, query)).await
}

#[tokio::test]
async fn registration_offers_a_form_and_plain_fields_and_says_who_reads_them() {
    let world = World::new();
    let offered = registration(&world, ALICE, "get", vec![]).await;
    let query = offered.get_child("query", ns::REGISTER).unwrap();
    assert!(!query.has_child("registered", ns::REGISTER));
    assert!(query.has_child("username", ns::REGISTER) && query.has_child("password", ns::REGISTER));
    assert!(query.get_child("instructions", ns::REGISTER).unwrap().text().contains("XMPP server can read"));
    let form_type =
        query.get_child("x", ns::DATA_FORMS).unwrap().children().find(|f| f.attr("var") == Some("FORM_TYPE"));
    let value = form_type.unwrap().get_child("value", ns::DATA_FORMS).unwrap().text();
    assert_eq!(value, "jabber:iq:register");
    assert_eq!(world.directories(), 0, "asking leaves nothing behind");
}

#[tokio::test]
async fn registration_by_form_or_by_plain_fields_logs_in() {
    let world = World::new();
    let filled = form(&[("FORM_TYPE", "jabber:iq:register"), ("username", "alice"), ("password", PASSWORD)]);
    assert_eq!(registration(&world, ALICE, "set", vec![filled]).await.attr("type"), Some("result"));
    world.comes_to(ALICE, LoginState::Online).await;

    let plain = |name, text| element(name, ns::REGISTER).with_text(text);
    let fields = vec![plain("username", "bob"), plain("password", PASSWORD)];
    assert_eq!(registration(&world, "bob@example.org", "set", fields).await.attr("type"), Some("result"));
    world.comes_to("bob@example.org", LoginState::Online).await;

    let again = registration(&world, ALICE, "get", vec![]).await;
    assert!(again.get_child("query", ns::REGISTER).unwrap().has_child("registered", ns::REGISTER));
}

#[tokio::test]
async fn of_two_registrations_at_once_one_wins_and_the_other_leaves_no_device() {
    let world = World::new();
    let filled = |name| vec![form(&[("username", name), ("password", PASSWORD)])];
    let (one, two) = tokio::join!(
        registration(&world, ALICE, "set", filled("one")),
        registration(&world, ALICE, "set", filled("two")),
    );
    let (won, lost) = if one.attr("type") == Some("result") { (one, two) } else { (two, one) };
    assert_eq!(won.attr("type"), Some("result"));
    assert_eq!(error::reason(&lost).0, "conflict");
    assert_eq!((world.directories(), world.far.accounts().len()), (1, 1));
    world.comes_to(ALICE, LoginState::Online).await;
}

#[tokio::test]
async fn registration_that_fails_says_why() {
    let world = World::new();
    let filled = |name, password| vec![form(&[("username", name), ("password", password)])];
    for (from, children, condition, words) in [
        (ALICE, filled("alice", "open"), "not-acceptable", "The password is wrong."),
        (ALICE, filled("alice", ""), "not-acceptable", "Password is needed."),
        (ALICE, filled("down", PASSWORD), "remote-server-timeout", "The network does not answer"),
        (ALICE, filled("linked", PASSWORD), "not-acceptable", "Use the command login"),
        ("eve@example.net", filled("eve", PASSWORD), "forbidden", "You may not use this gateway"),
        (ALICE, vec![element("remove", ns::REGISTER)], "registration-required", "You are not registered"),
    ] {
        let (name, text) = error::reason(&registration(&world, from, "set", children).await);
        assert_eq!(name, condition);
        assert!(text.unwrap().contains(words), "{words}");
    }
    assert_eq!(world.directories(), 0);
    let refused = registration(&world, "eve@example.net", "get", vec![]).await;
    assert_eq!(error::reason(&refused).0, "forbidden");
}

#[tokio::test]
async fn removing_the_registration_ends_everything() {
    let world = World::new();
    world.logged_in(ALICE).await;
    let removed = registration(&world, ALICE, "set", vec![element("remove", ns::REGISTER)]).await;
    assert_eq!(removed.attr("type"), Some("result"));
    assert!(world.keeper.accounts.user(&world.keeper, &bare(ALICE)).await.unwrap().is_none());
    assert_eq!((world.state(ALICE), world.directories()), (None, 0));
}
