//! Presence, requests and errors in a session.

use drawbridge_bridge::Availability;
use esession::{Binding, Disclosure, Policy, Session};

use super::*;
use crate::store::contacts;

const FULL: &str = "silent%echo@gw.example.org/drawbridge";

/// A session of Alice's phone, which is online and sees the contact.
async fn talking(world: &mut World, disclosure: Disclosure) -> Session {
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'/>")).await;
    world.takes(&format!("<presence type='subscribe' from='{ALICE}' to='{SILENT}'/>")).await;
    world.until(|stanza| stanza.name() == "presence" && stanza.attr("type").is_none()).await;
    let policy = Policy { disclosure: vec![disclosure], ..Policy::default() };
    let mut session = session_with(world, policy, &Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    session
}

async fn shows(world: &World, session: &mut Session, content: &str) {
    let c = text(&session.seal(content).unwrap());
    world.takes(&format!("<presence from='{ALICE}/phone' to='{FULL}'><show>away</show>{c}</presence>")).await;
}

/// The next thing that is sealed for Alice, in a stanza of this kind.
async fn heard(world: &mut World, session: &mut Session, kind: &str) -> (Element, String) {
    let stanza = world.until(|stanza| stanza.name() == kind && sealed(stanza).is_some()).await;
    let content = session.open(&sealed(&stanza).unwrap()).unwrap().content.expose().trim_end().to_owned();
    (stanza, content)
}

fn sealed(stanza: &Element) -> Option<Element> {
    let error = stanza.get_child("error", ns::CLIENT);
    let mut places = stanza.children().chain(error.into_iter().flat_map(Element::children));
    places.find(|child| esession::namespaces::is_encrypted(child)).cloned()
}

#[tokio::test(start_paused = true)]
async fn what_the_user_says_of_themself_in_a_session_is_for_the_network() {
    let mut world = World::with_alice().await;
    let mut session = talking(&mut world, Disclosure::Enabled).await;
    shows(&world, &mut session, "<status>at the sea</status>").await;
    world.eventually(|world| world.far().status().as_deref() == Some("at the sea")).await;
    assert_eq!(world.far().presence(), Some(Availability::Away));
    let mood = "<mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>";
    shows(&world, &mut session, mood).await;
    world.eventually(|world| world.far().status().as_deref() == Some("happy")).await;
    // A status in clear takes nothing of it away, and the end of it is said in the session, too.
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'><show>away</show></presence>")).await;
    shows(&world, &mut session, "<status/>").await;
    world.eventually(|world| world.far().status().is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_status_in_a_session_that_discloses_nothing_goes_nowhere_and_the_user_is_told_once() {
    let mut world = World::with_alice_and("owners = [\"example.org\"]", "").await;
    world.far().set_encrypted(&silent(), true);
    let mut session = talking(&mut world, Disclosure::Never).await;
    shows(&world, &mut session, "<status>secret</status>").await;
    shows(&world, &mut session, "<status>secret still</status>").await;
    let (_, notice) = heard(&mut world, &mut session, "message").await;
    assert!(notice.contains("status was not passed on"), "{notice}");
    assert!(!world.drain().await.iter().any(|stanza| sealed(stanza).is_some()), "once");
    assert_eq!(world.far().status(), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_contact_says_of_themself_is_encrypted_where_the_conversation_is() {
    let mut world = World::with_alice().await;
    let mut session = talking(&mut world, Disclosure::Enabled).await;
    let says = |status: Option<&str>| Event::Presence {
        contact: silent(),
        availability: Availability::Away,
        status: status.map(str::to_owned),
    };
    world.drain().await;
    world.far().happens(&silent(), says(Some("at tea")));
    let (presence, content) = heard(&mut world, &mut session, "presence").await;
    assert_eq!((presence.attr("from"), presence.attr("to")), (Some(FULL), Some("alice@example.org/phone")));
    assert_eq!(content, "<status>at tea</status>");
    assert_eq!(presence.get_child("show", ns::CLIENT).map(Element::text).as_deref(), Some("away"));
    // Not for others, and in the next session at once.
    world.takes(&from_alice("phone", &session.terminate().unwrap())).await;
    world.takes(&format!("<presence type='probe' from='{ALICE}' to='{SILENT}'/>")).await;
    let sent = world.drain().await;
    assert!(sent.iter().any(|stanza| stanza.name() == "presence"), "{sent:?}");
    assert!(!sent.iter().any(|stanza| text(stanza).contains("at tea")), "{sent:?}");
    let mut session = session_with(&mut world, disclosing(), &Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    loop {
        // A notice about the client may come first.
        let stanza = world.until(|stanza| sealed(stanza).is_some()).await;
        let opened = session.open(&sealed(&stanza).unwrap()).unwrap();
        if stanza.name() == "presence" {
            assert_eq!(opened.content.expose().trim_end(), "<status>at tea</status>");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn before_anything_is_encrypted_a_contact_is_seen_as_everywhere() {
    let mut world = World::with_alice().await;
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'/>")).await;
    world.takes(&format!("<presence type='subscribe' from='{ALICE}' to='{SILENT}'/>")).await;
    world.drain().await;
    let (contact, availability, status) = (silent(), Availability::Online, Some("at tea".to_owned()));
    world.far().happens(&silent(), Event::Presence { contact, availability, status });
    let shown = world.until(|stanza| stanza.name() == "presence").await;
    assert_eq!(shown.get_child("status", ns::CLIENT).map(Element::text).as_deref(), Some("at tea"));
}

#[tokio::test(start_paused = true)]
async fn a_question_in_a_session_is_answered_in_it() {
    let mut world = World::with_alice().await;
    let mut session = talking(&mut world, Disclosure::Enabled).await;
    world.drain().await;
    let ask =
        |c: &Element, id: &str| format!("<iq type='get' id='{id}' from='{ALICE}/phone' to='{FULL}'>{}</iq>", text(c));
    let c = session.seal("<query xmlns='http://jabber.org/protocol/disco#info'/>").unwrap();
    world.takes(&ask(&c, "q1")).await;
    let (answer, content) = heard(&mut world, &mut session, "iq").await;
    assert_eq!((answer.attr("type"), answer.attr("id"), answer.attr("from")), (Some("result"), Some("q1"), Some(FULL)));
    assert!(
        content.starts_with("<query") && content.contains("disco#info") && content.contains("xep-0116"),
        "{content}"
    );
    assert_eq!(answer.children().count(), 1);

    let c = session.seal("<a xmlns='b'/><a xmlns='b'/>").unwrap();
    world.takes(&ask(&c, "q2")).await;
    let (answer, content) = heard(&mut world, &mut session, "iq").await;
    assert_eq!((condition(&answer).as_str(), answer.attr("id")), ("bad-request", Some("q2")));
    assert!(content.contains("a request has exactly one child") && !text(&answer).contains("exactly"), "{content}");

    // Of a session that is over an error says so, in the form that a request has to have.
    world.takes(&from_alice("phone", &session.terminate().unwrap())).await;
    world.drain().await;
    world.takes(&ask(&c, "q3")).await;
    let refused = world.until(|stanza| stanza.attr("id") == Some("q3")).await;
    assert_eq!((refused.name(), condition(&refused).as_str()), ("iq", "not-acceptable"));
}

#[tokio::test(start_paused = true)]
async fn why_a_message_is_refused_is_said_in_the_session_it_came_by() {
    let mut world = World::with_alice().await;
    let mut session = talking(&mut world, Disclosure::Enabled).await;
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    let block = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        contacts::set_blocked(db, user, &silent(), Some("their keys have changed"))
    };
    world.keeper.store.call(block).await.unwrap();
    let c = session.seal("<body>for you alone</body>").unwrap();
    world.takes(&from_alice("phone", &c)).await;
    let (error, content) = heard(&mut world, &mut session, "message").await;
    assert_eq!((condition(&error).as_str(), error.attr("id")), ("forbidden", Some("phone")));
    assert!(content.contains("their keys have changed") && !text(&error).contains("keys have"), "{content}");
    assert_eq!(error.get_child("thread", ns::CLIENT).map(Element::text).as_deref(), Some("phone"));
}

/// A client says that it does not want something: only in the session it is believed.
#[tokio::test(start_paused = true)]
async fn an_error_in_the_session_is_the_clients_own() {
    let mut world = World::with_alice().await;
    let mut session = talking(&mut world, Disclosure::Enabled).await;
    world.far().says(&silent(), "unwanted");
    let (message, _) = heard(&mut world, &mut session, "message").await;
    let id = message.attr("id").unwrap().to_owned();
    let refusal = |c: &Element| {
        format!(
            "<message type='error' id='{id}' from='{ALICE}/phone' to='{FULL}'><thread>phone</thread><error type='cancel'>
             <not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{}</error></message>",
            text(c)
        )
    };
    let c = session.seal("<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no thanks</text>").unwrap();
    world.takes(&refusal(&c)).await;
    world.far().says(&silent(), "next");
    let (_, content) = heard(&mut world, &mut session, "message").await;
    assert!(content.contains("next"), "the session goes on: {content}");
    // The same error again is a forgery, and the session is over.
    world.takes(&refusal(&c)).await;
    sleep(LOOKS).await;
    assert!(world.keeper.crossings.codes(&alice()).await.is_empty());
}
