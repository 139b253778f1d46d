//! One of Alice's devices with OMEMO, for the stories.

use ::omemo::ratchet::{Device, Identity, KeyExchange, Payload, Prekey, Prekeys, Session, empty_key};
use ::omemo::{DeviceId, DeviceList, Dialect, Encrypted, Envelope, SealedKey, bundle, nodes};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::*;

pub(super) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// What Alice's server answers who asks for a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Bundle,
    /// There is none.
    Nothing,
    /// It is not for everybody.
    Refusal,
    /// No bundle.
    Rubbish,
    /// A signed prekey that the identity key has not signed.
    Forgery,
}

/// One of Alice's devices.
pub(super) struct Phone {
    pub(super) dialect: Dialect,
    pub(super) id: DeviceId,
    pub(super) identity: Identity,
    pub(super) prekeys: Prekeys,
    pub(super) sessions: Device,
    /// With whom it talks.
    pub(super) whom: &'static str,
    /// The contact's.
    pub(super) peer: Option<DeviceId>,
    /// What there is to be had where its bundle should be.
    pub(super) gives: Gives,
    /// Whether it has published no list.
    pub(super) is_unlisted: bool,
}

impl Phone {
    pub(super) fn new(dialect: Dialect, id: u32) -> Self {
        let (identity, prekeys) = (Identity::generate(&mut rng()), Prekeys::new(0, &mut rng()));
        let id = DeviceId::new(id).unwrap();
        Self {
            dialect,
            id,
            identity,
            prekeys,
            sessions: Device::default(),
            whom: SILENT,
            peer: None,
            gives: Gives::Bundle,
            is_unlisted: false,
        }
    }

    /// Begins a session by what the contact has published.
    pub(super) async fn meet(&mut self, world: &mut World) {
        self.meets(world, SILENT).await;
    }

    /// The same with the owner of another address.
    pub(super) async fn meets(&mut self, world: &mut World, whom: &'static str) {
        self.whom = whom;
        let ask =
            |node: &str| format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>");
        let list = world.asks("alice@example.org/phone", whom, "get", &ask(nodes::devices(self.dialect))).await;
        let list = DeviceList::read(self.dialect, payload(&list)).unwrap();
        let peer = list.iter().next().unwrap();
        let (node, _) = nodes::bundle(self.dialect, peer);
        let published = world.asks("alice@example.org/phone", whom, "get", &ask(&node)).await;
        let published = bundle::read(self.dialect, payload(&published)).unwrap();
        let prekey = published.prekeys[0].id;
        let session = Session::initiate(self.dialect, &self.identity, &published, prekey, &mut rng()).unwrap();
        self.sessions.begin(session);
        self.peer = Some(peer);
    }

    /// Words, or nothing: then it only carries the session on.
    pub(super) fn seal(&mut self, text: Option<&str>) -> Element {
        let body = |text: &str| Element::builder("body", ns::CLIENT).append(text).build();
        let text = text.map(|text| match self.dialect {
            Dialect::Axolotl => text.to_owned(),
            Dialect::Omemo2 => envelope(self.whom, vec![body(text)]),
        });
        self.seal_text(text.as_deref())
    }

    /// What only the newer dialect can seal.
    pub(super) fn seal_content(&mut self, xml: &str) -> Element {
        let content: Element = format!("<message xmlns='jabber:client'>{xml}</message>").parse().unwrap();
        self.seal_text(Some(&envelope(self.whom, content.children().cloned().collect())))
    }

    pub(super) fn seal_text(&mut self, text: Option<&str>) -> Element {
        let (payload, key) = match text {
            Some(text) => {
                let (payload, key) = Payload::seal(self.dialect, text.as_bytes(), &mut rng()).unwrap();
                (Some(payload), key)
            }
            None => (None, empty_key(self.dialect, &mut rng())),
        };
        let sealed = self.sessions.seal(&key).unwrap();
        let keys = vec![SealedKey { account: Some(self.whom.to_owned()), device: self.peer.unwrap(), sealed }];
        Encrypted { dialect: self.dialect, sender: self.id, keys, payload }.to_element()
    }

    /// What a stanza says to this device, if it is for it: nothing if it only carries the session on.
    pub(super) fn open(&mut self, stanza: &Element) -> Option<Option<String>> {
        let messages = stanza.children().filter(|child| Encrypted::dialect_of(child) == Some(self.dialect));
        let message = messages.map(|message| Encrypted::read(message).unwrap()).next()?;
        let sealed = &message.key_for(ALICE, self.id)?.sealed;
        let key = if sealed.is_key_exchange {
            let exchange = KeyExchange::read(self.dialect, &sealed.octets).unwrap();
            let find = |exchange: &KeyExchange| self.prekeys.find(exchange);
            self.sessions.open_exchange(self.dialect, &self.identity, &exchange, find, &mut rng()).unwrap().text
        } else {
            self.sessions.open(&sealed.octets, &mut rng()).unwrap()
        };
        let text = |payload: &Payload| String::from_utf8(payload.open(self.dialect, &key).unwrap().to_vec()).unwrap();
        Some(message.payload.as_ref().map(text))
    }
}

fn envelope(to: &str, content: Vec<Element>) -> String {
    let envelope = Envelope { content, from: Some(ALICE.to_owned()), to: Some(to.to_owned()), time: None };
    text(&envelope.to_element(&mut rng()))
}

/// What is in the one item of a node.
pub(super) fn payload(answer: &Element) -> &Element {
    let items = answer.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
    items.unwrap().children().next().unwrap().children().next().unwrap()
}

pub(super) fn stanza_with(id: &str, encrypted: &[Element], beside: &str) -> String {
    let encrypted: String = encrypted.iter().map(text).collect();
    format!(
        "<message from='{ALICE}/phone' to='{SILENT}' id='{id}' type='chat'>{encrypted}<body>fallback</body>{beside}</message>"
    )
}

/// Answers a question about Alice's devices, if it is one.
pub(super) async fn answers(world: &World, phones: &mut [Phone], stanza: &Element) -> bool {
    if stanza.name() != "iq" || stanza.attr("to") != Some(ALICE) {
        return false;
    }
    let items = stanza.get_child("pubsub", ns::PUBSUB).unwrap().get_child("items", ns::PUBSUB).unwrap();
    let node = items.attr("node").unwrap();
    let list = Dialect::ALL.into_iter().find(|dialect| nodes::devices(*dialect) == node).map(|dialect| {
        let of = phones.iter().filter(|phone| phone.dialect == dialect && !phone.is_unlisted).map(|phone| phone.id);
        DeviceList::new(of).to_element(dialect)
    });
    let list = list.filter(|list| list.children().next().is_some());
    let item = items.children().next().and_then(|item| item.attr("id"));
    let asked = |phone: &&mut Phone| {
        let (of, id) = nodes::bundle(phone.dialect, phone.id);
        of == node && id.as_deref() == item && ![Gives::Nothing, Gives::Refusal].contains(&phone.gives)
    };
    let published = phones.iter_mut().find(asked).map(|phone| {
        let Phone { dialect, identity, prekeys, gives, .. } = phone;
        let mut bundle = prekeys.hand_out(*dialect, identity, &mut rng());
        // Nobody is to begin with a number 0.
        let none = Prekey { id: 0, ..bundle.prekeys[0] };
        bundle.prekeys.splice(1.., [none; 20]);
        if *gives == Gives::Forgery {
            bundle.signed_prekey.key = none.key;
        }
        let bundle = bundle::to_element(*dialect, &bundle);
        if *gives == Gives::Rubbish { Element::bare(bundle.name(), bundle.ns()) } else { bundle }
    });
    let refuses =
        phones.iter().any(|phone| phone.gives == Gives::Refusal && nodes::bundle(phone.dialect, phone.id).0 == node);
    let why = if refuses { "forbidden" } else { "item-not-found" };
    let (id, to) = (stanza.attr("id").unwrap(), stanza.attr("from").unwrap());
    let answer = match list.or(published) {
        Some(payload) => format!(
            "<iq type='result' id='{id}' from='{ALICE}' to='{to}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>
             <items node='{node}'><item id='x'>{}</item></items></pubsub></iq>",
            text(&payload)
        ),
        None => format!(
            "<iq type='error' id='{id}' from='{ALICE}' to='{to}'><error type='cancel'>
             <{why} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ),
    };
    world.takes(&answer).await;
    true
}

/// The next message that goes out; questions about Alice's devices are answered on the way.
pub(super) async fn next(world: &mut World, phones: &mut [Phone]) -> Element {
    loop {
        let stanza = world.until(|stanza| ["iq", "message"].contains(&stanza.name())).await;
        if !answers(world, phones, &stanza).await && stanza.name() == "message" {
            return stanza;
        }
    }
}

/// Everything that goes out until nothing more does.
pub(super) async fn settle(world: &mut World, phones: &mut [Phone]) -> Vec<Element> {
    let mut sent = Vec::new();
    for _ in 0..5 {
        sleep(Duration::from_secs(1)).await;
        for stanza in world.drain().await {
            if !answers(world, phones, &stanza).await {
                sent.push(stanza);
            }
        }
    }
    sent
}

/// The next message with words for one of the phones.
pub(super) async fn words(world: &mut World, phones: &mut [Phone]) -> Vec<Option<String>> {
    loop {
        let message = next(world, phones).await;
        let heard: Vec<_> = phones.iter_mut().map(|phone| phone.open(&message).flatten()).collect();
        if heard.iter().any(Option::is_some) {
            let clear = message.get_child("body", ns::CLIENT).map(Element::text).unwrap_or_default();
            assert!(heard.iter().flatten().all(|words| !clear.contains(words.as_str())), "{}", text(&message));
            return heard;
        }
    }
}

pub(super) async fn acquainted(dialect: Dialect) -> (World, [Phone; 1]) {
    acquainted_with(Phone::new(dialect, 7)).await
}

pub(super) async fn acquainted_with(phone: Phone) -> (World, [Phone; 1]) {
    let (mut world, mut phones) = (World::with_alice().await, [phone]);
    world.has_no_devices = false;
    phones[0].meet(&mut world).await;
    let first = phones[0].seal(Some("hello"));
    world.takes(&stanza_with("m1", &[first], "")).await;
    let sent = settle(&mut world, &mut phones).await;
    let heard: Vec<_> = sent.iter().filter_map(|message| phones[0].open(message)).collect();
    assert_eq!(heard[0], None, "the contact's device shows its keys at once, without a word");
    assert!(
        heard[1].as_ref().is_some_and(|words| words.contains("number 7")),
        "and the user is told of theirs: {heard:?}"
    );
    assert_eq!(contact_has(&world, 1).await, ["hello"]);
    (world, phones)
}
