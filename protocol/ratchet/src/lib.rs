//! X3DH and the Double Ratchet as OMEMO uses them, in both of its dialects: sans-IO, without any XML.
//!
//! Time is not needed, randomness is an argument, and storing is the caller's: a [`Device`] holds all sessions with one
//! device and goes to and from octets. The order of things is the caller's promise: *store, then send*; store what was opened
//! before it is acknowledged. A device that is set back to an earlier day would encrypt two texts with one key.
//!
//! - [`Identity`], [`Prekeys`]: what a device of our own is known by, and what it hands out. [`Bundle`]: what others publish.
//! - [`Device`]: seals for a device and opens what it sends. [`Session`] is one of its sessions.
//! - [`Payload`]: the content of a stanza, whose key is what is sealed.
//! - [`Dialect`]: which of the two OMEMOs.

mod bundle;
mod chain;
mod device;
mod dialect;
mod error;
mod keys;
mod payload;
mod prekeys;
mod primitives;
mod ratchet;
mod session;
mod skipped;
mod state;
mod wire;
mod x3dh;

pub use bundle::{Bundle, Prekey, SignedPrekey};
pub use device::{Begun, Device, MAX_SESSIONS};
pub use dialect::Dialect;
pub use error::Error;
pub use keys::{Identity, IdentityKey, Key, KeyPair, PublicKey};
pub use payload::{Payload, PayloadKey, empty_key};
pub use prekeys::{HANDED_OUT, MAX_OUTSTANDING, PERIOD, Prekeys};
pub use primitives::CryptoRng;
pub use session::{Sealed, Session};
pub use skipped::{MAX_KEPT, MAX_SKIP, MAX_TURNS};
pub use wire::{KeyExchange, MAX_MESSAGE};
