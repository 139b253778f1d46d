//! OpenPGP in a conversation: what is read, what is refused, and whose keys are written to.

use getrandom::SysRng;
use openpgp_xmpp::{Announced, Arrival, Certificate, Key, KeyList, Window, nodes, open, pubkey, seal};
use rand_core::UnwrapErr;

use super::related::{CORRECTION, contact_sees, edit, sent};
use super::*;
use crate::store::openpgp as rows;
use crate::store::trust::Trust;
use crate::store::unix;

fn now() -> u64 {
    u64::try_from(unix(std::time::SystemTime::now())).unwrap()
}

/// One of Alice's clients.
pub(super) struct Client {
    pub(super) key: Key,
    /// Whether her server gives its key out.
    is_published: bool,
    contact: Option<Certificate>,
}

impl Client {
    /// Knows the contact's key from where that is published.
    pub(super) async fn meet(world: &mut World) -> Self {
        let key = Key::generate(ALICE, now(), &mut UnwrapErr(SysRng)).unwrap();
        let mut client = Self { key, is_published: true, contact: None };
        world.has_no_keys = false;
        let ask = |node: &str| format!("<pubsub xmlns='{}'><items node='{node}'/></pubsub>", ns::PUBSUB);
        let list = world.asks("alice@example.org/phone", SILENT, "get", &ask(nodes::PUBLIC_KEYS)).await;
        let print = KeyList::read(payload(&list)).unwrap().iter().next().unwrap().fingerprint;
        let found = world.asks("alice@example.org/phone", SILENT, "get", &ask(&nodes::public_key(print))).await;
        let octets = pubkey::read(payload(&found)).unwrap();
        let contact = Certificate::read(&octets, SILENT, now()).unwrap();
        assert_eq!(contact.fingerprint(), print);
        client.contact = Some(contact);
        client
    }

    pub(super) fn seal(&self, text: &str) -> Element {
        self.seal_content(&[Element::builder("body", ns::CLIENT).append(text).build()])
    }

    pub(super) fn seal_content(&self, content: &[Element]) -> Element {
        let to = self.contact.clone().unwrap();
        seal(&self.key, &[to], content, now(), &mut UnwrapErr(SysRng)).unwrap()
    }

    /// What a stanza says to this client, if it can read it.
    pub(super) fn open(&self, stanza: &Element) -> Option<String> {
        self.open_content(stanza)?.iter().find(|child| child.is("body", ns::CLIENT)).map(Element::text)
    }

    pub(super) fn open_content(&self, stanza: &Element) -> Option<Vec<Element>> {
        let sealed = stanza.get_child("openpgp", nodes::OPENPGP)?;
        let senders = [self.contact.clone().unwrap()];
        let arrival = Arrival { from: SILENT, senders: &senders, now: now(), window: Window::default() };
        Some(open(&self.key, sealed, &arrival, |text| text.parse().ok()).ok()?.payload)
    }

    /// Answers a question for Alice's keys, if it is one.
    pub(super) async fn answers(&self, world: &World, stanza: &Element) -> bool {
        let items = stanza.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
        let Some(node) = items.and_then(|items| items.attr("node")).filter(|_| stanza.attr("to") == Some(ALICE)) else {
            return false;
        };
        let fingerprint = self.key.fingerprint();
        let found = if !self.is_published {
            None
        } else if node == nodes::PUBLIC_KEYS {
            Some(KeyList::new([Announced { fingerprint, date: None }]).to_element())
        } else {
            (node == nodes::public_key(fingerprint)).then(|| pubkey::to_element(&self.key.public_octets()))
        };
        let [id, to] = ["id", "from"].map(|name| stanza.attr(name).unwrap());
        let head = |kind: &str| format!("<iq type='{kind}' id='{id}' from='{ALICE}' to='{to}'>");
        let answer = match found {
            Some(found) => format!(
                "{}<pubsub xmlns='{}'><items node='{node}'><item id='1'>{}</item></items></pubsub></iq>",
                head("result"),
                ns::PUBSUB,
                text(&found)
            ),
            None => {
                head("error")
                    + "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            }
        };
        world.takes(&answer).await;
        true
    }

    /// Everything that goes out until nothing more does.
    pub(super) async fn settle(&self, world: &mut World) -> Vec<Element> {
        let mut sent = Vec::new();
        for _ in 0..4 {
            sleep(Duration::from_secs(1)).await;
            for stanza in world.drain().await {
                if !self.answers(world, &stanza).await {
                    sent.push(stanza);
                }
            }
        }
        sent
    }
}

fn payload(answer: &Element) -> &Element {
    let items = answer.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
    items.unwrap().children().next().unwrap().children().next().unwrap()
}

pub(super) fn stanza_with(id: &str, sealed: &Element, beside: &str) -> String {
    format!(
        "<message from='{ALICE}/phone' to='{SILENT}' id='{id}' type='chat'>{}<body>fallback</body>{beside}</message>",
        text(sealed)
    )
}

#[tokio::test(start_paused = true)]
async fn what_is_said_crosses_both_ways_signed_and_sealed() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    world.takes(&stanza_with("m1", &client.seal("hello"), "<request xmlns='urn:xmpp:receipts'/>")).await;
    let out = client.settle(&mut world).await;
    assert_eq!(contact_has(&world, 1).await, ["hello"]);
    assert!(out.iter().any(|stanza| stanza.has_child("received", ns::RECEIPTS)), "{out:?}");
    assert!(
        out.iter()
            .filter_map(|stanza| client.open(stanza))
            .any(|said| said.contains("with OpenPGP for the first time"))
    );

    world.far().says(&silent(), "hello yourself");
    let out = client.settle(&mut world).await;
    let heard: Vec<_> = out.iter().filter_map(|stanza| client.open(stanza)).collect();
    assert_eq!(heard, ["hello yourself"]);
    assert!(!out.iter().any(|stanza| text(stanza).contains("yourself")), "nothing of it in clear");

    // As clients write a correction: beside what they seal.
    let mine = sent(&world, "hello");
    let replace = format!("<replace xmlns='{CORRECTION}' id='m1'/>");
    world.takes(&stanza_with("m2", &client.seal("good day"), &replace)).await;
    assert_eq!(contact_sees(&world, 1).await, [edit(&mine, "good day")]);
}

#[tokio::test(start_paused = true)]
async fn once_signed_and_sealed_nothing_is_taken_or_said_in_clear() {
    let mut world = World::with_alice().await;
    let mut client = Client::meet(&mut world).await;
    world.takes(&stanza_with("m1", &client.seal("hello"), "")).await;
    client.settle(&mut world).await;
    world.takes(&message("in clear")).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!(condition(&refusal), "policy-violation");
    // The key is not listed any more: what waits, waits.
    client.is_published = false;
    let gone = format!(
        "<message type='headline' from='{ALICE}' to='{SILENT}/drawbridge'><event xmlns='{}'><items node='{}'/></event></message>",
        ns::PUBSUB_EVENT,
        nodes::PUBLIC_KEYS
    );
    let before = Instant::now();
    world.takes(&gone).await;
    assert!(before.elapsed() < Duration::from_secs(1), "what comes behind it does not wait");
    client.settle(&mut world).await;
    world.far().says(&silent(), "secret");
    let out = client.settle(&mut world).await;
    assert!(!out.iter().any(|stanza| text(stanza).contains("secret")), "{out:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_hold_is_refused_by_name_and_what_was_read_comes_not_again() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    let stranger = Client { is_published: false, ..Client::meet(&mut world).await };
    let said = stanza_with("m1", &client.seal("hello"), "");
    world.takes(&said).await;
    client.settle(&mut world).await;
    world.takes(&said.replace("'m1'", "'m2'")).await;
    world.takes(&stanza_with("m3", &stranger.seal("I am Alice"), "")).await;
    let out = client.settle(&mut world).await;
    let refused: Vec<_> = out.iter().filter(|stanza| stanza.attr("type") == Some("error")).collect();
    assert_eq!(refused.len(), 1, "{out:?}");
    assert_eq!((condition(refused[0]).as_str(), refused[0].attr("id")), ("not-acceptable", Some("m3")));
    assert!(text(refused[0]).contains("not signed by a key"), "{}", text(refused[0]));
    let mut altered = client.seal("altered");
    let octets = altered.text().replacen("w", "x", 1);
    altered = Element::builder("openpgp", nodes::OPENPGP).append(octets).build();
    world.takes(&stanza_with("m4", &altered, "")).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!((condition(&refusal).as_str(), refusal.attr("id")), ("not-acceptable", Some("m4")));
    assert_eq!(contact_has(&world, 1).await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn all_keys_are_trusted_until_one_is_verified_and_then_only_such() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    world.takes(&stanza_with("m1", &client.seal("hello"), "")).await;
    client.settle(&mut world).await;
    let print = client.key.fingerprint().to_string();
    let set = async |world: &World, trust| {
        let print = print.clone();
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
        world.keeper.store.call(move |db, _| rows::set_trust(db, user, &print, trust)).await.unwrap();
    };
    set(&world, Trust::Distrusted).await;
    world.takes(&stanza_with("m2", &client.seal("again"), "")).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert!(text(&refusal).contains("not trusted"), "{}", text(&refusal));
    set(&world, Trust::Verified).await;
    world.takes(&stanza_with("m3", &client.seal("and again"), "")).await;
    assert_eq!(contact_has(&world, 2).await, ["hello", "and again"]);
}

/// Else a server could add a key of its own, write with it, and read what is answered.
#[tokio::test(start_paused = true)]
async fn who_has_verified_a_device_trusts_no_key_blindly() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    let verify = move |db: &rusqlite::Transaction<'_>, _: &crate::store::Sealer| {
        let device = ::omemo::DeviceId::new(7).unwrap();
        crate::store::omemo::meet(db, user, device, &::omemo::ratchet::PublicKey([9; 32]))?;
        crate::store::omemo::set_trust(db, user, device, Trust::Verified)
    };
    world.keeper.store.call(verify).await.unwrap();
    world.takes(&stanza_with("m1", &client.seal("I am Alice"), "")).await;
    let out = client.settle(&mut world).await;
    let refused = out.iter().find(|stanza| stanza.attr("type") == Some("error")).unwrap();
    assert!(text(refused).contains("not trusted"), "{}", text(refused));
    assert!(world.far().received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_contact_who_writes_first_signs_and_seals_if_there_is_a_key_and_no_device() {
    let mut world = World::with_alice().await;
    let client = Client::meet(&mut world).await;
    world.far().says(&silent(), "first words");
    let out = client.settle(&mut world).await;
    assert!(out.iter().any(|stanza| client.open(stanza).as_deref() == Some("first words")), "{out:?}");
    assert!(!out.iter().any(|stanza| text(stanza).contains("first words")), "{out:?}");
    // Who answers in clear is answered so.
    world.takes(&message("in clear")).await;
    assert_eq!(contact_has(&world, 1).await, ["in clear"]);
    world.far().says(&silent(), "as you like");
    let out = client.settle(&mut world).await;
    assert!(out.iter().any(|stanza| body(stanza).as_deref() == Some("as you like")), "{out:?}");
}
