//! The XMPP server and the client of the one who logs in: they grant and answer everything, and count.

use std::{collections::BTreeMap, error::Error, path::Path, sync::Arc, time::Duration};

use drawbridge::{
    commands,
    component::{Incoming, Outgoing},
    config::{Config, Env},
    keeper::Keeper,
    store::{Sealer, Store},
    xmpp::{
        caps,
        element::{Build, element},
        ns,
    },
};
use drawbridge_bridge::Plaintext;
use drawbridge_echo::{EchoNetwork, EchoWorld};
use getrandom::SysRng;
use jid::FullJid;
use minidom::Element;
use omemo::{
    DeviceId, DeviceList, Dialect, bundle, nodes,
    ratchet::{Identity, Prekeys},
};
use rand_core::UnwrapErr;
use tokio::{sync::mpsc, time::Instant};
use zeroize::Zeroizing;

const CLIENT: &str = "alice@example.org/phone";
const DOMAIN: &str = "gw.example.org";
/// After so long without a stanza everything is done.
const QUIET: Duration = Duration::from_secs(2);

pub(super) struct Server {
    keeper: Arc<Keeper>,
    incoming: mpsc::Sender<Incoming>,
    outgoing: mpsc::Receiver<Element>,
    counts: BTreeMap<&'static str, usize>,
    last: std::time::Instant,
    /// What the client says of itself, in presences and when asked.
    info: Element,
    /// What her devices have published, in each dialect.
    published: [(Element, Element); 2],
    /// The contacts' devices that were shown.
    devices: BTreeMap<String, DeviceId>,
}

impl Server {
    pub(super) fn start(dir: &Path, far: &EchoWorld) -> Result<Self, Box<dyn Error>> {
        let (data, file) = (dir.join("data"), dir.join("config.toml"));
        std::fs::create_dir_all(&data)?;
        let network =
            format!("[[network]]\nkind = \"echo\"\njid = {DOMAIN:?}\nserver = \"127.0.0.1:1\"\nsecret = \"s\"");
        std::fs::write(&file, format!("data_dir = {data:?}\n{network}"))?;
        let config = Config::load(&file, &Env::new())?;
        let store = Store::open(&data.join("db"), Sealer::new(Zeroizing::new([7; 32]))?)?;
        let ((out, outgoing), (incoming, received)) = (Outgoing::for_test(), mpsc::channel(1024));
        let settings = config.networks.first().cloned().ok_or("no network")?;
        let network = Arc::new(EchoNetwork::new(far.clone()));
        let keeper = Arc::new(Keeper::new(Arc::new(config), settings, network, store, out));
        tokio::spawn(drawbridge::run::attend(keeper.clone(), received));
        let (counts, devices, last) = (BTreeMap::new(), BTreeMap::new(), std::time::Instant::now());
        let published = Dialect::ALL.map(|dialect| publish(dialect, dialect == Dialect::Omemo2));
        Ok(Self { keeper, incoming, outgoing, counts, last, info: info(), published, devices })
    }

    pub(super) async fn log_in(&mut self) {
        let grant = "<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/></privilege>";
        self.give(format!("<message from='example.org' to='{DOMAIN}'>{grant}</message>")).await;
        self.come().await;
        let keeper = self.keeper.clone();
        tokio::spawn(async move {
            let Ok(from) = FullJid::new(CLIENT) else { return };
            for text in ["login", "alice"] {
                commands::chat(&keeper, &from, true, &Plaintext::new(text)).await;
            }
        });
        self.settle().await;
    }

    /// To all who see it, as servers tell them.
    pub(super) async fn come_again(&mut self) {
        let all: Vec<_> = self.devices.keys().cloned().chain([DOMAIN.to_owned()]).collect();
        for to in &all {
            self.give(format!("<presence from='{CLIENT}' to='{to}' type='unavailable'/>")).await;
        }
        self.settle().await;
        for to in &all {
            self.give(self.presence(to)).await;
        }
        self.settle().await;
    }

    async fn come(&mut self) {
        self.give(self.presence(DOMAIN)).await;
    }

    fn presence(&self, to: &str) -> String {
        let ver = caps::verification(&self.info).unwrap_or_default();
        let caps = format!("<c xmlns='{}' hash='sha-1' node='urn:client' ver='{ver}'/>", ns::CAPS);
        format!("<presence from='{CLIENT}' to='{to}'>{caps}</presence>")
    }

    /// As clients do that prepare for a first word to everybody: in the older dialect.
    pub(super) async fn fetch_bundles(&mut self) {
        for (contact, device) in self.devices.clone() {
            let (node, _) = nodes::bundle(Dialect::Axolotl, device);
            let items = format!("<pubsub xmlns='{}'><items node='{node}'/></pubsub>", ns::PUBSUB);
            self.give(format!("<iq type='get' id='bundle' from='{CLIENT}' to='{contact}'>{items}</iq>")).await;
        }
        self.settle().await;
    }

    /// Answers and counts until nothing more comes.
    pub(super) async fn settle(&mut self) {
        let mut until = Instant::now() + QUIET;
        while let Ok(Some(stanza)) = tokio::time::timeout_at(until, self.outgoing.recv()).await {
            self.last = std::time::Instant::now();
            if let Some(answer) = self.carry(&stanza) {
                let _ = self.incoming.send(Incoming::Stanza(answer)).await;
            }
            until = Instant::now() + QUIET;
        }
    }

    /// What was sent since somebody asked.
    pub(super) fn counts(&mut self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.counts)
    }

    /// When the last stanza came.
    pub(super) fn last(&self) -> std::time::Instant {
        self.last
    }

    /// Stanzas that come while room is made are carried, since both ways have an end.
    async fn give(&mut self, xml: String) {
        while self.incoming.capacity() == 0 || self.outgoing.len() > 500 {
            if let Ok(stanza) = self.outgoing.try_recv() {
                self.last = std::time::Instant::now();
                if let Some(answer) = self.carry(&stanza) {
                    let _ = self.incoming.send(Incoming::Stanza(answer)).await;
                }
            }
            tokio::task::yield_now().await;
        }
        let wrapped: Result<Element, _> = format!("<s xmlns='{}'>{xml}</s>", ns::CLIENT).parse();
        let stanza = wrapped.ok().and_then(|wrapped| wrapped.children().next().cloned());
        if let Some(stanza) = stanza {
            let _ = self.incoming.send(Incoming::Stanza(stanza)).await;
        }
    }

    fn carry(&mut self, stanza: &Element) -> Option<Element> {
        let items = stanza.get_child("pubsub", ns::PUBSUB).and_then(|pubsub| pubsub.get_child("items", ns::PUBSUB));
        let node = items.and_then(|items| items.attr("node")).unwrap_or_default();
        let dialect = Dialect::ALL.into_iter().find(|dialect| node.starts_with(nodes::namespace(*dialect)));
        let (name, payload) = match (stanza.name(), stanza.attr("type")) {
            ("presence", Some("probe")) => {
                self.count("probes");
                let presence: Element = self
                    .presence(stanza.attr("from")?)
                    .replacen("<presence", "<presence xmlns='jabber:client'", 1)
                    .parse()
                    .ok()?;
                return Some(presence);
            }
            ("presence", _) => ("presences", None),
            ("message", Some("headline")) => {
                self.note(stanza);
                ("devices shown", None)
            }
            ("message", _) if stanza.children().any(|child| child.name() == "encrypted") => ("messages sealed", None),
            ("message", _) => ("other messages", None),
            ("iq", Some("result")) => (if node.contains("bundles") { "bundles made" } else { "answers" }, None),
            ("iq", Some("get" | "set")) => match dialect {
                Some(dialect) => {
                    let (list, bundle) = &self.published[usize::from(dialect == Dialect::Omemo2)];
                    let is_bundle = node.contains("bundles");
                    let payload = if is_bundle { bundle } else { list };
                    let item = element("item", ns::PUBSUB).with_child(payload.clone());
                    let items = element("items", ns::PUBSUB).with("node", node).with_child(item);
                    let name = if is_bundle { "bundles asked" } else { "lists asked" };
                    (name, Some(element("pubsub", ns::PUBSUB).with_child(items)))
                }
                None if stanza.has_child("query", ns::DISCO_INFO) => ("other questions", Some(self.info.clone())),
                None if stanza.has_child("query", ns::ROSTER) => ("roster items", Some(element("query", ns::ROSTER))),
                None => ("other questions", None),
            },
            _ => ("others", None),
        };
        self.count(name);
        let is_question = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set"));
        is_question.then(|| {
            let answer = element("iq", ns::CLIENT).with("type", "result").with_some("id", stanza.attr("id"));
            let answer = answer.with_some("from", stanza.attr("to")).with_some("to", stanza.attr("from"));
            answer.with_children(payload)
        })
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    /// The device that a contact shows.
    fn note(&mut self, event: &Element) {
        let lists =
            event.children().flat_map(Element::children).flat_map(Element::children).flat_map(Element::children);
        let mut lists = lists.filter_map(|list| DeviceList::read(Dialect::Axolotl, list).ok());
        let device = lists.next().and_then(|list| list.iter().next());
        if let (Some(from), Some(device)) = (event.attr("from"), device) {
            self.devices.insert(from.to_owned(), device);
        }
    }
}

/// A device list and a bundle of hers.
fn publish(dialect: Dialect, second: bool) -> (Element, Element) {
    let rng = &mut UnwrapErr(SysRng);
    let (identity, mut prekeys) = (Identity::generate(rng), Prekeys::new(0, rng));
    let list = DeviceList::new(DeviceId::new(if second { 8 } else { 7 }));
    (list.to_element(dialect), bundle::to_element(dialect, &prekeys.hand_out(dialect, &identity, rng)))
}

/// A client with OMEMO, in both dialects.
fn info() -> Element {
    let identity = element("identity", ns::DISCO_INFO).with("category", "client").with("type", "pc");
    let watched = Dialect::ALL.map(|dialect| format!("{}+notify", nodes::devices(dialect)));
    let features = watched.iter().map(|var| element("feature", ns::DISCO_INFO).with("var", var.as_str()));
    element("query", ns::DISCO_INFO).with_child(identity).with_children(features)
}
