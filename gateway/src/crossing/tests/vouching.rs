//! What one of Alice's devices says of her others (XEP-0450), and which of their keys her contacts begin with.

use ::omemo::trust_message::KeyId;
use ::omemo::{DeviceId, Dialect};

use super::phone::*;
use super::*;
use crate::secure::omemo::Us;
use crate::store::omemo::{self as rows, Trust};
use crate::store::trust_messages;

/// As people do on the host.
async fn host_says(world: &World, device: DeviceId, trust: Trust) {
    with_store(world, move |db, user| {
        rows::set_trust(db, user, device, trust)?;
        trust_messages::settle(db, user)
    })
    .await;
}

async fn trust_of(world: &World, device: DeviceId) -> Option<Trust> {
    let known = with_store(world, rows::known).await;
    known.into_iter().find(|known| known.device == device).map(|known| known.trust)
}

/// A phone says of others that they are hers, or not.
async fn says(world: &mut World, phone: &mut Phone, owner: &str, others: &[(&Phone, bool)]) {
    let said: String = others
        .iter()
        .map(|(other, trusted)| {
            let name = if *trusted { "trust" } else { "distrust" };
            format!("<{name}>{}</{name}>", base64(&KeyId::of(&other.identity).0))
        })
        .collect();
    let xml = format!(
        "<trust-message xmlns='urn:xmpp:tm:1' usage='urn:xmpp:atm:1' encryption='urn:xmpp:omemo:2'>
         <key-owner jid='{owner}'>{said}</key-owner></trust-message>"
    );
    let sealed = phone.seal_content(&xml);
    world.takes(&stanza_with(&format!("tm{}", phone.id), &[sealed], "").replace(SILENT, phone.whom)).await;
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// A device that is known by what it has said.
async fn introduced(world: &mut World, phones: &mut Vec<Phone>, id: u32) {
    let mut phone = Phone::new(Dialect::Omemo2, id);
    phone.meet(world).await;
    let said = phone.seal(Some(&format!("I am {id}")));
    phones.push(phone);
    world.takes(&stanza_with(&format!("i{id}"), &[said], "")).await;
    settle(world, phones).await;
}

#[tokio::test(start_paused = true)]
async fn a_verified_device_vouches_for_others_and_against_them() {
    let (mut world, [phone]) = acquainted(Dialect::Omemo2).await;
    let mut phones = vec![phone];
    introduced(&mut world, &mut phones, 8).await;
    introduced(&mut world, &mut phones, 9).await;
    let [seven, eight, nine] = [0, 1, 2].map(|at| phones[at].id);
    host_says(&world, seven, Trust::Verified).await;
    let (first, others) = phones.split_first_mut().unwrap();
    says(&mut world, first, ALICE, &[(&others[0], true), (&others[1], false)]).await;
    let sent = settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, eight).await, Some(Trust::Verified));
    assert_eq!(trust_of(&world, nine).await, Some(Trust::Distrusted));
    let told: Vec<_> = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).collect();
    for words in ["number 8 is trusted from now on", "number 9 is not trusted any more"] {
        assert!(told.iter().any(|told| told.contains(words)), "{words}: {told:?}");
    }
    assert_eq!(contact_has(&world, 3).await, ["hello", "I am 8", "I am 9"], "the contact hears nothing of it");
    // What people have said themselves stays.
    let (first, others) = phones.split_first_mut().unwrap();
    says(&mut world, first, ALICE, &[(&others[1], true)]).await;
    settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, nine).await, Some(Trust::Distrusted));
}

#[tokio::test(start_paused = true)]
async fn it_does_so_once_to_the_gateway_for_all_contacts() {
    let mut world = World::with_alice().await;
    world.has_no_devices = false;
    let mut phones = [7, 8].map(|id| Phone::new(Dialect::Omemo2, id));
    for at in 0..2 {
        phones[at].meets(&mut world, "gw.example.org").await;
        let said = phones[at].seal(Some("status"));
        world.takes(&stanza_with(&format!("s{at}"), &[said], "").replace(SILENT, "gw.example.org")).await;
        settle(&mut world, &mut phones).await;
    }
    let [seven, eight] = [0, 1].map(|at| phones[at].id);
    host_says(&world, seven, Trust::Verified).await;
    let [first, second] = &mut phones;
    says(&mut world, first, ALICE, &[(second, true)]).await;
    let sent = settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, eight).await, Some(Trust::Verified));
    let told = sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).collect::<Vec<_>>();
    assert!(told.iter().any(|words| words.contains("number 8 is trusted from now on")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_unverified_device_says_waits_until_it_is_verified_and_what_it_is_about_is_met() {
    let (mut world, [phone]) = acquainted(Dialect::Omemo2).await;
    let mut phones = vec![phone];
    introduced(&mut world, &mut phones, 8).await;
    let late = Phone::new(Dialect::Omemo2, 9);
    let [seven, eight] = [0, 1].map(|at| phones[at].id);
    let (first, others) = phones.split_first_mut().unwrap();
    says(&mut world, first, ALICE, &[(&others[0], true)]).await;
    says(&mut world, &mut others[0], ALICE, &[(&late, true)]).await;
    settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, eight).await, Some(Trust::Blind));
    host_says(&world, seven, Trust::Verified).await;
    assert_eq!(trust_of(&world, eight).await, Some(Trust::Verified));
    // Who was vouched for vouches for others, even for those that nobody has seen yet.
    let mut late = late;
    late.meet(&mut world).await;
    let said = late.seal(Some("I am 9"));
    let nine = late.id;
    phones.push(late);
    world.takes(&stanza_with("i9", &[said], "")).await;
    settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, nine).await, Some(Trust::Verified));
    assert_eq!(contact_has(&world, 3).await[2], "I am 9");
}

#[tokio::test(start_paused = true)]
async fn nobody_vouches_in_clear_nor_for_others_than_the_user() {
    let (mut world, [phone]) = acquainted(Dialect::Omemo2).await;
    let mut phones = vec![phone];
    introduced(&mut world, &mut phones, 8).await;
    let [seven, eight] = [0, 1].map(|at| phones[at].id);
    host_says(&world, seven, Trust::Verified).await;
    let (first, others) = phones.split_first_mut().unwrap();
    says(&mut world, first, SILENT, &[(&others[0], true)]).await;
    let message = format!(
        "<trust-message xmlns='urn:xmpp:tm:1' usage='urn:xmpp:atm:1' encryption='urn:xmpp:omemo:2'><key-owner \
         jid='{ALICE}'><trust>{}</trust></key-owner></trust-message>",
        base64(&KeyId::of(&others[0].identity).0)
    );
    let carries_on = first.seal(Some("with words"));
    world.takes(&stanza_with("m2", &[carries_on], &message)).await;
    settle(&mut world, &mut phones).await;
    assert_eq!(trust_of(&world, eight).await, Some(Trust::Blind));
}

/// Each contact takes a prekey of the same device, and each prekey is good for one.
#[tokio::test(start_paused = true)]
async fn contacts_begin_with_different_prekeys_of_one_device() {
    let (world, [phone]) = acquainted(Dialect::Axolotl).await;
    let (dialect, id) = (phone.dialect, DeviceId::new(77).unwrap());
    let mut device = Phone::new(dialect, 77);
    let mut published = device.prekeys.hand_out(dialect, &device.identity, &mut rng());
    published.prekeys.truncate(5);
    let begun = async |count: usize, bundle: ::omemo::ratchet::Bundle| {
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
        let work = move |db: &rusqlite::Transaction<'_>, sealer: &crate::store::Sealer| {
            let mut used = Vec::new();
            for number in 0..count {
                let peer = format!("contact{number}@echo of {}", bundle.prekeys[0].id);
                let us = Us { user, peer: peer.clone(), account: format!("{number}@gw") };
                assert!(us.begin(db, sealer, (dialect, id), &bundle)?);
                let taken = db.prepare("SELECT prekey FROM omemo_prekeys_taken WHERE device = 77")?;
                let mut taken = taken;
                used = taken.query_map([], |row| row.get::<_, u32>(0))?.collect::<Result<_, _>>()?;
            }
            Ok(used)
        };
        world.keeper.store.call(work).await.unwrap()
    };
    assert_eq!(begun(5, published.clone()).await.len(), 5, "each another one");
    assert_eq!(begun(7, published.clone()).await.len(), 5, "and then again");
    // The device has replaced two of them: only those are free.
    let mut renewed = published;
    for prekey in &mut renewed.prekeys[..2] {
        prekey.id += 1000;
    }
    assert_eq!(begun(2, renewed.clone()).await.len(), 5);
    let ids: Vec<_> = renewed.prekeys.iter().map(|prekey| prekey.id).collect();
    assert!(begun(0, renewed).await.iter().all(|taken| ids.contains(taken)));
}
