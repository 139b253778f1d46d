//! The bridge against a real Synapse. Each test starts its own, so they are asked for by name:
//! `cargo test -p drawbridge-matrix --test real -- --ignored`. Needs Synapse in `~/.cache/drawbridge/venv`, or its
//! Python in `DRAWBRIDGE_PYTHON`.

#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::panic, clippy::large_futures, reason = "a test fails by panicking")]

mod conformance;
mod people;
mod synapse;

use std::sync::atomic::Ordering;
use std::time::Duration;

use drawbridge_bridge::conformance::{Promise, check};
use drawbridge_bridge::event::ConvKind;
use drawbridge_bridge::*;
use matrix_sdk::ruma::UserId;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use people::{Alice, Person, Running, text_of, try_login};
use synapse::{Proxy, Synapse, password};
use tokio::time::timeout;

/// Alice's running login and Bob's client, in an encrypted direct chat.
async fn in_talk(homeserver: &str) -> (Alice, Running, Person, ConvInfo, matrix_sdk::Room) {
    let bob = Person::sign_in(homeserver, "bob", true).await;
    let alice = Alice::log_in(homeserver, "alice").await;
    let running = alice.run();
    let conv = running.session.direct().unwrap().open(&ContactId::new("@bob:test.local")).await.unwrap();
    let room = bob.joins(&conv.id).await;
    // Until the join has come, Bob is only invited.
    alice
        .ledger
        .await_event("the conversation", |e| matches!(&e.event, Event::ConvUpsert(i) if i.id == conv.id).then_some(()))
        .await;
    (alice, running, bob, conv, room)
}

async fn homeserver() -> Synapse {
    drawbridge_matrix::MatrixNetwork::new();
    let synapse = Synapse::start().await;
    for name in ["alice", "bob", "carol"] {
        synapse.user(name).await;
    }
    synapse
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn a_login_that_fails_says_why() {
    let synapse = homeserver().await;
    let dir = tempfile::tempdir().unwrap();
    let at = |url: String, name: &'static str, word: &'static str| {
        let place = people::place(&dir);
        async move { try_login(place, &url, name, word).await.unwrap_err() }
    };
    let error = at(synapse.url(), "alice", "wrong").await;
    assert_eq!(error.to_string(), "The homeserver does not accept this user name and password.");
    let error = at("http://127.0.0.1:1".into(), "alice", "x").await;
    assert!(
        matches!(&error, Error::Transient { reason, .. } if reason == "the homeserver cannot be reached"),
        "{error:?}"
    );
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", web.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = web.accept().await {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        }
    });
    let error = at(url, "alice", "x").await;
    assert!(
        matches!(&error, Error::Rejected(text) if text == "There is no Matrix homeserver at this address."),
        "{error:?}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files were left behind");

    // The same place takes the right password afterwards.
    try_login(people::place(&dir), &synapse.url(), "@alice:test.local", &password("alice")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn every_promise_of_a_bridge_is_kept() {
    let synapse = homeserver().await;
    let harness = conformance::Town::around(&synapse).await;
    for promise in Promise::ALL {
        let kept = timeout(Duration::from_secs(120), check(*promise, &harness)).await;
        let kept = kept.unwrap_or_else(|_| panic!("{promise} hangs"));
        assert!(kept.is_ok(), "{promise} {}", kept.unwrap_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn a_login_that_is_given_up_leaves_no_device() {
    let synapse = homeserver().await;
    let bystander = Person::sign_in(&synapse.url(), "alice", true).await;
    let mut finished = 0;
    for millis in [5, 50, 150, 300, 600] {
        let dir = tempfile::tempdir().unwrap();
        let url = synapse.url();
        let login = try_login(people::place(&dir), &url, "alice", "secret of alice");
        finished += usize::from(timeout(Duration::from_millis(millis), login).await.is_ok());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(finished < 5, "nothing was given up");
    let mut ours = usize::MAX;
    for _ in 0..20 {
        let devices = bystander.client.devices().await.unwrap().devices;
        ours = devices.iter().filter(|device| device.display_name.as_deref() == Some("Drawbridge")).count();
        if ours == finished {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{ours} devices are left of {finished} logins");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn an_encrypted_talk_crosses_both_ways() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, room) = in_talk(&synapse.url()).await;
    assert_eq!(alice.grant.account.as_str(), "@alice:test.local");
    assert_eq!(alice.grant.notice, None);
    assert!(conv.encrypted);
    let trust = running.session.trust().unwrap();
    assert_eq!(trust.status().await.unwrap().own, OwnTrust::Verified);
    assert_eq!(trust.contact(&ContactId::new("@bob:test.local")).await.unwrap(), ContactTrust::Pinned);

    let sent = running.say(&conv.id, "hello <bob> & 🐘", "t1").await.unwrap();
    bob.hears("hello <bob> & 🐘").await;
    let echo = alice.ledger.await_text("hello <bob> & 🐘").await;
    assert_eq!((echo.echo_of, echo.remote_id.as_ref()), (Some(TxnId::new("t1")), Some(&sent.remote_id)));
    assert_eq!(
        running.say(&conv.id, "hello <bob> & 🐘", "t1").await.unwrap(),
        sent,
        "the same transaction is one message"
    );
    assert!(running.session.caps(Some(&conv.id)).encrypted);

    let id = bob.says(&room, "hello alice").await;
    let got = alice.ledger.await_text("hello alice").await;
    assert_eq!(got.security, Security::Encrypted { verified: true });
    assert_eq!(got.remote_id, Some(RemoteId::new(&id)));
    assert_eq!(got.sender.unwrap(), Sender { id: ContactId::new("@bob:test.local"), is_me: false });
    let unencrypted = matrix_sdk::ruma::api::client::message::send_message_event::v3::Request::new(
        room.room_id().to_owned(),
        "clear".into(),
        &RoomMessageEventContent::text_plain("in clear"),
    );
    bob.client.send(unencrypted.unwrap()).await.unwrap();
    assert_eq!(alice.ledger.await_text("in clear").await.security, Security::Plain);

    // Small signals, both ways.
    let signals = running.session.signals().unwrap();
    room.typing_notice(true).await.unwrap();
    alice.ledger.await_event("typing", |e| matches!(e.event, Event::Typing { on: true }).then_some(())).await;
    let read = matrix_sdk::ruma::EventId::parse(sent.remote_id.as_str()).unwrap();
    room.send_single_receipt(
        matrix_sdk::ruma::api::client::receipt::create_receipt::v3::ReceiptType::Read,
        matrix_sdk::ruma::events::receipt::ReceiptThread::Unthreaded,
        read,
    )
    .await
    .unwrap();
    let fits = |e: &Envelope| matches!(&e.event, Event::Displayed { up_to } if *up_to == sent.remote_id).then_some(());
    alice.ledger.await_event("the read mark", fits).await;
    let online = |e: &Envelope| {
        matches!(&e.event, Event::Presence { contact, availability: Availability::Online, .. }
            if contact.as_str() == "@bob:test.local")
        .then_some(())
    };
    alice.ledger.await_event("presence", online).await;
    signals.typing(&conv.id, true).await.unwrap();
    signals.displayed(&conv.id, &RemoteId::new(&id)).await.unwrap();
    signals.presence(Availability::Away, Some("tea")).await.unwrap();
    let found = running.session.directory().unwrap().search("bob", 5).await.unwrap();
    assert!(found.iter().any(|person| person.id.as_str() == "@bob:test.local"), "{found:?}");
    let nobody = running.session.contact(&ContactId::new("@nobody:test.local")).await;
    assert!(matches!(nobody, Err(Error::NotFound)), "{nobody:?}");

    let opened = running.session.direct().unwrap().open(&ContactId::new("@nobody:test.local")).await;
    assert!(matches!(opened, Err(Error::NotFound)), "{opened:?}");

    // Another client of the same user.
    let elsewhere = Person::sign_in(&synapse.url(), "alice", false).await;
    let own = elsewhere.room(&conv.id).await;
    elsewhere.says(&own, "from my phone").await;
    let own = alice.ledger.await_text("from my phone").await;
    assert!(own.sender.unwrap().is_me && own.echo_of.is_none());
    assert_eq!(own.security, Security::Encrypted { verified: false }, "that client is not cross-signed");
    assert_eq!(running.stop().await, Exit::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn five_hundred_messages_at_once_all_arrive_in_order_running_or_not() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, room) = in_talk(&synapse.url()).await;
    bob.says(&room, "first").await;
    alice.ledger.await_text("first").await;
    assert_eq!(running.stop().await, Exit::Stopped);

    let mut expected = vec!["first".to_owned()];
    for n in 0..500 {
        expected.push(format!("while away {n}"));
        bob.says(&room, &expected[n + 1]).await;
    }
    let running = alice.run();
    alice.ledger.await_text("while away 499").await;
    assert_eq!(alice.ledger.texts(), expected);
    assert_eq!(alice.ledger.twice.load(Ordering::SeqCst), 0);

    for n in 0..500 {
        expected.push(format!("while there {n}"));
        bob.says(&room, expected.last().unwrap()).await;
    }
    alice.ledger.await_text("while there 499").await;
    assert_eq!(alice.ledger.texts(), expected);

    // The keeper closes in the middle, as in a crash between the SDK's commit and ours.
    *alice.ledger.patience.lock().unwrap() = Some(3);
    for n in 0..20 {
        expected.push(format!("in the crash {n}"));
        bob.says(&room, expected.last().unwrap()).await;
    }
    assert_eq!(running.ends().await, Exit::Stopped);
    assert_eq!(alice.ledger.texts().len(), 1 + 500 + 500 + 3);
    *alice.ledger.patience.lock().unwrap() = None;
    let running = alice.run();
    alice.ledger.await_text("in the crash 19").await;
    assert_eq!(alice.ledger.texts(), expected);
    assert_eq!(alice.ledger.twice.load(Ordering::SeqCst), 0);
    running.say(&conv.id, "still here", "t").await.unwrap();
    bob.hears("still here").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn a_lost_answer_neither_loses_nor_doubles_a_message() {
    let synapse = homeserver().await;
    let proxy = Proxy::before(synapse.port).await;
    let bob = Person::sign_in(&synapse.url(), "bob", true).await;
    let alice = Alice::log_in(&format!("http://127.0.0.1:{}", proxy.port), "alice").await;
    let running = alice.run();
    let conv = running.session.direct().unwrap().open(&ContactId::new("@bob:test.local")).await.unwrap();
    bob.joins(&conv.id).await;
    running.say(&conv.id, "one", "t1").await.unwrap();
    bob.hears("one").await;
    running.stop().await;

    let session = alice.run();
    proxy.swallow();
    let lost = session.say(&conv.id, "two", "t2").await;
    assert!(matches!(lost, Err(SendError::Uncertain)), "{lost:?}");
    session.stop().await;
    let session = alice.run();
    session.say(&conv.id, "two", "t2").await.unwrap();
    session.say(&conv.id, "three", "t3").await.unwrap();
    bob.hears("three").await;
    assert_eq!(bob.heard_in(conv.id.as_str()), ["one", "two", "three"]);
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn recovery_vouches_for_the_device_and_a_late_key_opens_what_was_sealed() {
    let synapse = homeserver().await;
    let bob = Person::sign_in(&synapse.url(), "bob", true).await;
    let phone = Person::sign_in(&synapse.url(), "alice", true).await;
    let key = phone.client.encryption().recovery().enable().await.unwrap();

    let alice = Alice::log_in(&synapse.url(), "alice").await;
    assert!(alice.grant.notice.as_ref().unwrap().contains("recovery key"), "{:?}", alice.grant.notice);
    let running = alice.run();
    let conv = running.session.direct().unwrap().open(&ContactId::new("@bob:test.local")).await.unwrap();
    let room = bob.joins(&conv.id).await;
    let early = running.say(&conv.id, "x", "t0").await;
    assert!(matches!(early, Err(SendError::NotTrusted(_))), "{early:?}");
    // Bob's client is told that the homeserver invented our device.
    let our = running.session.trust().unwrap().status().await.unwrap().device;
    let me = UserId::parse("@alice:test.local").unwrap();
    bob.client.encryption().request_user_identity(&me).await.unwrap();
    let device = bob.client.encryption().get_device(&me, our.as_str().into()).await.unwrap().unwrap();
    device.set_local_trust(matrix_sdk::encryption::LocalTrust::BlackListed).await.unwrap();

    let id = bob.says(&room, "secret").await;
    let sealed = |e: &Envelope| matches!(e.event, Event::Undecryptable).then(|| (e.remote_id.clone(), e.version));
    let announced = alice.ledger.await_event("the sealed message", sealed).await;
    assert_eq!(announced, (Some(RemoteId::new(&id)), 0));
    assert!(alice.ledger.texts().is_empty());
    phone.hears("secret").await;

    let trust = running.session.trust().unwrap();
    let wrong = trust.recover(&Secret::new("not the key")).await;
    assert!(matches!(wrong, Err(Error::BadInput(_))), "{wrong:?}");
    assert_eq!(trust.status().await.unwrap().own, OwnTrust::Unverified);
    assert_eq!(trust.recover(&Secret::new(key)).await.unwrap().own, OwnTrust::Verified);
    let opened = alice.ledger.await_text("secret").await;
    assert_eq!((opened.remote_id, opened.version), (Some(RemoteId::new(&id)), 1));
    running.say(&conv.id, "now I can write", "t1").await.unwrap();
    bob.hears("now I can write").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn keys_go_only_where_the_policy_and_the_known_identity_allow() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, _) = in_talk(&synapse.url()).await;
    let carol = Person::sign_in(&synapse.url(), "carol", false).await;
    let trust = running.session.trust().unwrap();
    let hers = running.session.direct().unwrap().open(&ContactId::new("@carol:test.local")).await.unwrap();
    let her_room = carol.joins(&hers.id).await;
    let refused = running.say(&hers.id, "to carol", "c1").await;
    assert!(
        matches!(&refused, Err(SendError::NotTrusted(text)) if text.contains("no cross-signing identity")),
        "{refused:?}"
    );
    trust.set_sharing(KeySharing::All).await;
    running.say(&hers.id, "to carol", "c1").await.unwrap();
    carol.hears("to carol").await;
    carol.says(&her_room, "from carol").await;
    let unvouched = alice.ledger.await_text("from carol").await;
    assert_eq!(unvouched.security, Security::Encrypted { verified: false });
    trust.set_sharing(KeySharing::CrossSigned).await;

    running.say(&conv.id, "before", "b1").await.unwrap();
    bob.hears("before").await;
    let handle = bob.client.encryption().reset_cross_signing().await.unwrap().unwrap();
    let user = matrix_sdk::ruma::api::client::uiaa::MatrixUserIdentifier::new("bob".into());
    let mut answer = matrix_sdk::ruma::api::client::uiaa::Password::new(
        matrix_sdk::ruma::api::client::uiaa::UserIdentifier::Matrix(user),
        password("bob"),
    );
    if let matrix_sdk::encryption::CrossSigningResetAuthType::Uiaa(uiaa) = handle.auth_type() {
        answer.session.clone_from(&uiaa.session);
    }
    handle.auth(Some(matrix_sdk::ruma::api::client::uiaa::AuthData::Password(answer))).await.unwrap();
    let notice = |e: &Envelope| {
        matches!(&e.event, Event::TrustNotice { contact: Some(c), blocks: true, .. }
        if c.as_str() == "@bob:test.local")
        .then_some(())
    };
    alice.ledger.await_event("the changed identity", notice).await;
    let refused = running.say(&conv.id, "no", "b2").await;
    assert!(matches!(&refused, Err(SendError::NotTrusted(text)) if text.contains("has changed")), "{refused:?}");
    let contact = ContactId::new("@bob:test.local");
    assert_eq!(trust.contact(&contact).await.unwrap(), ContactTrust::Changed);
    trust.accept_identity(&contact).await.unwrap();
    assert!(matches!(trust.accept_identity(&contact).await, Err(Error::NotFound)));
    running.say(&conv.id, "after", "b3").await.unwrap();
    bob.hears("after").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn conversations_come_change_and_go() {
    let synapse = homeserver().await;
    let bob = Person::sign_in(&synapse.url(), "bob", true).await;
    let alice = Alice::log_in(&synapse.url(), "alice").await;
    let running = alice.run();
    let me = UserId::parse("@alice:test.local").unwrap();
    let room = bob.client.create_dm(&me).await.unwrap();
    bob.says(&room, "before you came").await;
    let invited = |e: &Envelope| match &e.event {
        Event::Invite(info) => Some(info.clone()),
        _ => None,
    };
    let invite = alice.ledger.await_event("the invitation", invited).await;
    assert_eq!(invite.kind, ConvKind::Direct { contact: ContactId::new("@bob:test.local") });
    assert!(invite.encrypted);
    let direct = running.session.direct().unwrap();
    let conv = direct.accept(&invite.id).await.unwrap();
    assert_eq!(conv.kind, invite.kind);
    alice.ledger.await_text("before you came").await;
    assert_eq!(direct.open(&ContactId::new("@bob:test.local")).await.unwrap().id, conv.id, "the one there is");
    assert!(matches!(direct.accept(&invite.id).await, Err(Error::NotFound)));

    let upserts =
        alice.ledger.events.lock().unwrap().iter().filter(|e| matches!(e.event, Event::ConvUpsert(_))).count();
    assert_eq!(upserts, 1, "it was never taken for anything else");

    // A third person: what was a talk of two is none any more.
    room.invite_user_by_id(&UserId::parse("@carol:test.local").unwrap()).await.unwrap();
    let crowd = |e: &Envelope| matches!(&e.event, Event::TrustNotice { blocks: true, .. }).then_some(());
    alice.ledger.await_event("the notice", crowd).await;
    let group = |e: &Envelope| {
        matches!(&e.event, Event::ConvUpsert(i) if i.kind == ConvKind::Group && i.id == conv.id).then_some(())
    };
    alice.ledger.await_event("the group", group).await;
    let refused = running.say(&conv.id, "no", "t1").await;
    assert!(matches!(refused, Err(SendError::NotTrusted(_))), "{refused:?}");
    room.kick_user(&UserId::parse("@carol:test.local").unwrap(), None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.say(&conv.id, "alone again", "t2").await.unwrap();
    bob.hears("alone again").await;

    room.leave().await.unwrap();
    let gone =
        |e: &Envelope| matches!(&e.event, Event::ConvGone { .. } if e.conv.as_ref() == Some(&conv.id)).then_some(());
    alice.ledger.await_event("the end", gone).await;
    let refused = running.say(&conv.id, "no", "t3").await;
    assert!(matches!(refused, Err(SendError::Rejected(_))), "{refused:?}");
    direct.leave(&conv.id).await.unwrap();

    // A room that is no direct chat is told, and nothing of it is carried.
    let mut request = matrix_sdk::ruma::api::client::room::create_room::v3::Request::new();
    request.invite = vec![me];
    let group = bob.client.create_room(request).await.unwrap();
    let invited = |e: &Envelope| {
        matches!(&e.event, Event::Invite(i) if i.id.as_str() == group.room_id().as_str()).then(|| i_kind(e))
    };
    assert_eq!(alice.ledger.await_event("the group's invitation", invited).await, Some(ConvKind::Group));
    direct.decline(&ConvId::new(group.room_id().as_str())).await.unwrap();
    running.stop().await;
    assert!(!alice.ledger.texts().contains(&"no".to_owned()));
}

fn i_kind(envelope: &Envelope) -> Option<ConvKind> {
    match &envelope.event {
        Event::Invite(info) => Some(info.kind.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a Synapse"]
async fn a_homeserver_that_falls_is_waited_for_and_a_login_ends_once() {
    let mut synapse = homeserver().await;
    let (alice, running, bob, conv, room) = in_talk(&synapse.url()).await;
    synapse.fell();
    let down = |e: &Envelope| matches!(&e.event, Event::Connection { up: false, .. }).then_some(());
    alice.ledger.await_event("the fall", down).await;
    let lost = running.say(&conv.id, "later", "t1").await;
    assert!(matches!(lost, Err(SendError::Transient { .. })), "{lost:?}");
    let exit = running.ends().await;
    assert!(matches!(&exit, Exit::Retry { reason, .. } if reason == "the homeserver cannot be reached"), "{exit:?}");

    let running = alice.run();
    synapse.raise().await;
    let ups = || {
        let events = alice.ledger.events.lock().unwrap();
        events.iter().filter(|e| matches!(e.event, Event::Connection { up: true, .. })).count()
    };
    for _ in 0..300 {
        if ups() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ups(), 2);
    running.say(&conv.id, "later", "t1").await.unwrap();
    bob.hears("later").await;
    bob.says(&room, "welcome back").await;
    alice.ledger.await_text("welcome back").await;

    running.session.logout().await.unwrap();
    let session = running.session.clone();
    assert_eq!(running.ends().await, Exit::LoggedOut);
    assert!(matches!(session.contact(&ContactId::new("@bob:test.local")).await, Err(Error::LoggedOut)));
    assert_eq!(std::fs::read_dir(&alice.place.dir).unwrap().count(), 0, "the files are wiped");

    // Ended from elsewhere.
    let alice = Alice::log_in(&synapse.url(), "alice").await;
    let running = alice.run();
    alice
        .ledger
        .await_event("the connection", |e| matches!(&e.event, Event::Connection { up: true, .. }).then_some(()))
        .await;
    let phone = Person::sign_in(&synapse.url(), "alice", false).await;
    let log_out_all = matrix_sdk::ruma::api::client::session::logout_all::v3::Request::new();
    phone.client.send(log_out_all).await.unwrap();
    assert_eq!(running.ends().await, Exit::LoggedOut);
    assert!(text_of(&alice.ledger.events.lock().unwrap()[0]).is_none());
}
