//! The keys of a session and how they are renewed (XEP-0200 section 8).

use std::collections::VecDeque;

use crate::error::{Error, Misbehaviour, Misuse};
use crate::group::{KeyPair, PublicValue};
use crate::schedule::{RekeyRole, StanzaKeys, rekeyed};
use crate::suite::Suite;

/// Keys the peer may be using, and the private value that was new when they became possible.
pub(crate) struct ReceiveSet {
    pub(crate) keys: StanzaKeys,
    pub(crate) pair: KeyPair,
}

/// Both directions' keys. There is more than one receive set while the peer has not shown that it saw our newest key.
pub(crate) struct Epochs {
    suite: Suite,
    sending: StanzaKeys,
    sets: VecDeque<ReceiveSet>,
    /// The newest value of the peer.
    peer: PublicValue,
    /// Keys received since our last stanza: the next `<new/>`.
    unreported: usize,
}

/// More keys of ours than this are not in flight at once.
const MAX_SETS: usize = 16;

impl Epochs {
    pub(crate) fn new(
        suite: Suite,
        sending: StanzaKeys,
        receiving: StanzaKeys,
        pair: KeyPair,
        peer: PublicValue,
    ) -> Self {
        let sets = [ReceiveSet { keys: receiving, pair }].into();
        Self { suite, sending, sets, peer, unreported: 0 }
    }

    /// The keys for our next stanza.
    pub(crate) fn sending(&self) -> &StanzaKeys {
        &self.sending
    }

    /// The sets the peer may be using, oldest first.
    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn sets(&self) -> impl Iterator<Item = &ReceiveSet> {
        self.sets.iter()
    }

    /// The count for `<new/>` of our next stanza.
    pub(crate) fn unreported(&self) -> usize {
        self.unreported
    }

    /// The group of the session.
    pub(crate) fn group(&self) -> Result<crate::Group, Error> {
        self.sets.back().map(|set| set.pair.group()).ok_or(Error::Misuse(Misuse::Closed))
    }

    /// Whether another key may be sent before the peer has answered the earlier ones.
    pub(crate) fn has_room(&self) -> bool {
        self.sets.len() < MAX_SETS
    }

    /// Whether keys of ours are out that the peer has not reported yet.
    pub(crate) fn has_crossed(&self) -> bool {
        self.sets.len() > 1
    }

    /// Our stanza is out, under the keys so far; with `pair` it carried a new key.
    pub(crate) fn sent(&mut self, pair: Option<KeyPair>) -> Result<(), Error> {
        self.unreported = 0;
        if let Some(pair) = pair {
            let shared = pair.agree(&self.peer)?;
            self.sending = rekeyed(&shared, RekeyRole::Initiator, self.suite);
            self.sets.push_back(ReceiveSet { keys: rekeyed(&shared, RekeyRole::Acceptor, self.suite), pair });
        }
        Ok(())
    }

    /// The keys of a stanza that reports `new` keys of ours.
    pub(crate) fn select(&self, new: usize) -> Result<&StanzaKeys, Error> {
        self.sets.get(new).map(|set| &set.keys).ok_or(Error::PeerMisbehaved(Misbehaviour::BadNewCount))
    }

    /// The stanza was authentic: the peer will never use older sets again.
    pub(crate) fn forget_before(&mut self, new: usize) {
        self.sets.drain(..new.min(self.sets.len()));
    }

    /// An authentic stanza carried a new key of the peer. Each set of ours is the peer's new sending key now; ours changes
    /// too, unless a key of ours has crossed with it.
    pub(crate) fn received(&mut self, octets: &[u8]) -> Result<(), Error> {
        let value = PublicValue::check(self.group()?, octets, Misbehaviour::BadRekeyValue)?;
        let oldest = self.sets.front().ok_or(Error::Misuse(Misuse::Closed))?;
        let shared = oldest.pair.agree(&value)?;
        let crossed = self.has_crossed();
        for set in &mut self.sets {
            set.keys = rekeyed(&shared, RekeyRole::Initiator, self.suite);
        }
        if !crossed {
            self.sending = rekeyed(&shared, RekeyRole::Acceptor, self.suite);
        }
        self.peer = value;
        self.unreported = self.unreported.saturating_add(1);
        Ok(())
    }
}
