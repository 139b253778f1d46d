//! A homeserver that is down, and a login that is over.

use std::time::Duration;

use drawbridge_bridge::*;

use super::people::{Alice, Person, text_of};
use super::{homeserver, in_talk};

#[tokio::test(flavor = "multi_thread")]
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
