//! Words that must not be written are in no file, wait in their place, and go with their row or with the process.

use serde_json::Value;

use super::*;
use crate::store::outbox::Lost;

fn unwritten(txn: &str, id: &str) -> NewCrossing {
    NewCrossing { unwritten: true, guarded: true, ..crossing(txn, Some(id)) }
}

/// How many words are in memory.
async fn kept(store: &Store) -> i64 {
    let count = |db: &Transaction<'_>| db.query_row("SELECT count(*) FROM temp.unwritten", [], |row| row.get(0));
    store.call(move |db, _| Ok(count(db)?)).await.unwrap()
}

/// Everything sealed in a queue of the file, opened, as another process finds it.
fn written(path: &Path, table: &str, purpose: &str) -> Vec<Value> {
    let db = Connection::open(path).unwrap();
    let mut query = db.prepare(&format!("SELECT sealed FROM {table} ORDER BY seq")).unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|sealed| sealer(7).open(purpose, &sealed.unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn they_wait_in_their_place_and_are_in_no_file() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    world.arrives(Some("m2"), unwritten("t2", "m2")).await;
    world.arrive(Some("m3"), "t3").await;
    let on_disk: Vec<_> = written(&world.path, "outbox", "outbox").into_iter().map(|row| row["text"].clone()).collect();
    assert_eq!(on_disk, [Value::from("canary"), Value::Null, Value::from("canary")]);
    for txn in ["t1", "t2", "t3"] {
        let head = world.head().await.unwrap();
        assert_eq!((head.txn.as_str(), words(&head)), (txn, Some("canary")));
        world.sent(head, txn).await;
    }
    assert_eq!(kept(&world.store).await, 0);
}

#[tokio::test]
async fn they_go_with_the_process_and_come_back_with_a_repeat() {
    let world = World::new().await;
    world.arrives(Some("m1"), unwritten("t1", "m1")).await;
    world.arrives(Some("m2"), unwritten("t2", "m2")).await;
    let world = World { store: open(&world.path), ..world };
    let head = world.head().await.unwrap();
    assert_eq!((words(&head), &head.reply), (None, &reply(Some("m1"))), "whom to tell is known");

    for _ in 0..2 {
        assert_eq!(world.arrives(Some("m1"), unwritten("t3", "m1")).await, Arrival::Waiting);
        assert_eq!(kept(&world.store).await, 1);
    }
    let head = world.head().await.unwrap();
    assert_eq!((head.txn.as_str(), words(&head)), ("t1", Some("canary")), "under the transaction it had");
    world.sent(head, "$1").await;
    assert_eq!(words(&world.head().await.unwrap()), None, "the other one is still without");
}

#[tokio::test]
async fn they_go_with_their_row_however_that_goes() {
    let world = World::new().await;
    let (alice, bob) = (world.alice, world.bob.clone());
    world.arrives(Some("m1"), unwritten("t1", "m1")).await;
    world.arrives(Some("m2"), unwritten("t2", "m2")).await;
    let (contact, head) = (bob.clone(), world.head().await.unwrap());
    world.store.call(move |db, _| outbox::failed(db, alice, &contact, &head)).await.unwrap();
    assert_eq!(kept(&world.store).await, 1);

    let new = NewDelivery { unwritten: true, ..delivery("d1") };
    let (contact, path) = (bob.clone(), world.path.clone());
    world
        .store
        .call(move |db, sealer| {
            deliveries::add(db, sealer, alice, &contact, &new, 1)?;
            deliveries::add(db, sealer, alice, &contact, &new, 1)?;
            let waiting = deliveries::waiting(db, sealer, alice, &contact, 0, 9)?;
            assert_eq!(waiting[0].parcel.message, Some(Message::says(Plaintext::new("canary"))));
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(written(&path, "deliveries", "delivery")[0]["text"], Value::Null);
    assert_eq!(kept(&world.store).await, 2);
    let contact = bob.clone();
    world.store.call(move |db, _| deliveries::done(db, alice, &contact, "d1")).await.unwrap();
    assert_eq!(kept(&world.store).await, 1);

    world.store.call(move |db, _| users::remove(db, alice)).await.unwrap();
    assert_eq!(kept(&world.store).await, 0);
}

#[tokio::test]
async fn they_are_not_kept_by_a_transaction_that_failed() {
    let world = World::new().await;
    let (alice, bob, crossing) = (world.alice, world.bob.clone(), unwritten("t1", "m1"));
    let failed: Result<()> = world
        .store
        .call(move |db, sealer| {
            inbox::arrive(db, sealer, alice, &bob, Some("m1"), &crossing, 1)?;
            Err(Error::Seal)
        })
        .await;
    assert!(matches!(failed, Err(Error::Seal)));
    assert_eq!(kept(&world.store).await, 0);
}

impl World {
    async fn lost(&self, head: Crossing) -> Vec<Lost> {
        let (alice, bob) = (self.alice, self.bob.clone());
        self.store.call(move |db, sealer| outbox::lost(db, sealer, alice, &bob, &head)).await.unwrap()
    }

    async fn forget(&self, told: &[Lost]) {
        let (alice, bob, told) = (self.alice, self.bob.clone(), told.to_vec());
        self.store.call(move |db, sealer| outbox::forget(db, sealer, alice, &bob, &told)).await.unwrap();
    }
}

fn replies(lost: &[Lost]) -> Vec<ReplyTo> {
    lost.iter().map(|lost| lost.reply.clone()).collect()
}

/// What would stay behind a lost head would overtake it when the head is repeated.
#[tokio::test]
async fn a_lost_head_takes_along_all_that_is_lost_and_repeats_come_in_their_order() {
    let world = World::new().await;
    for (txn, id) in [("t1", "m1"), ("t2", "m2"), ("t3", "m3")] {
        world.arrives(Some(id), unwritten(txn, id)).await;
    }
    world.arrive(Some("m4"), "t4").await;
    let world = World { store: open(&world.path), ..world };
    let lost = world.lost(world.head().await.unwrap()).await;
    assert_eq!(replies(&lost), [reply(Some("m1")), reply(Some("m2")), reply(Some("m3"))]);
    world.forget(&lost[..1]).await;
    assert_eq!(world.head().await.unwrap().txn.as_str(), "t2", "nobody is forgotten who was not told");
    world.forget(&lost[1..]).await;
    assert_eq!(world.head().await.unwrap().txn.as_str(), "t4", "what was written stays");
    for (txn, id) in [("t5", "m1"), ("t6", "m2"), ("t7", "m3")] {
        assert_eq!(world.arrives(Some(id), unwritten(txn, id)).await, Arrival::Fresh);
    }
    // Each under the transaction it had, which may have been under way after all.
    for txn in ["t4", "t1", "t2", "t3"] {
        let head = world.head().await.unwrap();
        assert_eq!((head.txn.as_str(), words(&head)), (txn, Some("canary")));
        world.sent(head, txn).await;
    }
}

/// The network takes its time to say that it has nothing; the client was quicker.
#[tokio::test]
async fn words_that_came_back_meanwhile_are_not_lost_again() {
    let world = World::new().await;
    world.arrives(Some("m1"), unwritten("t1", "m1")).await;
    world.arrives(Some("m2"), unwritten("t2", "m2")).await;
    let world = World { store: open(&world.path), ..world };
    let asked = world.head().await.unwrap();
    for id in ["m1", "m2"] {
        assert_eq!(world.arrives(Some(id), unwritten("t9", id)).await, Arrival::Waiting);
    }
    let lost = world.lost(asked).await;
    assert_eq!(replies(&lost), []);
    for txn in ["t1", "t2"] {
        let head = world.head().await.unwrap();
        assert_eq!((head.txn.as_str(), words(&head)), (txn, Some("canary")));
        world.sent(head, txn).await;
    }
}

/// The client was quicker than what it was told.
#[tokio::test]
async fn words_that_came_back_after_all_are_sent() {
    let world = World::new().await;
    world.arrives(Some("m1"), unwritten("t1", "m1")).await;
    let world = World { store: open(&world.path), ..world };
    let lost = world.lost(world.head().await.unwrap()).await;
    assert_eq!(world.arrives(Some("m1"), unwritten("t9", "m1")).await, Arrival::Waiting);
    world.forget(&lost).await;
    assert_eq!(words(&world.head().await.unwrap()), Some("canary"));
}

/// The same message once in a session that allows it to be stored, and then in one that does not.
#[tokio::test]
async fn words_that_were_written_are_wiped_when_they_are_repeated_under_the_promise() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    assert_ne!(written(&world.path, "outbox", "outbox")[0]["text"], Value::Null);
    assert_eq!(world.arrives(Some("m1"), unwritten("t2", "m1")).await, Arrival::Waiting);
    assert_eq!(written(&world.path, "outbox", "outbox")[0]["text"], Value::Null);
    let head = world.head().await.unwrap();
    assert_eq!((head.txn.as_str(), words(&head), head.guarded), ("t1", Some("canary"), true));
}

/// Once from a client that asked for nothing, and then in a session that promises that the far side is encrypted.
#[tokio::test]
async fn a_promise_that_comes_with_a_repeat_holds() {
    let world = World::new().await;
    world.arrive(Some("m1"), "t1").await;
    assert!(!world.head().await.unwrap().guarded);
    let again = NewCrossing { guarded: true, ..crossing("t2", Some("m1")) };
    assert_eq!(world.arrives(Some("m1"), again).await, Arrival::Waiting);
    let head = world.head().await.unwrap();
    assert_eq!((head.guarded, words(&head)), (true, Some("canary")));
    assert_eq!(written(&world.path, "outbox", "outbox")[0]["text"], Value::from("canary"), "it may still be written");
}

/// With temporary tables in files, as is SQLite's own default, they would be on the disk after all.
#[tokio::test]
async fn the_table_they_wait_in_is_in_memory() {
    let world = World::new().await;
    let temp_store = |db: &Transaction<'_>| db.query_row("PRAGMA temp_store", [], |row| row.get::<_, i64>(0));
    assert_eq!(world.store.call(move |db, _| Ok(temp_store(db)?)).await.unwrap(), 2);
}
