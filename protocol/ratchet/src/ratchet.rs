//! The Double Ratchet (Signal, "The Double Ratchet Algorithm", 2016, section 3), without what messages look like.
//!
//! Nothing changes unless the message turns out to be genuine.

use std::collections::VecDeque;

use crate::chain::{Chain, MessageKey, root_step};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Key, KeyPair, PublicKey};
use crate::primitives::CryptoRng;
use crate::skipped::{MAX_SKIP, Passed, Skipped};
use crate::wire::Header;

/// So many ratchet keys of the peer are remembered after their time, to know what comes a second time.
pub(crate) const REMEMBERED: usize = 5;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratchet {
    pub(crate) chains: Chains,
    pub(crate) skipped: Skipped,
}

/// Everything but the keys that were passed over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chains {
    pub(crate) root: Key,
    pub(crate) own: KeyPair,
    pub(crate) peer: Option<PublicKey>,
    pub(crate) sending: Option<Chain>,
    pub(crate) receiving: Option<Chain>,
    /// The length of the sending chain before this one.
    pub(crate) previous: u32,
    /// How many ratchet keys the peer has had.
    pub(crate) turn: u32,
    /// Chains that the peer had before.
    pub(crate) past: VecDeque<Past>,
}

/// A chain of the peer's that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub(crate) ratchet_key: PublicKey,
    /// libsignal writes the place of the chain's last message in place of the chain's length: if everything else has come,
    /// this is the key of that one, or of none.
    pub(crate) last: Option<Passed>,
}

impl Ratchet {
    /// `RatchetInitAlice`: of the end that begins, with the peer's signed prekey as its first ratchet key.
    pub(crate) fn initiate(
        dialect: Dialect,
        root: &Key,
        peer: PublicKey,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        let own = KeyPair::generate(rng);
        let (root, sending) = root_step(dialect, root, &own.agree(&peer)?);
        let (peer, sending) = (Some(peer), Some(sending));
        let chains = Chains { root, own, peer, sending, receiving: None, previous: 0, turn: 0, past: VecDeque::new() };
        Ok(Self { chains, skipped: Skipped::default() })
    }

    /// `RatchetInitBob`: of the other end, whose signed prekey this is.
    pub(crate) fn accept(root: Key, own: KeyPair) -> Self {
        let past = VecDeque::new();
        let chains = Chains { root, own, peer: None, sending: None, receiving: None, previous: 0, turn: 0, past };
        Self { chains, skipped: Skipped::default() }
    }

    /// The key of the next message to the peer.
    pub(crate) fn next_sending(&mut self) -> Result<(Header, MessageKey), Error> {
        let Chains { own, sending, previous, .. } = &mut self.chains;
        // The end that was away has none before it has heard something.
        let chain = sending.as_mut().ok_or(Error::NoSession)?;
        let header = Header { ratchet_key: own.public(), previous: *previous, number: chain.count };
        Ok((header, chain.next()?))
    }

    /// Gives the key of a message of the peer to `open`. If that says that the message is genuine, it was read.
    pub(crate) fn receive<T>(
        &mut self,
        dialect: Dialect,
        header: &Header,
        rng: &mut (impl CryptoRng + ?Sized),
        open: impl FnOnce(&MessageKey) -> Option<T>,
    ) -> Result<T, Error> {
        if let Some(key) = self.skipped.find(header) {
            let opened = open(key).ok_or(Error::DecryptFailed)?;
            self.skipped.remove(header);
            return Ok(opened);
        }
        if let Some(past) = self.chains.past.iter_mut().find(|past| past.ratchet_key == header.ratchet_key) {
            let last = past.last.as_ref().filter(|last| last.is_for(header)).ok_or(Error::Replayed)?;
            let opened = open(&last.key).ok_or(Error::DecryptFailed)?;
            past.last = None;
            return Ok(opened);
        }
        let mut chains = self.chains.clone();
        let (key, passed) = chains.next_receiving(dialect, header, rng)?;
        let opened = open(&key).ok_or(Error::DecryptFailed)?;
        self.chains = chains;
        self.skipped.extend(self.chains.turn, passed);
        Ok(opened)
    }
}

impl Chains {
    fn next_receiving(
        &mut self,
        dialect: Dialect,
        header: &Header,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(MessageKey, Vec<Passed>), Error> {
        let mut passed = Vec::new();
        if self.peer != Some(header.ratchet_key) || self.receiving.is_none() {
            // What is lost beyond measure is lost; the conversation goes on.
            let _ = self.pass(header.previous, &mut passed);
            self.close(dialect, header.previous)?;
            self.step(dialect, header.ratchet_key, rng)?;
        }
        self.pass(header.number, &mut passed)?;
        let chain = self.receiving.as_mut().ok_or(Error::NoSession)?;
        if chain.count > header.number {
            return Err(Error::Replayed);
        }
        Ok((chain.next()?, passed))
    }

    /// Passes over the messages of the receiving chain before `number`.
    fn pass(&mut self, number: u32, passed: &mut Vec<Passed>) -> Result<(), Error> {
        let (Some(chain), Some(ratchet_key), turn) = (&mut self.receiving, self.peer, self.turn) else { return Ok(()) };
        if number.saturating_sub(chain.count) > MAX_SKIP {
            return Err(Error::TooManySkipped);
        }
        while chain.count < number {
            let number = chain.count;
            passed.push(Passed { ratchet_key, number, turn, key: chain.next()? });
        }
        Ok(())
    }

    /// The peer's chain of this length is over.
    fn close(&mut self, dialect: Dialect, length: u32) -> Result<(), Error> {
        let (Some(mut chain), Some(ratchet_key)) = (self.receiving.take(), self.peer) else { return Ok(()) };
        let number = chain.count;
        let may_lack_one = dialect == Dialect::Axolotl && number == length;
        let last =
            if may_lack_one { Some(Passed { ratchet_key, number, turn: self.turn, key: chain.next()? }) } else { None };
        self.past.push_back(Past { ratchet_key, last });
        self.past.drain(..self.past.len().saturating_sub(REMEMBERED));
        Ok(())
    }

    /// `DHRatchet`: the peer has a new ratchet key, and so have we.
    fn step(&mut self, dialect: Dialect, peer: PublicKey, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), Error> {
        self.turn = self.turn.saturating_add(1);
        self.previous = self.sending.as_ref().map_or(0, |chain| chain.count);
        let (root, receiving) = root_step(dialect, &self.root, &self.own.agree(&peer)?);
        self.own = KeyPair::generate(rng);
        let (root, sending) = root_step(dialect, &root, &self.own.agree(&peer)?);
        (self.root, self.peer) = (root, Some(peer));
        (self.receiving, self.sending) = (Some(receiving), Some(sending));
        Ok(())
    }
}
