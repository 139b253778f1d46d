//! Small builders and readers for stanzas, as elements in `jabber:client`.

use esession::CryptoRng;
use jid::Jid;
use minidom::Element;
use minidom::element::ElementBuilder;
use minidom::rxml::xml_ncname;

/// The namespace of stanzas on a client's stream.
pub(crate) const CLIENT: &str = "jabber:client";
/// Publish-subscribe (XEP-0060).
pub(crate) const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// Stanza error conditions (RFC 6120 section 8.3.3).
const CONDITIONS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// A `<message/>`; `kind` is its type, where `None` means normal.
pub(crate) fn message(to: &Jid, kind: Option<&str>, id: &str) -> ElementBuilder {
    stanza("message", Some(to), kind, id)
}

/// A `<presence/>` without an id.
pub(crate) fn presence(to: Option<&Jid>, kind: Option<&str>) -> ElementBuilder {
    Element::builder("presence", CLIENT)
        .attr(xml_ncname!("to").to_owned(), to.map(Jid::to_string))
        .attr(xml_ncname!("type").to_owned(), kind.map(str::to_owned))
}

/// An `<iq/>`.
pub(crate) fn iq(kind: &str, to: Option<&Jid>, id: &str) -> ElementBuilder {
    stanza("iq", to, Some(kind), id)
}

/// Asks an account for the items of a node (XEP-0060 section 6.5).
pub(crate) fn items_of(account: &Jid, node: &str, id: &str) -> Element {
    let items = Element::builder("items", PUBSUB).attr(xml_ncname!("node").to_owned(), node).build();
    iq("get", Some(account), id).append(Element::builder("pubsub", PUBSUB).append(items).build()).build()
}

/// What is in the items of the answer.
pub(crate) fn payloads(answer: &Element) -> impl Iterator<Item = &Element> {
    let items = answer.get_child("pubsub", PUBSUB).and_then(|pubsub| pubsub.get_child("items", PUBSUB));
    items.into_iter().flat_map(Element::children).filter_map(|item| item.children().next())
}

/// The `<iq type='result'/>` or `<iq type='error'/>` that answers `request`.
pub(crate) fn answer(request: &Element, kind: &str) -> ElementBuilder {
    iq(kind, sender(request).as_ref(), request.attr("id").unwrap_or_default())
}

/// An `<error type='cancel'/>` for a stanza.
pub(crate) fn error(condition: &str) -> Element {
    Element::builder("error", CLIENT)
        .attr(xml_ncname!("type").to_owned(), "cancel")
        .append(Element::bare(condition, CONDITIONS))
        .build()
}

/// A `<thread/>`.
pub(crate) fn thread(id: &str) -> Element {
    text("thread", CLIENT, id)
}

/// An element with nothing but text.
pub(crate) fn text(name: &str, namespace: &str, text: &str) -> Element {
    Element::builder(name, namespace).append(text).build()
}

/// An element with nothing but an `id`.
pub(crate) fn with_id(name: &str, namespace: &str, id: &str) -> Element {
    Element::builder(name, namespace).attr(xml_ncname!("id").to_owned(), id).build()
}

/// The `from` of a stanza, if it is there and a JID.
pub(crate) fn sender(stanza: &Element) -> Option<Jid> {
    Jid::new(stanza.attr("from")?).ok()
}

/// The text of a child, if that child is there.
pub(crate) fn child_text(parent: &Element, name: &str, namespace: &str) -> Option<String> {
    parent.get_child(name, namespace).map(Element::text)
}

/// What an error stanza says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The name of the defined condition.
    pub(crate) condition: String,
    /// The human-readable text.
    pub(crate) text: Option<String>,
    /// Whether it passes: the same may be tried again after waiting (RFC 6120 section 8.3.2).
    pub(crate) passes: bool,
}

impl Failure {
    /// Reads the `<error/>` of an error stanza.
    pub(crate) fn read(stanza: &Element) -> Self {
        let error = stanza.get_child("error", CLIENT);
        let condition = error
            .into_iter()
            .flat_map(Element::children)
            .find(|child| child.has_ns(CONDITIONS) && child.name() != "text")
            .map_or("undefined-condition", Element::name);
        let text = error.and_then(|error| child_text(error, "text", CONDITIONS));
        let passes = error.is_some_and(|error| error.attr("type") == Some("wait"));
        Self { condition: condition.to_owned(), text, passes }
    }
}

/// A fresh identifier: 96 random bits.
pub(crate) fn fresh_id(rng: &mut dyn CryptoRng) -> String {
    let mut octets = [0_u8; 12];
    rng.fill_bytes(&mut octets);
    octets.iter().fold(String::with_capacity(24), |id, octet| id + &format!("{octet:02x}"))
}

/// The stanza as it will be sent, or `None` if some text in it cannot stand in XML.
pub(crate) fn serialize(element: &Element) -> Option<String> {
    // minidom panics on them, so they must be found before
    if !is_carriable(element) {
        return None;
    }
    let mut octets = Vec::new();
    element.write_to(&mut octets).ok()?;
    String::from_utf8(octets).ok()
}

/// Whether all text is of XML 1.0 characters (section 2.2).
fn is_carriable(element: &Element) -> bool {
    let is_character = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    let is_text = |text: &str| text.chars().all(is_character);
    element.attrs().iter().all(|(_, value)| is_text(value))
        && element.texts().all(is_text)
        && element.children().all(is_carriable)
}

fn stanza(name: &str, to: Option<&Jid>, kind: Option<&str>, id: &str) -> ElementBuilder {
    Element::builder(name, CLIENT)
        .attr(xml_ncname!("to").to_owned(), to.map(Jid::to_string))
        .attr(xml_ncname!("type").to_owned(), kind.map(str::to_owned))
        .attr(xml_ncname!("id").to_owned(), id)
}
