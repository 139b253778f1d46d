//! What of a body is only there for clients that know no shared files (XEP-0428), and what was said beside the file.

use minidom::Element;
use rxml::xml_ncname;

use crate::sfs::SFS;
use crate::xml::with;
use crate::{aesgcm, oob};

const FALLBACK: &str = "urn:xmpp:fallback:0";
/// Ranges beyond these are not looked at: each is compared with each character.
const MAX_RANGES: usize = 10;
/// Out of band data beyond these are not looked at: each is compared with each line.
const MAX_OOB: usize = 10;

/// What of a body was said: all but what is marked as a fallback, and but lines that are the file's address or hold its
/// key, as there are in bodies of clients that mark nothing.
pub(crate) fn caption(children: &[&Element], body: &str, urls: &[String]) -> Option<String> {
    // Positions count characters of the body as it is, and there is one element that counts them for this.
    let marked = children.iter().find(|child| child.is("fallback", FALLBACK) && child.attr("for") == Some(SFS));
    let said = marked.map_or_else(|| body.to_owned(), |fallback| without_marked(fallback, body));
    let beside = children.iter().filter(|child| oob::is_one(child)).flat_map(|x| x.children()).take(MAX_OOB);
    let repeated: Vec<String> = beside.map(Element::text).collect();
    let is_address = |line: &str| {
        let line = line.trim();
        let is_url = urls.iter().chain(&repeated).any(|url| url.trim() == line);
        is_url && !line.is_empty() || aesgcm::is_one(line)
    };
    let said = said.split('\n').filter(|line| !is_address(line)).collect::<Vec<_>>().join("\n");
    let said = said.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

/// A body without the ranges that a fallback marks, in characters (XEP-0426); without any ranges, all of it is marked.
fn without_marked(fallback: &Element, body: &str) -> String {
    if fallback.children().next().is_none() {
        return String::new();
    }
    let ranges = fallback.children().filter(|child| child.is("body", FALLBACK)).take(MAX_RANGES).map(range);
    let ranges: Vec<(usize, usize)> = ranges.collect();
    let is_said = |at: usize| !ranges.iter().any(|(start, end)| (*start..*end).contains(&at));
    body.chars().enumerate().filter(|(at, _)| is_said(*at)).map(|(_, c)| c).collect()
}

/// Where a fallback begins and ends in the body; all of it unless that is said.
fn range(body: &Element) -> (usize, usize) {
    let position = |name| body.attr(name).and_then(|position| position.parse().ok());
    (position("start").unwrap_or(0), position("end").unwrap_or(usize::MAX))
}

/// The element that marks a body as a fallback from this character on.
pub(crate) fn to_element(body: &str, start: usize) -> Element {
    let mut range = Element::bare("body", FALLBACK);
    if start > 0 {
        range = with(range, xml_ncname!("start"), &start);
        range = with(range, xml_ncname!("end"), &body.chars().count());
    }
    let mut fallback = with(Element::bare("fallback", FALLBACK), xml_ncname!("for"), SFS);
    fallback.append_child(range);
    fallback
}
