//! OMEMO in a conversation: what is read, what is refused, and who is written to.

use ::omemo::ratchet::KeyExchange;
use ::omemo::{DeviceId, DeviceList, Dialect, Encrypted, bundle, nodes};

use super::phone::*;
use super::*;
use crate::store::omemo as rows;

#[tokio::test(start_paused = true)]
async fn a_contacts_nodes_can_be_read_and_subscribed_to_and_not_written() {
    let mut world = World::with_alice().await;
    let pubsub = |inner: &str| format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inner}</pubsub>");
    let ask = async |world: &mut World, kind, inner: &str| {
        world.asks("alice@example.org/phone", SILENT, kind, &pubsub(inner)).await
    };
    for dialect in Dialect::ALL {
        let node = nodes::devices(dialect);
        let first = ask(&mut world, "get", &format!("<items node='{node}'/>")).await;
        let own = DeviceList::read(dialect, payload(&first)).unwrap().iter().next().unwrap();
        let subscribe = format!("<subscribe node='{node}' jid='alice@example.org'/>");
        assert!(text(&ask(&mut world, "set", &subscribe).await).contains("subscription='subscribed'"));
        let unsubscribe = format!("<unsubscribe node='{node}' jid='alice@example.org'/>");
        assert_eq!(ask(&mut world, "set", &unsubscribe).await.attr("type"), Some("result"));
        let publish = format!("<publish node='{node}'><item id='current'/></publish>");
        assert_eq!(condition(&ask(&mut world, "set", &publish).await), "forbidden");

        // Nobody is handed out what somebody else was; of other devices there is nothing.
        let (node, item) = nodes::bundle(dialect, own);
        let item = item.map(|item| format!("<item id='{item}'/>")).unwrap_or_default();
        let items = format!("<items node='{node}'>{item}</items>");
        let [one, other] = [ask(&mut world, "get", &items).await, ask(&mut world, "get", &items).await];
        let [one, other] = [one, other].map(|answer| bundle::read(dialect, payload(&answer)).unwrap());
        assert_eq!((one.verify(dialect), one.identity), (Ok(()), other.identity));
        assert!(
            one.prekeys.iter().all(|prekey| other.prekeys.iter().all(|it| it.id != prekey.id && it.key != prekey.key))
        );
        let (node, item) = nodes::bundle(dialect, DeviceId::new(own.get() ^ 1).unwrap());
        let item = item.map(|item| format!("<item id='{item}'/>")).unwrap_or_default();
        let missing = ask(&mut world, "get", &format!("<items node='{node}'>{item}</items>")).await;
        assert_eq!(condition(&missing), "item-not-found");
        assert!(text(&missing).contains("code='404'"), "Profanity reads nothing else");
    }
}

#[tokio::test(start_paused = true)]
async fn a_contact_has_one_device_under_a_number_of_its_own() {
    let mut world = World::with_alice().await;
    let mut numbers = std::collections::HashSet::new();
    for contact in [SILENT, "echo%echo@gw.example.org", "gw.example.org"] {
        let mut of = Vec::new();
        for dialect in Dialect::ALL {
            let node = nodes::devices(dialect);
            let ask = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>");
            let list = world.asks("alice@example.org/phone", contact, "get", &ask).await;
            of.push(DeviceList::read(dialect, payload(&list)).unwrap().iter().collect::<Vec<_>>());
        }
        assert!(of[0].len() == 1 && of[0] == of[1], "{contact}: {of:?}");
        assert!(numbers.insert(of[0][0]), "{contact}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_crosses_both_ways_and_the_fallback_does_not() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let second = phones[0].seal(Some("again"));
        world.takes(&stanza_with("m2", &[second], "<request xmlns='urn:xmpp:receipts'/>")).await;
        let sent = settle(&mut world, &mut phones).await;
        let mut said = sent.iter().map(|stanza| phones[0].open(stanza).flatten().unwrap_or_else(|| text(stanza)));
        assert!(said.any(|said| said.contains("<received") && said.contains("m2")), "{sent:?}");
        assert_eq!(contact_has(&world, 2).await, ["hello", "again"]);
        world.far().says(&silent(), "hello yourself");
        let heard = words(&mut world, &mut phones).await;
        assert!(heard[0].as_ref().is_some_and(|words| words.contains("hello yourself")), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_encrypted_says_how() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        world.far().says(&silent(), "words");
        let stanza = loop {
            let stanza = next(&mut world, &mut phones).await;
            if phones[0].open(&stanza).is_some_and(|said| said.is_some()) {
                break stanza;
            }
        };
        let how = stanza.get_child("encryption", ns::EME).unwrap();
        assert_eq!((how.attr("namespace"), how.attr("name")), (Some(nodes::namespace(dialect)), Some("OMEMO")));
        assert!(stanza.has_child("store", ns::HINTS) && body(&stanza).unwrap().contains("encrypted with OMEMO"));
    }
}

/// A client that speaks both says it twice.
#[tokio::test(start_paused = true)]
async fn of_a_message_in_both_dialects_the_newer_one_counts_and_the_older_one_where_that_cannot_be_read() {
    let (mut world, [older]) = acquainted(Dialect::Axolotl).await;
    let mut phones = [older, Phone::new(Dialect::Omemo2, 8)];
    phones[1].meet(&mut world).await;
    let first = phones[1].seal(Some("first"));
    world.takes(&stanza_with("m2", &[first], "")).await;
    settle(&mut world, &mut phones).await;
    let broken = broken(Dialect::Omemo2, phones[1].id, &mut world).await;
    for (number, counts) in [("1", "newer 1"), ("2", "older 2"), ("3", "older 3")] {
        let [older, newer] = ["older", "newer"].map(|which| format!("{which} {number}"));
        let [older, mut newer] = [phones[0].seal(Some(&older)), phones[1].seal(Some(&newer))];
        if number == "2" {
            let mut others = Encrypted::read(&newer).unwrap();
            others.keys[0].device = DeviceId::new(99).unwrap();
            newer = others.to_element();
        } else if number == "3" {
            newer = broken.clone();
        }
        world.takes(&stanza_with(&format!("b{number}"), &[older, newer], "")).await;
        let sent = settle(&mut world, &mut phones).await;
        assert!(!sent.iter().any(|stanza| stanza.attr("type") == Some("error")), "{number}: {sent:?}");
        assert_eq!(contact_has(&world, 1).await.last().unwrap(), counts);
        // What was broken is renewed all the same.
        let renewed = sent.iter().any(|stanza| phones[1].open(stanza) == Some(None));
        assert_eq!(renewed, number == "3", "{sent:?}");
    }
    assert_eq!(world.far().received().len(), 5, "each once");
}

#[tokio::test(start_paused = true)]
async fn once_encrypted_nothing_is_taken_or_said_in_clear() {
    let (mut world, mut phones) = acquainted(Dialect::Omemo2).await;
    world.takes(&message("in clear")).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!(condition(&refusal), "policy-violation");
    // Her devices are gone from the list: what waits, waits.
    let node = nodes::devices(Dialect::Omemo2);
    world
        .takes(&format!(
            "<message type='headline' from='{ALICE}' to='{SILENT}/drawbridge'><event \
             xmlns='http://jabber.org/protocol/pubsub#event'><items node='{node}'><item id='current'>\
             <devices xmlns='urn:xmpp:omemo:2'/></item></items></event></message>"
        ))
        .await;
    phones[0].gives = Gives::Nothing;
    world.far().says(&silent(), "secret");
    let sent = settle(&mut world, &mut phones).await;
    assert!(!sent.iter().any(|stanza| text(stanza).contains("secret") || phones[0].open(stanza).is_some()), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn who_allows_clear_text_is_answered_as_they_have_spoken_last() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let off = |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        let user = crate::store::users::get(db, "echo", &alice())?.unwrap();
        crate::store::users::set_policy(db, user.id, crate::store::Policy::Off)
    };
    world.keeper.store.call(off).await.unwrap();
    world.far().says(&silent(), "still encrypted");
    assert!(words(&mut world, &mut phones).await[0].is_some());
    world.takes(&message("in clear")).await;
    assert_eq!(contact_has(&world, 2).await, ["hello", "in clear"]);
    world.far().says(&silent(), "in clear, too");
    let sent = settle(&mut world, &mut phones).await;
    let clear = |stanza: &Element| body(stanza).is_some_and(|body| body == "in clear, too");
    assert!(sent.iter().any(clear), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_refused_by_name_and_the_session_renewed_once() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let mut lost = phones[0].seal(Some("lost"));
        // The contact's device has lost the session.
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
        let forget = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
            Ok(db.execute("DELETE FROM omemo_sessions WHERE user = ?1", [user.0])?)
        };
        world.keeper.store.call(forget).await.unwrap();
        for (id, heals) in [("m2", true), ("m3", false), ("m4", true)] {
            world.takes(&stanza_with(id, &[lost], "")).await;
            let refusal = next(&mut world, &mut phones).await;
            assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some(id)));
            let promised = if heals { "is being renewed, send it again" } else { "if that does not help" };
            assert!(text(&refusal).contains(promised), "{}", text(&refusal));
            if heals {
                let renewal = next(&mut world, &mut phones).await;
                assert_eq!(phones[0].open(&renewal), Some(None), "{}", text(&renewal));
            } else {
                let quiet = settle(&mut world, &mut phones).await;
                assert!(!quiet.iter().any(|stanza| text(stanza).contains("<encrypted")), "{quiet:?}");
                // It is no reason to leave a device alone for ever.
                sleep(IDLE / 2).await;
                mailbox(&world).await.wake();
                sleep(IDLE / 2).await;
            }
            lost = broken(dialect, phones[0].id, &mut world).await;
        }
        let again = phones[0].seal(Some("again"));
        world.takes(&stanza_with("m5", &[again], "")).await;
        assert_eq!(contact_has(&world, 2).await, ["hello", "again"]);
    }
}

/// A message that nobody can read.
async fn broken(dialect: Dialect, sender: DeviceId, world: &mut World) -> Element {
    let mut stranger = Phone::new(dialect, 1);
    stranger.meet(world).await;
    stranger.id = sender;
    let mut message = Encrypted::read(&stranger.seal(Some("?"))).unwrap();
    for key in &mut message.keys {
        let exchange = KeyExchange::read(dialect, &key.sealed.octets).unwrap();
        key.sealed.octets = exchange.message;
        key.sealed.is_key_exchange = false;
    }
    message.to_element()
}

#[tokio::test(start_paused = true)]
async fn a_message_counts_once_for_whom_it_was_made_and_from_who_it_says() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let once = phones[0].seal(Some("once"));
    world.takes(&stanza_with("m2", std::slice::from_ref(&once), "")).await;
    world.takes(&stanza_with("m3", &[once], "")).await;
    assert_eq!(contact_has(&world, 2).await, ["hello", "once"]);
    sleep(LOOKS).await;
    assert_eq!(world.far().received().len(), 2);
    let quiet = world.drain().await;
    assert!(!quiet.iter().any(|stanza| stanza.attr("type") == Some("error")), "a copy is nobody's fault: {quiet:?}");

    // For another device than ours.
    phones[0].peer = DeviceId::new(1);
    let astray = phones[0].seal(Some("astray"));
    world.takes(&stanza_with("m4", &[astray], "")).await;
    let refusal = next(&mut world, &mut phones).await;
    assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m4")));

    // Of another one than this number has shown, until that one is forgotten.
    let mut mallory = Phone::new(Dialect::Axolotl, 7);
    mallory.meet(&mut world).await;
    let forged = mallory.seal(Some("I am Alice"));
    world.takes(&stanza_with("m5", &[forged], "")).await;
    let refusal = next(&mut world, &mut phones).await;
    assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m5")));
    sleep(LOOKS).await;
    assert_eq!(world.far().received().len(), 2);
    let seven = mallory.id;
    with_store(&world, move |db, user| rows::forget(db, user, seven)).await;
    let known = mallory.seal(Some("a new telephone"));
    world.takes(&stanza_with("m6", &[known], "")).await;
    assert_eq!(contact_has(&world, 3).await[2], "a new telephone");
}

#[tokio::test(start_paused = true)]
async fn a_key_exchange_serves_once_even_if_the_session_is_forgotten() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = (World::with_alice().await, [Phone::new(dialect, 7)]);
        phones[0].meet(&mut world).await;
        let first = phones[0].seal(Some("hello"));
        world.takes(&stanza_with("m1", std::slice::from_ref(&first), "")).await;
        settle(&mut world, &mut phones).await;
        let seven = phones[0].id;
        with_store(&world, move |db, user| rows::forget(db, user, seven)).await;
        world.takes(&stanza_with("m2", &[first], "")).await;
        let refusal = next(&mut world, &mut phones).await;
        assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m2")));
        assert_eq!(contact_has(&world, 1).await, ["hello"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_users_client_has_used_last_is_what_it_is_answered_in() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    settle(&mut world, &mut phones).await;
    for round in 0..3 {
        let by_omemo = round % 2 == 0;
        let said = if by_omemo {
            stanza_with(&format!("o{round}"), &[phones[0].seal(Some("by OMEMO"))], "")
        } else {
            from_alice("phone", &session.seal("<body>in a session</body>").unwrap()).replace("id='phone'", "id='s1'")
        };
        world.takes(&said).await;
        settle(&mut world, &mut phones).await;
        world.far().says(&silent(), &format!("answer {round}"));
        let sent = settle(&mut world, &mut phones).await;
        let heard = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).count();
        let sealed = sent.iter().filter(|stanza| encrypted(stanza).is_some()).count();
        assert_eq!((heard > 0, sealed > 0), (by_omemo, !by_omemo), "{round}: {sent:?}");
    }
}

/// Others stop encrypting when they hear nothing for too long, and a contact may only read (XEP-0384, section 6).
#[tokio::test(start_paused = true)]
async fn who_only_listens_shows_that_it_does() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let mut answers = Vec::new();
        for number in 1..=60 {
            let said = phones[0].seal(Some(&format!("word {number}")));
            world.takes(&stanza_with(&format!("h{number}"), &[said], "")).await;
            let sent = settle(&mut world, &mut phones).await;
            if let Some(answer) = sent.iter().find(|stanza| phones[0].open(stanza) == Some(None)) {
                // Another client would show that it cannot read it.
                assert_eq!(answer.attr("to"), Some("alice@example.org/phone"));
                assert!(answer.has_child("private", ns::CARBONS), "{}", text(answer));
                answers.push(number);
            }
        }
        assert_eq!(answers, [54], "the first with a counter of 53 or more");
    }
}

/// As Gajim does, as soon as it sees a contact's device list.
#[tokio::test(start_paused = true)]
async fn who_shows_keys_before_a_word_is_told_so_in_secret() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = (World::with_alice().await, [Phone::new(dialect, 7)]);
        phones[0].meet(&mut world).await;
        let keys = phones[0].seal(None);
        world.takes(&stanza_with("m1", &[keys], "")).await;
        let heard = words(&mut world, &mut phones).await;
        assert!(heard[0].as_ref().is_some_and(|words| words.contains("number 7")), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_first_to_somebody_with_omemo_does_so_by_omemo() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = (World::with_alice().await, [Phone::new(dialect, 7)]);
        world.has_no_devices = false;
        world.far().says(&silent(), "out of the blue");
        let heard = words(&mut world, &mut phones).await;
        let heard =
            if heard[0].as_ref().unwrap().contains("Notice") { words(&mut world, &mut phones).await } else { heard };
        assert!(heard[0].as_ref().is_some_and(|words| words.contains("out of the blue")), "{heard:?}");
        // Whoever then answers in clear may, and is answered as they have spoken.
        world.takes(&message("what is this?")).await;
        assert_eq!(contact_has(&world, 1).await, ["what is this?"]);
        world.far().says(&silent(), "sorry");
        let sent = settle(&mut world, &mut phones).await;
        assert!(sent.iter().any(|stanza| body(stanza).as_deref() == Some("sorry")), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn commands_to_the_gateway_are_answered_as_they_came() {
    const GATEWAY: &str = "gw.example.org";
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = (World::with_alice().await, [Phone::new(dialect, 7)]);
        world.has_no_devices = false;
        phones[0].meets(&mut world, GATEWAY).await;
        let status = phones[0].seal(Some("status"));
        world.takes(&stanza_with("m1", &[status], "").replace(SILENT, GATEWAY)).await;
        let sent = settle(&mut world, &mut phones).await;
        let heard: Vec<_> = sent.iter().filter_map(|message| phones[0].open(message).flatten()).collect();
        assert!(heard.iter().any(|words| words.contains("alice@echo")), "{heard:?}");
        assert!(!sent.iter().any(|message| text(message).contains("alice@echo")), "nothing of it in clear");
    }
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_contacts_identity_is_told_where_they_are_talked_with() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let text = "Notice: the identity has changed.".to_owned();
        world.far().happens(&silent(), Event::TrustNotice { contact: Some(silent()), text, blocks: true });
        let heard = words(&mut world, &mut phones).await;
        assert!(heard[0].as_ref().is_some_and(|words| words.contains("identity has changed")), "{heard:?}");
    }
}
