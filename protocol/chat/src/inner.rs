//! XML that somebody else wrote, parsed with limits: the trees of `minidom` are built and dropped recursively, so depth
//! and size are checked on the events, before any tree exists.

use minidom::Element;
use minidom::rxml::{self, Event, Parse, WithOptions, error::EndOrError};
use xso::{Context, FromEventsBuilder, FromXml};

use crate::stanza::CLIENT;

/// Elements within elements, counted from the content's own top level.
pub const MAX_DEPTH: usize = 64;
/// Octets of one piece of content.
pub const MAX_SIZE: usize = 512 * 1024;

/// Why a piece of XML was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InnerError {
    /// More than [`MAX_DEPTH`] elements within each other.
    #[error("more than {MAX_DEPTH} elements within each other")]
    TooDeep,
    /// More than [`MAX_SIZE`] octets.
    #[error("more than {MAX_SIZE} octets")]
    TooLong,
    /// Not well-formed, or text beside the elements.
    #[error("not well-formed XML")]
    Malformed,
}

/// Parses the content of one stanza: any number of elements beside each other, in `jabber:client` where they say nothing
/// else. White space between them is dropped, other text is refused.
///
/// # Errors
/// See [`InnerError`].
pub fn parse_content(xml: &str) -> Result<Vec<Element>, InnerError> {
    if xml.len() > MAX_SIZE {
        return Err(InnerError::TooLong);
    }
    // Content that closes this root itself gains nothing: a document has one root, so whatever follows is malformed.
    let document = format!("<content xmlns='{CLIENT}'>{xml}</content>");
    let mut input = document.as_bytes();
    let mut parser =
        rxml::Parser::with_options(rxml::Options { max_token_length: MAX_SIZE, ..rxml::Options::default() });
    let mut elements = Vec::new();
    let mut open: Option<<Element as FromXml>::Builder> = None;
    let mut depth = 0_usize;
    loop {
        let event = match parser.parse(&mut input, true) {
            Ok(Some(event)) => event,
            Ok(None) => return if depth == 0 { Ok(elements) } else { Err(InnerError::Malformed) },
            Err(EndOrError::Error(_) | EndOrError::NeedMoreData) => return Err(InnerError::Malformed),
        };
        match &event {
            Event::StartElement(..) => depth += 1,
            Event::EndElement(_) => depth = depth.saturating_sub(1),
            Event::XmlDeclaration(..) => return Err(InnerError::Malformed),
            Event::Text(_, text) if depth == 1 && !text.trim().is_empty() => return Err(InnerError::Malformed),
            Event::Text(..) => {}
        }
        if depth > MAX_DEPTH + 1 {
            return Err(InnerError::TooDeep);
        }
        if let Some(builder) = &mut open {
            let built = builder.feed(event, &Context::empty()).map_err(|_| InnerError::Malformed)?;
            if let Some(element) = built {
                elements.push(element);
                open = None;
            }
        } else if let Event::StartElement(_, name, attributes) = event
            && depth == 2
        {
            let begun = Element::from_events(name, attributes, &Context::empty());
            open = Some(begun.map_err(|_| InnerError::Malformed)?);
        }
    }
}

/// Parses exactly one element, such as a stanza somebody typed.
///
/// # Errors
/// See [`InnerError`].
pub fn parse_element(xml: &str) -> Result<Element, InnerError> {
    let mut elements = parse_content(xml)?;
    match (elements.pop(), elements.is_empty()) {
        (Some(element), true) => Ok(element),
        _ => Err(InnerError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_a_list_of_elements_in_the_namespace_of_stanzas() {
        let content = parse_content("<body>a &lt; b</body> <x xmlns='urn:x'><y/></x>   ").unwrap();
        let [body, other] = content.as_slice() else { panic!("{content:?}") };
        assert!(body.is("body", CLIENT) && body.text() == "a < b");
        assert!(other.is("x", "urn:x") && other.has_child("y", "urn:x"));
        assert_eq!(parse_content("").unwrap(), Vec::new());
    }

    #[test]
    fn depth_is_limited_before_a_tree_is_built() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(parse_content(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse_content(&nested(MAX_DEPTH + 1)), Err(InnerError::TooDeep));
        assert_eq!(parse_content(&"<a>".repeat(70_000)), Err(InnerError::TooDeep));
    }

    #[test]
    fn size_is_limited() {
        let long = format!("<body>{}</body>", "x".repeat(MAX_SIZE));
        assert_eq!(parse_content(&long), Err(InnerError::TooLong));
    }

    #[test]
    fn content_cannot_leave_its_place() {
        for trick in [
            "</content><content>",
            "</content>",
            "<body>",
            "text",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><body>&b;</body>",
            "<?xml version='1.0'?><body/>",
            "<?target data?>",
            "<!-- comment -->",
            "<p:body/>",
            "<body>&unknown;</body>",
        ] {
            assert_eq!(parse_content(trick), Err(InnerError::Malformed), "{trick}");
        }
    }

    #[test]
    fn one_element_means_one() {
        assert!(parse_element("<presence/>").is_ok());
        assert_eq!(parse_element("<a/><b/>"), Err(InnerError::Malformed));
        assert_eq!(parse_element(""), Err(InnerError::Malformed));
    }
}
