//! What is signed and encrypted (XEP-0373 section 3.1).

use minidom::Element;
use rand_core::CryptoRng;
use rxml::xml_ncname;

use crate::element::{Malformed, children, empty, only, with};
use crate::nodes::OPENPGP;
use crate::refusal::{Kind, Refusal};
use crate::time;

/// Shorter contents are padded to so many octets, before that many more at random: nobody sees what is short.
const LEAST: usize = 200;
const AT_RANDOM: u32 = 200;

/// Content, for whom, and from when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signcrypt {
    /// JIDs.
    pub(crate) to: Vec<String>,
    /// As seconds since 1970.
    pub(crate) time: u64,
    pub(crate) payload: Vec<Element>,
}

impl Signcrypt {
    pub(crate) fn read(element: &Element) -> Result<Self, Refusal> {
        for (name, kind) in [("sign", Kind::Sign), ("crypt", Kind::Crypt)] {
            if element.is(name, OPENPGP) {
                return Err(Refusal::Kind(kind));
            }
        }
        if !element.is("signcrypt", OPENPGP) {
            return Err(Malformed("signcrypt").into());
        }
        let jid = |to: &Element| to.attr("jid").map(str::to_owned).ok_or(Malformed("to"));
        let to = children(element, "to").map(jid).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(Malformed("to").into());
        }
        let time = only(element, "time")?.attr("stamp").and_then(time::read).ok_or(Malformed("time"))?;
        Ok(Self { to, time, payload: only(element, "payload")?.children().cloned().collect() })
    }

    /// Nothing for a time that cannot be written.
    pub(crate) fn to_element(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Option<Element> {
        let mut element = empty("signcrypt");
        for jid in &self.to {
            element.append_child(with(empty("to"), xml_ncname!("jid"), jid));
        }
        element.append_child(with(empty("time"), xml_ncname!("stamp"), &time::write(self.time)?));
        let mut payload = empty("payload");
        for child in &self.payload {
            payload.append_child(child.clone());
        }
        element.append_child(padding(String::from(&payload).len(), rng));
        element.append_child(payload);
        Some(element)
    }
}

/// For a payload of this length.
fn padding(length: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Element {
    let more = usize::try_from(rng.next_u32() % (AT_RANDOM + 1)).unwrap_or_default();
    let mut octets = vec![0; LEAST.saturating_sub(length) + more];
    rng.fill_bytes(&mut octets);
    let mut padding = empty("rpad");
    padding.append_text(octets.iter().map(|octet| char::from(b'a' + octet % 26)).collect::<String>());
    padding
}
