//! Which of the user's devices with OMEMO are written to, believed, and told of.

use ::omemo::{DeviceId, DeviceList, Dialect, Encrypted, nodes};

use super::phone::*;
use super::*;
use crate::store::omemo::{self as rows, Trust};
use crate::store::{Policy, users};

#[tokio::test(start_paused = true)]
async fn a_device_that_nobody_lists_is_answered_where_there_is_no_list() {
    for dialect in Dialect::ALL {
        let phone = Phone { is_unlisted: true, gives: Gives::Nothing, ..Phone::new(dialect, 7) };
        let (mut world, mut phones) = acquainted_with(phone).await;
        world.far().says(&silent(), "to who has written");
        let heard = words(&mut world, &mut phones).await;
        assert!(heard[0].as_ref().is_some_and(|words| words.contains("to who has written")), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_goes_to_all_devices_but_those_without_a_bundle() {
    let (mut world, [phone]) = acquainted(Dialect::Axolotl).await;
    let mut orphan = Phone::new(Dialect::Axolotl, 9);
    orphan.gives = Gives::Nothing;
    let mut phones = [phone, Phone::new(Dialect::Omemo2, 8), orphan];
    list(&world, &phones).await;
    world.far().says(&silent(), "to all of you");
    let sent = settle(&mut world, &mut phones).await;
    let heard: Vec<Vec<String>> = phones
        .iter_mut()
        .map(|phone| sent.iter().filter_map(|stanza| phone.open(stanza).flatten()).collect())
        .collect();
    for (at, hears) in [true, true, false].into_iter().enumerate() {
        for said in ["to all of you", "number 8, fingerprint"] {
            assert_eq!(heard[at].iter().any(|words| words.contains(said)), hears, "{said}: {heard:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_with_a_bundle_that_is_worth_nothing_is_passed_over_until_it_has_a_better_one() {
    for dialect in Dialect::ALL {
        for gives in [Gives::Refusal, Gives::Rubbish, Gives::Forgery] {
            let (mut world, [phone]) = acquainted(dialect).await;
            let mut phones = [phone, Phone { gives, ..Phone::new(dialect, 8) }];
            list(&world, &phones).await;
            for (words, both) in [("to one", false), ("to both", true)] {
                world.far().says(&silent(), words);
                let sent = settle(&mut world, &mut phones).await;
                let heard = phones.each_mut().map(|phone| {
                    sent.iter().filter_map(|stanza| phone.open(stanza).flatten()).any(|said| said.contains(words))
                });
                assert_eq!(heard, [true, both], "{dialect:?} {gives:?}");
                phones[1].gives = Gives::Bundle;
                sleep(2 * IDLE).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_goes_from_the_list_hears_nothing_until_it_is_back() {
    for dialect in Dialect::ALL {
        let (mut world, [phone]) = acquainted(dialect).await;
        let mut phones = [phone, Phone::new(dialect, 8)];
        for (is_there, words) in [(true, "one"), (false, "two"), (true, "three")] {
            list(&world, if is_there { &phones } else { &phones[..1] }).await;
            world.far().says(&silent(), words);
            let sent = settle(&mut world, &mut phones).await;
            let heard = phones.each_mut().map(|phone| {
                sent.iter().filter_map(|stanza| phone.open(stanza).flatten()).any(|said| said.contains(words))
            });
            assert_eq!(heard, [true, is_there], "{dialect:?} {words}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_are_trusted_until_one_is_verified_and_then_only_such() {
    let (mut world, [phone]) = acquainted(Dialect::Axolotl).await;
    let mut phones = [phone, Phone::new(Dialect::Axolotl, 8)];
    phones[1].meet(&mut world).await;
    let seven = phones[0].id;
    with_store(&world, move |db, user| rows::set_trust(db, user, seven, Trust::Verified)).await;
    // A new one is refused, and the one that is hers hears of it.
    let forged = phones[1].seal(Some("I am Alice, too"));
    world.takes(&stanza_with("m2", &[forged], "")).await;
    let sent = settle(&mut world, &mut phones).await;
    let refusal = sent.iter().find(|stanza| stanza.attr("type") == Some("error")).unwrap();
    assert_eq!((condition(refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m2")));
    let told: Vec<_> = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).collect();
    assert!(told.iter().any(|words| words.contains("number 8")), "{told:?}");
    assert_eq!(contact_has(&world, 1).await, ["hello"]);
    // Nor is it written to, until it is verified as well.
    let eight = phones[1].id;
    for (trust, hears) in
        [(Trust::Blind, [true, false]), (Trust::Verified, [true, true]), (Trust::Distrusted, [true, false])]
    {
        with_store(&world, move |db, user| rows::set_trust(db, user, eight, trust)).await;
        list(&world, &phones).await;
        world.far().says(&silent(), &format!("for {trust:?}"));
        let sent = settle(&mut world, &mut phones).await;
        let heard = phones.each_mut().map(|phone| {
            sent.iter()
                .filter_map(|stanza| phone.open(stanza).flatten())
                .any(|words| words.contains(&format!("{trust:?}")))
        });
        assert_eq!(heard, hears, "{trust:?}");
    }
}

/// Alice's server tells which devices she has.
async fn list(world: &World, phones: &[Phone]) {
    for dialect in Dialect::ALL {
        let of = phones.iter().filter(|phone| phone.dialect == dialect).map(|phone| phone.id);
        let list = text(&DeviceList::new(of).to_element(dialect));
        let node = nodes::devices(dialect);
        world
            .takes(&format!(
                "<message type='headline' from='{ALICE}' to='{SILENT}/drawbridge'><event \
                 xmlns='http://jabber.org/protocol/pubsub#event'><items node='{node}'><item id='current'>{list}</item>\
                 </items></event></message>"
            ))
            .await;
    }
}

/// Else whoever first lets a device be refused could then write with it, and nobody would hear of it.
#[tokio::test(start_paused = true)]
async fn a_device_whose_first_words_cannot_be_read_is_told_of_all_the_same() {
    for dialect in Dialect::ALL {
        let (mut world, [phone]) = acquainted(dialect).await;
        let mut phones = [phone, Phone { gives: Gives::Nothing, ..Phone::new(dialect, 8) }];
        phones[1].meet(&mut world).await;
        let mut spoilt = Encrypted::read(&phones[1].seal(Some("?"))).unwrap();
        spoilt.payload.as_mut().unwrap().content[0] ^= 1;
        world.takes(&stanza_with("m2", &[spoilt.to_element()], "")).await;
        settle(&mut world, &mut phones).await;
        let said = phones[1].seal(Some("I am Alice"));
        world.takes(&stanza_with("m3", &[said], "")).await;
        let sent = settle(&mut world, &mut phones).await;
        assert_eq!(contact_has(&world, 2).await, ["hello", "I am Alice"]);
        let told: Vec<_> = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).collect();
        assert!(told.iter().any(|words| words.contains("number 8")), "{told:?}");
    }
}

/// Nobody could read a notice then, and a notice that waits in memory is lost with it.
#[tokio::test(start_paused = true)]
async fn a_device_that_was_met_before_a_crash_is_told_of_after_it() {
    let (mut world, [phone]) = acquainted(Dialect::Axolotl).await;
    let mut phones = [phone];
    with_store(&world, |db, user| {
        let identity = ::omemo::ratchet::PublicKey([9; 32]);
        assert!(rows::meet(db, user, DeviceId::new(8).unwrap(), &identity)?);
        Ok(())
    })
    .await;
    for times in [1, 0] {
        // Whatever makes the gateway look.
        world.far().says(&silent(), "words");
        let said = phones[0].seal(Some("words"));
        world.takes(&stanza_with(&format!("w{times}"), &[said], "")).await;
        let sent = settle(&mut world, &mut phones).await;
        let told = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten());
        assert_eq!(told.filter(|words| words.contains("number 8")).count(), times);
    }
}

#[tokio::test(start_paused = true)]
async fn that_nobody_could_read_what_waits_is_told_once_and_not_where_it_goes_in_clear() {
    for clear in [false, true] {
        let (mut world, mut phones) = acquainted(Dialect::Omemo2).await;
        world.online_with("phone", &["urn:xmpp:receipts"]).await;
        if clear {
            with_store(&world, |db, user| users::set_policy(db, user, Policy::Off)).await;
        }
        phones[0].gives = Gives::Nothing;
        list(&world, &[]).await;
        for first in [true, false] {
            world.far().says(&silent(), "words");
            let sent = settle(&mut world, &mut phones).await;
            let said = |what: &str| sent.iter().filter_map(body).filter(|text| text.contains(what)).count();
            assert_eq!(said("cannot be encrypted for any client"), usize::from(first && !clear), "{sent:?}");
            assert_eq!(said("words"), usize::from(clear), "{sent:?}");
        }
    }
}

/// A server can forge the command, and shall not have us seal its words.
#[tokio::test(start_paused = true)]
async fn that_a_device_was_said_to_be_lost_is_told_in_words_of_our_own() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let print = phones[0].identity.public(Dialect::Axolotl).fingerprint().unwrap();
    let mut sent = Vec::new();
    for (id, text) in [("c1", "devices"), ("c2", &*format!("u u {print}"))] {
        let message = format!(
            "<message from='{ALICE}/desk' to='gw.example.org' type='chat' id='{id}'><body>{text}</body></message>"
        );
        world.takes(&message).await;
        sent = settle(&mut world, &mut phones).await;
    }
    let said: Vec<_> = sent.iter().filter_map(body).collect();
    let notices = said.iter().filter(|text| text.contains("Notice:") && text.contains("refused: device 7"));
    assert_eq!(notices.count(), 1, "{said:?}");
    assert!(!said.iter().any(|text| text.contains("u u")), "{said:?}");
}
