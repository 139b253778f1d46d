//! After the database was put back from a copy.

use super::*;
use crate::store;
use crate::store::users::{self, Once};

#[tokio::test(start_paused = true)]
async fn that_the_database_was_put_back_is_told_once_to_whoever_was_there_before() {
    let mut world = World::with_alice().await;
    let is_told = |stanza: &Element| body(stanza).is_some_and(|text| text.contains("put back from an older copy"));
    world.keeper.crossings.resume_all(&world.keeper).await;
    assert!(!world.drain().await.iter().any(is_told), "nothing was put back");

    // As the next start would find it.
    let put_back = |db: &rusqlite::Transaction<'_>, _: &store::Sealer| {
        db.execute("UPDATE witness SET since = 1", [])?;
        users::untell(db, Once::PutBack)
    };
    world.keeper.store.call(put_back).await.unwrap();
    world.register("carol").await;
    for tells in [true, false] {
        world.keeper.crossings.resume_all(&world.keeper).await;
        let told = world.drain().await.into_iter().filter(is_told).collect::<Vec<_>>();
        let to = told.iter().map(|stanza| stanza.attr("to").unwrap()).collect::<Vec<_>>();
        assert_eq!(to, if tells { &[ALICE][..] } else { &[] });
    }
}
