//! The little that elements of both dialects have in common.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use rxml::NcNameStr;

use crate::error::Error;

/// A number in decimal digits and nothing else.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The number in an attribute.
pub(crate) fn number_attribute(element: &Element, name: &'static str) -> Result<u32, Error> {
    element.attr(name).and_then(number).ok_or(Error::Malformed(name))
}

/// Whether an attribute says yes (XML Schema, `boolean`).
pub(crate) fn is_true(element: &Element, name: &str) -> bool {
    matches!(element.attr(name), Some("true" | "1"))
}

/// The octets in base64 that an element has for text; some clients break the lines.
pub(crate) fn octets(element: &Element) -> Result<Vec<u8>, Error> {
    let text: String = element.text().split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|_| Error::Malformed("base64"))
}

/// The one child of this name, in the namespace of `parent`.
pub(crate) fn only<'a>(parent: &'a Element, name: &'static str) -> Result<&'a Element, Error> {
    optional(parent, name)?.ok_or(Error::Malformed(name))
}

/// The child of this name, of which there may be one.
pub(crate) fn optional<'a>(parent: &'a Element, name: &'static str) -> Result<Option<&'a Element>, Error> {
    let mut found = children(parent, name);
    let first = found.next();
    if found.next().is_some() { Err(Error::Malformed(name)) } else { Ok(first) }
}

/// The children of this name, in the namespace of `parent`.
pub(crate) fn children<'a>(parent: &'a Element, name: &'static str) -> impl Iterator<Item = &'a Element> {
    parent.children().filter(move |child| child.name() == name && child.ns() == parent.ns())
}

/// Builds elements of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct Builder(pub(crate) &'static str);

impl Builder {
    pub(crate) fn element(self, name: &str) -> Element {
        Element::bare(name, self.0)
    }

    /// With octets for text.
    pub(crate) fn octets(self, name: &str, octets: &[u8]) -> Element {
        let mut element = self.element(name);
        element.append_text(STANDARD.encode(octets));
        element
    }
}

/// With an attribute.
pub(crate) fn with(mut element: Element, name: &NcNameStr, value: &(impl ToString + ?Sized)) -> Element {
    element.set_attr(rxml::Namespace::NONE, name.to_owned(), value.to_string());
    element
}
