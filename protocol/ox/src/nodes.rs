//! Namespaces, and the PEP nodes that keys are in (XEP-0373 section 4). Their access model should be open, and their
//! notifications are often without payload (section 4.5).

use crate::fingerprint::Fingerprint;
use crate::time;

/// The namespace of all elements.
pub const OPENPGP: &str = "urn:xmpp:openpgp:0";
/// The feature of those who read messages so (XEP-0374 section 2.1).
pub const IM: &str = "urn:xmpp:openpgp:im:0";
/// The node of the list of keys.
pub const PUBLIC_KEYS: &str = "urn:xmpp:openpgp:0:public-keys";
/// The feature of those who want to be told of changes in the list.
pub const NOTIFY: &str = "urn:xmpp:openpgp:0:public-keys+notify";

/// The node of one key.
#[must_use]
pub fn public_key(fingerprint: Fingerprint) -> String {
    format!("{PUBLIC_KEYS}:{fingerprint}")
}

/// What an item is called that is published at this time; nothing for a time that cannot be written.
#[must_use]
pub fn item_id(now: u64) -> Option<String> {
    time::write(now)
}

/// What a node is about, if it is one of OpenPGP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The list of keys.
    List,
    /// One key.
    Key(Fingerprint),
}

impl Node {
    /// By its name, in which digits of a fingerprint are in upper case.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        match name.strip_prefix(PUBLIC_KEYS)? {
            "" => Some(Self::List),
            rest => {
                let fingerprint = Fingerprint::read(rest.strip_prefix(':')?)?;
                (public_key(fingerprint) == name).then_some(Self::Key(fingerprint))
            }
        }
    }
}
