//! What came out of a decryption, parsed as an isolated piece (XEP-0200, section 6.2, substitutes it into the stanza;
//! we never do, because the outer stanza is not what was authenticated).

use minidom::Element;
use rxml::error::EndOrError;
use rxml::{Options, Parse, RawParser, WithOptions};

use super::forest::{Fault, Forest, Measure, Parsed};
use super::{CLIENT, Excess, Limits, STREAMS};

/// XEP-0200: the element that carries encrypted content.
const ENCRYPTED: &str = "http://www.xmpp.org/extensions/xep-0200.html#ns";
const OPENING: &str = "<fragment xmlns='jabber:client'>";
const CLOSING: &str = "</fragment>";

/// Why a fragment is refused. All of them are the sender's fault; none says what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FragmentError {
    /// Over [`Limits::max_stanza`], on the wire or in memory.
    #[error("the fragment is too large")]
    TooLarge,
    /// Over [`Limits::max_depth`].
    #[error("the fragment is too deep")]
    TooDeep,
    /// Not well-formed XML 1.0 with namespaces.
    #[error("the fragment is not well-formed")]
    Malformed,
    /// A document type, a processing instruction or a comment (RFC 6120, section 11.1).
    #[error("the fragment has XML that XMPP forbids")]
    Restricted,
    /// An end tag for something that began outside.
    #[error("the fragment closes what it did not open")]
    Escapes,
    /// It stops inside an element.
    #[error("the fragment is not closed")]
    Unclosed,
    /// Characters outside the elements that are not padding.
    #[error("the fragment has text outside its elements")]
    Text,
    /// An element of the stream's namespace, at any depth.
    #[error("the fragment has an element of the stream")]
    Stream,
    /// Encrypted content within encrypted content, at any depth.
    #[error("the fragment has encrypted content")]
    Encrypted,
    /// A stanza in the place of a stanza's child.
    #[error("the fragment has a stanza")]
    Stanza,
    /// A child that must stay outside of the encryption: `thread`, `error`.
    #[error("the fragment has a child that belongs outside")]
    Outer,
}

/// Parses decrypted content: children of a stanza in `jabber:client`, white space between them.
///
/// # Errors
/// [`FragmentError`]; nothing of the fragment may be used then.
pub fn fragment(text: &str, limits: Limits) -> Result<Vec<Element>, FragmentError> {
    if text.len() > limits.max_stanza {
        return Err(FragmentError::TooLarge);
    }
    let mut reader = Reader::new(limits);
    reader.take(OPENING)?;
    reader.take(text)?;
    if reader.ended {
        return Err(FragmentError::Escapes);
    }
    reader.inside = false;
    reader
        .take(CLOSING)
        .map_err(|error| if error == FragmentError::Malformed { FragmentError::Unclosed } else { error })?;
    if reader.ended { Ok(reader.children) } else { Err(FragmentError::Unclosed) }
}

struct Reader {
    parser: RawParser,
    forest: Forest,
    children: Vec<Element>,
    /// Whether what is read is still the sender's.
    inside: bool,
    ended: bool,
}

impl Reader {
    fn new(limits: Limits) -> Self {
        let options = Options { max_token_length: limits.max_stanza + OPENING.len(), ..Options::default() };
        Self {
            parser: RawParser::with_options(options),
            forest: Forest::new(limits, Measure::Whole),
            children: Vec::new(),
            inside: true,
            ended: false,
        }
    }

    fn take(&mut self, text: &str) -> Result<(), FragmentError> {
        let mut rest = text.as_bytes();
        loop {
            let event = match self.parser.parse(&mut rest, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(()),
                Err(EndOrError::Error(error)) => return Err(fault(error)),
            };
            let parsed = self.forest.feed(event).map_err(|error| match error {
                Fault::Xml(error) => fault(error),
                Fault::Flood => FragmentError::TooLarge,
            })?;
            match self.forest.excess() {
                Some(Excess::TooDeep) => return Err(FragmentError::TooDeep),
                Some(Excess::TooLarge) => return Err(FragmentError::TooLarge),
                None => {}
            }
            match parsed {
                Some(Parsed::Child(child)) => {
                    check_root(&child)?;
                    check_tree(&child)?;
                    self.children.push(child);
                }
                Some(Parsed::Text(text)) if text.contains(|c: char| !matches!(c, ' ' | '\t' | '\r' | '\n')) => {
                    return Err(FragmentError::Text);
                }
                Some(Parsed::End) if self.inside => return Err(FragmentError::Escapes),
                Some(Parsed::End) => self.ended = true,
                _ => {}
            }
        }
    }
}

fn fault(error: rxml::Error) -> FragmentError {
    match error {
        rxml::Error::RestrictedXml(_) => FragmentError::Restricted,
        // `<!` with neither a CDATA section nor a comment behind it: a markup declaration
        rxml::Error::InvalidSyntax(text) if text.starts_with("malformed cdata") => FragmentError::Restricted,
        _ => FragmentError::Malformed,
    }
}

fn check_root(element: &Element) -> Result<(), FragmentError> {
    match (element.has_ns(CLIENT), element.name()) {
        (true, "message" | "presence" | "iq") => Err(FragmentError::Stanza),
        (true, "thread" | "error") => Err(FragmentError::Outer),
        _ => Ok(()),
    }
}

fn check_tree(element: &Element) -> Result<(), FragmentError> {
    if element.has_ns(STREAMS) {
        return Err(FragmentError::Stream);
    }
    if element.is("c", ENCRYPTED) {
        return Err(FragmentError::Encrypted);
    }
    element.children().try_for_each(check_tree)
}
