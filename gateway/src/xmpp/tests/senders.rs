//! Who may speak, and who only claims to.

use std::time::Duration;

use jid::{BareJid, Jid};
use minidom::Element;

use super::world::{World, condition, stanza, text};
use crate::xmpp::element::{Build, element};
use crate::xmpp::ns;
use crate::xmpp::requests::{self, AskError};

const MESSAGE: &str = "<body>hello</body>";

async fn writes(world: &mut World, from: &str, to: &str, content: &str) -> Vec<Element> {
    world.takes(&format!("<message type='chat' id='m1' from='{from}' to='{to}'>{content}</message>")).await;
    world.drain().await
}

#[tokio::test]
async fn strangers_are_refused_in_words() {
    let mut world = World::new();
    let answers = writes(&mut world, "eve@elsewhere.net/x", "gw.example.org", MESSAGE).await;
    assert_eq!(condition(&answers[0]), "forbidden");
    assert!(text(&answers[0]).contains("you may not use this gateway"));
    assert!(!text(&answers[0]).contains("hello"), "content is never echoed");
    world.takes("<presence type='subscribe' from='eve@elsewhere.net' to='gw.example.org'/>").await;
    assert_eq!(condition(&world.next().await), "forbidden");
    world.takes("<presence from='eve@elsewhere.net/x' to='gw.example.org'/>").await;
    assert!(world.drain().await.is_empty(), "presence is never answered by an error");
    assert!(world.keeper.presences.online(&BareJid::new("eve@elsewhere.net").unwrap()).is_empty());
}

#[tokio::test]
async fn contacts_are_for_registered_users_only() {
    let mut world = World::new();
    let answers = writes(&mut world, "carol@example.org/x", "echo%echo@gw.example.org", MESSAGE).await;
    assert_eq!(condition(&answers[0]), "registration-required");
    assert!(text(&answers[0]).contains("register with gw.example.org first"));
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let answer = world.asks("carol@example.org/x", "echo%echo@gw.example.org", "get", info).await;
    assert_eq!(condition(&answer), "service-unavailable");
}

#[tokio::test]
async fn errors_are_never_answered() {
    let mut world = World::with_alice().await;
    for from in ["eve@elsewhere.net/x", "carol@example.org/x", "gw.example.org"] {
        world
            .takes(&format!("<message type='error' from='{from}' to='nobody@gw.example.org'><body>x</body></message>"))
            .await;
        world.takes(&format!("<iq type='error' id='1' from='{from}' to='gw.example.org'/>")).await;
    }
    assert!(world.drain().await.is_empty());
}

#[tokio::test]
async fn what_comes_from_ourselves_goes_nowhere() {
    let mut world = World::with_alice().await;
    let answers = writes(&mut world, "echo%echo@gw.example.org/drawbridge", "slow%echo@gw.example.org", MESSAGE).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(condition(&answers[0]), "forbidden");
    // The server may show us our own contacts' presence (XEP-0356, section 7).
    world.takes("<presence from='echo%echo@gw.example.org/drawbridge' to='gw.example.org'/>").await;
    assert_eq!(world.drain().await, []);
}

#[tokio::test]
async fn copies_are_not_taken() {
    let mut world = World::with_alice().await;
    let carbon = "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
        <message xmlns='jabber:client' from='alice@example.org/x' to='echo%echo@gw.example.org'><body>forged</body></message>
        </forwarded></received>";
    let answers = writes(&mut world, "alice@example.org/phone", "echo%echo@gw.example.org", carbon).await;
    assert_eq!(condition(&answers[0]), "not-acceptable");
    assert!(world.far().received().is_empty());
}

#[tokio::test]
async fn a_copy_that_we_sent_in_the_users_name_does_not_cross_again() {
    let mut world = World::with_alice().await;
    let copy = "<body>hello</body><own-copy xmlns='urn:drawbridge:own-copy:0'/>";
    assert!(writes(&mut world, "alice@example.org", "silent%echo@gw.example.org", copy).await.is_empty());
    assert!(world.far().received().is_empty());
    // but no client can hide a message that way
    writes(&mut world, "alice@example.org/phone", "silent%echo@gw.example.org", copy).await;
    world.eventually(|world| world.far().received().len() == 1).await;
}

#[tokio::test]
async fn an_illegal_address_says_how_to_write_it() {
    let mut world = World::with_alice().await;
    let typed = "echo\\40echo@gw.example.org"; // what clients make of `echo@echo` by XEP-0106
    let answers = writes(&mut world, "alice@example.org/phone", typed, MESSAGE).await;
    assert_eq!(condition(&answers[0]), "item-not-found");
    assert!(text(&answers[0]).contains("the address of this contact is echo%echo@gw.example.org"));
    for illegal in ["Ä%echo@gw.example.org", "a%b%c@gw.example.org", "%@gw.example.org"] {
        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        let Ok(illegal) = Jid::new(illegal) else { continue };
        let answer = world.asks("alice@example.org/phone", illegal.as_str(), "get", info).await;
        assert_eq!(condition(&answer), "item-not-found");
    }
}

#[tokio::test]
async fn a_request_has_exactly_one_child() {
    let mut world = World::with_alice().await;
    let none = world.asks("alice@example.org/phone", "gw.example.org", "get", "").await;
    assert_eq!(condition(&none), "bad-request");
    let two = "<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/>";
    assert_eq!(condition(&world.asks("alice@example.org/phone", "gw.example.org", "get", two).await), "bad-request");
}

#[tokio::test]
async fn only_the_one_who_was_asked_can_answer() {
    let mut world = World::new();
    let keeper = world.keeper.clone();
    let ping =
        stanza("<iq type='get' from='gw.example.org' to='alice@example.org/phone'><ping xmlns='urn:xmpp:ping'/></iq>");
    let asking = tokio::spawn(async move { keeper.requests.ask(&keeper.out, ping).await });
    let id = world.next().await.attr("id").unwrap().to_owned();
    assert!(id.len() >= 20, "nobody guesses {id}");
    let answer = |from: &str, kind: &str, id: &str| {
        element("iq", ns::CLIENT).with("type", kind).with("id", id).with("from", from).with("to", "gw.example.org")
    };
    for forged in [
        answer("mallory@example.org/phone", "result", &id),
        answer("alice@example.org", "result", &id),
        answer("alice@example.org/phone", "result", "another"),
        answer("alice@example.org/phone", "get", &id),
        answer("alice@example.org/phone", "nonsense", &id),
    ] {
        assert!(!world.keeper.requests.resolve(&forged), "{}", text(&forged));
    }
    assert!(!asking.is_finished());
    assert!(world.keeper.requests.resolve(&answer("alice@example.org/phone", "result", &id)));
    assert!(asking.await.unwrap().is_ok());
    assert!(!world.keeper.requests.resolve(&answer("alice@example.org/phone", "result", &id)), "only once");
}

#[tokio::test]
async fn the_servers_error_is_as_good_a_barrier_as_its_answer() {
    let mut world = World::new();
    let keeper = world.keeper.clone();
    let waiting = tokio::spawn(async move { requests::barrier(&keeper).await });
    let ping = world.next().await;
    assert_eq!(ping.attr("to"), Some("example.org"));
    let id = ping.attr("id").unwrap();
    world
        .takes(&format!(
            "<iq type='error' id='{id}' from='example.org' to='gw.example.org'><error type='cancel'>
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ))
        .await;
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_not_waited_for_for_ever() {
    let world = World::new();
    let ping =
        stanza("<iq type='get' from='gw.example.org' to='alice@example.org/phone'><ping xmlns='urn:xmpp:ping'/></iq>");
    let begun = tokio::time::Instant::now();
    assert_eq!(world.keeper.requests.ask(&world.keeper.out, ping).await, Err(AskError::TimedOut));
    assert_eq!(begun.elapsed().as_secs(), Duration::from_secs(30).as_secs());
}
