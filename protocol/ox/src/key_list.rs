//! The keys of an account, as it announces them (XEP-0373 section 4.2).

use minidom::Element;
use rxml::xml_ncname;

use crate::element::{Malformed, children, empty, with};
use crate::fingerprint::Fingerprint;
use crate::nodes::OPENPGP;
use crate::time;

/// A list of more keys is no list: all of them are fetched and encrypted to (XEP-0374 section 2.3.1).
pub const MAX_KEYS: usize = 20;

/// A key in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What it is called, and where it is: in [`crate::nodes::public_key`].
    pub fingerprint: Fingerprint,
    /// When it was published or changed, where that is said.
    pub date: Option<u64>,
}

/// The keys of an account, none of them twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList(Vec<Announced>);

impl KeyList {
    /// Of these; what is there twice is as it was first.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Announced>) -> Self {
        let mut list = Self::default();
        for key in keys {
            if !list.0.iter().any(|known| known.fingerprint == key.fingerprint) {
                list.0.push(key);
            }
        }
        list
    }

    /// In the order in which they are announced.
    pub fn iter(&self) -> impl Iterator<Item = &Announced> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From the payload of the node's item. What is no fingerprint of a key of version 4 is left out.
    ///
    /// # Errors
    /// It is another element, or a list of more than [`MAX_KEYS`].
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        if !element.is(LIST, OPENPGP) {
            return Err(Malformed(LIST));
        }
        let keys = children(element, KEY).filter_map(|key| {
            let fingerprint = Fingerprint::read(key.attr("v4-fingerprint")?)?;
            Some(Announced { fingerprint, date: key.attr("date").and_then(time::read) })
        });
        // One more than may be is enough to know.
        let list = Self::new(keys.take(MAX_KEYS + 1));
        if list.0.len() > MAX_KEYS { Err(Malformed("number of keys")) } else { Ok(list) }
    }

    /// As the payload of the node's item.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut list = empty(LIST);
        for Announced { fingerprint, date } in &self.0 {
            let mut key = with(empty(KEY), xml_ncname!("v4-fingerprint"), &fingerprint.to_string());
            if let Some(date) = date.and_then(time::write) {
                key = with(key, xml_ncname!("date"), &date);
            }
            list.append_child(key);
        }
        list
    }
}

const LIST: &str = "public-keys-list";
const KEY: &str = "pubkey-metadata";
