//! What is encrypted in the newer dialect: an envelope around the content of a stanza (XEP-0420; XEP-0384 section 5.5.1).

use minidom::Element;
use omemo_ratchet::CryptoRng;
use rxml::xml_ncname;

use crate::error::Error;
use crate::xml::{self, Builder, with};

/// The namespace of envelopes.
pub const SCE: &str = "urn:xmpp:sce:1";
/// Shorter contents are padded to so many octets, before that many more at random: nobody sees what is short.
const LEAST: usize = 200;
const AT_RANDOM: u32 = 200;

/// A content with what must be true of its stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// What belongs into the stanza.
    pub content: Vec<Element>,
    /// The sender's bare JID.
    pub from: Option<String>,
    /// The recipient's bare JID.
    pub to: Option<String>,
    /// When it was encrypted (XEP-0082).
    pub time: Option<String>,
}

impl Envelope {
    /// From the element that was encrypted in a stanza from `from` to `to`, bare JIDs.
    ///
    /// # Errors
    /// It is no envelope; [`Error::OtherStanza`]: it was made for another sender or recipient.
    pub fn read(element: &Element, from: &str, to: &str) -> Result<Self, Error> {
        if !element.is("envelope", SCE) {
            return Err(Error::Malformed("envelope"));
        }
        let affix = |name: &'static str, attribute: &'static str| {
            let affix = xml::optional(element, name)?;
            let value = |affix: &Element| affix.attr(attribute).map(str::to_owned).ok_or(Error::Malformed(name));
            affix.map(value).transpose()
        };
        let (named, addressed) = (affix("from", "jid")?, affix("to", "jid")?);
        if named.as_deref().is_some_and(|jid| jid != from) || addressed.as_deref().is_some_and(|jid| jid != to) {
            return Err(Error::OtherStanza);
        }
        let content = xml::only(element, "content")?.children().cloned().collect();
        Ok(Self { content, from: named, to: addressed, time: affix("time", "stamp")? })
    }

    /// As the element to be encrypted.
    #[must_use]
    pub fn to_element(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Element {
        let builder = Builder(SCE);
        let mut content = builder.element("content");
        for child in &self.content {
            content.append_child(child.clone());
        }
        let length = String::from(&content).len();
        let mut element = builder.element("envelope");
        element.append_child(content);
        element.append_child(padding(length, rng));
        let affixes = [
            ("from", xml_ncname!("jid"), &self.from),
            ("to", xml_ncname!("jid"), &self.to),
            ("time", xml_ncname!("stamp"), &self.time),
        ];
        for (name, attribute, value) in affixes {
            if let Some(value) = value {
                element.append_child(with(builder.element(name), attribute, value));
            }
        }
        element
    }
}

/// For a content of this length.
fn padding(length: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Element {
    let more = usize::try_from(rng.next_u32() % (AT_RANDOM + 1)).unwrap_or_default();
    let count = LEAST.saturating_sub(length) + more;
    let mut octets = vec![0; count];
    rng.fill_bytes(&mut octets);
    let digits = octets.iter().map(|octet| char::from(b'a' + octet % 26)).collect::<String>();
    let mut padding = Builder(SCE).element("rpad");
    padding.append_text(digits);
    padding
}
