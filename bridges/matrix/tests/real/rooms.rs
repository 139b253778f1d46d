//! Conversations come, change and go.

use drawbridge_bridge::event::ConvKind;
use drawbridge_bridge::*;
use matrix_sdk::ruma::UserId;

use super::people::{Alice, Person};
use super::{homeserver, in_talk};

#[tokio::test(flavor = "multi_thread")]
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
async fn a_third_person_in_a_direct_chat_interrupts_it_and_the_user_is_told() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, room) = in_talk(&synapse.url()).await;
    let carol = Person::sign_in(&synapse.url(), "carol", true).await;
    let (her_id, told) = (UserId::parse("@carol:test.local").unwrap(), |word: &'static str| {
        move |e: &Envelope| match &e.event {
            Event::TrustNotice { text, blocks: false, .. } if text.contains(word) => Some(text.clone()),
            _ => None,
        }
    });

    bob.says(&room, "between us").await;
    room.invite_user_by_id(&her_id).await.unwrap();
    alice.ledger.await_event("the notice", told("Somebody else is in your direct chat with @bob:test.local")).await;
    let refused = running.say(&conv.id, "no", "t1").await;
    assert!(matches!(&refused, Err(SendError::NotTrusted(text)) if text.contains("Somebody else")), "{refused:?}");
    let hers = carol.joins(&conv.id).await;
    bob.says(&room, "for the three of us").await;
    carol.says(&hers, "from carol").await;
    bob.hears("from carol").await;
    assert_eq!(running.stop().await, Exit::Stopped);

    // She goes while nobody is listening: neither her words nor those to her are taken for Bob's to Alice.
    hers.leave().await.unwrap();
    bob.says(&room, "by ourselves again").await;
    let running = alice.run();
    alice.ledger.await_text("by ourselves again").await;
    let end = alice.ledger.await_event("the second notice", told("goes on here")).await;
    assert!(end.contains("2 messages were written there meanwhile"), "{end}");
    assert_eq!(alice.ledger.texts(), ["between us", "by ourselves again"]);
    running.say(&conv.id, "on we go", "t2").await.unwrap();
    bob.hears("on we go").await;
    assert_eq!(bob.heard_in(conv.id.as_str()).iter().filter(|text| *text == "no").count(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_chat_that_is_upgraded_goes_on_in_its_new_room() {
    let synapse = homeserver().await;
    let (alice, running, bob, old, old_room) = in_talk(&synapse.url()).await;
    bob.says(&old_room, "in the old room").await;
    alice.ledger.await_text("in the old room").await;

    let version = matrix_sdk::ruma::RoomVersionId::V11;
    let upgrade =
        matrix_sdk::ruma::api::client::room::upgrade_room::v3::Request::new(old_room.room_id().to_owned(), version);
    let new = bob.client.send(upgrade).await.unwrap().replacement_room;
    let new_room = bob.room(&ConvId::new(new.as_str())).await;
    // Clients invite the members of the old room, and do not say again that it is a direct chat.
    new_room.invite_user_by_id(&UserId::parse("@alice:test.local").unwrap()).await.unwrap();
    let bobs = ConvKind::Direct { contact: ContactId::new("@bob:test.local") };
    let invited = |e: &Envelope| match &e.event {
        Event::Invite(info) if info.id.as_str() == new.as_str() => Some(info.clone()),
        _ => None,
    };
    let invite = alice.ledger.await_event("the invitation to the new room", invited).await;
    assert_eq!(invite.kind, bobs, "whoever replaces a direct chat asks for a direct chat");
    let direct = running.session.direct().unwrap();
    let conv = direct.accept(&invite.id).await.unwrap();
    assert_eq!((conv.kind, conv.encrypted), (bobs, true));

    let moved = |e: &Envelope| match &e.event {
        Event::ConvGone { reason } if e.conv.as_ref() == Some(&old.id) => Some(reason.clone()),
        _ => None,
    };
    let reason = alice.ledger.await_event("the end of the old room", moved).await;
    assert_eq!(reason, "The conversation has moved to another room.");
    let opened = direct.open(&ContactId::new("@bob:test.local")).await.unwrap();
    assert_eq!(opened.id.as_str(), new.as_str(), "the new room is the direct chat");
    bob.says(&new_room, "in the new room").await;
    alice.ledger.await_text("in the new room").await;
    running.say(&conv.id, "and back", "t1").await.unwrap();
    bob.hears("and back").await;
    let refused = running.say(&old.id, "too late", "t2").await;
    assert!(matches!(refused, Err(SendError::Rejected(_))), "{refused:?}");
    running.stop().await;
}
