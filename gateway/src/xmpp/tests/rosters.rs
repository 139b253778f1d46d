//! How far contacts get into the roster.

use std::time::{Duration, Instant};

use minidom::Element;

use super::world::{World, alice, condition, presence_of, presences, text};
use crate::xmpp::ns;
use crate::xmpp::privilege;

const ADVERTISED: &str = "<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/>
    <perm access='message' type='outgoing'/></privilege>";

async fn advertises(world: &World, from: &str) {
    world.takes(&format!("<message from='{from}' to='gw.example.org'>{ADVERTISED}</message>")).await;
}

/// Alice registers, and nothing that comes of it has been read.
async fn registers(world: &World) {
    let form = "<query xmlns='jabber:iq:register'><username>alice</username></query>";
    world.takes(&format!("<iq type='set' id='r' from='alice@example.org/phone' to='gw.example.org'>{form}</iq>")).await;
}

/// The server does what we asked about alice's roster, in which there is `items`.
async fn answers(world: &World, iq: &Element, items: &str) {
    let id = iq.attr("id").unwrap();
    let query = if iq.attr("type") == Some("get") {
        format!("<query xmlns='jabber:iq:roster'>{items}</query>")
    } else {
        String::new()
    };
    world
        .takes(&format!("<iq type='result' id='{id}' from='alice@example.org' to='gw.example.org'>{query}</iq>"))
        .await;
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
    registers(&world).await;
    let mut written = Vec::new();
    while written.len() < 6 {
        let iq = world.until(|stanza| stanza.name() == "iq" && stanza.has_child("query", ns::ROSTER)).await;
        assert_eq!((iq.attr("from"), iq.attr("to")), (Some("gw.example.org"), Some("alice@example.org")));
        if let Some(item) = iq.get_child("query", ns::ROSTER).unwrap().get_child("item", ns::ROSTER) {
            assert_eq!(item.attr("subscription"), Some("both"));
            assert!(item.attr("name").is_some());
            written.push(item.attr("jid").unwrap().to_owned());
        }
        answers(&world, &iq, "").await;
    }
    assert!(written.contains(&"gw.example.org".to_owned()), "the gateway itself is among them: {written:?}");
    let more = world.drain().await;
    assert!(!presences(&more).iter().any(|presence| presence.starts_with("subscribe ")), "no windows");
    let row = world.row("echo@echo").await.unwrap().subscription;
    assert!(row.subscribed && row.granted);
}

#[tokio::test]
async fn a_gateway_that_the_user_has_added_already_is_left_as_it_is() {
    for (has, asks) in [("both", false), ("from", false), ("to", true), ("none", true)] {
        let mut world = World::new();
        advertises(&world, "example.org").await;
        registers(&world).await;
        let get = world
            .until(|stanza| {
                stanza.name() == "iq" && stanza.attr("type") == Some("get") && stanza.has_child("query", ns::ROSTER)
            })
            .await;
        answers(&world, &get, &format!("<item jid='gw.example.org' name='my own name' subscription='{has}'/>")).await;
        let said = world.drain().await;
        let written = said.iter().any(|stanza| text(stanza).contains("jid='gw.example.org'"));
        assert!(!written, "{has}: the entry was overwritten");
        let asked = presences(&said).contains(&"subscribe gw.example.org".to_owned());
        assert_eq!(asked, asks, "{has}");
    }
}

#[tokio::test]
async fn where_the_server_refuses_after_all_contacts_ask() {
    let mut world = World::new();
    advertises(&world, "example.org").await;
    world.register("alice").await;
    let is_set = |stanza: &Element| stanza.attr("type") == Some("set") && stanza.has_child("query", ns::ROSTER);
    let set = world.until(is_set).await;
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
async fn a_server_of_the_first_version_is_made_to_show_it_to_every_client() {
    let mut world = World::with_alice().await;
    let message =
        || super::world::stanza("<message id='m7' type='chat' to='echo%echo@gw.example.org'><body>hi</body></message>");
    let first = ADVERTISED.replace("privilege:2", "privilege:1");
    world.takes(&format!("<message from='example.org' to='gw.example.org'>{first}</message>")).await;
    assert!(!privilege::outgoing_copy(&world.keeper, &alice(), message()).await, "there is nobody to see it");
    for client in ["phone", "desk"] {
        world.takes(&format!("<presence from='alice@example.org/{client}' to='gw.example.org'/>")).await;
    }
    world.drain().await;
    assert!(privilege::outgoing_copy(&world.keeper, &alice(), message()).await);
    let mut shown = Vec::new();
    for _ in 0..2 {
        let sent = world.next().await;
        let privilege = sent.get_child("privilege", ns::PRIVILEGE_1).unwrap();
        let carbon = privilege.get_child("forwarded", ns::FORWARD).unwrap().get_child("message", ns::CLIENT).unwrap();
        assert_eq!(carbon.attr("from"), Some("alice@example.org"), "clients believe nobody else");
        let inside = carbon.get_child("sent", ns::CARBONS).unwrap().get_child("forwarded", ns::FORWARD).unwrap();
        let inside = inside.get_child("message", ns::CLIENT).unwrap();
        let addresses = (inside.attr("from"), inside.attr("to"), inside.attr("id"));
        assert_eq!(addresses, (Some("alice@example.org"), Some("echo%echo@gw.example.org"), Some("m7")));
        shown.push(carbon.attr("to").unwrap().to_owned());
    }
    shown.sort();
    assert_eq!(shown, ["alice@example.org/desk", "alice@example.org/phone"]);
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
