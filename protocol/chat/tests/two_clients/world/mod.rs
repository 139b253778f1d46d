//! A small world: two clients, the server between them, and a clock that stands still unless somebody waits.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use esession::Identification;
use esession_attest::{Attestation, Authorities};
use esession_chat::{
    Chat, Command, Event, Moment, Output, SecretBook, SessionEvent, SessionKeys, SessionState, Settings,
};
use getrandom::SysRng;
use jid::{FullJid, Jid};
use minidom::Element;
use minidom::rxml::{Namespace, xml_ncname};
use rand_core::UnwrapErr;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// alice@example.org/a
    Alice,
    /// bob@example.org/b
    Bob,
}

/// The longest time that may pass in one [`World::settle`].
const PATIENCE: Duration = Duration::from_secs(100);

/// When the world begins, in seconds since 1970: 2027, after the files of GnuPG were made.
pub(crate) const START: u64 = 1_800_000_000;

/// The world.
pub(crate) struct World {
    sides: [Side; 2],
    now: Moment,
    /// Everything that was sent.
    wire: Vec<String>,
    thread: String,
    nodes: HashMap<(String, String), Element>,
}

const PUBSUB: &str = "http://jabber.org/protocol/pubsub";

struct Side {
    end: End,
    chat: Chat,
    events: Vec<Event>,
    waiting: VecDeque<Element>,
    saved: SecretBook,
    /// How many messages pass before some are dropped, and how many are.
    drops: (usize, usize),
    cut: bool,
    sent: usize,
    left: bool,
    manner: Manner,
}

/// How a client asks for sessions, if it has a key.
#[derive(Clone)]
struct Manner {
    ways: Vec<Identification>,
    signs: bool,
    reachable: bool,
    unlogged: bool,
    gives_key: bool,
    attestation: Option<Attestation>,
    authorities: Authorities,
}

impl World {
    /// Both are online and chat with each other.
    pub(crate) fn new() -> Self {
        Self::with(&SecretBook::default())
    }

    /// The same, and both know these secrets.
    pub(crate) fn with(book: &SecretBook) -> Self {
        Self::of([book.clone(), book.clone()])
    }

    /// The same, each with its own.
    pub(crate) fn of(books: [SecretBook; 2]) -> Self {
        let now = Moment { instant: Instant::now(), unix: START };
        let side = |end, book| Side::new(end, book, Manner::default());
        let [alices, bobs] = books;
        let sides = [side(End::Alice, alices), side(End::Bob, bobs)];
        let mut world = Self { sides, now, wire: Vec::new(), thread: String::new(), nodes: HashMap::new() };
        world.connect(End::Alice);
        world.connect(End::Bob);
        world
    }

    /// The same, and both ask for sessions in three messages, showing their keys in one of these ways.
    pub(crate) fn signing(books: [SecretBook; 2], ways: &[Identification]) -> Self {
        let mut world = Self::of(books);
        for end in [End::Alice, End::Bob] {
            world.side(end).manner = Manner { ways: ways.to_vec(), signs: true, ..Manner::default() };
            world.restart(end);
        }
        world
    }

    /// One end can be written to while it is away.
    pub(crate) fn make_reachable(&mut self, end: End) {
        self.side(end).manner.reachable = true;
        self.restart(end);
    }

    /// One end gives out its key with a certificate.
    pub(crate) fn certify(&mut self, end: End, attestation: &Attestation) {
        self.side(end).manner.attestation = Some(attestation.clone());
        self.make_key_public(end);
    }

    /// One end trusts authorities.
    pub(crate) fn trust(&mut self, end: End, authorities: &Authorities) {
        self.side(end).manner.authorities = authorities.clone();
        self.restart(end);
    }

    /// One end gives out its key.
    pub(crate) fn make_key_public(&mut self, end: End) {
        self.side(end).manner.gives_key = true;
        self.restart(end);
    }

    /// What an account has published in a node.
    pub(crate) fn published(&self, end: End, node: &str) -> String {
        let key = (end.jid().to_bare().to_string(), node.to_owned());
        let item = self.nodes[&key].children().next();
        String::from(item.unwrap())
    }

    /// An account has published this in a node.
    pub(crate) fn publish(&mut self, end: End, node: &str, payload: &str) {
        let item = format!("<item xmlns='{PUBSUB}' id='current'>{payload}</item>");
        let item = esession_chat::inner::parse_element(&item).unwrap();
        self.nodes.insert((end.jid().to_bare().to_string(), node.to_owned()), item);
    }

    /// One end keeps no transcripts.
    pub(crate) fn make_unlogged(&mut self, end: End) {
        self.side(end).manner.unlogged = true;
        self.restart(end);
    }

    /// What went over the wire and has this in it.
    pub(crate) fn on_the_wire(&self, part: &str) -> Vec<String> {
        self.wire.iter().filter(|xml| xml.contains(part)).cloned().collect()
    }

    /// Gives a command.
    pub(crate) fn tell(&mut self, end: End, command: Command) {
        let now = self.now;
        self.side(end).chat.handle_command(command, now, &mut UnwrapErr(SysRng));
        self.collect(end);
    }

    /// Puts a stanza of somebody else before one end.
    pub(crate) fn inject(&mut self, end: End, xml: &str) {
        let stanza = esession_chat::inner::parse_element(xml).unwrap();
        let now = self.now;
        self.side(end).chat.handle_stanza(&stanza, now, &mut UnwrapErr(SysRng));
        self.collect(end);
    }

    /// Carries stanzas, and lets time pass when there are none, until nothing happens any more.
    pub(crate) fn settle(&mut self) {
        self.pass(PATIENCE);
    }

    /// The same for some seconds only.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    fn pass(&mut self, most: Duration) {
        let limit = self.now.instant + most;
        loop {
            if self.carry() {
                continue;
            }
            let due = self.sides.iter().filter_map(|side| side.chat.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= limit) else { return };
            self.now.instant = due.max(self.now.instant);
            for end in [End::Alice, End::Bob] {
                let now = self.now;
                self.side(end).chat.handle_timeout(now, &mut UnwrapErr(SysRng));
                self.collect(end);
            }
        }
    }

    /// Loses the next messages of one end.
    pub(crate) fn drop_next(&mut self, end: End, count: usize) {
        self.drop_after(end, 0, count);
    }

    /// Lets some messages of one end pass and loses the next.
    pub(crate) fn drop_after(&mut self, end: End, pass: usize, count: usize) {
        self.side(end).drops = (pass, count);
    }

    /// Nothing reaches this end any more.
    pub(crate) fn cut(&mut self, end: End) {
        self.side(end).cut = true;
    }

    /// Everything reaches it again.
    pub(crate) fn mend(&mut self, end: End) {
        self.side(end).cut = false;
    }

    /// Kills one end; it comes back with what it saved.
    pub(crate) fn restart(&mut self, end: End) {
        let saved = self.side(end).saved.clone();
        *self.side(end) = Side::new(end, saved, self.side(end).manner.clone());
        self.connect(end);
    }

    /// Kills one end; it comes back with nothing.
    pub(crate) fn forget_secrets(&mut self, end: End) {
        *self.side(end) = Side::new(end, SecretBook::default(), self.side(end).manner.clone());
        self.connect(end);
    }

    /// Kills one end; it comes back with these secrets.
    pub(crate) fn replace(&mut self, end: End, book: SecretBook) {
        *self.side(end) = Side::new(end, book, self.side(end).manner.clone());
        self.connect(end);
    }

    /// What one end has saved.
    pub(crate) fn saved(&mut self, end: End) -> SecretBook {
        self.side(end).saved.clone()
    }

    /// All events of one end.
    pub(crate) fn events(&mut self, end: End) -> &[Event] {
        &self.side(end).events
    }

    /// What one end was told, and whether it came encrypted.
    pub(crate) fn texts(&mut self, end: End) -> Vec<(String, bool)> {
        let texts = self.events(end).iter().filter_map(|event| match event {
            Event::Message { text, encrypted, .. } => Some((text.clone(), *encrypted)),
            _ => None,
        });
        texts.collect()
    }

    /// What went wrong at one end: of which message, and why.
    pub(crate) fn errors(&mut self, end: End) -> Vec<(String, String)> {
        let errors = self.events(end).iter().filter_map(|event| match event {
            Event::Error { id: Some(id), condition, .. } => Some((id.clone(), condition.clone())),
            _ => None,
        });
        errors.collect()
    }

    /// What went wrong at one end that no message is to blame for.
    pub(crate) fn own_errors(&mut self, end: End) -> Vec<String> {
        let errors = self.events(end).iter().filter_map(|event| match event {
            Event::Error { id: None, condition, .. } => Some(condition.clone()),
            _ => None,
        });
        errors.collect()
    }

    /// How many receipts one end got out of sessions.
    pub(crate) fn receipts(&mut self, end: End) -> usize {
        self.events(end).iter().filter(|event| matches!(event, Event::Receipt { encrypted: true, .. })).count()
    }

    /// The states its sessions went through.
    pub(crate) fn states(&mut self, end: End) -> Vec<SessionState> {
        self.sessions(end).iter().map(|session| session.state).collect()
    }

    /// The last thing it heard about a session.
    pub(crate) fn last_session(&mut self, end: End) -> SessionEvent {
        self.sessions(end).last().cloned().expect("a session")
    }

    /// What it knows about the keys.
    pub(crate) fn keys(&mut self, end: End) -> SessionKeys {
        self.last_session(end).keys.expect("an active session")
    }

    /// How many stanzas one end has sent.
    pub(crate) fn sent_by(&mut self, end: End) -> usize {
        self.side(end).sent
    }

    /// Whether it is gone.
    pub(crate) fn has_left(&mut self, end: End) -> bool {
        self.side(end).left
    }

    /// Everything that went over the wire.
    pub(crate) fn wire_text(&self) -> String {
        self.wire.concat()
    }

    /// The thread of the last message.
    pub(crate) fn thread(&self) -> String {
        self.thread.clone()
    }

    fn sessions(&mut self, end: End) -> Vec<SessionEvent> {
        let sessions = self.events(end).iter().filter_map(|event| match event {
            Event::Session(session) => Some((**session).clone()),
            _ => None,
        });
        sessions.collect()
    }

    fn connect(&mut self, end: End) {
        let now = self.now;
        self.side(end).chat.handle_online(end.jid(), false, now, &mut UnwrapErr(SysRng));
        self.collect(end);
    }

    /// Carries one stanza; `false` if there is none.
    fn carry(&mut self) -> bool {
        let Some(end) = [End::Alice, End::Bob].into_iter().find(|end| !self.side(*end).waiting.is_empty()) else {
            return false;
        };
        let Some(stanza) = self.side(end).waiting.pop_front() else { return false };
        let now = self.now;
        self.side(end).chat.handle_stanza(&stanza, now, &mut UnwrapErr(SysRng));
        self.collect(end);
        true
    }

    /// Does what one end wants done.
    fn collect(&mut self, end: End) {
        while let Some(output) = self.side(end).chat.poll_output() {
            match output {
                Output::Save => self.side(end).saved = self.side(end).chat.book().clone(),
                Output::Event(event) => self.side(end).events.push(event),
                Output::Close => self.side(end).left = true,
                Output::Send(stanza) => self.post(end, stanza),
            }
        }
    }

    /// What accounts have published: asked for by others, and changed by themselves.
    fn serve_nodes(&mut self, end: End, iq: &Element) -> bool {
        let Some(pubsub) = iq.get_child("pubsub", PUBSUB) else { return false };
        let Some(request) = pubsub.children().next() else { return false };
        let node = request.attr("node").unwrap_or_default();
        let account = iq.attr("to").map_or_else(|| end.jid().to_bare().to_string(), str::to_owned);
        let key = (account.clone(), node.to_owned());
        let payload = match request.name() {
            "publish" => {
                self.nodes.insert(key, request.children().next().unwrap().clone());
                String::new()
            }
            _ => {
                let item = self.nodes.get(&key).map(String::from).unwrap_or_default();
                format!("<pubsub xmlns='{PUBSUB}'><items node='{node}'>{item}</items></pubsub>")
            }
        };
        let id = iq.attr("id").unwrap();
        let answer = format!("<iq type='result' id='{id}' from='{account}' to='{}'>{payload}</iq>", end.jid());
        let answer = esession_chat::inner::parse_element(&answer).unwrap();
        self.side(end).waiting.push_back(answer);
        true
    }

    /// The server: stamps the sender, and brings messages to the other end.
    fn post(&mut self, end: End, mut stanza: Element) {
        self.side(end).sent += 1;
        self.wire.push(String::from(&stanza));
        if stanza.name() == "iq" && self.serve_nodes(end, &stanza) {
            return;
        }
        let to = stanza.attr("to").and_then(|to| Jid::new(to).ok());
        let other = [End::Alice, End::Bob]
            .into_iter()
            .find(|other| to.as_ref().is_some_and(|to| to.to_bare() == other.jid().to_bare()));
        let Some(other) = other else { return };
        let (pass, count) = self.side(end).drops;
        match (pass, count) {
            (0, 0) => {}
            (0, count) => {
                self.side(end).drops = (0, count - 1);
                return;
            }
            (pass, count) => self.side(end).drops = (pass - 1, count),
        }
        if self.side(other).cut {
            return;
        }
        if let Some(thread) = stanza.get_child("thread", "jabber:client") {
            self.thread = thread.text();
        }
        stanza.set_attr(Namespace::NONE, xml_ncname!("from").to_owned(), end.jid().to_string());
        self.side(other).waiting.push_back(stanza);
    }

    fn side(&mut self, end: End) -> &mut Side {
        self.sides.iter_mut().find(|side| side.end == end).expect("both ends")
    }
}

impl End {
    fn jid(self) -> FullJid {
        FullJid::new(if self == Self::Alice { "alice@example.org/a" } else { "bob@example.org/b" }).unwrap()
    }

    fn other(self) -> Self {
        if self == Self::Alice { Self::Bob } else { Self::Alice }
    }
}

impl Side {
    fn new(end: End, book: SecretBook, manner: Manner) -> Self {
        Self {
            end,
            chat: chat(end, book.clone(), &manner),
            events: Vec::new(),
            waiting: VecDeque::new(),
            saved: book,
            drops: (0, 0),
            cut: false,
            sent: 0,
            left: false,
            manner,
        }
    }
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            ways: vec![Identification::Key, Identification::None],
            signs: false,
            reachable: false,
            unlogged: false,
            gives_key: false,
            attestation: None,
            authorities: Authorities::default(),
        }
    }
}

fn chat(end: End, book: SecretBook, manner: &Manner) -> Chat {
    let mut settings = Settings::default();
    settings.policy.groups = vec![esession::Group::Modp14];
    if manner.unlogged {
        settings.policy.logging = vec![esession::Logging::MustNot];
    }
    if book.keys().own().is_some() {
        (settings.signs, settings.reachable) = (manner.signs, manner.reachable);
        settings.gives_key = manner.gives_key;
        settings.attestation.clone_from(&manner.attestation);
        settings.authorities = manner.authorities.clone();
        settings.policy.own_identification.clone_from(&manner.ways);
        settings.policy.peer_identification.clone_from(&manner.ways);
    }
    Chat::new(settings, Some(end.other().jid().into_bare().into()), book)
}
