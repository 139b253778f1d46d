//! What elements of XEP-0373 have in common.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use rxml::NcNameStr;

use crate::nodes::OPENPGP;

/// An element lacks something, or has it twice, or it is not what it should be: the argument says what. Its author is
/// to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wrong or missing: {0}")]
pub struct Malformed(pub &'static str);

/// An empty element of ours.
pub(crate) fn empty(name: &str) -> Element {
    Element::bare(name, OPENPGP)
}

/// With an attribute.
pub(crate) fn with(mut element: Element, name: &NcNameStr, value: &str) -> Element {
    element.set_attr(rxml::Namespace::NONE, name.to_owned(), value.to_owned());
    element
}

/// With octets for text, in base64 without armor (XEP-0373 section 3.1).
pub(crate) fn with_octets(mut element: Element, octets: &[u8]) -> Element {
    element.append_text(STANDARD.encode(octets));
    element
}

/// The octets that an element has for text: so many at most. Some clients break the lines.
pub(crate) fn octets(element: &Element, most: usize) -> Result<Vec<u8>, Malformed> {
    let text: String = element.texts().flat_map(str::split_ascii_whitespace).collect();
    let octets = STANDARD.decode(text).map_err(|_| Malformed("base64"))?;
    if octets.len() > most { Err(Malformed("size")) } else { Ok(octets) }
}

/// The one child of this name.
pub(crate) fn only<'a>(parent: &'a Element, name: &'static str) -> Result<&'a Element, Malformed> {
    let mut found = children(parent, name);
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(Malformed(name)),
    }
}

/// The children of this name.
pub(crate) fn children<'a>(parent: &'a Element, name: &'static str) -> impl Iterator<Item = &'a Element> {
    parent.children().filter(move |child| child.is(name, OPENPGP))
}
