//! Out of band data: a URL that is a file rather than a link, because it is the whole message (XEP-0066, XEP-0363).

use minidom::Element;

use crate::egress::Target;
use crate::error::Error;
use crate::name;
use crate::shared::{Shared, Source};
use crate::xml;

const OOB: &str = "jabber:x:oob";

/// Whether it is such an element.
pub(crate) fn is_one(element: &Element) -> bool {
    element.is("x", OOB)
}

/// The file of an element beside a body that repeats its URL.
///
/// # Errors
/// [`Error::Malformed`]: it is another element, or the body says something else. [`Error::Address`].
pub fn read(element: &Element, body: Option<&str>, allow_http: bool) -> Result<Shared, Error> {
    if !is_one(element) {
        return Err(Error::Malformed("x"));
    }
    let url = xml::only(element, "url", OOB)?.text();
    let url = url.trim();
    if body.map(str::trim) != Some(url) {
        return Err(Error::Malformed("body"));
    }
    let target = Target::read(url, allow_http)?;
    let name = name::of_url(&target);
    Ok(Shared { name, ..Shared::new(Source::Clear { url: target.url }) })
}

/// The element beside a body that is this URL and nothing else.
#[must_use]
pub fn to_element(url: &str) -> Element {
    let mut element = Element::bare("x", OOB);
    element.append_child(xml::text("url", OOB, url));
    element
}
