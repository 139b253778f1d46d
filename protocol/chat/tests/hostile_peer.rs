//! A peer that holds the right keys and seals what no client would.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::time::Instant;

use esession::namespaces::{ENCRYPTED, FEATURE_NEG, feature, negotiation_form};
use esession::{AwaitResponse, Initiator, Management, SasMethod, Session};
use esession_chat::{Chat, Command, Event, Moment, Output, SecretBook, SessionState, Settings};
use getrandom::SysRng;
use jid::{FullJid, Jid};
use minidom::Element;
use minidom::rxml::{Namespace, xml_ncname};
use rand_core::UnwrapErr;

const NS: &str = "jabber:client";

struct Victim {
    chat: Chat,
    now: Moment,
    sent: Vec<Element>,
    /// Everything that was ever sent.
    all: Vec<Element>,
    events: Vec<Event>,
    /// Where Mallory writes from.
    from: &'static str,
}

impl Victim {
    fn new() -> Self {
        let mut settings = Settings::default();
        settings.policy.groups = vec![esession::Group::Modp14];
        let chat = Chat::new(settings, Some(Jid::new("mallory@example.org").unwrap()), SecretBook::default());
        let now = Moment { instant: Instant::now(), unix: 1_700_000_000 };
        let mut victim =
            Self { chat, now, sent: Vec::new(), all: Vec::new(), events: Vec::new(), from: "mallory@example.org/m" };
        let jid = FullJid::new("alice@example.org/a").unwrap();
        victim.chat.handle_online(jid, false, now, &mut UnwrapErr(SysRng));
        victim.collect();
        victim
    }

    /// Gives it a message of Mallory's and returns what it answers.
    fn hear(&mut self, id: &str, payload: Element) -> Vec<Element> {
        let mut message = Element::builder("message", NS)
            .append(Element::builder("thread", NS).append("t").build())
            .append(payload)
            .build();
        for (name, value) in [(xml_ncname!("from"), self.from), (xml_ncname!("id"), id)] {
            message.set_attr(Namespace::NONE, name.to_owned(), value);
        }
        self.sent.clear();
        self.chat.handle_stanza(&message, self.now, &mut UnwrapErr(SysRng));
        self.collect();
        self.sent.clone()
    }

    fn command(&mut self, command: Command) {
        self.chat.handle_command(command, self.now, &mut UnwrapErr(SysRng));
        self.collect();
    }

    /// Seconds, in which nobody writes.
    fn pass(&mut self, seconds: u64) {
        self.now.instant += std::time::Duration::from_secs(seconds);
        self.chat.handle_timeout(self.now, &mut UnwrapErr(SysRng));
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.chat.poll_output() {
            match output {
                Output::Send(stanza) => {
                    self.all.push(stanza.clone());
                    self.sent.push(stanza);
                }
                Output::Event(event) => self.events.push(event),
                Output::Save | Output::Close => {}
            }
        }
    }

    fn texts(&self) -> Vec<&str> {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Message { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    fn last_state(&self) -> (SessionState, Option<String>) {
        let session = self.events.iter().rev().find_map(|event| match event {
            Event::Session(session) => Some((session.state, session.reason.clone())),
            _ => None,
        });
        session.expect("a session")
    }
}

/// Begins as an honest client does.
fn begin(victim: &mut Victim) -> (AwaitResponse, Element) {
    let settings = Settings::default();
    let mut policy = settings.policy;
    policy.groups = vec![esession::Group::Modp14];
    let (waiting, form_a) = Initiator::begin(&policy, &esession::Binding::default(), &mut UnwrapErr(SysRng)).unwrap();
    let answers = victim.hear("1", feature(form_a));
    let form_b = answers.iter().find_map(|answer| answer.children().find_map(negotiation_form)).unwrap();
    (waiting, form_b.clone())
}

fn session(victim: &mut Victim) -> Session {
    let (waiting, form_b) = begin(victim);
    let (waiting, form_a2) =
        waiting.handle_response(&form_b, esession::Credentials::default(), &mut UnwrapErr(SysRng)).unwrap();
    let answers = victim.hear("2", feature(form_a2));
    let form_b2 = answers.iter().find_map(|answer| answer.children().find_map(negotiation_form)).unwrap();
    let mut established = waiting.handle_completion(form_b2).unwrap();
    victim.hear("3", established.session.confirm().unwrap());
    assert_eq!(victim.last_state().0, SessionState::Active);
    established.session
}

fn condition(answers: &[Element]) -> Option<&str> {
    let error = answers.iter().find(|answer| answer.attr("type") == Some("error"))?.get_child("error", NS)?;
    error.children().next().map(Element::name)
}

#[test]
fn content_that_no_client_would_seal_ends_the_session_and_is_never_shown() {
    let deep = "<a>".repeat(5_000) + &"</a>".repeat(5_000);
    for (content, reason) in [
        (deep.as_str(), "more than 64 elements within each other"),
        ("<body>one</body></content><content>", "not well-formed XML"),
        ("<body>one</body><thread>other</thread>", "<thread/> in a session"),
        ("<body>one</body><error/>", "<error/> in a session"),
        ("<body>one</body><c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'/>", "<c/> in a session"),
    ] {
        let mut victim = Victim::new();
        let c = session(&mut victim).seal(content).unwrap();
        let answers = victim.hear("4", c);
        assert_eq!(victim.last_state(), (SessionState::Failed, Some(reason.to_owned())));
        assert_eq!(condition(&answers), Some("not-acceptable"));
        assert!(!victim.events.iter().any(|event| matches!(event, Event::Message { .. })), "{reason}: was shown");
    }
}

#[test]
fn a_flipped_octet_ends_the_session() {
    let mut victim = Victim::new();
    let c = session(&mut victim).seal("<body>one</body>").unwrap();
    let mac = Element::builder("mac", ENCRYPTED).append("AAAA").build();
    let forged = Element::builder("c", ENCRYPTED).append(c.get_child("data", ENCRYPTED).unwrap().clone()).append(mac);
    let answers = victim.hear("4", forged.build());
    assert_eq!(victim.last_state().0, SessionState::Failed);
    assert_eq!(condition(&answers), Some("not-acceptable"));
}

#[test]
fn a_replayed_stanza_ends_the_session_and_is_shown_once() {
    let mut victim = Victim::new();
    let c = session(&mut victim).seal("<body>one</body>").unwrap();
    victim.hear("4", c.clone());
    victim.hear("5", c);
    assert_eq!(victim.last_state().0, SessionState::Failed);
    let shown = victim.events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(shown, 1);
}

#[test]
fn a_clear_end_of_the_session_is_not_believed() {
    let mut victim = Victim::new();
    let mut session = session(&mut victim);
    let terminate = "<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='submit'>\
        <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field><field var='terminate'><value>1</value></field></x></feature>";
    victim.hear("4", esession_chat::inner::parse_element(terminate).unwrap());
    assert_eq!(victim.last_state().0, SessionState::Active);
    victim.hear("5", session.seal("<body>still here</body>").unwrap());
    assert!(victim.events.iter().any(|event| matches!(event, Event::Message { encrypted: true, .. })));
}

#[test]
fn options_below_the_floor_are_refused_by_name() {
    let mut victim = Victim::new();
    let policy =
        esession::Policy { groups: vec![esession::Group::Modp5], insecure_groups: true, ..esession::Policy::default() };
    let (_, form_a) = Initiator::begin(&policy, &esession::Binding::default(), &mut UnwrapErr(SysRng)).unwrap();
    let answers = victim.hear("1", feature(form_a));
    assert_eq!(condition(&answers), Some("not-acceptable"));
    let error = answers[0].get_child("error", NS).unwrap();
    let named: Vec<_> =
        error.get_child("feature", FEATURE_NEG).unwrap().children().filter_map(|f| f.attr("var")).collect();
    assert!(named.contains(&"modp"), "{named:?}");
    assert_eq!(victim.last_state().0, SessionState::Failed);
}

fn send(text: &str) -> Command {
    Command::Send { text: text.to_owned(), id: None, about: None, with: None }
}

fn form(kind: &str, fields: &[(&str, &str)]) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<feature xmlns='{FEATURE_NEG}'><x xmlns='jabber:x:data' type='{kind}'>\
         <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>{fields}</x></feature>"
    )
}

#[test]
fn a_session_goes_on_with_another_resource_of_the_peer_if_that_is_one() {
    let mut victim = Victim::new();
    let mut session = session(&mut victim);
    let told = victim.events.len();
    let nowhere = session.continue_as(&"x".repeat(2000)).unwrap();
    assert!(victim.hear("4", nowhere).is_empty());
    assert_eq!(victim.events.len(), told);

    let c = session.continue_as("phone").unwrap();
    let answers = victim.hear("5", c);
    assert_eq!(answers[0].attr("to"), Some("mallory@example.org/m"), "where it was asked");
    let c = answers[0].children().find(|child| child.has_ns(ENCRYPTED)).unwrap();
    assert_eq!(session.open(c).unwrap().management, Some(Management::Continued("phone".into())));

    // from the old one nothing is taken any more, and there is no harm in it
    let message = session.seal("<body>from the phone</body>").unwrap();
    assert_eq!(condition(&victim.hear("6", message.clone())), Some("not-acceptable"));
    victim.from = "mallory@example.org/phone";
    victim.hear("7", message);
    assert_eq!(victim.texts(), ["from the phone"]);
    victim.chat.handle_command(send("to the phone"), victim.now, &mut UnwrapErr(SysRng));
    victim.sent.clear();
    victim.collect();
    assert_eq!(victim.sent[0].attr("to"), Some("mallory@example.org/phone"));
}

#[test]
fn nobody_changes_the_terms_from_outside_of_the_session_or_without_being_asked() {
    let mut victim = Victim::new();
    let mut session = session(&mut victim);
    let told = victim.events.len();
    let enabled = [("renegotiate", "1"), ("disclosure", "enabled")];
    for kind in ["submit", "result"] {
        victim.hear("4", esession_chat::inner::parse_element(&form(kind, &enabled)).unwrap());
        victim.hear("5", session.seal(&form(kind, &enabled)).unwrap());
    }
    assert_eq!(victim.events.len(), told, "{:?}", &victim.events[told..]);
}

#[test]
fn a_peer_whose_code_could_not_be_searched_does_not_go_back_to_one_that_can() {
    let old = |victim: &mut Victim| {
        let mut policy = Settings::default().policy;
        policy.groups = vec![esession::Group::Modp14];
        policy.sas_methods = vec![SasMethod::Sas28x5];
        let (_, form_a) = Initiator::begin(&policy, &esession::Binding::default(), &mut UnwrapErr(SysRng)).unwrap();
        condition(&victim.hear("9", feature(form_a))).map(str::to_owned)
    };
    let mut victim = Victim::new();
    assert_eq!(old(&mut victim), None, "an old client is answered");
    let mut victim = Victim::new();
    session(&mut victim);
    assert_eq!(old(&mut victim).as_deref(), Some("not-acceptable"));
}

#[test]
fn who_has_not_shown_the_password_is_told_nothing() {
    let mut victim = Victim::new();
    let password = Some("tiger".to_owned());
    victim.command(Command::Password { password, with: None });
    victim.pass(120);
    assert_eq!(victim.last_state().0, SessionState::Failed, "Mallory did not answer that");
    let (waiting, form_b) = begin(&mut victim);
    let (_, form_a2) =
        waiting.handle_response(&form_b, esession::Credentials::default(), &mut UnwrapErr(SysRng)).unwrap();
    let answers = victim.hear("2", feature(form_a2));
    assert_eq!(answers.len(), 1, "message 4");
    victim.command(send("secret"));
    // A peer that has shown nothing may be one of the old kind; not here.
    victim.pass(5);
    assert_eq!(victim.last_state().0, SessionState::Negotiating);
    victim.pass(120);
    let (state, reason) = victim.last_state();
    assert_eq!(
        (state, reason.as_deref()),
        (SessionState::Failed, Some("the peer did not show that it holds the keys"))
    );
    assert!(!victim.all.iter().any(|stanza| stanza.has_child("c", ENCRYPTED)), "{:?}", victim.all);
}
