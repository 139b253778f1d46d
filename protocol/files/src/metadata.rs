//! What is known of a file (XEP-0446).

use std::str::FromStr;

use minidom::Element;

use crate::error::Error;
use crate::hash::Hash;
use crate::name;
use crate::shared::Shared;
use crate::xml;

/// The namespace of the element.
pub(crate) const METADATA: &str = "urn:xmpp:file:metadata:0";
/// Octets of the longest description that is kept.
const MAX_DESCRIPTION: usize = 4096;
/// Octets of the longest media type (RFC 6838 section 4.2).
const MAX_MEDIA_TYPE: usize = 255;

/// Fills in what an element tells. What is only shown is left out if it cannot be read; what is checked must be right.
/// Thumbnails (XEP-0264) are left out: they would have to be decoded, and fetched.
pub(crate) fn read(file: &Element, shared: &mut Shared) -> Result<(), Error> {
    let text = |name| Ok::<_, Error>(xml::optional(file, name, METADATA)?.map(Element::text));
    shared.name = text("name")?.as_deref().and_then(name::clean);
    shared.media_type = text("media-type")?.as_deref().and_then(media_type);
    shared.size = text("size")?.map(|size| number(&size).ok_or(Error::Malformed("size"))).transpose()?;
    shared.width = text("width")?.as_deref().and_then(number);
    shared.height = text("height")?.as_deref().and_then(number);
    shared.length = text("length")?.as_deref().and_then(number);
    // There may be one for each language.
    shared.description = file.get_child("desc", METADATA).map(Element::text).and_then(|text| description(&text));
    shared.hashes = Hash::read_all(file)?;
    Ok(())
}

pub(crate) fn to_element(shared: &Shared) -> Element {
    let mut file = Element::bare("file", METADATA);
    let number = |number: u64| number.to_string();
    for (name, value) in [
        ("media-type", shared.media_type.clone()),
        ("name", shared.name.clone()),
        ("size", shared.size.map(number)),
        ("width", shared.width.map(u64::from).map(number)),
        ("height", shared.height.map(u64::from).map(number)),
        ("length", shared.length.map(number)),
        ("desc", shared.description.clone()),
    ] {
        if let Some(value) = value {
            file.append_child(xml::text(name, METADATA, &value));
        }
    }
    for hash in &shared.hashes {
        file.append_child(hash.to_element());
    }
    file
}

/// A number in decimal digits and nothing else.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let text = text.trim();
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `type/subtype`, without parameters.
fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |token: &str| {
        !token.is_empty() && token.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&octet))
    };
    (essence.len() <= MAX_MEDIA_TYPE && is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
}

fn description(text: &str) -> Option<String> {
    let text = name::shorten(text.trim(), MAX_DESCRIPTION).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}
