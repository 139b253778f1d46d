//! Messages for a peer that is away, and those that came while we were (XEP-0187).

use std::time::Instant;

use esession::namespaces::{ESESSION, OFFLINE, PUBLIC_KEY, init, is_encrypted};
use esession::{Credentials, Error, OfflineReceiver, OfflineSender};
use jid::Jid;
use minidom::Element;

use super::Conversation;
use super::active::stanzas::read_content;
use super::single::Single;
use crate::content::Content;
use crate::effects::Cx;
use crate::event::Event;
use crate::published_keys;
use crate::stanza;

/// A message that waits for what the peer has published.
pub(super) struct Leaving {
    single: Single,
    /// The question that was asked, and the node that it is about.
    asked: String,
    node: &'static str,
    deadline: Instant,
}

impl Leaving {
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Conversation {
    /// The user says something to a peer that is away: it waits at the peer's server, encrypted.
    pub(crate) fn send_offline(&mut self, text: &str, id: Option<String>, cx: &mut Cx<'_>) {
        let id = id.unwrap_or_else(|| cx.fresh_id());
        let trouble = match cx.book.keys().own() {
            _ if !cx.online => Some(("not-connected", "there is no connection to the server")),
            None => Some(("state", "this needs a key of yours (--public-key)")),
            Some(_) => None,
        };
        let knows = !cx.book.keys().trusted(&self.peer.to_bare()).is_empty();
        match (trouble, Single::new(id.clone(), text)) {
            (Some((condition, words)), _) => cx.tell(Event::own_error(Some(&id), condition, words)),
            (None, Err(words)) => cx.tell(Event::own_error(Some(&id), "not-sent", words)),
            (None, Ok(single)) => self.ask_node(single, if knows { OFFLINE } else { PUBLIC_KEY }, cx),
        }
    }

    /// The answer to a question for options. `false` if it was about something else.
    pub(crate) fn handle_options(&mut self, iq: &Element, cx: &mut Cx<'_>) -> bool {
        let is_it = |leaving: &Leaving| Some(leaving.asked.as_str()) == iq.attr("id");
        let Some(place) = self.leaving.iter().position(is_it) else { return false };
        let Leaving { single, node, .. } = self.leaving.remove(place);
        if node == PUBLIC_KEY {
            self.handle_key_for(single, iq, cx);
            return true;
        }
        let form = stanza::payloads(iq).next();
        match (form, node) {
            (Some(form), _) => self.leave(form, &single, cx),
            (None, OFFLINE) => self.ask_node(single, ESESSION, cx),
            (None, _) => {
                let words = "the peer has published nothing by which it could be written to while it is away";
                cx.tell(Event::own_error(Some(&single.id), "not-sent", words));
            }
        }
        true
    }

    /// The peer has never shown a key; its server may give one out.
    fn handle_key_for(&mut self, single: Single, answer: &Element, cx: &mut Cx<'_>) {
        let bare = self.peer.to_bare();
        published_keys::learn(&bare, answer, cx);
        if cx.book.keys().trusted(&bare).is_empty() {
            let words = "no key of the peer is known: its server gives out none, and a session with --public-key has not \
                         brought one";
            return cx.tell(Event::own_error(Some(&single.id), "not-sent", words));
        }
        let text =
            format!("The key that this is written for is what the server of {bare} gives out. Nobody has verified it.");
        cx.tell(Event::Notice { text });
        self.ask_node(single, OFFLINE, cx);
    }

    /// Nobody has answered.
    pub(super) fn handle_leaving_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        let (late, waiting) = std::mem::take(&mut self.leaving).into_iter().partition(|it| it.deadline <= now);
        self.leaving = waiting;
        for leaving in Vec::from_iter::<Vec<Leaving>>(late) {
            let words = "the peer's server did not answer in time";
            cx.tell(Event::own_error(Some(&leaving.single.id), "not-sent", words));
        }
    }

    /// A form of the peer for options that we have published. Whatever is wrong with it, nothing is answered: that would tell
    /// that we are here.
    pub(super) fn handle_left(&mut self, message: &Element, form: &Element, from: &Jid, cx: &mut Cx<'_>) {
        let Some((place, published, mut seen)) = cx.book.away().answered_by(form) else { return };
        let (policy, binding) = (self.policy(cx), cx.binding(from, None));
        let known_keys = cx.book.keys().of(&self.peer.to_bare());
        let credentials = Credentials { known_keys: known_keys.clone(), ..Credentials::default() };
        let accepted = published.accept(&policy, form, &binding, &credentials, cx.now.unix, &mut seen);
        let receiver = match accepted {
            Ok(receiver) if known_keys.contains(&receiver.peer_key) => receiver,
            Err(Error::Replayed) => return,
            Ok(_) => return self.tell_unread(from, "its key is not known here", cx),
            Err(error) => return self.tell_unread(from, &error.to_string(), cx),
        };
        cx.book.away_mut().note(place, &seen);
        cx.save();
        let thread = stanza::child_text(message, "thread", stanza::CLIENT).unwrap_or_default();
        self.receiver = Some((thread, receiver));
        if let Some(c) = message.children().find(|child| is_encrypted(child)) {
            self.read_left(message, c, from, cx);
        }
    }

    /// Whether a stanza belongs to the one-way session of the peer.
    pub(super) fn is_left(&self, thread: Option<&str>) -> bool {
        self.receiver.as_ref().is_some_and(|(known, _)| thread == Some(known.as_str()))
    }

    /// A stanza of it.
    pub(super) fn read_left(&mut self, message: &Element, c: &Element, from: &Jid, cx: &mut Cx<'_>) {
        let Some((thread, mut receiver)) = self.receiver.take() else { return };
        let read = receiver.open(c).map_err(|error| error.to_string());
        let read = read.and_then(|said| Ok((read_content(said.content.expose())?, said.is_last)));
        match read {
            Ok((elements, is_last)) => {
                self.receiver = (!is_last).then_some((thread, receiver));
                let mut content = Content::read(&elements);
                content.delayed = content.delayed.or(Content::read(message.children()).delayed);
                // Receipts go out when it comes again, in a session.
                self.show(content, message.attr("id"), from, true, cx);
            }
            Err(reason) => self.tell_unread(from, &reason, cx),
        }
    }

    fn tell_unread(&self, from: &Jid, reason: &str, cx: &mut Cx<'_>) {
        cx.tell(Event::Notice { text: format!("{from} has left a message that is not shown: {reason}") });
    }

    fn ask_node(&mut self, single: Single, node: &'static str, cx: &mut Cx<'_>) {
        let asked = cx.fresh_id();
        cx.send(stanza::items_of(&self.peer.to_bare().into(), node, &asked));
        let deadline = cx.now.instant + cx.settings.negotiation_timeout;
        self.leaving.push(Leaving { single, asked, node, deadline });
    }

    fn leave(&self, options: &Element, single: &Single, cx: &mut Cx<'_>) {
        let bare = self.peer.to_bare();
        let (known_keys, signing_key) = (cx.book.keys().trusted(&bare), cx.book.keys().own());
        let credentials = Credentials { known_keys, signing_key, ..Credentials::default() };
        let (policy, binding) = (self.policy(cx), cx.binding(&self.peer, None));
        let now = cx.now.unix;
        let begun = OfflineSender::single(&policy, options, &binding, &credentials, now, &single.content, cx.rng);
        let resource = options.children().find(|field| field.attr("var") == Some("match_resource"));
        let resource = resource.map(|field| field.children().map(Element::text).collect::<String>());
        let to = match resource {
            Some(resource) => bare.with_resource_str(resource.trim()).map(Jid::from).ok(),
            None => Some(Jid::from(bare)),
        };
        match (begun, to) {
            (Ok((form, c)), Some(to)) => {
                let message = stanza::message(&to, Some("chat"), &single.id)
                    .append(stanza::thread(&cx.fresh_id()))
                    .append(init(form))
                    .append(c)
                    .append(Element::bare("store", "urn:xmpp:hints"));
                cx.send(message.build());
                cx.tell(Event::Sent { id: single.id.clone(), to: to.to_string(), encrypted: true });
            }
            (Err(error), _) => cx.tell(Event::own_error(Some(&single.id), "not-sent", error.to_string())),
            (Ok(_), None) => cx.tell(Event::own_error(Some(&single.id), "not-sent", "the peer names no resource")),
        }
    }
}

/// The one-way session of a peer, by its thread.
pub(super) type Receiver = Option<(String, OfflineReceiver)>;
