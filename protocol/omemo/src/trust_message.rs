//! Trust messages (XEP-0434), as automatic trust management uses them (XEP-0450): what a device says of other devices' keys.

use std::fmt;

use minidom::Element;
use omemo_ratchet::{Identity, IdentityKey, PublicKey};

use crate::error::Error;
use crate::{Dialect, nodes, xml};

/// The namespace of trust messages.
pub const TRUST_MESSAGES: &str = "urn:xmpp:tm:1";
/// What they are used for here.
const ATM: &str = "urn:xmpp:atm:1";
/// A message that says more is none.
pub const MAX_DECISIONS: usize = 200;

/// What is said of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The bare JID of whose key it is.
    pub owner: String,
    /// The key.
    pub key: KeyId,
    /// Whether it is theirs. If not, it is to be distrusted.
    pub trusted: bool,
}

/// An identity key as trust messages name it: 32 octets, and nothing tells in which of its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub [u8; 32]);

impl KeyId {
    /// As a bundle of the newer dialect has it.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        match identity.public(Dialect::Omemo2) {
            IdentityKey::Curve(PublicKey(octets)) | IdentityKey::Edwards(octets) => Self(octets),
        }
    }

    /// The identities that it may be, in their Curve25519 form.
    #[must_use]
    pub fn identities(&self) -> Vec<PublicKey> {
        let of_edwards = IdentityKey::Edwards(self.0).curve().ok();
        [PublicKey(self.0)].into_iter().chain(of_edwards).collect()
    }
}

/// In hexadecimal, as a URI has it (XEP-0434, section 9.1).
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// What a trust message says. It must have come encrypted from the device that says it.
///
/// # Errors
/// It is another element, of another use or encryption, or says more than [`MAX_DECISIONS`].
pub fn read(element: &Element) -> Result<Vec<Decision>, Error> {
    if !element.is("trust-message", TRUST_MESSAGES) {
        return Err(Error::Malformed("trust message"));
    }
    if element.attr("usage") != Some(ATM) || element.attr("encryption") != Some(nodes::namespace(Dialect::Omemo2)) {
        return Err(Error::Malformed("use of a trust message"));
    }
    let mut decisions = Vec::new();
    for of in xml::children(element, "key-owner") {
        let owner = of.attr("jid").ok_or(Error::Malformed("key-owner"))?;
        for (name, trusted) in [("trust", true), ("distrust", false)] {
            for key in xml::children(of, name) {
                let octets = xml::octets(key)?;
                let key = KeyId(octets.as_slice().try_into().map_err(|_| Error::Malformed("key identifier"))?);
                decisions.push(Decision { owner: owner.to_owned(), key, trusted });
            }
        }
    }
    if decisions.len() > MAX_DECISIONS { Err(Error::Malformed("number of decisions")) } else { Ok(decisions) }
}
