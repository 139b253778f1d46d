//! Nothing is lost, doubled or put out of order.

use std::sync::atomic::Ordering;

use drawbridge_bridge::*;

use super::people::{Alice, Person};
use super::synapse::Proxy;
use super::{homeserver, in_talk};

#[tokio::test(flavor = "multi_thread")]
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
