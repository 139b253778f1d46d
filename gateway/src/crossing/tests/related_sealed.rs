//! Replies, corrections, retractions and reactions in a session and with OMEMO: in it where it can seal them, and beside it
//! only where its clients do the same.

use ::omemo::{Dialect, Envelope};
use drawbridge_bridge::{Event, RemoteId};
use xmpp_files::{Shared, Source, sfs};

use super::phone::*;
use super::related::*;
use super::*;
use crate::store::{Policy, users};

const TEA: &str = "tea?";

fn correction(target: &str, text: &str) -> String {
    format!("<body>{text}</body><replace xmlns='{CORRECTION}' id='{target}'/>")
}

fn retraction(target: &str) -> String {
    format!("<retract xmlns='{RETRACTION}' id='{target}'/>")
}

/// The contact has said this, and the user's phone has read it under this id.
async fn asked(world: &mut World, phones: &mut [Phone]) -> (RemoteId, String) {
    let theirs = world.far().says(&silent(), TEA);
    let id = settle(world, phones).await.iter().find_map(|message| {
        let heard = phones[0].open(message).flatten()?;
        heard.contains(TEA).then(|| message.attr("id").unwrap().to_owned())
    });
    (theirs, id.unwrap())
}

/// What the phone reads in the next message with words, and all of that message.
async fn heard(world: &mut World, phones: &mut [Phone]) -> (String, Element) {
    loop {
        let message = next(world, phones).await;
        if let Some(Some(words)) = phones[0].open(&message) {
            return (words, message);
        }
    }
}

/// As a stanza, so that it can be looked at in the same way.
fn within(envelope: &str) -> Element {
    as_stanza(Envelope::read(&envelope.parse().unwrap(), SILENT, ALICE).unwrap().content)
}

fn as_stanza(content: Vec<Element>) -> Element {
    content.into_iter().fold(Element::bare("message", ns::CLIENT), |mut message, child| {
        message.append_child(child);
        message
    })
}

fn names(stanza: &Element) -> Vec<&str> {
    stanza.children().map(Element::name).collect()
}

async fn require(world: &World) {
    let set = |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        let user = users::get(db, "echo", &alice())?.unwrap();
        users::set_policy(db, user.id, Policy::Require)
    };
    world.keeper.store.call(set).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_a_session_everything_is_sealed() {
    let mut world = World::with_alice().await;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    let read = async |world: &mut World, session: &mut esession::Session| {
        loop {
            let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
            let content = session.open(encrypted(&heard).unwrap()).unwrap().content.expose().to_owned();
            if content.contains("origin-id") {
                let within: Element = format!("<message xmlns='jabber:client'>{content}</message>").parse().unwrap();
                return (within, heard);
            }
        }
    };
    let theirs = world.far().says(&silent(), TEA);
    let asked = read(&mut world, &mut session).await.1.attr("id").unwrap().to_owned();
    let says = |id: &str, xml: &str| format!("<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>{xml}");
    let reply = format!("<body>yes</body><reply xmlns='{}' id='{asked}'/>", ns::REPLY);
    for (id, xml) in [
        ("a", reply),
        ("b", correction("a", "no")),
        ("c", reactions(&asked, &["+"])),
        ("d", reactions(&asked, &[])),
        ("e", retraction("a")),
    ] {
        world.takes(&from_alice("phone", &session.seal(&says(id, &xml)).unwrap())).await;
    }
    contact_has(&world, 1).await;
    let (mine, got) = (sent(&world, "yes"), world.far().received());
    assert_eq!(got[0].reply_to, Some(theirs.clone()));
    let seen = contact_sees(&world, 4).await;
    let reacted = world.far().annotated()[1].remote_id.clone();
    assert_eq!(seen, [edit(&mine, "no"), react(&theirs, "+"), retract(&reacted), retract(&mine)]);

    let plus = world.far().annotates(&silent(), react(&mine, "+"));
    let mut outer = Vec::new();
    let (reacted, stanza) = read(&mut world, &mut session).await;
    assert_eq!((signs(&reacted), target(&reacted, "reactions", ns::REACTIONS)), (vec!["+".to_owned()], Some("a")));
    outer.push(stanza);
    world.far().annotates(&silent(), retract(&plus));
    let (none, stanza) = read(&mut world, &mut session).await;
    assert_eq!(signs(&none), [""; 0]);
    outer.push(stanza);
    world.far().annotates(&silent(), edit(&theirs, "coffee?"));
    let (corrected, stanza) = read(&mut world, &mut session).await;
    assert_eq!(target(&corrected, "replace", CORRECTION), Some(&*asked));
    outer.push(stanza);
    for stanza in outer {
        assert_eq!(names(&stanza), ["thread", "c", "encryption", "private", "no-copy", "no-permanent-store"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_newer_dialect_of_omemo_seals_everything() {
    let (mut world, mut phones) = acquainted(Dialect::Omemo2).await;
    world.online_with("phone", &["urn:xmpp:receipts", ns::REACTIONS]).await;
    let (theirs, asked) = asked(&mut world, &mut phones).await;
    let mine = sent(&world, "hello");
    for (id, xml) in [
        ("a", correction("m1", "hallo")),
        ("b", reactions(&asked, &["+"])),
        ("c", format!("<composing xmlns='{}'/>", ns::CHATSTATES)),
        ("d", retraction("m1") + "<request xmlns='urn:xmpp:receipts'/>"),
    ] {
        let sealed = phones[0].seal_content(&xml);
        world.takes(&stanza_with(id, &[sealed], "")).await;
    }
    assert_eq!(contact_sees(&world, 3).await, [edit(&mine, "hallo"), react(&theirs, "+"), retract(&mine)]);
    let (receipt, outer) = heard(&mut world, &mut phones).await;
    assert_eq!(target(&within(&receipt), "received", ns::RECEIPTS), Some("d"));
    assert_eq!(names(&outer), ["encrypted", "encryption", "store"]);

    world.far().happens(&silent(), Event::Typing { on: true });
    let (typing, outer) = heard(&mut world, &mut phones).await;
    assert!(within(&typing).has_child("composing", ns::CHATSTATES));
    assert_eq!(names(&outer), ["encrypted", "encryption", "no-store"]);

    world.far().annotates(&silent(), edit(&theirs, "coffee?"));
    let (corrected, outer) = heard(&mut world, &mut phones).await;
    let corrected = within(&corrected);
    assert_eq!(
        (body(&corrected).unwrap().as_str(), target(&corrected, "replace", CORRECTION)),
        ("coffee?", Some(&*asked))
    );
    assert_eq!(names(&outer), ["encrypted", "encryption", "store", "body"]);
    world.far().annotates(&silent(), react(&theirs, "-"));
    let reacted = within(&heard(&mut world, &mut phones).await.0);
    assert_eq!((signs(&reacted), target(&reacted, "reactions", ns::REACTIONS)), (vec!["-".to_owned()], Some(&*asked)));
}

#[tokio::test(start_paused = true)]
async fn openpgp_seals_everything() {
    let mut world = World::with_alice().await;
    let client = openpgp::Client::meet(&mut world).await;
    world.takes(&openpgp::stanza_with("m1", &client.seal("hello"), "")).await;
    client.settle(&mut world).await;
    let read = async |world: &mut World, what: &str| {
        let sent = client.settle(world).await;
        let mut read = sent.iter().filter_map(|stanza| Some((as_stanza(client.open_content(stanza)?), stanza.clone())));
        read.find(|(within, _)| text(within).contains(what)).unwrap_or_else(|| panic!("no {what} in {sent:?}"))
    };
    let (mine, theirs) = (sent(&world, "hello"), world.far().says(&silent(), TEA));
    let asked = read(&mut world, TEA).await.1.attr("id").unwrap().to_owned();
    let reply = format!("<body>yes</body><reply xmlns='{}' id='{asked}'/>", ns::REPLY);
    for (id, xml) in [
        ("a", reply),
        ("b", correction("m1", "hallo")),
        ("c", reactions(&asked, &["+"])),
        ("d", reactions(&asked, &[])),
        ("e", retraction("m1")),
    ] {
        let content: Element = format!("<message xmlns='jabber:client'>{xml}</message>").parse().unwrap();
        let sealed = client.seal_content(&content.children().cloned().collect::<Vec<_>>());
        world.takes(&openpgp::stanza_with(id, &sealed, "")).await;
    }
    let seen = contact_sees(&world, 4).await;
    let reacted = world.far().annotated()[1].remote_id.clone();
    assert_eq!(seen, [edit(&mine, "hallo"), react(&theirs, "+"), retract(&reacted), retract(&mine)]);
    let got = world.far().received();
    assert_eq!((got[1].text.expose(), &got[1].reply_to), ("yes", &Some(theirs.clone())));
    client.settle(&mut world).await;

    let yes = sent(&world, "yes");
    world.far().replies(&silent(), &yes, "with milk");
    let (reply, outer) = read(&mut world, "with milk").await;
    assert_eq!(target(&reply, "reply", ns::REPLY), Some("a"));
    assert!(!text(&outer).contains("milk"), "{}", text(&outer));
    world.far().annotates(&silent(), react(&yes, "\u{1f44d}"));
    let (reacted, outer) = read(&mut world, "reactions").await;
    assert_eq!(
        (signs(&reacted), target(&reacted, "reactions", ns::REACTIONS)),
        (vec!["\u{1f44d}".to_owned()], Some("a"))
    );
    assert!(!text(&outer).contains('\u{1f44d}'), "{}", text(&outer));
    world.far().annotates(&silent(), edit(&theirs, "coffee?"));
    let (corrected, _) = read(&mut world, "coffee?").await;
    assert_eq!(target(&corrected, "replace", CORRECTION), Some(&*asked));
    world.far().annotates(&silent(), retract(&theirs));
    let (gone, _) = read(&mut world, "retract").await;
    assert_eq!(target(&gone, "retract", RETRACTION), Some(&*asked));
}

#[tokio::test(start_paused = true)]
async fn the_older_dialect_of_omemo_seals_bodies_and_the_contacts_reactions_as_words() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let (theirs, asked) = asked(&mut world, &mut phones).await;
    let mine = sent(&world, "hello");
    let sealed = phones[0].seal(Some("hallo"));
    world.takes(&stanza_with("a", &[sealed], &format!("<replace xmlns='{CORRECTION}' id='m1'/>"))).await;
    // As Cheogram does: reactions with words for who does not know them, which are no message.
    let sealed = phones[0].seal(Some("> tea?\n+"));
    world.takes(&stanza_with("b", &[sealed], &reactions(&asked, &["+"]))).await;
    assert_eq!(contact_sees(&world, 2).await, [edit(&mine, "hallo"), react(&theirs, "+")]);
    assert_eq!(contact_has(&world, 1).await, ["hello"]);

    world.far().annotates(&silent(), edit(&theirs, "coffee?"));
    let (words, outer) = heard(&mut world, &mut phones).await;
    assert_eq!((words.as_str(), target(&outer, "replace", CORRECTION)), ("coffee?", Some(&*asked)));
    world.far().annotates(&silent(), react(&mine, "\u{1f44d}"));
    let (words, outer) = heard(&mut world, &mut phones).await;
    assert_eq!(words, "/me reacted with \u{1f44d} to: hello");
    assert!(!text(&outer).contains('\u{1f44d}') && !outer.has_child("reactions", ns::REACTIONS), "{}", text(&outer));
    world.far().annotates(&silent(), retract(&theirs));
    let (_, outer) = heard(&mut world, &mut phones).await;
    assert_eq!(target(&outer, "retract", RETRACTION), Some(&*asked));
}

#[tokio::test(start_paused = true)]
async fn beside_omemo_is_taken_what_only_the_older_dialect_cannot_seal_and_nothing_where_that_is_required() {
    for (dialect, requires, taken) in
        [(Dialect::Axolotl, false, true), (Dialect::Axolotl, true, false), (Dialect::Omemo2, false, false)]
    {
        let (mut world, mut phones) = acquainted(dialect).await;
        if requires {
            require(&world).await;
        }
        let (theirs, asked) = asked(&mut world, &mut phones).await;
        let mine = sent(&world, "hello");
        let clear = [reactions(&asked, &["+"]), retraction("m1")].map(|xml| from_user("x", &xml));
        for (at, (clear, seen)) in clear.iter().zip([react(&theirs, "+"), retract(&mine)]).enumerate() {
            world.takes(&clear.replace("'x'", &format!("'{}'", crate::xmpp::element::random_id()))).await;
            if taken {
                assert_eq!(contact_sees(&world, at + 1).await.last(), Some(&seen));
            } else {
                let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
                assert_eq!(condition(&refusal), "policy-violation", "{dialect:?} {requires}");
            }
        }
        // Words never, whatever they are to earlier ones.
        world.takes(&from_user("y", &correction("m1", "forged"))).await;
        let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("policy-violation", Some("y")));
        assert_eq!(world.far().annotated().len(), if taken { 2 } else { 0 });
    }
}

/// The user's server can write beside the ciphertext what it likes.
#[tokio::test(start_paused = true)]
async fn nothing_beside_the_older_dialect_takes_the_place_of_words() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    require(&world).await;
    let (_, asked) = asked(&mut world, &mut phones).await;
    let url = "https://example.com/x";
    let file = text(&sfs::to_element(&Shared::new(Source::Clear { url: url.to_owned() })));
    let range = format!("<fallback xmlns='{}' for='{}'><body start='0' end='4'/></fallback>", ns::FALLBACK, ns::REPLY);
    for (number, beside) in [
        format!("{file}<fallback xmlns='{}' for='{}'/>", ns::FALLBACK, sfs::SFS),
        format!("<x xmlns='jabber:x:oob'><url>{url}</url></x>"),
        format!("<reply xmlns='{}' id='{asked}'/>{range}", ns::REPLY),
        retraction("m1"),
        reactions(&asked, &["+"]),
        format!("<replace xmlns='{CORRECTION}' id='m1'/>"),
    ]
    .into_iter()
    .enumerate()
    {
        let words = format!("not {number}");
        let sealed = phones[0].seal(Some(&words));
        world.takes(&stanza_with(&words.replace(' ', ""), &[sealed], &beside)).await;
        assert_eq!(contact_has(&world, number + 2).await[number + 1], words, "{beside}");
    }
    assert!(world.far().annotated().is_empty());
}
