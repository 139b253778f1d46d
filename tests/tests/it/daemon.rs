//! The daemon as its host sees it: it comes up, it is reached, it goes down.

use std::time::Duration;

use drawbridge_tests::{
    Stage,
    clients::{Chat, ChatAccount},
};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

fn ask_for_the_form(alice: &mut Chat) -> Value {
    let mut asked = || {
        alice.send(&json!({ "command": "register", "to": Stage::COMPONENT })).unwrap();
        alice.expect_event("form", Duration::from_secs(6)).ok()
    };
    (0..5).find_map(|_| asked()).unwrap()
}

#[test]
fn it_is_reached_through_prosody_comes_back_after_a_kill_and_ends_well() {
    let stage = Stage::set().unwrap();
    let account = ChatAccount::create(&stage.prosody, "alice", "wonderland").unwrap();
    let mut alice = Chat::start(stage.dir(), &account, Stage::COMPONENT, &[]).unwrap();

    let mut gateway = stage.raise().unwrap();
    gateway.process.wait_for_line("the component link is up", SOON).unwrap();
    let form = ask_for_the_form(&mut alice);
    assert_eq!(form["from"], Stage::COMPONENT);
    let fields = form["form"]["fields"].as_array().unwrap();
    for name in ["homeserver", "username", "password"] {
        assert!(fields.iter().any(|field| field["var"] == name), "{name} is missing in {form}");
    }

    gateway.kill9();
    // What Prosody takes for a component before it knows that the link is down is gone without a word (security.md, F1).
    let refused = |alice: &mut Chat| {
        alice.send(&json!({ "command": "register", "to": Stage::COMPONENT })).unwrap();
        alice.expect_event("error", Duration::from_secs(3)).is_ok()
    };
    assert!((0..10).any(|_| refused(&mut alice)));
    let mut gateway = stage.raise().unwrap();
    gateway.process.wait_for_line("the component link is up", SOON).unwrap();
    ask_for_the_form(&mut alice);

    assert_eq!(gateway.terminate().unwrap().code(), Some(0));
    assert!(alice.finish().unwrap().success());
}
