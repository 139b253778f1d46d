//! Who is away is written to all the same: a contact whose login is down, and a user without any client (XEP-0187).

use esession::namespaces::{ESESSION, OFFLINE, init, negotiation_form};
use esession::{Credentials, Disclosure, OfflineSender, Policy, Published, Replays, SigningKey};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::*;
use crate::store::{self, contacts, keys};

const NOW: u64 = 1_000_000_000;
const NEVER: u64 = 4_000_000_000;

/// Alice's client and the contact have each other's keys.
struct Ends {
    client: SigningKey,
    contact: SigningKey,
}

impl Ends {
    async fn new(world: &World, verified: bool) -> Self {
        let [client, contact] = [(); 2].map(|()| SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap());
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
        let own = drawbridge_bridge::Secret::new(contact.to_pkcs8().expose());
        let key = client.public().key_value();
        let set = world.keeper.store.call(move |db, sealer| {
            keys::set_own(db, sealer, user, Peer::Contact(silent()).key(), &own)?;
            keys::meet(db, user, "phone", &key, false)?;
            if verified { keys::verify(db, user, &key) } else { Ok(()) }
        });
        set.await.unwrap();
        Self { client, contact }
    }

    fn of_client(&self) -> Credentials {
        let known_keys = vec![self.contact.public().clone()];
        Credentials { signing_key: Some(self.client.clone()), known_keys, ..Credentials::default() }
    }
}

fn binding() -> esession::Binding {
    esession::Binding::between(ALICE, SILENT)
}

/// What the contact has published, as a client gets it.
async fn options(world: &mut World, node: &str) -> Element {
    let items = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>");
    let answer = world.asks("alice@example.org/phone", SILENT, "get", &items).await;
    assert_eq!(answer.attr("type"), Some("result"), "{}", text(&answer));
    let items = answer.get_child("pubsub", ns::PUBSUB).unwrap().get_child("items", ns::PUBSUB).unwrap();
    assert_eq!(items.attr("node"), Some(node));
    items.children().next().unwrap().children().next().unwrap().clone()
}

fn left(ends: &Ends, options: &Element, words: &str, id: &str) -> String {
    // Without an id of its own inside, so that nothing but the marks tells that it has come before.
    let content = format!("<body>{words}</body>");
    let (policy, rng) = (disclosing(), &mut UnwrapErr(SysRng));
    let (form, c) = OfflineSender::single(&policy, options, &binding(), &ends.of_client(), NOW, &content, rng).unwrap();
    format!(
        "<message from='{ALICE}/phone' to='{SILENT}' id='{id}'><thread>{id}</thread>{}{}</message>",
        text(&init(form)),
        text(&c)
    )
}

#[tokio::test(start_paused = true)]
async fn a_contact_can_be_written_to_while_the_login_is_away_and_nothing_comes_twice() {
    let mut world = World::with_alice().await;
    let ends = Ends::new(&world, false).await;
    let published = options(&mut world, ESESSION).await;
    assert_eq!(published, options(&mut world, OFFLINE).await, "the same for everybody, and next time");
    world.far().set_down(true);
    let messages = ["one", "two"].map(|words| left(&ends, &published, words, words));
    for message in &messages {
        world.takes(message).await;
    }
    world.takes(&messages[0]).await;
    sleep(LOOKS).await;
    world.far().set_down(false);
    sleep(IDLE).await;
    assert_eq!(contact_has(&world, 2).await, ["one", "two"]);
    world.takes(&messages[1].replace("id='two'", "id='another'")).await;
    sleep(IDLE).await;
    assert_eq!(world.far().received().len(), 2, "what was used once is used up, also for the store");
}

#[tokio::test(start_paused = true)]
async fn what_a_stranger_has_left_is_refused_and_goes_nowhere() {
    let mut world = World::with_alice().await;
    let mut ends = Ends::new(&world, false).await;
    let published = options(&mut world, OFFLINE).await;
    ends.client = SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap();
    world.takes(&left(&ends, &published, "I am Alice", "m1")).await;
    let error = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!((condition(&error).as_str(), error.attr("id")), ("not-acceptable", Some("m1")));
    sleep(LOOKS).await;
    assert!(world.far().received().is_empty());
}

/// The conversation was encrypted before, and none of Alice's clients is there.
async fn away(world: &World) {
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    let protect = move |db: &rusqlite::Transaction<'_>, _: &store::Sealer| {
        contacts::protect(db, user, &silent(), "away", store::Protection::ESession)
    };
    world.keeper.store.call(protect).await.unwrap();
}

/// Answers the question for what Alice's client has published.
async fn answers(world: &mut World, published: Option<&Element>) {
    for node in [OFFLINE, ESESSION] {
        let asks = |stanza: &Element| stanza.name() == "iq" && stanza.attr("to") == Some(ALICE);
        let question = world.until(asks).await;
        assert!(text(&question).contains(node), "{}", text(&question));
        let (id, to) = (question.attr("id").unwrap(), question.attr("from").unwrap());
        let Some(form) = published else {
            let answer = format!(
                "<iq type='error' id='{id}' from='{ALICE}' to='{to}'><error type='cancel'>
                 <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            );
            world.takes(&answer).await;
            continue;
        };
        let answer = format!(
            "<iq type='result' id='{id}' from='{ALICE}' to='{to}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>
             <items node='{node}'><item id='current'>{}</item></items></pubsub></iq>",
            text(form)
        );
        return world.takes(&answer).await;
    }
}

fn publish(key: &SigningKey) -> Published {
    let disclosure = vec![Disclosure::Never, Disclosure::Enabled];
    let policy = Policy { disclosure, ..Policy::default() };
    Published::make(&policy, NEVER, None, std::slice::from_ref(key), &mut UnwrapErr(SysRng)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_user_without_clients_is_left_for_them_once_and_as_ciphertext_only() {
    let mut world = World::with_alice().await;
    let ends = Ends::new(&world, true).await;
    away(&world).await;
    let published = publish(&ends.client);
    world.far().says(&silent(), "while you were out");
    answers(&mut world, Some(published.form())).await;
    let message = world.until(|stanza| stanza.name() == "message").await;
    assert_eq!(message.attr("to"), Some(ALICE));
    assert!(!text(&message).contains("while you") && message.get_child("body", ns::CLIENT).is_none());
    let form = message.children().find_map(negotiation_form).unwrap();
    let mut seen = Replays::default();
    let mut receiver = published.accept(&disclosing(), form, &binding(), &ends.of_client(), NOW, &mut seen).unwrap();
    assert_eq!(&receiver.peer_key, ends.contact.public());
    let said = receiver.open(encrypted(&message).unwrap()).unwrap();
    assert!(said.is_last && said.content.expose().contains("while you were out"));
    // Once, however often the conversation looks; the next one follows.
    sleep(LOOKS).await;
    world.far().says(&silent(), "and later");
    let next = world.until(|stanza| stanza.name() == "message").await;
    let form = next.children().find_map(negotiation_form).unwrap();
    let mut receiver = published.accept(&disclosing(), form, &binding(), &ends.of_client(), NOW, &mut seen).unwrap();
    assert!(receiver.open(encrypted(&next).unwrap()).unwrap().content.expose().contains("and later"));
    assert!(!world.drain().await.iter().any(|stanza| stanza.name() == "message"), "once");

    // It is theirs when they say so: in their next session it comes again, under the same id.
    world.takes(&format!("<presence from='{ALICE}/phone' to='{SILENT}'/>")).await;
    let mut session = session(&mut world, &binding()).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    let mut ids = Vec::new();
    while ids.len() < 2 {
        let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
        let content = session.open(encrypted(&heard).unwrap()).unwrap().content.expose().to_owned();
        if content.contains("while you were out") || content.contains("and later") {
            ids.push(heard.attr("id").unwrap().to_owned());
        }
    }
    assert_eq!(ids, [message.attr("id").unwrap(), next.attr("id").unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_by_options_that_nobody_trusted_has_signed_nor_in_clear_without_any() {
    let stranger = SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap();
    for published in [Some(publish(&stranger)), None] {
        let mut world = World::with_alice().await;
        let _ends = Ends::new(&world, true).await;
        away(&world).await;
        world.far().says(&silent(), "secret");
        answers(&mut world, published.as_ref().map(Published::form)).await;
        sleep(IDLE).await;
        let sent = world.drain().await;
        assert!(!sent.iter().any(|stanza| stanza.name() == "message"), "{sent:?}");
    }
}

/// Once people have verified a key, others that were only seen are not trusted any more.
#[tokio::test(start_paused = true)]
async fn beside_a_verified_key_one_that_was_only_seen_is_not_enough() {
    let mut world = World::with_alice().await;
    let ends = Ends::new(&world, true).await;
    let seen = SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap();
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    let key = seen.public().key_value();
    world.keeper.store.call(move |db, _| keys::meet(db, user, "tablet", &key, false)).await.unwrap();
    away(&world).await;
    world.far().says(&silent(), "secret");
    answers(&mut world, Some(publish(&seen).form())).await;
    sleep(LOOKS).await;
    assert!(!world.drain().await.iter().any(|stanza| stanza.name() == "message"));
    drop(ends);
}
