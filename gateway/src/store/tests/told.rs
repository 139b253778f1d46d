//! What the user is told of devices that are new.

use ::omemo::DeviceId;
use ::omemo::ratchet::PublicKey;

use super::super::introductions::{self, New};
use super::*;

#[tokio::test]
async fn what_was_taken_and_not_told_before_the_end_is_told_by_the_next_process() {
    let world = World::new().await;
    let alice = world.alice;
    let seven = New::Device(DeviceId::new(7).unwrap(), PublicKey([7; 32]));
    world
        .store
        .call(move |db, _| {
            db.execute(
                "INSERT INTO omemo_devices (user, device, identity, told) VALUES (?1, 7, ?2, 0)",
                rusqlite::params![alice.0, [7_u8; 32]],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    let take = |store: &Store| {
        let store = store.clone();
        async move {
            store
                .call(move |db, _| Ok((introductions::take(db, alice)?, introductions::any(db, alice)?)))
                .await
                .unwrap()
        }
    };
    assert_eq!(take(&world.store).await, (vec![seven.clone()], false));
    assert_eq!(take(&world.store).await, (vec![], false), "somebody is about to tell it");
    let next = open(&world.path);
    assert_eq!(take(&next).await, (vec![seven.clone()], false));
    let settle = |told: bool| {
        let seven = seven.clone();
        next.call(move |db, _| introductions::settle(db, alice, &seven, told))
    };
    settle(false).await.unwrap();
    assert_eq!(take(&next).await, (vec![seven.clone()], false), "nobody heard it");
    settle(true).await.unwrap();
    settle(false).await.unwrap();
    assert_eq!(take(&next).await, (vec![], false));
    assert_eq!(take(&open(&world.path)).await, (vec![], false));
}
