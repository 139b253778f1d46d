//! Who is there, and what their clients can do.

use drawbridge_bridge::{Availability, ContactId, ContactInfo, Event};

use super::world::{World, alice, answers, client, presence_of, presences, text};
use crate::store::{Subscription, contacts};
use crate::xmpp::{caps, ns, presence};

#[tokio::test]
async fn a_client_is_asked_once_what_it_can_do() {
    let mut world = World::with_alice().await;
    let (info, caps) = client(&[ns::ESESSION, ns::RECEIPTS]);
    world.takes(&format!("<presence from='alice@example.org/phone' to='gw.example.org'>{caps}</presence>")).await;
    assert!(!world.keeper.presences.online(&alice())[0].known);
    answers(&mut world, &info).await;
    world.eventually(|world| world.keeper.presences.online(&alice())[0].known).await;
    let phone = &world.keeper.presences.online(&alice())[0];
    assert!(phone.esession && phone.receipts);
    // another client of the same kind is known at once
    world.drain().await;
    world
        .takes(&format!(
            "<presence from='alice@example.org/desk' to='gw.example.org'><priority>5</priority>{caps}</presence>"
        ))
        .await;
    let online = world.keeper.presences.online(&alice());
    assert_eq!(online[0].full.as_str(), "alice@example.org/desk", "the highest priority comes first");
    assert!(online[0].known && online[0].esession);
    assert!(world.drain().await.iter().all(|stanza| stanza.name() != "iq"), "nobody was asked");
}

#[tokio::test]
async fn a_lying_client_poisons_nobody_else() {
    let mut world = World::with_alice().await;
    let (_, honest) = client(&[ns::ESESSION]);
    let (lie, _) = client(&[ns::RECEIPTS]);
    world.takes(&format!("<presence from='alice@example.org/liar' to='gw.example.org'>{honest}</presence>")).await;
    answers(&mut world, &lie).await;
    world.eventually(|world| world.keeper.presences.online(&alice())[0].known).await;
    assert!(!world.keeper.presences.online(&alice())[0].esession);
    world.takes(&format!("<presence from='alice@example.org/victim' to='gw.example.org'>{honest}</presence>")).await;
    let online = world.keeper.presences.online(&alice());
    let victim = online.iter().find(|resource| resource.full.as_str().ends_with("victim")).unwrap();
    assert!(!victim.known, "it is asked itself");
}

#[tokio::test]
async fn a_client_has_gone_when_it_has_left_everybody() {
    let mut world = World::with_alice().await;
    for to in ["gw.example.org", "echo%echo@gw.example.org"] {
        world.takes(&format!("<presence from='alice@example.org/phone' to='{to}'/>")).await;
    }
    // taken out of the roster: the server says unavailable to this contact alone
    world.takes("<presence type='unavailable' from='alice@example.org/phone' to='echo%echo@gw.example.org'/>").await;
    assert_eq!(world.keeper.presences.online(&alice()).len(), 1);
    world.takes("<presence type='unavailable' from='alice@example.org/phone' to='gw.example.org'/>").await;
    assert!(world.keeper.presences.online(&alice()).is_empty());
    world.drain().await;
}

#[tokio::test]
async fn the_network_hears_of_the_users_presence() {
    let world = World::with_alice().await;
    world.takes("<presence from='alice@example.org/phone' to='gw.example.org'><show>away</show></presence>").await;
    world.eventually(|world| world.far().presence() == Some(Availability::Away)).await;
    world.takes("<presence from='alice@example.org/desk' to='gw.example.org'/>").await;
    world.eventually(|world| world.far().presence() == Some(Availability::Online)).await;
    for resource in ["phone", "desk"] {
        world
            .takes(&format!("<presence type='unavailable' from='alice@example.org/{resource}' to='gw.example.org'/>"))
            .await;
    }
    world.eventually(|world| world.far().presence() == Some(Availability::Offline)).await;
}

#[tokio::test]
async fn the_gateway_shows_itself_with_caps_that_hold() {
    let mut world = World::with_alice().await;
    world.takes("<presence from='alice@example.org/phone' to='gw.example.org'/>").await;
    let shown =
        world.until(|stanza| presence_of(stanza).as_deref() == Some("available gw.example.org/drawbridge")).await;
    assert_eq!(shown.get_child("status", ns::CLIENT).unwrap().text(), "logged in as alice@echo");
    let caps = shown.get_child("c", ns::CAPS).unwrap();
    let node = format!("{}#{}", caps.attr("node").unwrap(), caps.attr("ver").unwrap());
    let ask = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>");
    let answer = world.asks("alice@example.org/phone", "gw.example.org/drawbridge", "get", &ask).await;
    let info = answer.get_child("query", ns::DISCO_INFO).unwrap();
    assert_eq!(caps::verification(info).as_deref(), caps.attr("ver"));
    assert_eq!(info.attr("node"), Some(node.as_str()));
}

#[tokio::test]
async fn a_contacts_presence_reaches_only_who_subscribed() {
    let mut world = World::with_alice().await;
    world.takes("<presence from='alice@example.org/phone' to='gw.example.org'/>").await;
    world.drain().await;
    let echo = ContactId::new("echo@echo");
    let away = |status: &str| Event::Presence {
        contact: ContactId::new("echo@echo"),
        availability: Availability::Away,
        status: Some(status.to_owned()),
    };
    world.far().happens(&echo, away("at lunch"));
    assert!(presences(&world.drain().await).is_empty());
    world.takes("<presence type='subscribe' from='alice@example.org' to='echo%echo@gw.example.org'/>").await;
    let shown = world
        .until(|stanza| presence_of(stanza).as_deref() == Some("available echo%echo@gw.example.org/drawbridge"))
        .await;
    assert!(text(&shown).contains("<show>away</show>") && text(&shown).contains("at lunch"), "{}", text(&shown));
    world.drain().await;
    world.far().happens(&echo, away("back <soon>"));
    let shown = world.until(|stanza| stanza.name() == "presence").await;
    assert!(text(&shown).contains("back &lt;soon&gt;"));
    world.takes("<presence type='probe' from='alice@example.org' to='echo%echo@gw.example.org'/>").await;
    assert_eq!(presence_of(&world.next().await).unwrap(), "available echo%echo@gw.example.org/drawbridge");
}

#[tokio::test]
async fn contacts_go_and_come_with_the_login() {
    let mut world = World::with_alice().await;
    world.takes("<presence from='alice@example.org/phone' to='gw.example.org'/>").await;
    world.takes("<presence type='subscribe' from='alice@example.org' to='echo%echo@gw.example.org'/>").await;
    world.drain().await;
    world.far().set_down(true);
    world
        .until(|stanza| presence_of(stanza).as_deref() == Some("unavailable echo%echo@gw.example.org/drawbridge"))
        .await;
    let gateway = world.keeper.presences.online(&alice());
    assert_eq!(gateway.len(), 1, "the user is still there");
    world.takes("<presence type='probe' from='alice@example.org' to='gw.example.org'/>").await;
    let shown =
        world.until(|stanza| presence_of(stanza).as_deref() == Some("available gw.example.org/drawbridge")).await;
    assert!(text(&shown).contains("the far side is down"), "the gateway stays, and says why: {}", text(&shown));
}

#[tokio::test]
async fn after_a_reconnect_everybody_is_asked_and_whoever_has_gone_is_forgotten() {
    let mut world = World::with_alice().await;
    for resource in ["phone", "desk"] {
        world.takes(&format!("<presence from='alice@example.org/{resource}' to='gw.example.org'/>")).await;
    }
    world.drain().await;
    presence::start(&world.keeper).await;
    world.until(|stanza| presence_of(stanza).as_deref() == Some("probe gw.example.org")).await;
    world.takes("<presence from='alice@example.org/phone' to='gw.example.org'/>").await;
    let ping = world.until(|stanza| stanza.has_child("ping", ns::PING)).await;
    let id = ping.attr("id").unwrap();
    assert_eq!(world.keeper.presences.online(&alice()).len(), 2, "nobody is forgotten in a hurry");
    world.takes(&format!("<iq type='result' id='{id}' from='example.org' to='gw.example.org'/>")).await;
    tokio::time::sleep(std::time::Duration::from_millis(5500)).await;
    let online = world.keeper.presences.online(&alice());
    assert_eq!(online.iter().map(|resource| resource.full.as_str()).collect::<Vec<_>>(), ["alice@example.org/phone"]);
}

/// XEP-0163, section 4.3.2: also if nobody has to ask what it is. One that comes back may have lost what it has heard.
#[tokio::test]
async fn every_client_is_told_of_the_nodes_that_it_watches_when_it_first_comes_and_then_of_what_changes() {
    let mut world = World::with_alice().await;
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap();
    let both = Subscription { subscribed: true, asked: true, granted: true };
    let subscribes = world
        .keeper
        .store
        .call(move |db, _| contacts::set_subscription(db, user.id, &ContactId::new("silent@echo"), both));
    subscribes.await.unwrap();
    let (info, caps) = client(&["eu.siacs.conversations.axolotl.devicelist+notify"]);
    let (silent, mut names) = (ContactId::new("silent@echo"), 0);
    let forget =
        |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| Ok(db.execute("DELETE FROM omemo_identities", [])?);
    for (resource, kind, is_asked, is_told) in [
        ("phone", "", true, true),
        ("desk", "", false, true),
        ("phone", "", false, false),
        ("the contact has another name", "", false, false),
        ("phone", " type='unavailable'", false, false),
        ("phone", "", false, true),
        ("phone", " type='unavailable'", false, false),
        ("the contact has another device", "", false, false),
        ("the contact has another name", "", false, true),
        ("the link breaks", "", false, false),
        ("desk", "", false, true),
    ] {
        let from = format!("alice@example.org/{resource}");
        match resource {
            "the link breaks" => presence::start(&world.keeper).await,
            "the contact has another device" => assert!(world.keeper.store.call(forget).await.unwrap() > 0),
            "the contact has another name" => {
                names += 1;
                let info = ContactInfo { id: silent.clone(), name: Some(format!("name {names}")), avatar: None };
                world.far().happens(&silent, Event::ContactUpsert(info));
            }
            _ => {
                let presence = format!("<presence from='{from}' to='gw.example.org'{kind}>{caps}</presence>");
                world.takes(&presence).await;
            }
        }
        if is_asked {
            answers(&mut world, &info).await;
        }
        let sent = world.drain().await;
        let told: Vec<_> = sent.iter().filter(|stanza| stanza.attr("type") == Some("headline")).collect();
        assert_eq!(told.len(), usize::from(is_told), "{resource}{kind}: {sent:?}");
        for told in told {
            let to = if resource.contains("the contact") { "alice@example.org/desk" } else { &from };
            assert_eq!((told.attr("to"), told.attr("from")), (Some(to), Some("silent%echo@gw.example.org")));
        }
    }
}
