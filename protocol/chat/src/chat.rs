//! The whole client without input or output: commands, stanzas and time in; stanzas, events and things to save out.
//!
//! Call `handle_*` when something happens, then take everything from [`Chat::poll_output`], then wait until
//! [`Chat::poll_timeout`] at the longest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use esession::namespaces::{PUBLIC_KEY, is_encrypted};
use esession::{CryptoRng, Disclosure, Logging, Published, Terms};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use zeroize::Zeroizing;

use crate::command::Command;
use crate::conversation::Conversation;
use crate::disco;
use crate::effects::{Cx, Moment, Output, Settings, Surroundings};
use crate::event::Event;
use crate::inner;
use crate::presence;
use crate::published_keys;
use crate::requests::{self, ROSTER, Requests};
use crate::secrets::SecretBook;
use crate::stanza::{self, CLIENT};

/// How long others can write to us after we were here last, in seconds: two weeks.
const REACHABLE: u64 = 14 * 24 * 3600;
/// How long leaving waits for receipts that are still to come.
const LAST_RECEIPTS: Duration = Duration::from_secs(5);

/// The client.
pub struct Chat {
    around: Surroundings,
    me: Option<FullJid>,
    /// Whom commands without `with` mean.
    with: Option<Jid>,
    conversations: BTreeMap<BareJid, Conversation>,
    requests: Requests,
    leaving: Option<Leaving>,
}

/// The steps of leaving.
enum Leaving {
    /// Receipts may still come, until then.
    Delivering(Instant),
    /// Sessions are being ended.
    Ending,
    /// Nothing is left to do.
    Left,
}

impl Chat {
    /// A client that chats with `with` unless told otherwise. `book` is what was saved last.
    #[must_use]
    pub fn new(settings: Settings, with: Option<Jid>, book: SecretBook) -> Self {
        let mut chat = Self {
            around: Surroundings::new(settings, book),
            me: None,
            with: None,
            conversations: BTreeMap::new(),
            requests: Requests::default(),
            leaving: None,
        };
        if let Some(with) = with {
            chat.conversations.insert(with.to_bare(), Conversation::new(with.clone()));
            chat.with = Some(with);
        }
        chat
    }

    /// The secrets to save on [`Output::Save`].
    #[must_use]
    pub fn book(&self) -> &SecretBook {
        &self.around.book
    }

    /// The stream is up, under this JID. `resumed` if nothing was lost in between.
    pub fn handle_online(&mut self, jid: FullJid, resumed: bool, now: Moment, rng: &mut dyn CryptoRng) {
        if self.me.is_some() && !resumed {
            self.each(now, rng, Conversation::handle_stream_lost);
        }
        self.around.online = true;
        if self.me.is_none() {
            let named =
                |(with, name): (&str, &str)| Event::Named { with: with.to_owned(), name: Some(name.to_owned()) };
            let named: Vec<_> = self.around.book.names().map(named).collect();
            named.into_iter().for_each(|event| self.around.tell(event));
        }
        self.around.tell(Event::Online { jid: jid.to_string() });
        self.around.me = Some(jid.to_bare());
        self.me = Some(jid);
        if !resumed {
            self.requests.clear();
            let mut cx = self.around.cx(now, rng);
            self.requests.show_interest(&mut cx);
            let presence = cx.shown.to_stanza(None).build();
            cx.send(presence);
            self.publish(now, rng);
        }
        self.each(now, rng, Conversation::handle_online);
    }

    /// The stream is down.
    pub fn handle_offline(&mut self, reason: Option<String>) {
        if self.around.online || reason.is_some() {
            self.around.tell(Event::Offline { reason });
        }
        self.around.online = false;
    }

    /// A stanza, in `jabber:client`.
    pub fn handle_stanza(&mut self, stanza: &Element, now: Moment, rng: &mut dyn CryptoRng) {
        match stanza.name() {
            "message" => self.handle_message(stanza, now, rng),
            "presence" => self.handle_presence(stanza, now, rng),
            "iq" => self.handle_iq(stanza, now, rng),
            _ => {}
        }
        self.go_on_leaving(now, rng);
    }

    /// What the user wants.
    pub fn handle_command(&mut self, command: Command, now: Moment, rng: &mut dyn CryptoRng) {
        if let Err(error) = self.obey(command, now, rng) {
            self.around.tell(*error);
        }
        self.go_on_leaving(now, rng);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Moment, rng: &mut dyn CryptoRng) {
        self.each(now, rng, Conversation::handle_timeout);
        self.go_on_leaving(now, rng);
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.around.out.pop_front()
    }

    /// When [`Chat::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let leaving = match self.leaving {
            Some(Leaving::Delivering(until)) => Some(until),
            _ => None,
        };
        self.conversations.values().filter_map(Conversation::poll_timeout).chain(leaving).min()
    }

    /// Leaves what others need to write while we are away. It is stored before anybody can see it.
    fn publish(&mut self, now: Moment, rng: &mut dyn CryptoRng) {
        let mut cx = self.around.cx(now, rng);
        if let Some(key) = published_keys::own(&cx).filter(|_| cx.settings.gives_key) {
            self.requests.publish_key(&key, &mut cx);
            self.requests.publish_attestation(&mut cx);
        }
        let Some(key) = cx.book.keys().own().filter(|_| cx.settings.reachable) else { return };
        match Published::make(&cx.settings.policy, now.unix + REACHABLE, None, &[key], cx.rng) {
            Ok(published) => {
                cx.book.away_mut().keep(&published, now.unix);
                cx.save();
                self.requests.publish_options(published.form(), &mut cx);
            }
            Err(error) => cx.tell(Event::own_error(None, "state", error.to_string())),
        }
    }

    fn obey(&mut self, command: Command, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), Box<Event>> {
        match command {
            Command::Start { with } => {
                let with = with.map(|with| parse_jid(&with)).transpose()?;
                self.with = with.or(self.with.take());
                self.talk(None, now, rng, Conversation::start)
            }
            Command::Send { text, id, about, with } => {
                self.talk(with, now, rng, |talk, cx| talk.send(text, id, about, cx))
            }
            Command::SendSingle { text, id, with } => {
                self.talk(with, now, rng, |talk, cx| talk.send_single(text, id, cx))
            }
            Command::SendOffline { text, id, with } => {
                let text = Zeroizing::new(text);
                self.talk(with, now, rng, |talk, cx| talk.send_offline(&text, id, cx))
            }
            Command::ClearSend { text, id, with } => {
                self.talk(with, now, rng, |talk, cx| talk.clear_send(&text, id, cx))
            }
            Command::Typing { on, with } => self.talk(with, now, rng, |talk, cx| talk.set_typing(on, cx)),
            Command::Displayed { id, with } => self.talk(with, now, rng, |talk, cx| talk.set_displayed(&id, cx)),
            Command::Verify { with } => self.talk(with, now, rng, Conversation::verify),
            Command::Keys { with } => {
                let mut whose = None;
                self.talk(with, now, rng, |talk, _| whose = Some(talk.peer()))?;
                if let Some(whose) = whose {
                    self.requests.keys(whose, &mut self.around.cx(now, rng));
                }
                Ok(())
            }
            Command::TrustKey { fingerprint, with } => {
                self.talk(with, now, rng, |talk, cx| talk.trust_key(&fingerprint, cx))
            }
            Command::ForgetKey { fingerprint, with } => {
                self.talk(with, now, rng, |talk, cx| talk.forget_key(&fingerprint, cx))
            }
            Command::Name { name, with } => self.talk(with, now, rng, |talk, cx| talk.set_name(name.as_deref(), cx)),
            Command::Pair { code, with } => {
                let code = Zeroizing::new(code);
                self.talk(with, now, rng, |talk, cx| talk.pair(&code, cx))
            }
            Command::Password { password, with } => {
                let password = password.map(Zeroizing::new);
                self.talk(with, now, rng, |talk, cx| talk.set_password(password.as_ref().map(|text| text.as_str()), cx))
            }
            Command::Terms { disclosure, logging, with } => {
                let terms = Terms {
                    disclosure: option(disclosure.as_deref(), Disclosure::from_name)?,
                    logging: option(logging.as_deref(), Logging::from_name)?,
                };
                self.talk(with, now, rng, |talk, cx| talk.propose(terms, cx))
            }
            Command::End { with } => self.talk(with, now, rng, Conversation::end),
            Command::Presence { show, status, clear } => {
                self.around.shown.set(show, status, clear)?;
                let presence = self.around.shown.to_stanza(None).build();
                self.around.cx(now, rng).send(presence);
                self.each(now, rng, Conversation::set_status);
                Ok(())
            }
            Command::Ask { kind, xml, with } => {
                let payload = inner::parse_element(&xml).map_err(|error| bad_command(error.to_string()))?;
                if !matches!(kind.as_str(), "get" | "set") {
                    return Err(bad_command("a request is of type get or set"));
                }
                let mut id = None;
                self.talk(with, now, rng, |talk, cx| id = talk.ask(&kind, payload, cx))?;
                id.iter().for_each(|id| self.requests.expect_raw(id));
                Ok(())
            }
            Command::Raw { xml } => self.send_raw(&xml, now, rng),
            Command::Subscribe { to } => self.send_presence(&to, "subscribe", now, rng),
            Command::Subscribed { to } => self.send_presence(&to, "subscribed", now, rng),
            Command::Quit {} => {
                self.leaving.get_or_insert(Leaving::Delivering(now.instant + LAST_RECEIPTS));
                Ok(())
            }
            request => self.ask(request, now, rng),
        }
    }

    /// Commands that are requests to somebody.
    fn ask(&mut self, command: Command, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), Box<Event>> {
        let (mut cx, requests) = (self.around.cx(now, rng), &mut self.requests);
        match command {
            Command::Register { to, fields } => requests.register(&parse_jid(&to)?, fields, &mut cx),
            Command::Unregister { to } => requests.unregister(&parse_jid(&to)?, &mut cx),
            Command::Command { to, node, session, action, fields } => {
                requests.command(&parse_jid(&to)?, &node, session, action, &fields, &mut cx);
            }
            Command::GatewayPrompt { to, text } => {
                requests.gateway_prompt(&parse_jid(&to)?, text.as_deref(), &mut cx);
            }
            Command::Roster {} => requests.roster(&mut cx),
            _ => {}
        }
        Ok(())
    }

    fn send_raw(&mut self, xml: &str, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), Box<Event>> {
        let stanza = inner::parse_element(xml).map_err(|error| bad_command(error.to_string()))?;
        if !["message", "presence", "iq"].iter().any(|name| stanza.is(*name, CLIENT)) {
            return Err(bad_command("this is not a message, presence or iq in jabber:client"));
        }
        if let (Some("get" | "set"), Some(id)) = (stanza.attr("type"), stanza.attr("id")) {
            self.requests.expect_raw(id);
        }
        self.around.cx(now, rng).send(stanza);
        Ok(())
    }

    fn send_presence(&mut self, to: &str, kind: &str, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), Box<Event>> {
        let to = Jid::from(parse_jid(to)?.into_bare());
        self.around.cx(now, rng).send(stanza::presence(Some(&to), Some(kind)).build());
        Ok(())
    }

    fn handle_message(&mut self, message: &Element, now: Moment, rng: &mut dyn CryptoRng) {
        let Some(from) = stanza::sender(message).or_else(|| self.me.clone().map(Jid::from)) else { return };
        let bare = from.to_bare();
        let asks = message.children().any(|child| esession::namespaces::negotiation_form(child).is_some());
        if asks && !self.around.settings.accept_any && !self.conversations.contains_key(&bare) {
            // nobody who is not known shall learn that we are here (XEP-0116 section 12)
            let text = format!("{from} wanted an encrypted session and got no answer (--accept-any would answer)");
            return self.around.tell(Event::Notice { text });
        }
        let conversation =
            self.conversations.entry(bare).or_insert_with_key(|bare| Conversation::new(bare.clone().into()));
        let mut cx = self.around.cx(now, rng);
        conversation.handle_message(message, &from, &mut cx);
    }

    fn handle_presence(&mut self, stanza: &Element, now: Moment, rng: &mut dyn CryptoRng) {
        let Some(from) = stanza::sender(stanza) else { return };
        let is_known = |jid: &BareJid| jid.domain() == from.domain();
        let accepts = self.around.settings.accept_subscriptions && self.conversations.keys().any(is_known);
        let mut cx = self.around.cx(now, rng);
        let c = stanza.children().find(|child| is_encrypted(child));
        let sealed = match (c, self.conversations.get_mut(&from.to_bare())) {
            (Some(c), Some(conversation)) => conversation.handle_presence(c, &from, &mut cx),
            _ => None,
        };
        presence::handle(stanza, &from, accepts, sealed, &mut cx);
        if stanza.attr("type").is_none()
            && let Some(conversation) = self.conversations.get_mut(&from.to_bare())
        {
            conversation.handle_available(now);
        }
    }

    fn handle_iq(&mut self, iq: &Element, now: Moment, rng: &mut dyn CryptoRng) {
        let own = self.me.as_ref().map(|me| me.to_bare());
        let mut cx = self.around.cx(now, rng);
        let places = iq.children().chain(iq.get_child("error", CLIENT).into_iter().flat_map(Element::children));
        if let Some(c) = places.into_iter().find(|child| is_encrypted(child)) {
            let Some(from) = stanza::sender(iq) else { return };
            let conversation = self.conversations.get_mut(&from.to_bare());
            return match conversation.map(|conversation| conversation.handle_iq(iq, c, &from, &mut cx)) {
                Some(Some(answer)) => self.requests.handle_answer(&answer, true, &mut cx),
                Some(None) => {}
                None if matches!(iq.attr("type"), Some("get" | "set")) => {
                    cx.send(stanza::answer(iq, "error").append(stanza::error("not-acceptable")).build());
                }
                None => {}
            };
        }
        if !matches!(iq.attr("type"), Some("get" | "set")) {
            if let (Some(from), Some(id)) = (stanza::sender(iq), iq.attr("id"))
                && let Some(conversation) = self.conversations.get_mut(&from.to_bare())
            {
                conversation.handle_answer(id, &cx);
                if conversation.handle_options(iq, &mut cx) || conversation.handle_certificates(iq, &mut cx) {
                    return;
                }
            }
            return self.requests.handle_answer(iq, false, &mut cx);
        }
        // RFC 6121 section 2.1.6: a roster push is the server's own, whoever claims to send it
        let is_own = stanza::sender(iq).is_none_or(|from| Some(from.to_bare()) == own);
        if let (Some(query), true) = (iq.get_child("query", ROSTER), is_own) {
            cx.tell(Event::Roster { items: requests::roster_items(query), push: true });
            cx.send(stanza::answer(iq, "result").build());
            return;
        }
        let refusal = || stanza::answer(iq, "error").append(stanza::error("service-unavailable")).build();
        let own_key = || {
            let asks = iq.attr("type") == Some("get") && iq.has_child("pubkey", PUBLIC_KEY);
            let key = published_keys::own(&cx).filter(|_| asks && cx.settings.gives_key)?;
            Some(stanza::answer(iq, "result").append(key).build())
        };
        let answer = disco::answer(iq).or_else(own_key).unwrap_or_else(refusal);
        cx.send(answer);
    }

    /// Works on one conversation: `with`, or the one that was chosen last.
    fn talk(
        &mut self,
        with: Option<String>,
        now: Moment,
        rng: &mut dyn CryptoRng,
        work: impl FnOnce(&mut Conversation, &mut Cx<'_>),
    ) -> Result<(), Box<Event>> {
        let with = match (with, &self.with) {
            (Some(with), _) => parse_jid(&with)?,
            (None, Some(with)) => with.clone(),
            (None, None) => return Err(bad_command("with whom? (there was no --with)")),
        };
        let conversation = self.conversations.entry(with.to_bare()).or_insert_with(|| Conversation::new(with));
        let mut cx = self.around.cx(now, rng);
        work(conversation, &mut cx);
        Ok(())
    }

    fn each(&mut self, now: Moment, rng: &mut dyn CryptoRng, work: impl Fn(&mut Conversation, &mut Cx<'_>)) {
        let mut cx = self.around.cx(now, rng);
        self.conversations.values_mut().for_each(|conversation| work(conversation, &mut cx));
    }

    /// Leaves in good order: receipts, then the ends of the sessions, then the stream.
    fn go_on_leaving(&mut self, now: Moment, rng: &mut dyn CryptoRng) {
        if let Some(Leaving::Delivering(until)) = self.leaving
            && (until <= now.instant || !self.conversations.values().any(Conversation::is_delivering))
        {
            self.leaving = Some(Leaving::Ending);
            self.each(now, rng, Conversation::end);
        }
        if let Some(Leaving::Ending) = self.leaving
            && self.conversations.values().all(Conversation::is_idle)
        {
            self.leaving = Some(Leaving::Left);
            if self.around.online {
                self.around.cx(now, rng).send(stanza::presence(None, Some("unavailable")).build());
            }
            self.around.out.push_back(Output::Close);
        }
    }
}

fn parse_jid(text: &str) -> Result<Jid, Box<Event>> {
    Jid::new(text).map_err(|error| bad_command(format!("{text:?} is not a JID: {error}")))
}

fn option<T>(name: Option<&str>, from_name: fn(&str) -> Option<T>) -> Result<Option<T>, Box<Event>> {
    let read = |name: &str| from_name(name).ok_or_else(|| bad_command(format!("{name:?} is no such option")));
    name.map(read).transpose()
}

fn bad_command(text: impl Into<String>) -> Box<Event> {
    Box::new(Event::own_error(None, "bad-command", text))
}
