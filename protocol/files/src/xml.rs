//! What elements of all these kinds have in common.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use rxml::NcNameStr;
use zeroize::Zeroizing;

use crate::error::Error;

/// The octets in base64 that an element has for text; some clients break the lines.
pub(crate) fn octets(element: &Element, what: &'static str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let text: Zeroizing<String> = Zeroizing::new(element.text().split_ascii_whitespace().collect());
    STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| Error::Malformed(what))
}

/// The one child of this name and namespace.
pub(crate) fn only<'a>(parent: &'a Element, name: &'static str, ns: &str) -> Result<&'a Element, Error> {
    optional(parent, name, ns)?.ok_or(Error::Malformed(name))
}

/// The child of this name and namespace, of which there may be one.
pub(crate) fn optional<'a>(parent: &'a Element, name: &'static str, ns: &str) -> Result<Option<&'a Element>, Error> {
    let mut found = parent.children().filter(|child| child.is(name, ns));
    let first = found.next();
    if found.next().is_some() { Err(Error::Malformed(name)) } else { Ok(first) }
}

/// An element of this text.
pub(crate) fn text(name: &str, ns: &str, text: &str) -> Element {
    let mut element = Element::bare(name, ns);
    element.append_text(text);
    element
}

/// An element with octets, in base64, for text.
pub(crate) fn base64(name: &str, ns: &str, octets: &[u8]) -> Element {
    text(name, ns, &Zeroizing::new(STANDARD.encode(octets)))
}

/// With an attribute.
pub(crate) fn with(mut element: Element, name: &NcNameStr, value: &(impl ToString + ?Sized)) -> Element {
    element.set_attr(rxml::Namespace::NONE, name.to_owned(), value.to_string());
    element
}
