//! A conversation that has nothing to do ends, and nobody notices; negotiations that nobody finishes cost little.

mod codes;
mod devices;
mod expired;
mod files;
mod kinds;
mod offline;
mod omemo;
mod openpgp;
mod pairing;
mod phone;
mod promises;
mod put_back;
mod related;
mod related_sealed;
mod side_by_side;
mod signed;
mod terms;
mod uniqueness;
mod vouching;
mod wordless;

use std::time::Duration;

use drawbridge_bridge::{ContactId, Event, SendError};
use minidom::Element;
use tokio::time::{Instant, sleep, sleep_until};

use super::input::Mailbox;
use crate::keeper::Peer;
use crate::store::UserId;
use crate::xmpp::ns;
use crate::xmpp::tests::world::{World, alice, condition, stanza, text};

/// As the configuration has it where nothing is said, and twice the time between two looks.
const IDLE: Duration = Duration::from_secs(600);
const LOOKS: Duration = Duration::from_secs(10);

fn message(text: &str) -> String {
    format!(
        "<message from='alice@example.org/phone' to='silent%echo@gw.example.org' type='chat' id='{text}'>
         <body>{text}</body></message>"
    )
}

fn silent() -> ContactId {
    ContactId::new("silent@echo")
}

fn body(stanza: &Element) -> Option<String> {
    stanza.get_child("body", ns::CLIENT).map(Element::text)
}

/// Reads or changes what is stored of Alice.
async fn with_store<T: Send + 'static>(
    world: &World,
    work: impl FnOnce(&rusqlite::Transaction<'_>, UserId) -> crate::store::Result<T> + Send + 'static,
) -> T {
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    world.keeper.store.call(move |db, _| work(db, user)).await.unwrap()
}

async fn mailbox(world: &World) -> Mailbox {
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap();
    world.keeper.crossings.mailbox(&world.keeper, &user, Peer::Contact(silent()))
}

/// What the contact has got, when so much has come.
async fn contact_has(world: &World, count: usize) -> Vec<String> {
    let texts = || world.far().received().into_iter().map(|got| got.text.expose().to_owned()).collect::<Vec<_>>();
    world.eventually(|_| texts().len() >= count).await;
    texts()
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_end_wakes_another_one_in_both_directions() {
    let mut world = World::with_alice().await;
    world.takes(&message("one")).await;
    contact_has(&world, 1).await;
    sleep(IDLE + LOOKS).await;
    assert_eq!(world.keeper.crossings.awake(), 0, "conversations in memory");

    world.far().says(&silent(), "two");
    let answer = world.until(|stanza| body(stanza).is_some()).await;
    assert_eq!(body(&answer).unwrap(), "two");
    world.takes(&message("three")).await;
    assert_eq!(contact_has(&world, 2).await, ["one", "three"]);
}

#[tokio::test(start_paused = true)]
async fn while_somebody_has_something_to_give_it_stays() {
    let world = World::with_alice().await;
    let mailbox = mailbox(&world).await;
    sleep(IDLE + LOOKS).await;
    assert_eq!(world.keeper.crossings.awake(), 1);
    mailbox.try_stanza(stanza(&message("late"))).unwrap();
    drop(mailbox);
    assert_eq!(contact_has(&world, 1).await, ["late"]);
    sleep(IDLE + LOOKS).await;
    assert_eq!(world.keeper.crossings.awake(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_network_does_not_take_a_message_it_stays() {
    let world = World::with_alice().await;
    world.far().fail_next_send(SendError::Transient { reason: "busy".to_owned(), after: Some(2 * IDLE) });
    world.takes(&message("patient")).await;
    sleep(IDLE + LOOKS).await;
    assert_eq!(world.keeper.crossings.awake(), 1);
    sleep(IDLE).await;
    assert_eq!(contact_has(&world, 1).await, ["patient"]);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_asks_for_patience_is_not_asked_again_before() {
    let world = World::with_alice().await;
    world.far().fail_next_send(SendError::Transient { reason: "busy".to_owned(), after: Some(LOOKS) });
    let begun = Instant::now();
    for words in ["one", "two", "three"] {
        world.takes(&message(words)).await;
        sleep(LOOKS / 5).await;
    }
    sleep_until(begun + LOOKS - Duration::from_millis(1)).await;
    assert!(world.far().received().is_empty(), "what the user does meanwhile changes nothing");
    assert_eq!(contact_has(&world, 3).await, ["one", "two", "three"]);
}

/// At the moment of the end, the conversation asks the store whether something waits. Here a message comes while it
/// awaits the answer.
#[tokio::test(start_paused = true)]
async fn a_message_at_the_very_moment_of_the_end_is_not_lost() {
    let world = World::with_alice().await;
    let mut sent = Vec::new();
    for turns in 0..8 {
        let begun = Instant::now();
        sent.push(format!("before {turns}"));
        world.takes(&message(sent.last().unwrap())).await;
        contact_has(&world, sent.len()).await;
        sleep_until(begun + IDLE).await;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        // The store answers meanwhile; the conversation has not been told yet.
        std::thread::sleep(Duration::from_millis(20));
        sent.push(format!("at the end {turns}"));
        world.takes(&message(sent.last().unwrap())).await;
        assert_eq!(contact_has(&world, sent.len()).await, sent, "after {turns} turns");
        sleep(IDLE + LOOKS).await;
        assert_eq!(world.keeper.crossings.awake(), 0, "it has ended in the end");
    }
}

const ALICE: &str = "alice@example.org";
const SILENT: &str = "silent%echo@gw.example.org";

fn from_alice(resource: &str, payload: &Element) -> String {
    format!(
        "<message from='{ALICE}/{resource}' to='{SILENT}' id='{resource}'><thread>{resource}</thread>{}</message>",
        text(payload)
    )
}

fn disclosing() -> esession::Policy {
    esession::Policy { disclosure: vec![esession::Disclosure::Enabled], ..esession::Policy::default() }
}

fn request(policy: &esession::Policy, binding: &esession::Binding) -> (esession::AwaitResponse, Element) {
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let (waiting, form) = esession::Initiator::begin(policy, binding, rng).unwrap();
    (waiting, esession::namespaces::feature(form))
}

fn negotiation_from(resource: &str) -> String {
    from_alice(resource, &request(&disclosing(), &esession::Binding::default()).1)
}

fn encrypted(stanza: &Element) -> Option<&Element> {
    stanza.children().find(|child| esession::namespaces::is_encrypted(child))
}

/// A client's session that stands at the gateway, with nothing said in it yet.
async fn session(world: &mut World, binding: &esession::Binding) -> esession::Session {
    session_with(world, disclosing(), binding).await
}

async fn session_with(world: &mut World, policy: esession::Policy, binding: &esession::Binding) -> esession::Session {
    negotiated(world, SILENT, policy, binding, esession::Credentials::default()).await.unwrap().session
}

/// With the gateway or a contact, who has not seen yet that the client has the keys.
async fn negotiated(
    world: &mut World,
    with: &str,
    policy: esession::Policy,
    binding: &esession::Binding,
    credentials: esession::Credentials,
) -> Result<esession::Established, esession::Error> {
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let (waiting, payload) = request(&policy, binding);
    let form = |stanza: &Element| stanza.children().find_map(esession::namespaces::negotiation_form).cloned();
    world.takes(&from_alice("phone", &payload).replacen(SILENT, with, 1)).await;
    let form_b = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    let (waiting, form_a2) = waiting.handle_response(&form_b, credentials, rng).unwrap();
    world.takes(&from_alice("phone", &esession::namespaces::feature(form_a2)).replacen(SILENT, with, 1)).await;
    let form_b2 = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    waiting.handle_completion(&form_b2)
}

#[tokio::test(start_paused = true)]
async fn a_client_hears_nothing_before_it_has_shown_its_keys_if_it_is_one_that_shows_them() {
    for names in [true, false] {
        let mut world = World::with_alice().await;
        let binding = if names { esession::Binding::between(ALICE, SILENT) } else { esession::Binding::default() };
        let mut session = session(&mut world, &binding).await;
        if names {
            world.far().happens(&silent(), Event::Typing { on: true });
        }
        world.far().says(&silent(), "early");
        sleep(Duration::from_secs(2)).await;
        if names {
            let sent = world.drain().await;
            assert!(!sent.iter().any(|stanza| encrypted(stanza).is_some()), "{sent:?}");
            let c = session.confirm().unwrap();
            world.takes(&from_alice("phone", &c)).await;
        }
        let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
        let opened = session.open(encrypted(&heard).unwrap()).unwrap();
        assert!(opened.content.expose().contains("early"));
    }
}

/// Whoever takes the keys out of memory later finds none that what was said could be read with.
#[tokio::test(start_paused = true)]
async fn keys_that_have_served_are_renewed_when_nothing_is_said_any_more() {
    let mut world = World::with_alice().await;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    for words in ["one", "two"] {
        world.far().says(&silent(), words);
        let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
        session.open(encrypted(&heard).unwrap()).unwrap();
        let received = format!("<received xmlns='urn:xmpp:receipts' id='{}'/>", heard.attr("id").unwrap());
        world.takes(&from_alice("phone", &session.seal(&received).unwrap())).await;
    }
    world.drain().await;
    sleep(Duration::from_secs(300) + LOOKS).await;
    let renewal = world.until(|stanza| encrypted(stanza).is_some()).await;
    let c = encrypted(&renewal).unwrap();
    assert!(c.children().any(|child| child.name() == "key"), "{}", text(c));
    assert!(session.open(c).unwrap().content.is_empty());
    sleep(IDLE).await;
    let more = world.drain().await;
    assert!(!more.iter().any(|stanza| encrypted(stanza).is_some()), "once is enough: {more:?}");
    // And it goes on.
    world.far().says(&silent(), "three");
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    assert!(session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("three"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_shows_its_keys_holds_nothing_up() {
    let mut world = World::with_alice().await;
    let mut dead = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.far().says(&silent(), "patient");
    sleep(world.keeper.config.limits.negotiation_timeout + LOOKS).await;
    world.takes(&from_alice("phone", &dead.confirm().unwrap())).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!(condition(&refusal), "not-acceptable", "that session is over");
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    loop {
        let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
        // A notice about the new client may come first.
        if session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("patient") {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_made_for_another_contact_is_refused() {
    let mut world = World::with_alice().await;
    let (_, payload) = request(&disclosing(), &esession::Binding::between(ALICE, "other%echo@gw.example.org"));
    world.takes(&from_alice("phone", &payload)).await;
    let refusal = world.until(|stanza| stanza.name() == "message").await;
    assert_eq!(condition(&refusal), "not-acceptable");
    assert!(text(&refusal).contains("x-ends"), "{}", text(&refusal));
}

#[tokio::test(start_paused = true)]
async fn half_open_negotiations_are_limited_and_given_up() {
    let mut world = World::with_alice().await;
    let limits = world.keeper.config.limits.clone();
    for number in 0..limits.negotiations_per_user {
        world.takes(&negotiation_from(&format!("client{number}"))).await;
        let answer = world.until(|stanza| stanza.name() == "message").await;
        assert_eq!(answer.attr("type"), Some("normal"), "{}", text(&answer));
    }
    world.takes(&negotiation_from("onetoomany")).await;
    let refusal = world.until(|stanza| stanza.name() == "message").await;
    assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("resource-constraint", Some("onetoomany")));

    sleep(limits.negotiation_timeout + LOOKS).await;
    world.takes(&negotiation_from("later")).await;
    let answer = world.until(|stanza| stanza.name() == "message").await;
    assert_eq!(answer.attr("type"), Some("normal"), "{}", text(&answer));
}
