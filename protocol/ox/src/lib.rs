//! OpenPGP for XMPP (XEP-0373 version 0.7) and its profile for messages (XEP-0374): what is in PEP nodes and stanzas.
//! Sans-IO, and without an XML parser of its own: elements come parsed, and what was encrypted is parsed by the caller,
//! with the caller's limits. Time is an argument, in seconds since 1970, and so is randomness.
//!
//! - [`Key`]: a secret key of our own, for one JID. [`Certificate`]: somebody's public key, which has the User ID of
//!   its JID.
//! - [`KeyList`], [`pubkey`]: what is published, and in which [`nodes`].
//! - [`seal`]: content, signed and encrypted in an `<openpgp/>`. [`open()`]: the way back, or a [`Refusal`].
//!
//! What counts in a certificate (its strength, its time, what it has revoked) is decided in
//! [`esession_attest::standing`], and what counts in a message here, packet by packet: rPGP's own reader of messages,
//! with which the sender chooses how deep they are and what is in which order, is not used. Nothing is decrypted with
//! RSA or a passphrase: no key of ours is of that kind.
//!
//! Only `<signcrypt/>` is read and written (XEP-0374 section 3.1). Nothing keeps a message from coming twice but the
//! caller, who remembers [`Opened::id`] for as long as both sides of the [`Window`] together.
//!
//! ```
//! # struct Dice(u64);
//! # impl rand_core::TryRng for Dice {
//! #     type Error = std::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok((self.try_next_u64()? >> 32) as u32) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
//! #         self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
//! #         Ok(self.0)
//! #     }
//! #     fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
//! #         for octet in octets { *octet = self.try_next_u32()? as u8; }
//! #         Ok(())
//! #     }
//! # }
//! # impl rand_core::TryCryptoRng for Dice {}
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (now, rng) = (1_800_000_000, &mut Dice(1));
//! use minidom::Element;
//! use openpgp_xmpp::{Arrival, Certificate, Key, Window, open, seal};
//!
//! // A contact's key, and what its owner publishes.
//! let [bob, alice] = ["bob@gw.example.org", "alice@example.org"].map(|jid| Key::generate(jid, now, rng));
//! let (bob, alice) = (bob?, alice?);
//! let certificate = Certificate::read(&alice.public_octets(), "alice@example.org", now)?;
//!
//! let body = Element::builder("body", "jabber:client").append("Hello").build();
//! let element = seal(&bob, &[certificate], &[body.clone()], now, rng)?;
//!
//! let senders = [Certificate::read(&bob.public_octets(), "bob@gw.example.org", now)?];
//! let arrival = Arrival { from: "bob@gw.example.org", senders: &senders, now: now + 5, window: Window::default() };
//! let opened = open(&alice, &element, &arrival, |text| text.parse().ok())?;
//! assert_eq!(opened.payload, [body]);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod certificate;
mod element;
mod envelope;
mod fingerprint;
mod key;
mod key_list;
pub mod nodes;
mod open;
pub mod pubkey;
mod refusal;
mod rng;
mod seal;
mod signcrypt;
mod time;
mod user_id;

pub use certificate::{Certificate, MAX_CERTIFICATE, MAX_SIGNATURES, SKEW, Unusable};
pub use element::Malformed;
pub use envelope::{MAX_LAYERS, MAX_MESSAGE, MAX_PACKETS, MAX_TEXT};
pub use esession_attest::standing::Unfit;
pub use fingerprint::Fingerprint;
pub use key::{Key, KeyError};
pub use key_list::{Announced, KeyList, MAX_KEYS};
pub use open::{Arrival, MessageId, Opened, Window, open};
pub use rand_core::CryptoRng;
pub use refusal::{Kind, Refusal, Remedy};
pub use seal::{SealError, seal};
