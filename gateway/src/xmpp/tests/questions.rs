//! What the gateway says of itself, and how people find contacts.

use minidom::Element;

use super::world::{World, condition, has_feature, text};
use crate::xmpp::ns;

const ALICE: &str = "alice@example.org/phone";
const GATEWAY: &str = "gw.example.org";
const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";

async fn prompt(world: &mut World, typed: &str) -> Element {
    let query = format!("<query xmlns='jabber:iq:gateway'><prompt>{typed}</prompt></query>");
    world.asks(ALICE, GATEWAY, "set", &query).await
}

#[tokio::test]
async fn anybody_may_know_what_the_gateway_is() {
    let mut world = World::new();
    let answer = world.asks("eve@elsewhere.net/x", GATEWAY, "get", INFO).await;
    let info = answer.get_child("query", ns::DISCO_INFO).unwrap();
    let identity = info.get_child("identity", ns::DISCO_INFO).unwrap();
    assert_eq!((identity.attr("category"), identity.attr("type")), (Some("gateway"), Some("echo")));
    for feature in [
        "jabber:iq:register",
        "jabber:iq:gateway",
        "jabber:iq:search",
        "http://jabber.org/protocol/commands",
        "jid\\20escaping",
        "vcard-temp",
        "http://www.xmpp.org/extensions/xep-0116.html#ns",
        "urn:xmpp:ssn",
        "urn:xmpp:receipts",
    ] {
        assert!(has_feature(&answer, feature), "{feature}");
    }
    assert!(text(&answer).contains("urn:xmpp:data-policy:0"));
    assert!(text(&answer).contains("urn:xmpp:data-policy:identity:gateway:echo:0"));
}

#[tokio::test]
async fn a_contact_is_an_account_with_one_client() {
    let mut world = World::with_alice().await;
    let bare = world.asks(ALICE, "echo%echo@gw.example.org", "get", INFO).await;
    let info = bare.get_child("query", ns::DISCO_INFO).unwrap();
    let kinds: Vec<_> = info.children().filter(|child| child.name() == "identity").map(|i| i.attr("type")).collect();
    assert_eq!(kinds, [Some("registered"), Some("pep")]);
    assert!(!has_feature(&bare, ns::ESESSION));
    let full = world.asks(ALICE, "echo%echo@gw.example.org/drawbridge", "get", INFO).await;
    assert!(has_feature(&full, ns::ESESSION) && has_feature(&full, ns::CHATSTATES));
    // By these the user's server tells what is published there (XEP-0163, section 6.1).
    for node in
        ["eu.siacs.conversations.axolotl.devicelist", "urn:xmpp:omemo:2:devices", "urn:xmpp:openpgp:0:public-keys"]
    {
        assert!(has_feature(&full, &format!("{node}+notify")), "{node}");
    }
    let other = world.asks(ALICE, "echo%echo@gw.example.org/phone", "get", INFO).await;
    assert_eq!(condition(&other), "service-unavailable");
    let node = "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:other#x'/>";
    assert_eq!(
        condition(&world.asks(ALICE, "echo%echo@gw.example.org/drawbridge", "get", node).await),
        "item-not-found"
    );
}

#[tokio::test]
async fn commands_are_found_by_discovery() {
    let mut world = World::with_alice().await;
    let list = "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>";
    let answer = world.asks(ALICE, GATEWAY, "get", list).await;
    let items = answer.get_child("query", ns::DISCO_ITEMS).unwrap();
    let nodes: Vec<_> = items.children().filter_map(|item| item.attr("node")).collect();
    assert!(nodes.contains(&"status") && nodes.contains(&"verify"), "{nodes:?}");
    let one = "<query xmlns='http://jabber.org/protocol/disco#info' node='status'/>";
    let answer = world.asks(ALICE, GATEWAY, "get", one).await;
    assert!(text(&answer).contains("command-node"));
}

#[tokio::test]
async fn whatever_people_type_becomes_an_address() {
    let mut world = World::with_alice().await;
    let form = world.asks(ALICE, GATEWAY, "get", "<query xmlns='jabber:iq:gateway'/>").await;
    assert!(text(&form).contains("echo@echo"), "an example helps");
    for typed in ["echo@echo", " echo@echo ", "echo", "echo%echo@gw.example.org"] {
        let answer = prompt(&mut world, typed).await;
        let query = answer.get_child("query", ns::GATEWAY).expect(typed);
        for field in ["jid", "prompt"] {
            assert_eq!(query.get_child(field, ns::GATEWAY).unwrap().text(), "echo%echo@gw.example.org", "{typed}");
        }
    }
    assert_eq!(condition(&prompt(&mut world, "nobody@nowhere").await), "item-not-found");
    assert_eq!(condition(&prompt(&mut world, "two words").await), "not-acceptable");
    assert_eq!(condition(&prompt(&mut world, "").await), "not-acceptable");
    let query = "<query xmlns='jabber:iq:gateway'><prompt>echo@echo</prompt></query>";
    assert_eq!(condition(&world.asks("eve@elsewhere.net/x", GATEWAY, "set", query).await), "forbidden");
    assert_eq!(condition(&world.asks("carol@example.org/x", GATEWAY, "set", query).await), "registration-required");
}

#[tokio::test]
async fn people_are_found_by_form_and_by_field() {
    let mut world = World::with_alice().await;
    let form = "<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'>
        <field var='nick'><value>fla</value></field></x></query>";
    let answer = world.asks(ALICE, GATEWAY, "set", form).await;
    assert!(text(&answer).contains("<value>flaky%echo@gw.example.org</value>"), "{}", text(&answer));
    let field = "<query xmlns='jabber:iq:search'><nick>fla</nick></query>";
    let answer = world.asks(ALICE, GATEWAY, "set", field).await;
    let item = answer.get_child("query", ns::SEARCH).unwrap().get_child("item", ns::SEARCH).unwrap();
    assert_eq!(item.attr("jid"), Some("flaky%echo@gw.example.org"));
    let nothing = "<query xmlns='jabber:iq:search'><nick> </nick></query>";
    assert_eq!(condition(&world.asks(ALICE, GATEWAY, "set", nothing).await), "not-acceptable");
}

#[tokio::test]
async fn cards_names_and_pictures() {
    let mut world = World::with_alice().await;
    let card = world.asks(ALICE, "echo%echo@gw.example.org", "get", "<vCard xmlns='vcard-temp'/>").await;
    let card = card.get_child("vCard", ns::VCARD).unwrap();
    assert_eq!(card.get_child("FN", ns::VCARD).unwrap().text(), "echo");
    assert_eq!(card.get_child("UID", ns::VCARD).unwrap().text(), "echo@echo");
    let nick =
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='http://jabber.org/protocol/nick'/></pubsub>";
    assert!(text(&world.asks(ALICE, "echo%echo@gw.example.org", "get", nick).await).contains(">echo</nick>"));
    let picture = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'/></pubsub>";
    assert_eq!(condition(&world.asks(ALICE, "echo%echo@gw.example.org", "get", picture).await), "item-not-found");
    let stranger = world.asks(ALICE, "nobody%nowhere@gw.example.org", "get", "<vCard xmlns='vcard-temp'/>").await;
    assert_eq!(condition(&stranger), "item-not-found");
    let set =
        world.asks(ALICE, "echo%echo@gw.example.org", "set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>").await;
    assert_eq!(condition(&set), "forbidden");
}

#[tokio::test]
async fn small_questions_get_small_answers() {
    let mut world = World::new();
    let ping = world.asks("eve@elsewhere.net/x", GATEWAY, "get", "<ping xmlns='urn:xmpp:ping'/>").await;
    assert_eq!((ping.attr("type"), ping.children().count()), (Some("result"), 0));
    let version = world.asks(ALICE, GATEWAY, "get", "<query xmlns='jabber:iq:version'/>").await;
    assert!(text(&version).contains("<name>Drawbridge</name>"));
    let time = world.asks(ALICE, GATEWAY, "get", "<time xmlns='urn:xmpp:time'/>").await;
    assert!(text(&time).contains("<tzo>+00:00</tzo>"));
    let last = world.asks(ALICE, GATEWAY, "get", "<query xmlns='jabber:iq:last'/>").await;
    assert!(last.get_child("query", ns::LAST).unwrap().attr("seconds").is_some());
    let unknown = world.asks(ALICE, GATEWAY, "get", "<query xmlns='jabber:iq:private'/>").await;
    assert_eq!(condition(&unknown), "service-unavailable");
}
