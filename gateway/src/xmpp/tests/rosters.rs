//! How far contacts get into the roster.

use std::time::{Duration, Instant};

use super::world::{World, alice, condition, presence_of, presences, text};
use crate::xmpp::ns;
use crate::xmpp::privilege;

const ADVERTISED: &str = "<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/>
    <perm access='message' type='outgoing'/></privilege>";

async fn advertises(world: &World, from: &str) {
    world.takes(&format!("<message from='{from}' to='gw.example.org'>{ADVERTISED}</message>")).await;
}

#[tokio::test]
async fn known_contacts_ask_to_be_added_a_few_at_a_time() {
    let mut world = World::new();
    world.register("alice").await;
    let mut asked = Vec::new();
    while asked.len() < 5 {
        let request =
            world.until(|s| presence_of(s).is_some_and(|p| p.starts_with("subscribe ") && p.contains('%'))).await;
        assert_eq!(request.attr("to"), Some("alice@example.org"));
        assert!(request.has_child("nick", ns::NICK), "{}", text(&request));
        asked.push(presence_of(&request).unwrap());
    }
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 5, "each once");
    // a sixth has to wait for its turn
    let begun = Instant::now();
    world.add_far_contact("sixth@far");
    world.far().says(&drawbridge_bridge::ContactId::new("sixth@far"), "hello");
    world.far().invites(&drawbridge_bridge::ContactId::new("sixth@far"));
    world.until(|s| presence_of(s).is_some_and(|p| p == "subscribe sixth%far@gw.example.org")).await;
    assert!(begun.elapsed() > Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn where_the_server_allows_contacts_are_simply_there() {
    let mut world = World::new();
    advertises(&world, "example.org").await;
    world.register("alice").await;
    for _ in 0..5 {
        let set = world.until(|stanza| stanza.name() == "iq" && stanza.has_child("query", ns::ROSTER)).await;
        assert_eq!((set.attr("from"), set.attr("to")), (Some("gw.example.org"), Some("alice@example.org")));
        let item = set.get_child("query", ns::ROSTER).unwrap().get_child("item", ns::ROSTER).unwrap();
        assert_eq!(item.attr("subscription"), Some("both"));
        assert!(item.attr("name").is_some());
        let id = set.attr("id").unwrap();
        world.takes(&format!("<iq type='result' id='{id}' from='alice@example.org' to='gw.example.org'/>")).await;
    }
    let more = world.drain().await;
    assert!(!presences(&more).iter().any(|presence| presence.starts_with("subscribe ")), "no windows");
    let row = world.row("echo@echo").await.unwrap().subscription;
    assert!(row.subscribed && row.granted);
}

#[tokio::test]
async fn where_the_server_refuses_after_all_contacts_ask() {
    let mut world = World::new();
    advertises(&world, "example.org").await;
    world.register("alice").await;
    let set = world.until(|stanza| stanza.name() == "iq" && stanza.has_child("query", ns::ROSTER)).await;
    let item = set.get_child("query", ns::ROSTER).unwrap().get_child("item", ns::ROSTER).unwrap();
    let contact = item.attr("jid").unwrap().to_owned();
    let id = set.attr("id").unwrap();
    world
        .takes(&format!(
            "<iq type='error' id='{id}' from='alice@example.org' to='gw.example.org'><error type='auth'>
             <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ))
        .await;
    world.until(|stanza| presence_of(stanza) == Some(format!("subscribe {contact}"))).await;
}

#[tokio::test]
async fn nobody_but_a_server_grants_privileges_and_only_over_its_own_users() {
    let world = World::with_alice().await;
    for from in
        ["alice@example.org/phone", "alice@example.org", "example.org/x", "elsewhere.net", "eve@elsewhere.net/x"]
    {
        advertises(&world, from).await;
        assert!(!world.keeper.privileges.allows_roster(&alice()), "{from}");
        assert!(!world.keeper.privileges.allows_message(&alice()), "{from}");
    }
    advertises(&world, "example.org").await;
    assert!(world.keeper.privileges.allows_roster(&alice()));
    let eve = jid::BareJid::new("eve@elsewhere.net").unwrap();
    assert!(!world.keeper.privileges.allows_message(&eve));
    world.keeper.privileges.forget();
    assert!(!world.keeper.privileges.allows_roster(&alice()));
}

#[tokio::test]
async fn a_message_written_elsewhere_is_shown_as_the_users_own() {
    let mut world = World::with_alice().await;
    let message =
        || super::world::stanza("<message id='m7' type='chat' to='echo%echo@gw.example.org'><body>hi</body></message>");
    assert!(!privilege::outgoing_copy(&world.keeper, &alice(), message()).await);
    advertises(&world, "example.org").await;
    assert!(privilege::outgoing_copy(&world.keeper, &alice(), message()).await);
    let sent = world.next().await;
    assert_eq!((sent.attr("from"), sent.attr("to")), (Some("gw.example.org"), Some("example.org")));
    let privilege = sent.get_child("privilege", ns::PRIVILEGE_2).unwrap();
    let forwarded = privilege.get_child("forwarded", ns::FORWARD).unwrap();
    let inner = forwarded.get_child("message", ns::CLIENT).unwrap();
    assert_eq!((inner.attr("from"), inner.attr("id")), (Some("alice@example.org"), Some("m7")));
    assert!(text(&sent).contains("<message xmlns='jabber:client'"), "servers look for this namespace: {}", text(&sent));
}

#[tokio::test]
async fn who_leaves_takes_everybody_along() {
    let mut world = World::with_alice().await;
    let remove = "<query xmlns='jabber:iq:register'><remove/></query>";
    world
        .takes(&format!("<iq type='set' id='out' from='alice@example.org/phone' to='gw.example.org'>{remove}</iq>"))
        .await;
    let mut said = Vec::new();
    let answer = loop {
        let stanza = world.next().await;
        if stanza.attr("id") == Some("out") {
            break stanza;
        }
        said.extend(presence_of(&stanza));
    };
    assert_eq!(answer.attr("type"), Some("result"));
    said.extend(presences(&world.drain().await));
    for jid in ["gw.example.org", "echo%echo@gw.example.org", "flaky%echo@gw.example.org"] {
        for kind in ["unsubscribe", "unsubscribed"] {
            assert!(said.contains(&format!("{kind} {jid}")), "{kind} {jid} in {said:?}");
        }
    }
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let answer = world.asks("alice@example.org/phone", "echo%echo@gw.example.org", "get", info).await;
    assert_eq!(condition(&answer), "service-unavailable");
}
