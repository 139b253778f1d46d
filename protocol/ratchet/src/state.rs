//! What is kept, as octets for a sealed store. They hold keys: nothing else may read them.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::chain::{Chain, MessageKey};
use crate::device::{Device, MAX_SESSIONS};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{IdentityKey, Key, KeyPair, PublicKey};
use crate::ratchet::{Chains, Past, REMEMBERED, Ratchet};
use crate::session::Session;
use crate::skipped::{MAX_KEPT, Passed, Skipped};

/// Of how they are written.
const VERSION: u8 = 1;

impl Device {
    /// For the store: everything.
    #[must_use]
    pub fn to_state(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::new();
        writer.list(self.sessions.iter(), Writer::session);
        writer.into_octets()
    }

    /// From the store.
    ///
    /// # Errors
    /// [`Error::Malformed`]: it is of another version, or not whole.
    pub fn from_state(octets: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets)?;
        let sessions = reader.list(MAX_SESSIONS, Reader::session)?;
        reader.end(Self { sessions })
    }
}

/// Numbers are big-endian, lists have their length first, and what may be absent is a list of one or none.
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(vec![VERSION]))
    }

    pub(crate) fn into_octets(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        // Grown by hand, so that no old copy is left behind unwiped.
        if self.0.capacity() - self.0.len() < octets.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity((self.0.capacity() + octets.len()) * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
    }

    pub(crate) fn number(&mut self, number: u32) {
        self.octets(&number.to_be_bytes());
    }

    pub(crate) fn list<T>(&mut self, items: impl Iterator<Item = T> + Clone, write: impl Fn(&mut Self, T)) {
        self.number(u32::try_from(items.clone().count()).unwrap_or(u32::MAX));
        items.for_each(|item| write(self, item));
    }

    fn option<T: Clone>(&mut self, item: Option<T>, write: impl Fn(&mut Self, T)) {
        self.list(item.into_iter(), write);
    }

    fn public(&mut self, key: PublicKey) {
        self.octets(&key.0);
    }

    pub(crate) fn key(&mut self, key: &Key) {
        self.octets(key.expose());
    }

    fn identity(&mut self, key: &IdentityKey) {
        match key {
            IdentityKey::Curve(key) => self.octets(&key.0),
            IdentityKey::Edwards(octets) => self.octets(octets),
        }
    }

    fn session(&mut self, session: &Session) {
        let Session { dialect, own, peer, initiated, base_key, unanswered, ratchet } = session;
        self.octets(&[u8::from(*dialect == Dialect::Omemo2), u8::from(*initiated)]);
        self.identity(own);
        self.identity(peer);
        self.public(*base_key);
        self.option(*unanswered, |writer, (prekey, signed)| {
            writer.number(prekey);
            writer.number(signed);
        });
        let Ratchet { chains, skipped } = ratchet;
        let Chains { root, own, peer, sending, receiving, previous, turn, past } = chains;
        self.key(root);
        self.key(own.secret());
        self.option(*peer, Self::public);
        self.option(sending.as_ref(), Self::chain);
        self.option(receiving.as_ref(), Self::chain);
        self.number(*previous);
        self.number(*turn);
        self.list(past.iter(), |writer, past| {
            writer.public(past.ratchet_key);
            writer.option(past.last.as_ref(), Self::passed);
        });
        self.list(skipped.iter(), Self::passed);
    }

    fn chain(&mut self, chain: &Chain) {
        self.key(&chain.key);
        self.number(chain.count);
    }

    fn passed(&mut self, passed: &Passed) {
        self.public(passed.ratchet_key);
        self.number(passed.number);
        self.number(passed.turn);
        self.key(&passed.key.0);
    }
}

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Self(octets);
        if reader.octet()? == VERSION { Ok(reader) } else { Err(Error::Malformed("version of a state")) }
    }

    /// What was read, if that was all.
    pub(crate) fn end<T>(self, read: T) -> Result<T, Error> {
        if self.0.is_empty() { Ok(read) } else { Err(Error::Malformed("end of a state")) }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (octets, rest) = self.0.split_first_chunk::<N>().ok_or(Error::Malformed("state"))?;
        self.0 = rest;
        Ok(*octets)
    }

    fn octet(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn flag(&mut self) -> Result<bool, Error> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Malformed("flag of a state")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn list<T>(
        &mut self,
        most: usize,
        read: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<VecDeque<T>, Error> {
        let count = self.number()?;
        if usize::try_from(count).is_ok_and(|count| count <= most) {
            (0..count).map(|_| read(self)).collect()
        } else {
            Err(Error::Malformed("list of a state"))
        }
    }

    fn option<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Error>) -> Result<Option<T>, Error> {
        self.list(1, read).map(|mut list| list.pop_front())
    }

    fn public(&mut self) -> Result<PublicKey, Error> {
        self.array().map(PublicKey)
    }

    pub(crate) fn key(&mut self) -> Result<Key, Error> {
        self.array().map(|octets| Key::new(Zeroizing::new(octets)))
    }

    fn session(&mut self) -> Result<Session, Error> {
        let dialect = if self.flag()? { Dialect::Omemo2 } else { Dialect::Axolotl };
        let initiated = self.flag()?;
        let identity = |reader: &mut Self| match dialect {
            Dialect::Axolotl => reader.public().map(IdentityKey::Curve),
            Dialect::Omemo2 => reader.array().map(IdentityKey::Edwards),
        };
        Ok(Session {
            dialect,
            initiated,
            own: identity(self)?,
            peer: identity(self)?,
            base_key: self.public()?,
            unanswered: self.option(|reader| Ok((reader.number()?, reader.number()?)))?,
            ratchet: Ratchet {
                chains: Chains {
                    root: self.key()?,
                    own: KeyPair::from_secret(self.key()?.expose()),
                    peer: self.option(Self::public)?,
                    sending: self.option(Self::chain)?,
                    receiving: self.option(Self::chain)?,
                    previous: self.number()?,
                    turn: self.number()?,
                    past: self.list(REMEMBERED, |reader| {
                        Ok(Past { ratchet_key: reader.public()?, last: reader.option(Self::passed)? })
                    })?,
                },
                skipped: Skipped::from(self.list(MAX_KEPT, Self::passed)?),
            },
        })
    }

    fn chain(&mut self) -> Result<Chain, Error> {
        Ok(Chain { key: self.key()?, count: self.number()? })
    }

    fn passed(&mut self) -> Result<Passed, Error> {
        let (ratchet_key, number, turn) = (self.public()?, self.number()?, self.number()?);
        Ok(Passed { ratchet_key, number, turn, key: MessageKey(self.key()?) })
    }
}
