//! What a session promises holds for the words that were said in it, wherever they wait.

use esession::{Disclosure, Logging, Policy, Session};

use super::*;
use crate::store::{self, users};

/// A host of Alice's own, which lets sessions forbid that anything is stored; with Silent she talks encrypted.
pub(super) async fn world() -> World {
    let world = World::with_alice_and("owners = [\"example.org\"]", "[esession]\ntransient = true").await;
    world.far().set_encrypted(&silent(), true);
    world
}

pub(super) async fn promised(world: &mut World, disclosure: Disclosure, logging: Logging) -> Session {
    let policy = Policy { disclosure: vec![disclosure], logging: vec![logging], ..Policy::default() };
    let mut session = session_with(world, policy, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    session
}

fn sealed(session: &mut Session, id: &str, words: &str) -> String {
    let content = format!("<body>{words}</body><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>");
    from_alice("phone", &session.seal(&content).unwrap()).replacen("id='phone'", &format!("id='{id}'"), 1)
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_all_was_encrypted_goes_nowhere_once_it_is_not() {
    for (disclosure, logging) in [(Disclosure::Never, Logging::May), (Disclosure::Enabled, Logging::MustNot)] {
        let mut world = world().await;
        let mut session = promised(&mut world, disclosure, logging).await;
        world.far().fail_next_send(SendError::Transient { reason: "busy".to_owned(), after: Some(LOOKS) });
        world.takes(&sealed(&mut session, "m1", "for nobody else")).await;
        sleep(LOOKS / 2).await;
        world.far().set_encrypted(&silent(), false);
        sleep(LOOKS).await;
        let error = world.until(|stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!((condition(&error).as_str(), error.attr("id")), ("forbidden", Some("m1")), "{}", text(&error));
        sleep(IDLE).await;
        assert!(world.far().received().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_stored_is_not_given_to_a_server_that_stores_it() {
    let mut world = world().await;
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap();
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'/>")).await;
    let mut session = promised(&mut world, Disclosure::Never, Logging::MustNot).await;
    let off =
        move |db: &rusqlite::Transaction<'_>, _: &store::Sealer| users::set_policy(db, user.id, store::Policy::Off);
    world.keeper.store.call(off).await.unwrap();
    world.far().says(&silent(), "for no disk");
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    assert!(session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("for no disk"));
    // It goes without a receipt.
    world.takes(&format!("<presence type='unavailable' from='{ALICE}/phone' to='{SILENT}'/>")).await;
    world.drain().await;
    world.far().says(&silent(), "and more");
    let sent = world.drain().await;
    assert!(!sent.iter().any(|stanza| encrypted(stanza).is_some()), "the session is gone: {sent:?}");
    assert!(!sent.iter().any(|stanza| text(stanza).contains("for no disk")), "{sent:?}");

    let mut session = promised(&mut world, Disclosure::Never, Logging::MustNot).await;
    for words in ["for no disk", "and more"] {
        loop {
            let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
            if session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains(words) {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn that_a_message_is_lost_is_told_as_soon_as_somebody_is_there_to_hear_it() {
    let mut world = world().await;
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'/>")).await;
    let mut session = promised(&mut world, Disclosure::Never, Logging::MustNot).await;
    world.far().set_down(true);
    world.takes(&sealed(&mut session, "m1", "soon lost")).await;
    // As after a restart: what was in memory is gone, and so is the client.
    let forget = |db: &rusqlite::Transaction<'_>, _: &store::Sealer| Ok(db.execute("DELETE FROM temp.unwritten", [])?);
    let mut forgotten = 0;
    for _ in 0..1000 {
        forgotten += world.keeper.store.call(forget).await.unwrap();
        if forgotten > 0 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(forgotten, 1);
    world.takes(&format!("<presence type='unavailable' from='{ALICE}/phone' to='{SILENT}'/>")).await;
    world.drain().await;
    world.far().set_down(false);
    sleep(IDLE).await;
    let told = |stanza: &Element| {
        stanza.attr("type") == Some("error") || body(stanza).is_some_and(|text| text.contains("write it again"))
    };
    let meanwhile = world.drain().await;
    assert!(!meanwhile.iter().any(told), "nobody is there: {meanwhile:?}");

    world.takes(&format!("<presence from='{ALICE}/tablet' to='{SILENT}'/>")).await;
    let notice = world.until(told).await;
    assert!(body(&notice).is_some(), "an error would say nothing to another client: {}", text(&notice));
    sleep(IDLE).await;
    assert!(!world.drain().await.iter().any(told), "once");
    assert!(world.far().received().is_empty());
}
