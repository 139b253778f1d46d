//! Everything that was sealed and has left, by the key that it was sealed with.

use std::collections::{HashMap, HashSet};

use ::omemo::ratchet::{KeyExchange, Sealed};
use ::omemo::{DeviceId, Dialect, Encrypted};

/// Which chain, and which of its keys.
pub(super) type Key = (Vec<u8>, u64);

/// In each, two texts under one key are found: of the ratchet by what a message says of itself, of payloads because the
/// words are always the same, so that what they are encrypted to tells key and IV.
#[derive(Default)]
pub(super) struct Used {
    keys: HashMap<(DeviceId, Key), Vec<Vec<u8>>>,
    contents: HashSet<Vec<u8>>,
    prekeys: HashSet<[u8; 32]>,
    /// Chains of a database that was put back: they alone may repeat themselves.
    pub(super) put_back: HashSet<Vec<u8>>,
    pub(super) repeats: usize,
}

impl Used {
    pub(super) fn leaves(&mut self, message: &Encrypted) {
        for sealed in &message.keys {
            let key = key_of(message.dialect, &sealed.sealed);
            let texts = self.keys.entry((sealed.device, key.clone())).or_default();
            texts.push(message_of(message.dialect, &sealed.sealed));
            if texts.len() > 1 {
                assert!(self.put_back.contains(&key.0), "key {} of a chain is used twice", key.1);
                self.repeats += 1;
            }
        }
        if let Some(payload) = &message.payload {
            let content = [payload.content.as_slice(), &payload.iv].concat();
            assert!(self.contents.insert(content), "a key of a payload is used twice");
        }
    }

    pub(super) fn hands_out(&mut self, prekey: [u8; 32]) {
        assert!(self.prekeys.insert(prekey), "a prekey is handed out twice");
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

pub(super) fn key_of(dialect: Dialect, sealed: &Sealed) -> Key {
    let message = message_of(dialect, sealed);
    let (message, [chain, number]) = match dialect {
        // Between a version and a MAC.
        Dialect::Axolotl => (message[1..message.len() - 8].to_vec(), [1, 2]),
        Dialect::Omemo2 => (octets(&message, 2), [3, 1]),
    };
    (octets(&message, chain), fields(&message).find_map(|it| (it.0 == number).then_some(it.1)).unwrap())
}

fn message_of(dialect: Dialect, sealed: &Sealed) -> Vec<u8> {
    let exchange = sealed.is_key_exchange.then(|| KeyExchange::read(dialect, &sealed.octets).unwrap().message);
    exchange.unwrap_or_else(|| sealed.octets.clone())
}

fn octets(message: &[u8], number: u64) -> Vec<u8> {
    fields(message).find_map(|it| (it.0 == number).then_some(it.2)).unwrap().to_vec()
}

/// The fields of a protocol buffer: number, value, and octets of that length.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, u64, &[u8])> {
    fn number(octets: &mut &[u8]) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (octet, rest) = octets.split_first()?;
            *octets = rest;
            number |= u64::from(octet & 0x7f) << shift;
            shift += 7;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
    }
    std::iter::from_fn(move || {
        let (tag, value) = (number(&mut message)?, number(&mut message)?);
        let length = if tag & 7 == 2 { usize::try_from(value).unwrap() } else { 0 };
        let (octets, rest) = message.split_at(length);
        message = rest;
        Some((tag >> 3, value, octets))
    })
}
