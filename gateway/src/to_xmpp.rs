//! What crosses, to the children of a message for the user's client, to be sealed or sent in clear.
//! Pair: [`crate::from_xmpp`].

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use jid::BareJid;
use minidom::Element;
use xmpp_files::Shared;

use crate::message::{File, Kind, Message, Relation};
use crate::xmpp::element::{Build, element};
use crate::xmpp::ns;

/// What of a message can be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// All of it, or nothing is.
    Whole,
    /// The body alone, and the rest lies beside it for everybody to see (OMEMO's older dialect).
    Body,
}

/// A message under an id of its own, with a receipt asked for, and markable as read where it has words. `author` tells
/// the address of who wrote the earlier message: the user, or the contact. `sent` is told when it lies back (XEP-0203).
pub fn message(
    message: &Message,
    id: &str,
    sent: Option<SystemTime>,
    sealed: Sealed,
    author: impl Fn(bool) -> Option<BareJid>,
) -> Vec<Element> {
    let mut children = match &message.file {
        Some(File::Near(shared)) => file(shared, sealed),
        _ => related(message, author),
    };
    children.push(element("origin-id", ns::SID).with("id", id));
    children.push(element("request", ns::RECEIPTS));
    if message.is_words() {
        children.push(element("markable", ns::DISPLAYED_MARKERS));
    }
    if let Some(stamp) = sent.map(stamp) {
        children.push(element("delay", ns::DELAY).with("stamp", stamp));
    }
    children
}

/// The words, and what they are to an earlier message.
pub fn related(message: &Message, author: impl Fn(bool) -> Option<BareJid>) -> Vec<Element> {
    let body = |text: &str| element("body", ns::CLIENT).with_text(text);
    let fallback = |what: &str| element("fallback", ns::FALLBACK).with("for", what);
    let Some(Relation { kind, stanza, own }) = &message.relation else {
        return vec![body(message.quoting().0.expose())];
    };
    let stanza = stanza.as_str();
    match kind {
        Kind::Reply => {
            let (text, quoted) = message.quoting();
            let author = author(*own).map(|author| author.to_string());
            let mut reply =
                vec![body(text.expose()), element("reply", ns::REPLY).with_some("to", author).with("id", stanza)];
            if quoted > 0 {
                let range = element("body", ns::FALLBACK).with("start", "0").with("end", quoted.to_string());
                reply.push(fallback(ns::REPLY).with_child(range));
            }
            reply
        }
        Kind::Correction => {
            vec![body(message.text.expose()), element("replace", ns::CORRECTION).with("id", stanza)]
        }
        Kind::Retraction => {
            let words = message.in_words(false);
            let retract = element("retract", ns::RETRACTION).with("id", stanza);
            vec![body(words.expose()), retract, fallback(ns::RETRACTION)]
        }
        Kind::Reactions => {
            let signs = message.signs().map(|sign| element("reaction", ns::REACTIONS).with_text(sign));
            vec![element("reactions", ns::REACTIONS).with("id", stanza).with_children(signs)]
        }
    }
}

/// A file, for clients that know stateless file sharing (XEP-0447) and for those that know its URL alone. Its key is in both.
fn file(shared: &Shared, sealed: Sealed) -> Vec<Element> {
    let (body, beside) = xmpp_files::to_message(shared);
    let body = body.iter().map(|body| element("body", ns::CLIENT).with_text(body));
    match sealed {
        Sealed::Whole => body.chain(beside).collect(),
        Sealed::Body => body.collect(),
    }
}

/// Words of the gateway itself, which need neither receipt nor mark.
pub fn words(text: &str) -> Vec<Element> {
    vec![element("body", ns::CLIENT).with_text(text)]
}

/// The network has accepted the user's message (XEP-0184).
pub fn received(id: &str) -> Element {
    element("received", ns::RECEIPTS).with("id", id)
}

/// The contact has read the user's message (XEP-0333).
pub fn displayed(id: &str) -> Element {
    element("displayed", ns::DISPLAYED_MARKERS).with("id", id)
}

/// The contact types, or stopped (XEP-0085).
pub fn typing(on: bool) -> Element {
    element(if on { "composing" } else { "paused" }, ns::CHATSTATES)
}

/// A time as XEP-0082 writes it.
fn stamp(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stamps_are_utc() {
        assert_eq!(stamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000 + 3_661)), "2026-11-23T01:01:01Z");
    }
}
