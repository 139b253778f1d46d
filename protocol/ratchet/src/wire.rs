//! Messages as octets: protocol buffers in both dialects, with the same fields under other numbers.

use prost::Message as _;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{IdentityKey, PublicKey};

/// Version 3 of libsignal's messages, and that we have no newer one.
const VERSION: u8 = 0x33;
/// Octets of a message or a key exchange: the plaintext is two keys long.
pub const MAX_MESSAGE: usize = 4096;

/// Which key of which chain a message is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) ratchet_key: PublicKey,
    /// The length of the chain before.
    pub(crate) previous: u32,
    /// The message's place in its chain.
    pub(crate) number: u32,
}

/// A message of the Double Ratchet.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) header: Header,
    pub(crate) ciphertext: Vec<u8>,
    /// The octets that the MAC covers, after the names.
    pub(crate) covered: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

impl Message {
    /// The octets that the MAC covers, after the names.
    pub(crate) fn covered(dialect: Dialect, header: &Header, ciphertext: Vec<u8>) -> Vec<u8> {
        let Header { ratchet_key, previous, number } = *header;
        let key = Some(dialect.write_key(&ratchet_key));
        let (previous, number, ciphertext) = (Some(previous), Some(number), Some(ciphertext));
        match dialect {
            Dialect::Axolotl => versioned(&axolotl::SignalMessage { key, number, previous, ciphertext }),
            Dialect::Omemo2 => omemo2::Message { number, previous, key, ciphertext }.encode_to_vec(),
        }
    }

    pub(crate) fn write(dialect: Dialect, covered: Vec<u8>, mac: Vec<u8>) -> Vec<u8> {
        match dialect {
            Dialect::Axolotl => [covered, mac].concat(),
            Dialect::Omemo2 => omemo2::Authenticated { mac: Some(mac), message: Some(covered) }.encode_to_vec(),
        }
    }

    pub(crate) fn read(dialect: Dialect, octets: &[u8]) -> Result<Self, Error> {
        within_limit(octets)?;
        let (covered, mac) = match dialect {
            Dialect::Axolotl => {
                let (covered, mac) = octets.split_last_chunk::<8>().ok_or(Error::Malformed("message without a MAC"))?;
                (covered.to_vec(), mac.to_vec())
            }
            Dialect::Omemo2 => {
                let omemo2::Authenticated { mac, message } = decode(octets)?;
                (present(message)?, present(mac)?)
            }
        };
        let (key, previous, number, ciphertext) = match dialect {
            Dialect::Axolotl => {
                let axolotl::SignalMessage { key, number, previous, ciphertext } = decode(unversioned(&covered)?)?;
                (key, previous, number, ciphertext)
            }
            Dialect::Omemo2 => {
                let omemo2::Message { number, previous, key, ciphertext } = decode(covered.as_slice())?;
                (key, previous, number, ciphertext)
            }
        };
        let ratchet_key = dialect.read_key(&present(key)?)?;
        let header = Header { ratchet_key, previous: previous.unwrap_or_default(), number: number.unwrap_or_default() };
        Ok(Self { header, ciphertext: present(ciphertext)?, covered, mac })
    }
}

/// The first messages of whoever begins a session say with which keys it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyExchange {
    /// Which of our prekeys.
    pub prekey: u32,
    /// Which of our signed prekeys.
    pub signed_prekey: u32,
    /// What the sender is known by.
    pub identity: IdentityKey,
    /// The key of the sender's that was made for this session.
    pub base_key: PublicKey,
    /// The message that comes with it.
    pub message: Vec<u8>,
}

impl KeyExchange {
    /// # Errors
    /// [`Error::Malformed`], [`Error::BadKey`]; [`Error::UnknownPrekey`] without a prekey, since bundles of ours have some.
    pub fn read(dialect: Dialect, octets: &[u8]) -> Result<Self, Error> {
        within_limit(octets)?;
        let (prekey, signed_prekey, identity, base_key, message) = match dialect {
            Dialect::Axolotl => {
                let axolotl::PreKeySignalMessage { prekey, base_key, identity, message, signed_prekey, .. } =
                    decode(unversioned(octets)?)?;
                (prekey, signed_prekey, identity, base_key, message)
            }
            Dialect::Omemo2 => {
                let omemo2::KeyExchange { prekey, signed_prekey, identity, base_key, message } = decode(octets)?;
                (prekey, signed_prekey, identity, base_key, message)
            }
        };
        Ok(Self {
            identity: dialect.read_identity(&present(identity)?)?,
            base_key: dialect.read_key(&present(base_key)?)?,
            message: present(message)?,
            signed_prekey: signed_prekey.ok_or(Error::Malformed("key exchange"))?,
            prekey: prekey.ok_or(Error::UnknownPrekey)?,
        })
    }

    pub(crate) fn write(&self, dialect: Dialect) -> Vec<u8> {
        let (prekey, signed_prekey) = (Some(self.prekey), Some(self.signed_prekey));
        let (identity, base_key) = (Some(self.identity.encoded()), Some(dialect.write_key(&self.base_key)));
        let message = Some(self.message.clone());
        match dialect {
            Dialect::Axolotl => versioned(&axolotl::PreKeySignalMessage {
                prekey,
                base_key,
                identity,
                message,
                registration: None,
                signed_prekey,
            }),
            Dialect::Omemo2 => {
                omemo2::KeyExchange { prekey, signed_prekey, identity, base_key, message }.encode_to_vec()
            }
        }
    }
}

fn versioned(message: &impl prost::Message) -> Vec<u8> {
    [&[VERSION], message.encode_to_vec().as_slice()].concat()
}

fn unversioned(octets: &[u8]) -> Result<&[u8], Error> {
    match octets {
        // The lower half says what the sender could do besides.
        [version, octets @ ..] if version >> 4 == VERSION >> 4 => Ok(octets),
        _ => Err(Error::Malformed("version")),
    }
}

fn decode<M: prost::Message + Default>(octets: &[u8]) -> Result<M, Error> {
    M::decode(octets).map_err(|_| Error::Malformed("protocol buffer"))
}

fn present<T>(field: Option<T>) -> Result<T, Error> {
    field.ok_or(Error::Malformed("missing field"))
}

fn within_limit(octets: &[u8]) -> Result<(), Error> {
    if octets.len() > MAX_MESSAGE { Err(Error::Malformed("message of this length")) } else { Ok(()) }
}

/// As libsignal has them.
mod axolotl {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct SignalMessage {
        #[prost(bytes = "vec", optional, tag = "1")]
        pub(super) key: Option<Vec<u8>>,
        #[prost(uint32, optional, tag = "2")]
        pub(super) number: Option<u32>,
        #[prost(uint32, optional, tag = "3")]
        pub(super) previous: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "4")]
        pub(super) ciphertext: Option<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct PreKeySignalMessage {
        #[prost(uint32, optional, tag = "1")]
        pub(super) prekey: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "2")]
        pub(super) base_key: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(super) identity: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "4")]
        pub(super) message: Option<Vec<u8>>,
        /// Not for OMEMO.
        #[prost(uint32, optional, tag = "5")]
        pub(super) registration: Option<u32>,
        #[prost(uint32, optional, tag = "6")]
        pub(super) signed_prekey: Option<u32>,
    }
}

/// As XEP-0384 section 4.4 has them.
mod omemo2 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Message {
        #[prost(uint32, optional, tag = "1")]
        pub(super) number: Option<u32>,
        #[prost(uint32, optional, tag = "2")]
        pub(super) previous: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(super) key: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "4")]
        pub(super) ciphertext: Option<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Authenticated {
        #[prost(bytes = "vec", optional, tag = "1")]
        pub(super) mac: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "2")]
        pub(super) message: Option<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct KeyExchange {
        #[prost(uint32, optional, tag = "1")]
        pub(super) prekey: Option<u32>,
        #[prost(uint32, optional, tag = "2")]
        pub(super) signed_prekey: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(super) identity: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "4")]
        pub(super) base_key: Option<Vec<u8>>,
        /// An `Authenticated`.
        #[prost(bytes = "vec", optional, tag = "5")]
        pub(super) message: Option<Vec<u8>>,
    }
}
