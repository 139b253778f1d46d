//! The prekeys of a device of our own, in one dialect: what is handed out, and what is kept to be found again.
//!
//! Who asks for a bundle gets prekeys that nobody got before, so that no two ever begin with the same one.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::bundle::{Bundle, Prekey, SignedPrekey};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Identity, KeyPair};
use crate::primitives::CryptoRng;
use crate::state::{Reader, Writer};
use crate::wire::KeyExchange;

/// So many prekeys are in a bundle; 25 are the least (XEP-0384 section 4.2).
pub const HANDED_OUT: usize = 30;
/// So many are kept that were handed out and not used; the oldest go first.
pub const MAX_OUTSTANDING: usize = 300;
/// A signed prekey is signed for so many seconds, and found for as many after: two weeks.
pub const PERIOD: u64 = 14 * 86_400;
/// Names of keys are positive in 32 bits, for who has no unsigned numbers.
const MAX_ID: u32 = i32::MAX as u32;

/// The prekeys of one device. Store it before a bundle leaves, and with every session that has used one up.
#[derive(Clone, Debug, PartialEq)]
pub struct Prekeys {
    current: Standing,
    previous: Option<Standing>,
    /// Those that were handed out, the oldest first.
    outstanding: VecDeque<(u32, KeyPair)>,
    /// The name of the next one.
    next: u32,
}

/// A prekey that stands for a while.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    id: u32,
    pair: KeyPair,
    /// Unix time.
    since: u64,
}

impl Prekeys {
    /// Those of a new device; `now` in Unix time.
    #[must_use]
    pub fn new(now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let current = Standing { id: 1, pair: KeyPair::generate(rng), since: now };
        Self { current, previous: None, outstanding: VecDeque::new(), next: 1 }
    }

    /// A bundle for who asks.
    pub fn hand_out(&mut self, dialect: Dialect, identity: &Identity, rng: &mut (impl CryptoRng + ?Sized)) -> Bundle {
        let mut prekeys = Vec::with_capacity(HANDED_OUT);
        for _ in 0..HANDED_OUT {
            let (id, pair) = (self.next, KeyPair::generate(rng));
            self.next = if id == MAX_ID { 1 } else { id + 1 };
            prekeys.push(Prekey { id, key: pair.public() });
            self.outstanding.push_back((id, pair));
        }
        self.outstanding.drain(..self.outstanding.len().saturating_sub(MAX_OUTSTANDING));
        let signed_prekey = SignedPrekey::sign(dialect, identity, self.current.id, &self.current.pair, rng);
        Bundle { identity: identity.public(dialect), signed_prekey, prekeys }
    }

    /// The signed prekey and the prekey that a key exchange names.
    #[must_use]
    pub fn find(&self, exchange: &KeyExchange) -> Option<[KeyPair; 2]> {
        let mut standing = std::iter::once(&self.current).chain(&self.previous);
        let signed = standing.find(|standing| standing.id == exchange.signed_prekey)?;
        let (_, prekey) = self.outstanding.iter().find(|(id, _)| *id == exchange.prekey)?;
        Some([signed.pair.clone(), prekey.clone()])
    }

    /// A session has used this one up.
    pub fn used(&mut self, prekey: u32) {
        self.outstanding.retain(|(id, _)| *id != prekey);
    }

    /// Renews the signed prekey when it is time; whether it was. `now` in Unix time.
    pub fn rotate(&mut self, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
        if now.saturating_sub(self.current.since) < PERIOD {
            // The one before was replaced when this one came.
            return false;
        }
        let id = if self.current.id == MAX_ID { 1 } else { self.current.id + 1 };
        let next = Standing { id, pair: KeyPair::generate(rng), since: now };
        self.previous = Some(std::mem::replace(&mut self.current, next));
        true
    }

    /// For the store: everything.
    #[must_use]
    pub fn to_state(&self) -> Zeroizing<Vec<u8>> {
        let Self { current, previous, outstanding, next } = self;
        let mut writer = Writer::new();
        writer.list([current].into_iter().chain(previous), Writer::standing);
        writer.list(outstanding.iter(), |writer, (id, pair)| {
            writer.number(*id);
            writer.key(pair.secret());
        });
        writer.number(*next);
        writer.into_octets()
    }

    /// From the store.
    ///
    /// # Errors
    /// [`Error::Malformed`]: it is of another version, or not whole.
    pub fn from_state(octets: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets)?;
        let mut standing = reader.list(2, Reader::standing)?;
        let outstanding = reader
            .list(MAX_OUTSTANDING, |reader| Ok((reader.name()?, KeyPair::from_secret(reader.key()?.expose()))))?;
        let current = standing.pop_front().ok_or(Error::Malformed("list of a state"))?;
        let prekeys = Self { current, previous: standing.pop_front(), outstanding, next: reader.name()? };
        reader.end(prekeys)
    }
}

impl Writer {
    fn standing(&mut self, standing: &Standing) {
        self.number(standing.id);
        self.key(standing.pair.secret());
        self.octets(&standing.since.to_be_bytes());
    }
}

impl Reader<'_> {
    fn standing(&mut self) -> Result<Standing, Error> {
        let (id, pair) = (self.name()?, KeyPair::from_secret(self.key()?.expose()));
        Ok(Standing { id, pair, since: u64::from_be_bytes(self.array()?) })
    }

    /// One that we could have given: the next is one more.
    fn name(&mut self) -> Result<u32, Error> {
        let name = self.number()?;
        if (1..=MAX_ID).contains(&name) { Ok(name) } else { Err(Error::Malformed("name of a key")) }
    }
}
