//! The `<c/>` element (XEP-0200 sections 4 and 5).

use minidom::{Element, Node};

use crate::error::{Error, Misbehaviour};
use crate::form::{decode, encode};
use crate::namespaces::ENCRYPTED;

/// A `<c/>` as it was received. Nothing in it is to be believed before the MAC over `content` is verified.
pub(crate) struct Envelope {
    pub(crate) data: Option<Vec<u8>>,
    /// How many new keys of ours the peer has seen since its last stanza.
    pub(crate) new: usize,
    pub(crate) key: Option<Vec<u8>>,
    /// What a new key of a hybrid session brings along, in an element of our own.
    pub(crate) hybrid: Option<Vec<u8>>,
    /// What is MACed: every child but `mac`, in the order received.
    pub(crate) content: Content,
    pub(crate) mac: Vec<u8>,
}

/// Beside `<key/>`, between two ends of this crate.
const HYBRID: &str = "x-hybrid";

/// Servers rewrite namespaces and white space of what they forward: a child may have ended up in one of these.
const REWRITTEN: [&str; 5] = [ENCRYPTED, "", "jabber:client", "jabber:server", "jabber:component:accept"];

impl Envelope {
    /// Reads a `<c/>`. Children or attributes that could mean something are refused, not ignored.
    pub(crate) fn read(c: &Element) -> Result<Self, Error> {
        if !c.is("c", ENCRYPTED) || !c.attrs().is_empty() {
            return Err(Error::Malformed("c"));
        }
        let (mut data, mut new, mut key, mut hybrid, mut mac) = (None, None, None, None, None);
        let mut content = Content::default();
        for node in c.nodes() {
            let child = match node {
                Node::Element(child) => child,
                Node::Text(text) if text.trim().is_empty() => continue,
                Node::Text(_) => return Err(Error::Malformed("c")),
            };
            let mut text = leaf_text(child)?;
            if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
                text = text.trim().to_owned();
            }
            let seen = match child.name() {
                "data" => data.replace(base64(&text)?).is_some(),
                "key" => key.replace(base64(&text)?).is_some(),
                HYBRID => hybrid.replace(base64(&text)?).is_some(),
                "mac" => mac.replace(base64(&text)?).is_some(),
                "new" => new.replace(count(&text)?).is_some(),
                "old" => base64(&text).map(|_| false)?, // published for deniability: of no use here
                _ => return Err(Error::Malformed("c")),
            };
            if seen {
                return Err(Error::Malformed("c"));
            }
            if child.name() != "mac" {
                content.push(child.name(), text);
            }
        }
        let mac = mac.ok_or(Error::Malformed("mac"))?;
        if hybrid.is_some() && key.is_none() {
            return Err(Error::Malformed("c"));
        }
        Ok(Self { data, new: new.unwrap_or(0), key, hybrid, content, mac })
    }
}

/// What is sent in a `<c/>`; absent parts are left out.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) new: usize,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) hybrid: Option<&'a [u8]>,
    pub(crate) old: &'a [Vec<u8>],
}

impl Parts<'_> {
    /// The children before `mac`.
    pub(crate) fn content(&self) -> Content {
        let mut content = Content::default();
        if !self.data.is_empty() {
            content.push("data", encode(self.data));
        }
        if self.new > 0 {
            content.push("new", self.new.to_string());
        }
        if let Some(key) = self.key {
            content.push("key", encode(key));
        }
        if let Some(hybrid) = self.hybrid {
            content.push(HYBRID, encode(hybrid));
        }
        self.old.iter().for_each(|old| content.push("old", encode(old)));
        content
    }
}

/// Children of a `<c/>` by name and text.
#[derive(Default)]
pub(crate) struct Content(Vec<(String, String)>);

impl Content {
    fn push(&mut self, name: &str, text: String) {
        self.0.push((name.to_owned(), text));
    }

    /// What is MACed, in pieces: without white space and namespaces (XEP-0200 section 4), and the counter behind it.
    pub(crate) fn authenticated<'a>(&'a self, counter: &'a [u8]) -> Vec<&'a [u8]> {
        let child = |(name, text): &'a (String, String)| ["<", name, ">", text, "</", name, ">"];
        self.0.iter().flat_map(child).map(str::as_bytes).chain([counter]).collect()
    }

    /// The whole element.
    pub(crate) fn seal(self, mac: &[u8]) -> Element {
        let mut c = Element::bare("c", ENCRYPTED);
        for (name, text) in self.0.into_iter().chain([("mac".to_owned(), encode(mac))]) {
            c.append_child(Element::builder(name, ENCRYPTED).append(text).build());
        }
        c
    }
}

fn leaf_text(child: &Element) -> Result<String, Error> {
    let plain =
        child.attrs().is_empty() && child.children().next().is_none() && REWRITTEN.contains(&child.ns().as_str());
    if plain { Ok(child.text()) } else { Err(Error::Malformed("c")) }
}

fn base64(text: &str) -> Result<Vec<u8>, Error> {
    decode(text).ok_or(Error::Malformed("c"))
}

/// A positive number in plain decimal.
fn count(text: &str) -> Result<usize, Error> {
    let plain = text.len() <= 6 && !text.starts_with('0') && text.bytes().all(|digit| digit.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number.ok_or(Error::PeerMisbehaved(Misbehaviour::BadNewCount))
}
