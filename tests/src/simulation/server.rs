//! The XMPP server between the gateway and Alice's client: it carries stanzas in order, answers for itself, and loses
//! what is on its way when a link breaks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use drawbridge::component::Incoming;
use drawbridge::xmpp::element::{Build, element};
use drawbridge::xmpp::ns;
use esession_chat::{Chat, Command, Event, Moment, Output, SecretBook, Settings};
use getrandom::SysRng;
use jid::{FullJid, Jid};
use minidom::Element;
use rand_core::UnwrapErr;

use super::chance::Chance;
use super::gateway::{DOMAIN, Gateway};

const UNIX: u64 = 1_800_000_000;

pub(super) struct Server {
    client: Chat,
    me: FullJid,
    start: Instant,
    passed: Duration,
    events: Vec<Event>,
    /// On their way from the client to the gateway.
    up: VecDeque<Element>,
    /// On their way from the gateway to the client.
    down: VecDeque<Element>,
    /// What the client last told everybody.
    presence: Element,
    /// All that passed.
    wire: Vec<String>,
}

impl Server {
    /// With one client of `account`, which chats with the contact of this local part.
    pub(super) fn new(account: &str, contact: &str, settings: Settings) -> Self {
        let me = FullJid::new(&format!("{account}/phone")).unwrap_or_else(|error| panic!("{account}: {error}"));
        let with = Jid::new(&format!("{contact}@{DOMAIN}")).unwrap_or_else(|error| panic!("{contact}: {error}"));
        let settings = Settings { accept_subscriptions: true, ..settings };
        Self {
            client: Chat::new(settings, Some(with), SecretBook::default()),
            me,
            start: Instant::now(),
            passed: Duration::ZERO,
            events: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            presence: element("presence", ns::CLIENT).with("type", "unavailable"),
            wire: Vec::new(),
        }
    }

    pub(super) fn come_online(&mut self) {
        let (me, now) = (self.me.clone(), self.now());
        self.client.handle_online(me, false, now, &mut UnwrapErr(SysRng));
    }

    pub(super) fn command(&mut self, command: Command) {
        let now = self.now();
        self.client.handle_command(command, now, &mut UnwrapErr(SysRng));
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    pub(super) fn wire(&self) -> &[String] {
        &self.wire
    }

    /// A link breaks: of what either end has sent by now, chance keeps a beginning and loses the rest.
    pub(super) fn lose(&mut self, gateway: &mut Gateway, chance: &mut Chance) {
        while let Some(stanza) = gateway.take() {
            self.wire.push(String::from(&stanza));
            self.carry_down(gateway, stanza);
        }
        self.take_outputs();
        for queue in [&mut self.up, &mut self.down] {
            let kept = chance.below(queue.len() as u64 + 1);
            queue.truncate(usize::try_from(kept).unwrap_or(0));
        }
    }

    /// Carries what there is, both ways; `time` passes for the client.
    pub(super) fn exchange(&mut self, gateway: &mut Gateway, time: Duration) {
        self.passed += time;
        let now = self.now();
        while let Some(stanza) = gateway.take() {
            self.wire.push(String::from(&stanza));
            self.carry_down(gateway, stanza);
        }
        while let Some(stanza) = self.down.pop_front() {
            self.client.handle_stanza(&stanza, now, &mut UnwrapErr(SysRng));
        }
        if self.client.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.client.handle_timeout(now, &mut UnwrapErr(SysRng));
        }
        self.take_outputs();
        while let Some(stanza) = self.up.pop_front() {
            self.wire.push(String::from(&stanza));
            gateway.give(Incoming::Stanza(stanza));
        }
    }

    fn carry_down(&mut self, gateway: &mut Gateway, stanza: Element) {
        let to = stanza.attr("to").unwrap_or_default();
        if stanza.name() == "presence" && stanza.attr("type") == Some("probe") {
            // RFC 6121, section 4.3.2: the server answers for its user.
            let answer = self.presence.clone().with_some("to", stanza.attr("from"));
            gateway.give(Incoming::Stanza(answer));
        } else if to == self.me.as_str() || to == self.me.to_bare().as_str() {
            // The link may have broken since: a full JID of somebody else never comes here.
            self.down.push_back(stanza);
        } else if stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set")) {
            gateway.give(Incoming::Stanza(result(&stanza)));
        }
    }

    fn take_outputs(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(stanza) => self.carry_up(stanza),
                Output::Event(event) => self.events.push(event),
                Output::Save | Output::Close => {}
            }
        }
    }

    fn carry_up(&mut self, stanza: Element) {
        let stanza = stanza.with("from", self.me.as_str());
        match stanza.attr("to").map(str::to_owned) {
            Some(to) if to.ends_with(DOMAIN) || to.contains(&format!("{DOMAIN}/")) => self.up.push_back(stanza),
            None if stanza.name() == "presence" => {
                // Alice's server tells those who may see her: the gateway is in her roster.
                self.presence = stanza.clone();
                self.up.push_back(stanza.with("to", DOMAIN));
            }
            _ if stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set")) => {
                self.down.push_back(result(&stanza));
            }
            _ => {}
        }
    }

    fn now(&self) -> Moment {
        Moment { instant: self.start + self.passed, unix: UNIX + self.passed.as_secs() }
    }
}

/// The server's own answer to a question for it.
fn result(iq: &Element) -> Element {
    element("iq", ns::CLIENT)
        .with("type", "result")
        .with_some("id", iq.attr("id"))
        .with_some("from", iq.attr("to"))
        .with_some("to", iq.attr("from"))
}
