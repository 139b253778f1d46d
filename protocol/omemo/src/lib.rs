//! OMEMO for XMPP (XEP-0384), in both of its dialects, on top of [`omemo_ratchet`]: what is in PEP nodes and stanzas.
//! Sans-IO, and without a parser of its own: elements come parsed, with whatever limits the caller has, and so does the
//! content of an envelope, which only the caller can parse after it was decrypted.
//!
//! - [`DeviceList`], [`bundle`]: what is published, and in which [`nodes`].
//! - [`Encrypted`]: the element of an encrypted stanza.
//! - [`Envelope`]: what is encrypted in the newer dialect (XEP-0420); the older one encrypts a body.
//! - [`trust_message`]: what devices say of other devices in it (XEP-0434).

pub mod bundle;
mod device_list;
mod encrypted;
mod envelope;
mod error;
pub mod nodes;
pub mod trust_message;
mod xml;

pub use device_list::{DeviceId, DeviceList, MAX_DEVICES};
pub use encrypted::{Encrypted, MAX_KEYS, SealedKey};
pub use envelope::{Envelope, SCE};
pub use error::Error;
pub use omemo_ratchet as ratchet;
pub use omemo_ratchet::Dialect;
