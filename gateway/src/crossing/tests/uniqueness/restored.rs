//! What people meet when a database was put back: the gateway's, or their client's.

use ::omemo::ratchet::Error;
use ::omemo::{Dialect, Encrypted};

use super::super::phone::*;
use super::super::*;

type Rows = Vec<(u32, Vec<u8>)>;

async fn sessions(world: &World) -> Rows {
    let read = |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        let mut rows = db.prepare("SELECT device, sealed FROM omemo_sessions")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Rows>>()?)
    };
    world.keeper.store.call(read).await.unwrap()
}

async fn put_back(world: &World, rows: Rows) {
    let write = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        for (device, sealed) in rows {
            db.execute("UPDATE omemo_sessions SET sealed = ?2 WHERE device = ?1", rusqlite::params![device, sealed])?;
        }
        Ok(())
    };
    world.keeper.store.call(write).await.unwrap();
}

fn refused(phone: &mut Phone, sent: &[Element]) -> Vec<Error> {
    let ours = |stanza: &&Element| stanza.children().any(|child| Encrypted::dialect_of(child) == Some(phone.dialect));
    let messages: Vec<_> = sent.iter().filter(ours).cloned().collect();
    let sealed = messages.iter().flat_map(Element::children).filter_map(|child| Encrypted::read(child).ok());
    let keys: Vec<_> =
        sealed.filter_map(|message| Some(message.key_for(ALICE, phone.id)?.sealed.octets.clone())).collect();
    keys.iter().filter_map(|octets| phone.sessions.open(octets, &mut rng()).err()).collect()
}

/// Nobody tells it: to the server the message is delivered, and clients pass over what they have read. The first words of the
/// user's heal it.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_put_back_is_not_read_until_the_user_says_something() {
    for dialect in Dialect::ALL {
        for answered in [false, true] {
            let (mut world, mut phones) = acquainted(dialect).await;
            let backup = sessions(&world).await;
            world.far().says(&silent(), "one");
            assert!(words(&mut world, &mut phones).await[0].as_ref().unwrap().contains("one"));
            if answered {
                let answer = phones[0].seal(Some("yes"));
                world.takes(&stanza_with("m2", &[answer], "")).await;
                settle(&mut world, &mut phones).await;
                world.far().says(&silent(), "two");
                assert!(words(&mut world, &mut phones).await[0].is_some());
            }
            put_back(&world, backup).await;
            world.far().says(&silent(), "lost");
            let sent = settle(&mut world, &mut phones).await;
            assert_eq!(refused(&mut phones[0], &sent), [Error::Replayed]);

            let question = phones[0].seal(Some("are you there?"));
            world.takes(&stanza_with("m3", &[question], "")).await;
            let sent = settle(&mut world, &mut phones).await;
            // Where the conversation has turned since, the gateway cannot read it, says so, and begins anew.
            let errors = sent.iter().filter(|stanza| stanza.attr("type") == Some("error")).count();
            assert_eq!(errors, usize::from(answered), "{sent:?}");
            sent.iter().for_each(|stanza| drop(phones[0].open(stanza)));
            world.far().says(&silent(), "here I am");
            assert!(words(&mut world, &mut phones).await[0].as_ref().unwrap().contains("here I am"));
        }
    }
}

/// Its words are refused as what was read before, and as with a copy nobody is told. The contact's next words heal it.
#[tokio::test(start_paused = true)]
async fn a_client_that_was_put_back_is_not_read_until_the_contact_says_something() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let backup = phones[0].sessions.clone();
        for (id, words, heard) in [("m2", "one", true), ("m3", "lost", false)] {
            phones[0].sessions = backup.clone();
            let said = phones[0].seal(Some(words));
            world.takes(&stanza_with(id, &[said], "")).await;
            let sent = settle(&mut world, &mut phones).await;
            assert!(sent.iter().all(|stanza| stanza.attr("type") != Some("error")), "{sent:?}");
            let got = world.far().received().into_iter().any(|got| got.text.expose() == words);
            assert_eq!(got, heard);
        }
        world.far().says(&silent(), "did you say something?");
        assert!(words(&mut world, &mut phones).await[0].is_some());
        let again = phones[0].seal(Some("again"));
        world.takes(&stanza_with("m4", &[again], "")).await;
        assert_eq!(contact_has(&world, 3).await, ["hello", "one", "again"]);
    }
}
