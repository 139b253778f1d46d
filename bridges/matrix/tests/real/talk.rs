//! An encrypted conversation of two, with all its small signals.

use std::time::Duration;

use drawbridge_bridge::*;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use tokio::time::timeout;

use super::people::{PATIENCE, Person};
use super::{homeserver, in_talk};

#[tokio::test(flavor = "multi_thread")]
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
    // Synapse lists people when it comes to it.
    let directory = running.session.directory().unwrap();
    let listed = async {
        while !directory.search("bob", 5).await.unwrap().iter().any(|person| person.id.as_str() == "@bob:test.local") {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(timeout(PATIENCE, listed).await.is_ok(), "Bob is not found");
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
