//! Signs without words: who types, and what was read.

use ::omemo::Dialect;

use super::openpgp::Client;
use super::phone::*;
use super::*;

fn typing(on: bool) -> String {
    format!("<{} xmlns='{}'/>", if on { "composing" } else { "paused" }, ns::CHATSTATES)
}

fn displayed(id: &str) -> String {
    format!("<displayed xmlns='{}' id='{id}'/>", ns::DISPLAYED_MARKERS)
}

/// The user's client `says` signs in its way, and `reads` what comes.
async fn cross(
    world: &mut World,
    mut says: impl FnMut(&str) -> String,
    mut reads: impl FnMut(&Element) -> String,
    theirs: (&drawbridge_bridge::RemoteId, &str),
) {
    let conv = world.far().conversation(&silent()).unwrap().id;
    for on in [true, false] {
        world.takes(&says(&typing(on))).await;
        world.eventually(|world| world.far().is_typing(&conv) == on).await;
    }
    world.takes(&says(&displayed(theirs.1))).await;
    world.eventually(|world| world.far().has_read(&conv).as_ref() == Some(theirs.0)).await;

    let mine = world.far().received()[0].remote_id.clone();
    for (happens, shown) in [
        (Event::Typing { on: true }, "<composing"),
        (Event::Typing { on: false }, "<paused"),
        (Event::Displayed { up_to: mine }, "<displayed"),
    ] {
        world.far().happens(&silent(), happens);
        let read = loop {
            let read = reads(&world.next().await);
            if read.contains(shown) {
                break read;
            }
        };
        assert!(shown != "<displayed" || read.contains("'m1'"), "{read}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_types_and_what_was_read_crosses_sealed_where_clients_seal_it_and_beside_omemo_where_not() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        world.online_with("phone", &["urn:xmpp:receipts"]).await;
        let theirs = world.far().says(&silent(), "read me");
        let sent = settle(&mut world, &mut phones).await;
        let words =
            sent.iter().find(|stanza| phones[0].open(stanza).flatten().is_some_and(|it| it.contains("read me")));
        let id = words.unwrap().attr("id").unwrap().to_owned();
        let phone = std::cell::RefCell::new(&mut phones[0]);
        let says = |xml: &str| match dialect {
            Dialect::Axolotl => related::from_user("x", xml),
            Dialect::Omemo2 => stanza_with("x", &[phone.borrow_mut().seal_content(xml)], ""),
        };
        let reads = |stanza: &Element| match (dialect, stanza.name()) {
            (Dialect::Axolotl, "message") => text(stanza),
            (Dialect::Omemo2, "message") => {
                assert!(!text(stanza).contains("<composing") && !text(stanza).contains("<displayed"));
                phone.borrow_mut().open(stanza).flatten().unwrap_or_default()
            }
            _ => String::new(),
        };
        cross(&mut world, says, reads, (&theirs, &id)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_types_and_what_was_read_crosses_beside_openpgp() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    world.online_with("phone", &["urn:xmpp:receipts"]).await;
    world.takes(&openpgp::stanza_with("m1", &client.seal("hello"), "")).await;
    client.settle(&mut world).await;
    let theirs = world.far().says(&silent(), "read me");
    let sent = client.settle(&mut world).await;
    let words = sent.iter().find(|stanza| client.open(stanza).is_some_and(|it| it.contains("read me")));
    let id = words.unwrap().attr("id").unwrap().to_owned();
    let says = |xml: &str| related::from_user("x", xml);
    cross(&mut world, says, text, (&theirs, &id)).await;
}
