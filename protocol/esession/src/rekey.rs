//! The keys of a session and how they are renewed (XEP-0200 section 8).

use std::collections::VecDeque;

use crate::error::{Error, Misbehaviour, Misuse};
use crate::group::{KeyPair, PublicValue};
use crate::hybrid::{self, HybridKeys, Share};
use crate::primitives::{CryptoRng, constant_time_eq};
use crate::schedule::{RekeyRole, StanzaKeys, rekeyed};
use crate::secret::Secret;
use crate::suite::Suite;

/// Private values of ours.
pub(crate) struct Own {
    pub(crate) pair: KeyPair,
    pub(crate) hybrid: Option<HybridKeys>,
}

/// Public values of the peer.
pub(crate) struct Theirs {
    pub(crate) value: PublicValue,
    pub(crate) share: Option<Share>,
}

/// Keys the peer may be using, and the private values that were new when they became possible.
pub(crate) struct ReceiveSet {
    pub(crate) keys: StanzaKeys,
    pub(crate) own: Own,
}

/// A new key of ours, on its way.
pub(crate) struct Renewal {
    pub(crate) pair: KeyPair,
    pub(crate) hybrid: Option<hybrid::Answer>,
}

/// Both directions' keys. There is more than one receive set while the peer has not shown that it saw our newest key.
pub(crate) struct Epochs {
    suite: Suite,
    sending: StanzaKeys,
    sets: VecDeque<ReceiveSet>,
    /// The newest of the peer.
    peer: Theirs,
    /// Keys received since our last stanza: the next `<new/>`.
    unreported: usize,
    retired: Retired,
}

/// MAC keys that have served, for publication: with them anybody could have written what was said under them (XEP-0116
/// section 11.6, repudiation), and nobody must be able to while an end would still believe it.
#[derive(Default)]
struct Retired {
    /// Keys of ours that the peer has reported.
    reported: usize,
    /// Keys of ours that are out.
    sent: usize,
    /// What we sealed with, and which of our keys must be reported first: until then the peer may take it.
    ours: VecDeque<(usize, Secret)>,
    /// What neither end takes any more.
    dead: Vec<Secret>,
}

impl Retired {
    /// We seal with other keys now. The peer goes on taking the old ones until it has our next report, and we know that it
    /// has when it reports a key that we sent no earlier.
    fn sending(&mut self, mac: Secret) {
        self.ours.push_back((self.sent + 1, mac));
    }

    /// The peer has reported `new` more keys of ours.
    fn reported(&mut self, new: usize) {
        self.reported += new;
        while let Some((_, mac)) = self.ours.pop_front_if(|(needed, _)| *needed <= self.reported) {
            self.dead.push(mac);
        }
    }
}

/// More keys of ours than this are not in flight at once.
const MAX_SETS: usize = 16;

impl Epochs {
    pub(crate) fn new(suite: Suite, sending: StanzaKeys, receiving: StanzaKeys, own: Own, peer: Theirs) -> Self {
        let sets = [ReceiveSet { keys: receiving, own }].into();
        Self { suite, sending, sets, peer, unreported: 0, retired: Retired::default() }
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

    /// MAC keys to publish with our next stanza.
    pub(crate) fn take_dead(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.retired.dead)
    }

    /// The group of the session.
    pub(crate) fn group(&self) -> Result<crate::Group, Error> {
        self.sets.back().map(|set| set.own.pair.group()).ok_or(Error::Misuse(Misuse::Closed))
    }

    /// Whether another key may be sent before the peer has answered the earlier ones.
    pub(crate) fn has_room(&self) -> bool {
        self.sets.len() < MAX_SETS
    }

    /// Whether keys of ours are out that the peer has not reported yet.
    pub(crate) fn has_crossed(&self) -> bool {
        self.sets.len() > 1
    }

    /// A new key of ours.
    pub(crate) fn renew(&self, rng: &mut dyn CryptoRng) -> Result<Renewal, Error> {
        let pair = KeyPair::generate(self.group()?, rng)?;
        let hybrid = match &self.peer.share {
            Some(share) => Some(HybridKeys::answer(share, rng).ok_or(Error::DecryptFailed)?),
            None => None,
        };
        Ok(Renewal { pair, hybrid })
    }

    /// Our stanza is out, under the keys so far; with `renewal` it carried a new key.
    pub(crate) fn sent(&mut self, renewal: Option<Renewal>) -> Result<(), Error> {
        self.unreported = 0;
        if let Some(Renewal { pair, hybrid }) = renewal {
            let (hybrid, secret) = hybrid.map(|answer| (answer.own, answer.secret)).unzip();
            let shared = joined(&pair.agree(&self.peer.value)?, secret.as_ref());
            let old = std::mem::replace(&mut self.sending, rekeyed(&shared, RekeyRole::Initiator, self.suite));
            self.retired.sending(old.mac);
            self.retired.sent += 1;
            let own = Own { pair, hybrid };
            self.sets.push_back(ReceiveSet { keys: rekeyed(&shared, RekeyRole::Acceptor, self.suite), own });
        }
        Ok(())
    }

    /// The keys of a stanza that reports `new` keys of ours.
    pub(crate) fn select(&self, new: usize) -> Result<&StanzaKeys, Error> {
        self.sets.get(new).map(|set| &set.keys).ok_or(Error::PeerMisbehaved(Misbehaviour::BadNewCount))
    }

    /// The stanza was authentic: the peer will never use older sets again.
    pub(crate) fn forget_before(&mut self, new: usize) {
        let gone: Vec<_> = self.sets.drain(..new.min(self.sets.len())).map(|set| set.keys.mac).collect();
        gone.into_iter().for_each(|mac| self.bury(mac));
        self.retired.reported(new);
    }

    /// An authentic stanza carried a new key of the peer. Each set of ours is the peer's new sending key now; ours changes
    /// too, unless a key of ours has crossed with it.
    pub(crate) fn received(&mut self, octets: &[u8], hybrid: Option<&[u8]>) -> Result<(), Error> {
        let value = PublicValue::check(self.group()?, octets, Misbehaviour::BadRekeyValue)?;
        let oldest = self.sets.front().ok_or(Error::Misuse(Misuse::Closed))?;
        let bad = Error::PeerMisbehaved(Misbehaviour::BadRekeyValue);
        let (share, secret) = match (&oldest.own.hybrid, hybrid) {
            (Some(own), Some(answer)) => {
                own.open(answer).map(|(share, secret)| (Some(share), Some(secret))).ok_or(bad)?
            }
            (None, None) => (None, None),
            // A hybrid session stays one.
            _ => return Err(bad),
        };
        let shared = joined(&oldest.own.pair.agree(&value)?, secret.as_ref());
        let crossed = self.has_crossed();
        let keys = || rekeyed(&shared, RekeyRole::Initiator, self.suite);
        let gone: Vec<_> = self.sets.iter_mut().map(|set| std::mem::replace(&mut set.keys, keys()).mac).collect();
        gone.into_iter().for_each(|mac| self.bury(mac));
        if !crossed {
            let old = std::mem::replace(&mut self.sending, rekeyed(&shared, RekeyRole::Acceptor, self.suite));
            self.retired.sending(old.mac);
        }
        self.peer = Theirs { value, share };
        self.unreported = self.unreported.saturating_add(1);
        Ok(())
    }

    /// A set is gone. Where keys have crossed, others may have the same.
    fn bury(&mut self, mac: Secret) {
        let is = |other: &Secret| constant_time_eq(other.expose(), mac.expose());
        if !self.sets.iter().any(|set| is(&set.keys.mac)) && !self.retired.dead.iter().any(is) {
            self.retired.dead.push(mac);
        }
    }
}

/// What a re-key shares: mpi(dh), and behind it the secret of the hybrid.
fn joined(dh: &Secret, hybrid: Option<&Secret>) -> Secret {
    match hybrid {
        Some(hybrid) => Secret::join(&[dh.expose(), hybrid.expose()]),
        None => dh.clone(),
    }
}
