//! From the user's client: which session, open, read, store.

use ::omemo::Encrypted;
use drawbridge_bridge::{Plaintext, TxnId};
use esession::{Ending, StanzaKind, namespaces};
use jid::{FullJid, Jid};
use minidom::Element;
use openpgp_xmpp::nodes::OPENPGP;

use super::conversation::Conversation;
use super::input::Input;
use super::step::Step;
use crate::from_xmpp::{self, Said};
use crate::keeper::Peer;
use crate::message::Message;
use crate::secure::endpoints::Active;
use crate::store::inbox::{self, Arrival};
use crate::store::{NewCrossing, Policy, Protection, ReplyTo, contacts, links, unix};
use crate::xml::{self, Limits};
use crate::xmpp::element::{random_id, sender};
use crate::xmpp::error::Condition;
use crate::xmpp::ns;

/// What came with a stanza besides its content, none of it authenticated by a session (esessions.md, W7).
pub(super) struct Outer {
    pub(super) kind: StanzaKind,
    pub(super) from: FullJid,
    /// The contact as it was addressed, bare or with a resource: an error comes from there, and is shown in that chat.
    pub(super) to: Jid,
    pub(super) id: Option<String>,
    /// What it says came out of a session.
    pub(super) secure: bool,
}

impl Conversation {
    /// A stanza from one of the user's clients.
    pub(super) async fn stanza(&mut self, stanza: Element) {
        let Some(from) = sender(&stanza).and_then(|from| from.try_into_full().ok()) else { return };
        let Some(kind) = StanzaKind::from_name(stanza.name()) else { return };
        if stanza.attr("type") == Some("error") {
            return self.error(&from, kind, &stanza).await;
        }
        let to = stanza.attr("to").and_then(|to| Jid::new(to).ok()).unwrap_or_else(|| self.me.clone().into());
        let outer = Outer { kind, from, to, id: stanza.attr("id").map(str::to_owned), secure: false };
        if let Some((wrapper, form)) =
            stanza.children().find_map(|child| Some((child, namespaces::negotiation_form(child)?)))
        {
            if wrapper.name() == "init" && form.attr("type") == Some("submit") {
                return self.left_for_contact(outer, &stanza, form).await;
            }
            self.negotiation(&outer.from, &stanza, wrapper, form).await;
            return self.beside(outer, &stanza).await;
        }
        let mut encrypted = stanza.children().filter(|child| namespaces::is_encrypted(child));
        match (encrypted.next(), encrypted.next()) {
            (Some(c), None) => self.open(outer, &stanza, c).await,
            (Some(_), Some(_)) => {
                self.refuse(&outer, Condition::BadRequest, "one encrypted content in a stanza").await;
            }
            (None, _) if kind == StanzaKind::Message => {
                if stanza.children().any(|child| Encrypted::dialect_of(child).is_some()) {
                    return self.omemo(outer, &stanza).await;
                }
                if stanza.has_child("openpgp", OPENPGP) {
                    return self.openpgp(outer, &stanza).await;
                }
                let said = from_xmpp::read(stanza.children());
                self.said(outer, said, None, None).await;
            }
            (None, _) => {}
        }
    }

    /// The last form of a negotiation may have the first encrypted content beside it, or the only one (XEP-0116, sections
    /// 4.5, 4.7 and 9.4).
    async fn beside(&mut self, outer: Outer, stanza: &Element) {
        let thread = stanza.get_child("thread", ns::CLIENT).map(Element::text);
        let active = self.endpoints.active.get(&outer.from).filter(|active| thread.as_ref() == Some(&active.thread));
        let c = stanza.children().find(|child| namespaces::is_encrypted(child));
        if let (Some(_), Some(c)) = (active, c) {
            self.open(outer, stanza, c).await;
        }
    }

    /// An encrypted stanza (XEP-0200, section 6). Everything beside the `<c/>` is passed over.
    async fn open(&mut self, outer: Outer, stanza: &Element, c: &Element) {
        let thread = stanza.get_child("thread", ns::CLIENT).map(Element::text).unwrap_or_default();
        if self.receivers.contains_key(&(outer.from.clone(), thread.clone())) {
            self.read_offline(outer, stanza, &thread, c).await;
            return;
        }
        let Some(active) = self.endpoints.active.get_mut(&outer.from) else {
            // Keys do not outlive this process: the error makes the client negotiate anew.
            return self
                .refuse(&outer, Condition::NotAcceptable, "there is no encrypted session, start a new one")
                .await;
        };
        if !active.agreed.stanzas.contains(&outer.kind) {
            let text = "stanzas of this kind are not encrypted in this session";
            return self.refuse(&outer, Condition::NotAcceptable, text).await;
        }
        let opened = match active.open(c) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%error, "an encrypted session was destroyed");
                self.lose(&outer.from);
                if let Some(answer) = error.to_stanza_error() {
                    self.refuse_session(stanza, answer.to_element(ns::CLIENT)).await;
                }
                return self.deliver().await;
            }
        };
        let from = outer.from.clone();
        if opened.confirms {
            self.confirmed(&from).await;
        }
        let is_only = matches!(opened.ending, Some(Ending::OnlyStanza));
        if let Some(ending) = opened.ending.filter(|_| !is_only) {
            return self.ended(&outer.from, ending).await;
        }
        if !opened.content.is_empty() && !self.content(outer, stanza, opened.content.expose()).await {
            // XEP-0200, section 6.2: content that is not well-formed destroys the session.
            self.lose(&from);
        }
        if is_only {
            self.lose(&from);
        }
        if let Some(said) = opened.management {
            self.managed(&from, said).await;
        }
        if opened.confirms {
            return self.opened(&from).await;
        }
        self.deliver().await;
    }

    /// What was decrypted. `false` if it is no content of a stanza.
    pub(super) async fn content(&mut self, outer: Outer, stanza: &Element, content: &str) -> bool {
        let limits = &self.keeper.config.limits;
        let limits = Limits { max_depth: limits.max_depth, max_stanza: limits.max_stanza };
        match xml::fragment(content, limits) {
            Ok(children) => {
                self.opened_content(Outer { secure: true, ..outer }, stanza, children).await;
                true
            }
            Err(error) => {
                tracing::debug!(%error, "refused the content of an encrypted stanza");
                let (me, id) = (outer.to.clone(), outer.id.clone());
                let to = outer.from.clone().into();
                let _ = self.post_error(&me, &to, id.as_deref(), Condition::NotAcceptable, &error.to_string()).await;
                false
            }
        }
    }

    async fn opened_content(&mut self, outer: Outer, stanza: &Element, children: Vec<Element>) {
        match (outer.kind, stanza.attr("type")) {
            (StanzaKind::Message, _) => {
                self.said(outer, from_xmpp::read(&children), Some(Protection::ESession), None).await;
            }
            (StanzaKind::Presence, _) => self.status(&outer.from, from_xmpp::status(&children)).await,
            (StanzaKind::Iq, Some("get" | "set")) => self.asked(&outer, stanza, children),
            // We ask nothing in sessions.
            _ => {}
        }
    }

    async fn ended(&mut self, from: &FullJid, ending: Ending) {
        if let Ending::ByPeer { acknowledgement } = ending
            && let Some(active) = self.endpoints.active.get(from)
        {
            let message = self.envelope(from, &random_id(), &active.thread.clone(), acknowledgement);
            let _ = self.keeper.out.send(message).await;
        }
        self.lose(from);
    }

    /// What the user said, encrypted in some way or in clear; `step` is to be stored with it.
    pub(super) async fn said(&mut self, outer: Outer, said: Said, protection: Option<Protection>, step: Option<Step>) {
        let secure = protection == Some(Protection::ESession);
        let to_contact = matches!(self.peer, Peer::Contact(_));
        let by_keys = matches!(protection, Some(Protection::Omemo | Protection::OpenPgp));
        if to_contact && said.message.is_some() && !by_keys {
            if protection.is_none() && self.is_beside_omemo(&outer.from, said.message.as_ref()).await {
                // As it is.
            } else if protection.is_none() && self.is_required().await {
                let text = "this conversation is encrypted: start an encrypted session, or allow clear text with the command policy";
                return self.refuse(&outer, Condition::PolicyViolation, text).await;
            } else {
                self.note(&outer.from, protection).await;
            }
        }
        match self.peer.clone() {
            Peer::Gateway => {
                if let Some(message) = said.message {
                    if said.wants_receipt
                        && let Some(id) = said.origin_id.as_deref().or(outer.id.as_deref())
                    {
                        self.receipt_to(&outer.from, id, secure).await;
                    }
                    if message.is_words() {
                        self.note(&outer.from, protection).await;
                        self.talk(&outer.from, protection, message.text);
                    }
                }
            }
            Peer::Contact(contact) => {
                // Old clients send their receipts beside their sessions.
                let in_session = secure || self.endpoints.active.contains_key(&outer.from);
                if let Some(id) = &said.received {
                    self.got(id, in_session).await;
                }
                if let Some(id) = said.displayed {
                    self.got(&id, in_session).await;
                    let (user, whose) = (self.user.id, contact.clone());
                    let remote = self.keeper.store.call(move |db, _| links::remote_of(db, user, &whose, &id)).await;
                    if let Ok(Some(remote)) = remote {
                        self.signal(&Signal::Displayed(remote)).await;
                    }
                }
                if let Some(on) = said.typing {
                    self.signal(&Signal::Typing(on)).await;
                }
                if let Some(message) = said.message {
                    let id = said.origin_id.or_else(|| outer.id.clone());
                    self.accept(outer, id, message, said.wants_receipt, secure, step).await;
                }
            }
        }
    }

    /// A message of the user: durable before anything else is done about it.
    async fn accept(
        &mut self,
        outer: Outer,
        id: Option<String>,
        message: Message,
        receipt: bool,
        secure: bool,
        step: Option<Step>,
    ) {
        let Peer::Contact(contact) = self.peer.clone() else { return };
        let longest = self.keeper.config.limits.max_message;
        if message.text.expose().len() > longest {
            self.take_refused(step).await;
            let text = format!("the message is longer than {longest} octets");
            return self.refuse(&outer, Condition::PolicyViolation, &text).await;
        }
        if has_key(&message) {
            self.take_refused(step).await;
            let text = "the address of a file in this message has the key in it, and is not alone as XEP-0454 has it: nothing was sent";
            return self.refuse(&outer, Condition::NotAcceptable, text).await;
        }
        let blocked = match self.standing().await {
            Ok((_, contact)) => contact.and_then(|contact| contact.blocked),
            Err(_) => None,
        };
        if let Some(why) = blocked {
            self.take_refused(step).await;
            return self.refuse(&outer, Condition::Forbidden, &why).await;
        }
        let reply = ReplyTo { to: outer.from.to_string(), id: id.clone(), stanza: outer.id.clone(), receipt, secure };
        let session = self.endpoints.active.get(&outer.from).filter(|_| secure);
        let unwritten = session.is_some_and(Active::says_unlogged);
        let guarded = unwritten || session.is_some_and(Active::says_undisclosed);
        let crossing = NewCrossing { txn: TxnId::new(random_id()), message, reply: reply.clone(), unwritten, guarded };
        let (user, now) = (self.user.id, unix(std::time::SystemTime::now()));
        let client = outer.from.resource().as_str().to_owned();
        let arrival = self
            .keeper
            .store
            .call(move |db, sealer| {
                if let Some(step) = step {
                    step.store(db, sealer)?;
                    contacts::protect(db, user, &contact, &client, step.protection())?;
                }
                inbox::arrive(db, sealer, user, &contact, id.as_deref(), &crossing, now)
            })
            .await;
        match arrival {
            Ok(Arrival::Fresh | Arrival::Waiting) => self.outbox.notify_one(),
            Ok(Arrival::Sent) => self.receipt(&reply).await,
            Err(error) => {
                tracing::error!(%error, "cannot store a message");
                self.refuse(&outer, Condition::InternalServerError, "the gateway cannot store the message").await;
            }
        }
    }

    /// The older dialect of OMEMO encrypts bodies alone: its clients react to messages, and take them back, in clear, as they
    /// do among each other. That is let through where there are such clients, unless the user requires encryption.
    async fn is_beside_omemo(&self, from: &FullJid, message: Option<&Message>) -> bool {
        let used = self.protections().await;
        let by = used.of(from.resource().as_str()).unwrap_or(Protection::Omemo);
        let is_omemo = used.has(Protection::Omemo) && by == Protection::Omemo;
        !message.is_none_or(Message::is_words) && is_omemo && self.trusts_beside().await
    }

    /// Whether what only the user's server vouches for counts, if it has no words.
    pub(super) async fn trusts_beside(&self) -> bool {
        self.is_older_spoken().await && !matches!(self.standing().await, Ok((Policy::Require, _)) | Err(_))
    }

    /// What was said is refused, and its session goes on all the same.
    async fn take_refused(&self, step: Option<Step>) {
        if let Some(step) = step {
            self.take(step).await;
        }
    }

    async fn signal(&self, signal: &Signal) {
        let Some(session) = self.keeper.accounts.session(self.them()) else { return };
        let Ok((_, Some(contact))) = self.standing().await else { return };
        let (Some(signals), Some(conv)) = (session.signals(), contact.conv) else { return };
        let done = match signal {
            Signal::Typing(on) => signals.typing(&conv, *on).await,
            Signal::Displayed(remote) => signals.displayed(&conv, remote).await,
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the network did not take a signal");
        }
    }

    /// A session is gone: what it left unreceipted goes again, in the next one.
    pub(super) fn lose(&mut self, resource: &FullJid) {
        if self.endpoints.end(resource) {
            self.flight.rewind();
        }
    }

    /// Ends one session (XEP-0116, section 7): nothing may be sealed after this.
    pub(super) async fn terminate(&mut self, resource: &FullJid) {
        let Some(active) = self.endpoints.active.get_mut(resource) else { return };
        let thread = active.thread.clone();
        match active.terminate() {
            Ok(c) => {
                let message = self.envelope(resource, &random_id(), &thread, c);
                let _ = self.keeper.out.send(message).await;
            }
            Err(_) => self.lose(resource),
        }
    }

    /// Commands of the user to the gateway run beside the conversation, one after the other.
    fn talk(&self, from: &FullJid, protection: Option<Protection>, text: Plaintext) {
        let (keeper, from, mailbox, turn) =
            (self.keeper.clone(), from.clone(), self.mailbox.clone(), self.talking.clone());
        tokio::spawn(async move {
            let _turn = turn.lock().await;
            let lines = crate::commands::chat(&keeper, &from, protection.is_some(), &text).await;
            mailbox.put(Input::Answer(from, protection, lines)).await;
        });
    }
}

/// Whether the words, or those that they quote, have the key of a file in them (XEP-0454), wherever.
fn has_key(message: &Message) -> bool {
    let whole = message.quoting().0;
    let words = || whole.expose().split_whitespace().map(str::to_ascii_lowercase);
    words().any(|word| word.split_once("aesgcm://").is_some_and(|(_, rest)| rest.contains('#')))
}

/// A passing sign for the network.
enum Signal {
    Typing(bool),
    Displayed(drawbridge_bridge::RemoteId),
}
