//! A gateway to the echo network, with a test in the place of the XMPP server of `example.org`.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_bridge::ContactId;
use drawbridge_echo::{EchoNetwork, EchoWorld, FarUser};
use jid::BareJid;
use minidom::Element;
use tempfile::TempDir;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::accounts::LoginState;
use crate::component::Outgoing;
use crate::config::{Config, Env};
use crate::files::Web;
use crate::keeper::Keeper;
use crate::store::{Contact, Sealer, Store, contacts};
use crate::xmpp::element::{Build, element};
use crate::xmpp::{caps, ns, route};
use omemo::{Dialect, nodes};
use openpgp_xmpp::nodes::PUBLIC_KEYS;

pub(crate) struct World {
    pub(crate) keeper: Arc<Keeper>,
    far: EchoWorld,
    /// Whether questions for Alice's devices with OMEMO are answered without the test's help: there are none.
    pub(crate) has_no_devices: bool,
    /// The same for keys with OpenPGP.
    pub(crate) has_no_keys: bool,
    _dir: TempDir,
    sent: mpsc::Receiver<Element>,
}

impl World {
    /// Lets in `example.org`.
    pub(crate) fn new() -> Self {
        Self::configured("", "")
    }

    /// With more in the configuration, before the network and behind it.
    fn configured(before: &str, behind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let network =
            "[[network]]\nkind = \"echo\"\njid = \"gw.example.org\"\nserver = \"127.0.0.1:1\"\nsecret = \"s\"";
        std::fs::write(&file, format!("data_dir = {:?}\n{before}\n{network}\n{behind}", dir.path())).unwrap();
        let config = Config::load(&file, &Env::new()).unwrap();
        let store = Store::open(&dir.path().join("test.db"), Sealer::new(Zeroizing::new([7; 32])).unwrap()).unwrap();
        let far = EchoWorld::default();
        let (out, sent) = Outgoing::for_test();
        let settings = config.networks[0].clone();
        let network = Arc::new(EchoNetwork::new(far.clone()));
        let keeper = Keeper::new(Arc::new(config), settings, network, store, out);
        Self { keeper: Arc::new(keeper), far, has_no_devices: true, has_no_keys: true, _dir: dir, sent }
    }

    /// Alice has registered, is logged in to `alice@echo`, and everything that came of it has been read.
    pub(crate) async fn with_alice() -> Self {
        Self::with_alice_and("", "").await
    }

    /// The same, with more in the configuration, before the network and behind it.
    pub(crate) async fn with_alice_and(before: &str, behind: &str) -> Self {
        let mut world = Self::configured(before, behind);
        world.register("alice").await;
        world.drain().await;
        world
    }

    /// The same, with more in the configuration behind the network, and a web of the test's.
    pub(crate) async fn with_alice_and_web(behind: &str, web: Web) -> Self {
        let mut world = Self::configured("", behind);
        Arc::get_mut(&mut world.keeper).unwrap().web = web;
        world.register("alice").await;
        world.drain().await;
        world
    }

    pub(crate) async fn register(&mut self, who: &str) {
        let iq = format!(
            "<iq type='set' id='reg' from='{who}@example.org/phone' to='gw.example.org'>
             <query xmlns='jabber:iq:register'><username>{who}</username></query></iq>"
        );
        self.takes(&iq).await;
        let answer = self.until(|stanza| stanza.attr("id") == Some("reg")).await;
        assert_eq!(answer.attr("type"), Some("result"), "{}", text(&answer));
        let user = BareJid::new(&format!("{who}@example.org")).unwrap();
        self.eventually(|world| world.keeper.accounts.state(&user) == Some(LoginState::Online)).await;
    }

    /// A stanza from the XMPP server.
    pub(crate) async fn takes(&self, xml: &str) {
        route::route(&self.keeper, stanza(xml)).await;
    }

    /// The next stanza to the XMPP server.
    pub(crate) async fn next(&mut self) -> Element {
        self.within(Duration::from_secs(5)).await.expect("no stanza came")
    }

    async fn within(&mut self, time: Duration) -> Option<Element> {
        loop {
            let stanza = tokio::time::timeout(time, self.sent.recv()).await.ok()?.unwrap();
            if !self.denies(&stanza).await {
                return Some(stanza);
            }
        }
    }

    async fn denies(&self, stanza: &Element) -> bool {
        let items = stanza.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
        let node = items.and_then(|items| items.attr("node")).unwrap_or_default();
        let is_list = Dialect::ALL.iter().any(|dialect| nodes::devices(*dialect) == node);
        let asks = (self.has_no_keys && node == PUBLIC_KEYS) || (self.has_no_devices && is_list);
        if asks && stanza.attr("type") == Some("get") {
            let [id, from, to] = ["id", "to", "from"].map(|name| stanza.attr(name).unwrap());
            let missing = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
            self.takes(&format!(
                "<iq type='error' id='{id}' from='{from}' to='{to}'><error type='cancel'>{missing}</error></iq>"
            ))
            .await;
        }
        asks && stanza.attr("type") == Some("get")
    }

    /// The next stanza that is meant; others before it are passed over.
    pub(crate) async fn until(&mut self, meant: impl Fn(&Element) -> bool) -> Element {
        loop {
            let stanza = self.next().await;
            if meant(&stanza) {
                return stanza;
            }
        }
    }

    /// Asks, and gives the answer.
    pub(crate) async fn asks(&mut self, from: &str, to: &str, kind: &str, payload: &str) -> Element {
        let id = format!("q{:?}", std::time::Instant::now());
        let id = id.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        self.takes(&format!("<iq type='{kind}' id='{id}' from='{from}' to='{to}'>{payload}</iq>")).await;
        let answer = self.until(|stanza| stanza.attr("id") == Some(&id)).await;
        assert_eq!((answer.attr("from"), answer.attr("to")), (Some(to), Some(from)));
        answer
    }

    /// Everything that comes until nothing more comes.
    pub(crate) async fn drain(&mut self) -> Vec<Element> {
        let mut all = Vec::new();
        while let Some(stanza) = self.within(Duration::from_millis(300)).await {
            all.push(stanza);
        }
        all
    }

    pub(crate) async fn eventually(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came true");
    }

    /// Plays everybody around `alice@echo`.
    pub(crate) fn far(&self) -> FarUser {
        self.far.user(&ContactId::new("alice@echo"))
    }

    /// Alice's client of this name is online, and the gateway has learnt what it can do.
    pub(crate) async fn online_with(&mut self, resource: &str, features: &[&str]) {
        let (info, caps) = client(features);
        let presence = format!("<presence from='alice@example.org/{resource}' to='gw.example.org'>{caps}</presence>");
        self.takes(&presence).await;
        answers(self, &info).await;
        self.eventually(|world| world.keeper.presences.online(&alice()).iter().all(|client| client.known)).await;
    }

    pub(crate) fn add_far_contact(&self, contact: &str) {
        self.far.add_contact(&ContactId::new(contact));
    }

    /// Alice's row of a contact.
    pub(crate) async fn row(&self, contact: &str) -> Option<Contact> {
        let alice = self.keeper.accounts.user(&self.keeper, &alice()).await.unwrap().unwrap();
        let contact = ContactId::new(contact);
        self.keeper.store.call(move |db, _| contacts::get(db, alice.id, &contact)).await.unwrap()
    }
}

pub(crate) fn alice() -> BareJid {
    BareJid::new("alice@example.org").unwrap()
}

pub(crate) fn stanza(xml: &str) -> Element {
    let wrapped: Element = format!("<s xmlns='jabber:client'>{xml}</s>").parse().unwrap();
    wrapped.children().next().unwrap().clone()
}

/// For messages of failed tests, and for looking for words.
pub(crate) fn text(stanza: &Element) -> String {
    crate::xml::serialize(std::slice::from_ref(stanza))
}

/// Kind, sender and type of a presence stanza; as in `subscribe echo%echo@gw.example.org`.
pub(crate) fn presence_of(stanza: &Element) -> Option<String> {
    (stanza.name() == "presence")
        .then(|| format!("{} {}", stanza.attr("type").unwrap_or("available"), stanza.attr("from").unwrap_or_default()))
}

pub(crate) fn presences(stanzas: &[Element]) -> Vec<String> {
    stanzas.iter().filter_map(presence_of).collect()
}

/// The error condition's name.
pub(crate) fn condition(stanza: &Element) -> String {
    assert_eq!(stanza.attr("type"), Some("error"), "{}", text(stanza));
    crate::xmpp::error::reason(stanza).0
}

pub(crate) fn has_feature(answer: &Element, feature: &str) -> bool {
    let query = answer.get_child("query", ns::DISCO_INFO).unwrap();
    query.children().any(|child| child.attr("var") == Some(feature))
}

/// What a client says of itself, and the caps of that.
pub(crate) fn client(features: &[&str]) -> (Element, String) {
    let identity = element("identity", ns::DISCO_INFO).with("category", "client").with("type", "pc");
    let features = features.iter().map(|var| element("feature", ns::DISCO_INFO).with("var", *var));
    let info = element("query", ns::DISCO_INFO).with_child(identity).with_children(features);
    let ver = caps::verification(&info).unwrap();
    let caps = format!("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:client' ver='{ver}'/>");
    (info, caps)
}

/// Answers the gateway's next disco#info request.
pub(crate) async fn answers(world: &mut World, info: &Element) {
    let asked = world.until(|stanza| stanza.name() == "iq" && stanza.has_child("query", ns::DISCO_INFO)).await;
    let answer = element("iq", ns::CLIENT)
        .with("type", "result")
        .with("id", asked.attr("id").unwrap())
        .with("from", asked.attr("to").unwrap())
        .with("to", asked.attr("from").unwrap())
        .with_child(info.clone());
    assert!(world.keeper.requests.resolve(&answer));
}
