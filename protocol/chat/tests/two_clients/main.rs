//! Two clients against each other, in memory: stories of sessions that stand, break, come back and end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod away;
mod certified;
mod keys;
mod kinds;
mod pairing;
mod passwords;
mod published;
mod terms;
mod world;

use esession_chat::{Chain, Command, Event, SecretBook, SessionState};
use world::{End, START, World};

fn send(text: &str) -> Command {
    Command::Send { text: text.to_owned(), id: None, about: None, with: None }
}

fn send_as(text: &str, id: &str) -> Command {
    Command::Send { text: text.to_owned(), id: Some(id.to_owned()), about: None, with: None }
}

#[test]
fn they_talk_both_ways_and_end_in_good_order() {
    let mut world = World::new();
    world.tell(End::Alice, send("hello Bob 🦀 <&>"));
    world.tell(End::Bob, send("hello Alice"));
    world.settle();

    assert_eq!(world.texts(End::Bob), [("hello Bob 🦀 <&>".to_owned(), true)]);
    assert_eq!(world.texts(End::Alice), [("hello Alice".to_owned(), true)]);
    assert_eq!(world.receipts(End::Alice), 1);
    assert_eq!(world.receipts(End::Bob), 1);
    assert!(!world.wire_text().contains("hello"), "plaintext on the wire");

    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    for end in [End::Alice, End::Bob] {
        let ended = world.last_session(end);
        assert_eq!((ended.state, ended.acknowledged), (SessionState::Ended, Some(true)), "{end:?}");
    }
}

#[test]
fn both_see_the_same_codes_and_verify_once() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    let (alice, bob) = (world.keys(End::Alice), world.keys(End::Bob));
    assert_eq!((&alice.sas, &alice.long), (&bob.sas, &bob.long));
    assert_eq!((alice.sas.unwrap().len(), alice.long.unwrap().len()), (5, 19));
    assert!(!alice.verified && alice.chain == Some(Chain::New) && alice.confirmed && bob.confirmed);
    assert_eq!((alice.stanzas, alice.bytes > 1000), (4, true));
    assert!(alice.hybrid && bob.hybrid);

    world.tell(End::Alice, Command::Verify { with: None });
    world.tell(End::Bob, Command::Verify { with: None });
    assert!(world.keys(End::Alice).verified && world.keys(End::Bob).verified);

    world.tell(End::Bob, Command::End { with: None });
    world.settle();
    world.tell(End::Bob, Command::Start { with: None });
    world.settle();
    for end in [End::Alice, End::Bob] {
        let keys = world.keys(end);
        assert!(keys.verified && keys.chain == Some(Chain::Continued), "{end:?}: {keys:?}");
    }
}

#[test]
fn a_lost_stanza_breaks_the_session_and_nothing_is_lost_or_doubled() {
    let mut world = World::new();
    world.tell(End::Alice, send_as("one", "1"));
    world.settle();
    world.drop_next(End::Alice, 1);
    world.tell(End::Alice, send_as("two", "2"));
    world.tell(End::Alice, send_as("three", "3"));
    world.settle();

    let texts: Vec<String> = world.texts(End::Bob).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(world.states(End::Bob).contains(&SessionState::Failed));
    assert_eq!(world.receipts(End::Alice), 3);
    assert_eq!(world.last_session(End::Alice).state, SessionState::Active);
}

#[test]
fn a_lost_receipt_makes_the_message_go_again_and_it_is_shown_once() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.drop_next(End::Bob, 1);
    world.tell(End::Alice, send("only once"));
    world.settle();
    assert_eq!(world.receipts(End::Alice), 0);
    world.tell(End::Bob, send("breaks the session"));
    world.settle();

    assert_eq!(world.texts(End::Bob).len(), 1);
    assert_eq!(world.texts(End::Alice), [("breaks the session".to_owned(), true)]);
    assert_eq!(world.receipts(End::Alice), 1);
}

#[test]
fn a_client_that_forgot_its_sessions_says_so_and_gets_a_new_one() {
    let mut world = World::new();
    world.tell(End::Alice, send("before"));
    world.settle();
    world.restart(End::Bob);
    world.tell(End::Alice, send("after"));
    world.settle();
    assert_eq!(world.texts(End::Bob), [("after".to_owned(), true)]);
    assert_eq!(world.keys(End::Bob).chain, Some(Chain::Continued));
}

#[test]
fn a_client_that_lost_its_secrets_is_announced_as_a_stranger() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.tell(End::Alice, Command::Verify { with: None });
    world.forget_secrets(End::Bob);
    world.tell(End::Alice, send("still you?"));
    world.settle();
    let keys = world.keys(End::Alice);
    assert!(keys.chain == Some(Chain::Lost) && !keys.verified);
    let warned = world
        .events(End::Alice)
        .iter()
        .any(|event| matches!(event, Event::Notice { text } if text.contains("WARNING")));
    assert!(warned, "no warning");
}

#[test]
fn requests_that_cross_lead_to_one_session() {
    for _ in 0..3 {
        let mut world = World::new();
        world.tell(End::Alice, Command::Start { with: None });
        world.tell(End::Bob, Command::Start { with: None });
        world.settle();
        world.tell(End::Alice, send("to Bob"));
        world.tell(End::Bob, send("to Alice"));
        world.settle();
        assert_eq!(world.texts(End::Alice), [("to Alice".to_owned(), true)]);
        assert_eq!(world.texts(End::Bob), [("to Bob".to_owned(), true)]);
        assert_eq!(world.keys(End::Alice).long, world.keys(End::Bob).long);
    }
}

#[test]
fn words_in_the_clear_are_flagged_and_not_answered() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    let before = world.sent_by(End::Bob);
    world.tell(End::Alice, Command::ClearSend { text: "in the clear".to_owned(), id: None, with: None });
    world.settle();
    assert_eq!(world.texts(End::Bob), [("in the clear".to_owned(), false)]);
    assert_eq!(world.sent_by(End::Bob), before, "a message in the clear was answered");
}

#[test]
fn a_forged_message_in_the_clear_hides_no_real_one() {
    let mut world = World::new();
    world.inject(End::Bob, "<message type='chat' id='9' from='alice@example.org/a'><body>forged</body></message>");
    world.tell(End::Alice, send_as("real", "9"));
    world.settle();
    assert_eq!(world.texts(End::Bob), [("forged".to_owned(), false), ("real".to_owned(), true)]);
}

#[test]
fn an_error_injected_into_a_session_costs_a_negotiation_and_never_the_encryption() {
    let mut world = World::new();
    world.tell(End::Alice, send("one"));
    world.settle();
    let thread = world.thread();
    world.inject(
        End::Alice,
        &format!(
            "<message type='error' from='bob@example.org/b'><thread>{thread}</thread><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ),
    );
    world.tell(End::Alice, send("the second"));
    world.settle();
    assert!(world.states(End::Alice).contains(&SessionState::Failed));
    assert_eq!(world.texts(End::Bob).last(), Some(&("the second".to_owned(), true)));
    assert!(!world.wire_text().contains("the second"));
}

#[test]
fn a_message_that_is_refused_comes_back_as_an_error_naming_it() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.drop_next(End::Bob, 1);
    world.tell(End::Alice, send_as("too long", "7"));
    world.settle();
    world.inject(
        End::Alice,
        "<message type='error' id='7' from='bob@example.org/b'><error type='modify'>\
         <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>too long</text></error></message>",
    );
    let told = world.events(End::Alice).iter().any(|event| {
        matches!(event, Event::Error { id: Some(id), condition, text: Some(text), .. }
            if id == "7" && condition == "policy-violation" && text == "too long")
    });
    assert!(told, "{:?}", world.events(End::Alice));
    assert_eq!(world.last_session(End::Alice).state, SessionState::Active);
}

#[test]
fn a_message_to_a_gateway_that_is_down_waits_for_it_and_one_that_is_given_up_does_not() {
    for (kind, waits) in [("wait", true), ("cancel", false)] {
        let mut world = World::new();
        world.tell(End::Alice, Command::Start { with: None });
        world.settle();
        world.drop_next(End::Alice, 1);
        world.tell(End::Alice, send_as("patient", "7"));
        world.inject(
            End::Alice,
            &format!(
                "<message type='error' id='7' from='bob@example.org/b'><error type='{kind}'>\
                 <remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            ),
        );
        world.settle();
        let arrived = world.texts(End::Bob) == [("patient".to_owned(), true)];
        let told = world
            .events(End::Alice)
            .iter()
            .any(|event| matches!(event, Event::Error { id: Some(id), .. } if id == "7"));
        assert_eq!((arrived, told), (waits, !waits), "{kind}");
    }
}

#[test]
fn markup_in_a_text_is_text() {
    let mut world = World::new();
    let text = "<a>".repeat(1000) + "</body>]]>&amp;\u{1F980}\r\n\t";
    world.tell(End::Alice, send(&text));
    world.settle();
    assert_eq!(world.texts(End::Bob), [(text, true)]);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once_and_harms_no_session() {
    let mut world = World::new();
    world.tell(End::Alice, send_as("bell \u{7}", "1"));
    world.tell(End::Alice, send_as(&"<".repeat(100_000), "2"));
    world.settle();
    let refused: Vec<_> = world
        .events(End::Alice)
        .iter()
        .filter_map(|event| match event {
            Event::Error { id, condition, .. } => Some((id.clone(), condition.clone())),
            _ => None,
        })
        .collect();
    let not_sent = |id: &str| (Some(id.to_owned()), "not-sent".to_owned());
    assert_eq!(refused, [not_sent("1"), not_sent("2")]);
    assert!(world.texts(End::Bob).is_empty());
}

#[test]
fn a_stranger_gets_no_session_and_no_answer() {
    let mut world = World::new();
    let request = "<message id='1' from='eve@example.org/e'><thread>t</thread>\
        <feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'>\
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:ssn</value></field></x></feature></message>";
    let before = world.sent_by(End::Bob);
    world.inject(End::Bob, request);
    world.settle();
    assert_eq!(world.sent_by(End::Bob), before);
}

#[test]
fn typing_and_markers_travel_in_the_session_only() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Typing { on: true, with: None });
    world.settle();
    assert!(!world.wire_text().contains("<message"), "typing was told without a session");
    world.tell(End::Alice, send_as("hi", "5"));
    world.settle();
    world.tell(End::Alice, Command::Typing { on: true, with: None });
    world.tell(End::Bob, Command::Displayed { id: "5".to_owned(), with: None });
    world.settle();
    let typing = world.events(End::Bob).iter().any(|event| matches!(event, Event::Typing { on: true, .. }));
    let read = world
        .events(End::Alice)
        .iter()
        .any(|event| matches!(event, Event::Displayed { id, encrypted: true } if id == "5"));
    assert!(typing && read);
    assert!(!world.wire_text().contains("composing") && !world.wire_text().contains("displayed"));
}

#[test]
fn silence_is_given_up_and_tried_again_when_the_peer_comes_back() {
    let mut world = World::new();
    world.cut(End::Bob);
    world.tell(End::Alice, send("are you there?"));
    world.settle();
    assert!(world.states(End::Alice).contains(&SessionState::Failed));
    world.mend(End::Bob);
    world.settle();
    assert_eq!(world.texts(End::Bob), [("are you there?".to_owned(), true)]);
}

#[test]
fn a_peer_that_died_without_a_word_is_noticed() {
    let mut world = World::new();
    world.tell(End::Alice, send("one"));
    world.settle();
    // the server keeps the stanzas of a client that it thinks will be back
    world.cut(End::Bob);
    world.tell(End::Alice, send("two"));
    world.wait(30);
    let failed = world.states(End::Alice).contains(&SessionState::Failed);
    assert!(failed, "{:?}", world.states(End::Alice));
    world.restart(End::Bob);
    world.settle();
    assert_eq!(world.texts(End::Bob), [("two".to_owned(), true)]);
}

#[test]
fn a_slow_receipt_breaks_nothing() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.drop_next(End::Bob, 1);
    world.tell(End::Alice, send("held back behind a gateway"));
    world.settle();
    assert!(!world.states(End::Alice).contains(&SessionState::Failed));
    assert_eq!(world.texts(End::Bob).len(), 1);
}

#[test]
fn leaving_waits_for_receipts_and_ends_sessions() {
    let mut world = World::new();
    world.tell(End::Alice, send("last words"));
    world.tell(End::Alice, Command::Quit {});
    world.settle();
    assert_eq!(world.texts(End::Bob), [("last words".to_owned(), true)]);
    assert_eq!(world.receipts(End::Alice), 1);
    assert_eq!(world.last_session(End::Bob).acknowledged, Some(true));
    assert!(world.has_left(End::Alice));
}

#[test]
fn what_was_not_confirmed_has_not_replaced_anything() {
    let mut world = World::new();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.tell(End::Alice, Command::Verify { with: None });
    world.tell(End::Bob, Command::Verify { with: None });
    world.tell(End::Alice, Command::End { with: None });
    world.settle();
    // the last message of the negotiation gets lost: Bob has a pending secret that Alice never learns of
    world.drop_after(End::Bob, 1, 1);
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    world.tell(End::Alice, Command::Start { with: None });
    world.settle();
    for end in [End::Alice, End::Bob] {
        assert!(world.keys(end).verified, "{end:?} lost the chain");
    }
}

/// Both compared codes with the gateway at their domain. It vouches for the two, so they need not compare again.
#[test]
fn a_gateway_that_was_verified_vouches_for_whoever_is_behind_it() {
    let gateway = jid::BareJid::new("example.org").unwrap();
    let mut book = SecretBook::default();
    let secret = esession::RetainedSecret::new(0, esession::Secret::new(&[7; 32]), false);
    let id = book.add_pending(&gateway, &secret, None, START);
    book.confirm(&gateway, id);
    for verified in [false, true] {
        if verified {
            assert!(book.verify(&gateway, id));
        }
        let mut world = World::with(&book);
        world.tell(End::Alice, send("hello"));
        world.settle();
        for end in [End::Alice, End::Bob] {
            let keys = world.keys(end);
            let through = verified.then(|| "example.org".to_owned());
            assert_eq!((keys.verified, keys.chain, keys.through), (verified, Some(Chain::New), through));
        }
        world.tell(End::Alice, Command::End { with: None });
        world.settle();
        world.tell(End::Bob, Command::Start { with: None });
        world.settle();
        assert_eq!(world.keys(End::Alice).verified, verified, "and it lasts");
    }
}

/// What Bob seals before Alice has shown the final keys could be opened later by who posed as her: he waits.
#[test]
fn nothing_is_said_to_a_peer_that_has_not_shown_its_keys() {
    let mut world = World::new();
    // request, identity; then the stanza that confirms
    world.drop_after(End::Alice, 2, 1);
    world.tell(End::Alice, Command::Start { with: None });
    world.wait(1);
    world.tell(End::Bob, send("are you there?"));
    world.wait(25);
    assert_eq!(world.texts(End::Alice), []);
    assert!(!world.states(End::Bob).contains(&SessionState::Active), "half a minute for a slow network");
    world.settle();
    let reasons: Vec<_> = world
        .events(End::Bob)
        .iter()
        .filter_map(|event| match event {
            Event::Session(session) => session.reason.clone(),
            _ => None,
        })
        .collect();
    assert!(reasons.iter().any(|reason| reason == "the peer did not show that it holds the keys"), "{reasons:?}");
    assert_eq!(world.texts(End::Alice), [("are you there?".to_owned(), true)], "in a session that is right");
}

#[test]
fn keys_that_have_served_are_renewed_when_nothing_is_said_any_more() {
    let mut world = World::new();
    world.tell(End::Alice, send("one"));
    world.settle();
    world.tell(End::Bob, send("two"));
    world.settle();
    assert!(!world.wire_text().contains("<key"));
    world.wait(1000);
    let keys = world.wire_text().matches("<key").count();
    assert!((1..=2).contains(&keys), "one, or two that crossed: {keys}");
    world.tell(End::Alice, send("three"));
    world.settle();
    assert_eq!(world.texts(End::Bob), [("one".to_owned(), true), ("three".to_owned(), true)]);
    assert_eq!(world.receipts(End::Alice), 2);
    assert!(!world.states(End::Bob).contains(&SessionState::Failed));
}

/// What a client saves that has a key.
fn book() -> SecretBook {
    let mut book = SecretBook::default();
    let key = esession::SigningKey::generate_rsa(2048, &mut rand_core::UnwrapErr(getrandom::SysRng)).unwrap();
    book.keys_mut().set_own(&key);
    book
}
