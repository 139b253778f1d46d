//! One key, as it is published (XEP-0373 section 4.1). Its date is the item's id since version 0.5.

use minidom::Element;

use crate::certificate::MAX_CERTIFICATE;
use crate::element::{self, Malformed, empty, only, with_octets};
use crate::nodes::OPENPGP;

/// The octets for [`crate::Certificate::read`], from the payload of the newest item of a key's node.
///
/// # Errors
/// It is another element, or has no octets in it, or more than [`MAX_CERTIFICATE`].
pub fn read(element: &Element) -> Result<Vec<u8>, Malformed> {
    if !element.is("pubkey", OPENPGP) {
        return Err(Malformed("pubkey"));
    }
    element::octets(only(element, "data")?, MAX_CERTIFICATE)
}

/// As the payload of an item.
#[must_use]
pub fn to_element(octets: &[u8]) -> Element {
    let mut element = empty("pubkey");
    element.append_child(with_octets(empty("data"), octets));
    element
}
