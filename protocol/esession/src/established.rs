//! What a finished negotiation hands over.

use zeroize::Zeroizing;

use crate::choice::Choice;
use crate::counter::Counter;
use crate::form::ExtraField;
use crate::group::{Group, KeyPair, PublicValue};
use crate::hybrid::Hybrid;
use crate::management::Terms;
use crate::options::{Cipher, Disclosure, Hash, Logging, StanzaKind};
use crate::policy::Policy;
use crate::public_key::PublicKey;
use crate::rekey::{Own, Theirs};
use crate::sas::Sas;
use crate::schedule::{DirectionKeys, SharedSecret};
use crate::secret::{ChainOutcome, RetainedSecret, Secret};
use crate::session::Session;
use crate::suite::{Profile, Suite};

/// Which end of the negotiation this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Alice, who asked for the session.
    Initiator,
    /// Bob, who answered.
    Responder,
}

impl Role {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// What the two ends agreed on.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// This end's role.
    pub role: Role,
    /// How the peer reads the documents.
    pub profile: Profile,
    /// The Diffie-Hellman group.
    pub group: Group,
    /// The cipher.
    pub cipher: Cipher,
    /// The hash.
    pub hash: Hash,
    /// The kinds of stanza whose content is encrypted.
    pub stanzas: Vec<StanzaKind>,
    /// What was said about disclosure; `None` if the request did not ask. Anything but `Never` must be shown to the user.
    pub disclosure: Option<Disclosure>,
    /// Whether transcripts may be kept; `None` if the request did not ask, which means they may.
    pub logging: Option<Logging>,
    /// The least number of stanzas between two key exchanges.
    pub rekey_freq: u32,
    /// Whether X25519 and ML-KEM-768 are in the keys, so that what is recorded stays closed to quantum computers.
    pub hybrid: bool,
    /// Whether this end's [`crate::Credentials::other_secret`] is in the keys, so that the peer has it too. For the responder
    /// it holds once the session is confirmed. A password that people choose proves nothing of who the peer is: whoever asked
    /// a responder once can try all passwords on its last message.
    pub password: bool,
    /// Whether the peer named the same two ends ([`crate::Binding`]).
    pub bound: bool,
    /// The fields of the peer's first form that this crate does not know. They were covered by the MACs.
    pub peer_extras: Vec<ExtraField>,
}

/// A finished negotiation.
#[derive(Debug)]
pub struct Established {
    /// The encrypted session.
    pub session: Session,
    /// What was agreed.
    pub agreed: Agreed,
    /// What the users compare if the chain is not verified.
    pub sas: Sas,
    /// The key the peer signed with, where it identified itself by one. Whether to trust it is the caller's business.
    pub peer_key: Option<PublicKey>,
    /// What became of the chain of retained secrets.
    pub chain: ChainOutcome,
    /// Whether a verified chain with a third name vouches for this session ([`crate::Binding::vouched_by`]): it is as good as
    /// compared, whatever became of its own chain. For the responder it holds once the session is confirmed, not before.
    pub vouched: bool,
    /// The next secret of the chain, pending: store it at once beside the others, and let it replace the matched one when
    /// [`Session::is_confirmed`]. Its `id` is 0 until the caller gives it one.
    pub new_secret: RetainedSecret,
}

/// What the peer's first form says besides the choice.
pub(crate) struct Said {
    pub(crate) extras: Vec<ExtraField>,
    /// It names both ends.
    pub(crate) bound: bool,
}

/// What the two roles know alike when the negotiation turns to the final keys.
pub(crate) struct Finalist {
    pub(crate) role: Role,
    pub(crate) policy: Policy,
    pub(crate) choice: Choice,
    pub(crate) said: Said,
    pub(crate) provisional: SharedSecret,
    pub(crate) suite: Suite,
    pub(crate) pair: KeyPair,
    pub(crate) peer: PublicValue,
    /// With the secret that comes of it.
    pub(crate) hybrid: Option<(Hybrid, Secret)>,
    pub(crate) voucher: Option<Secret>,
    /// After Alice's proof.
    pub(crate) initiator_counter: Counter,
    pub(crate) sas: Sas,
}

/// The final keys, before or after Bob's proof.
pub(crate) struct FinalKeys {
    pub(crate) shared: SharedSecret,
    pub(crate) initiator: DirectionKeys,
    pub(crate) responder: DirectionKeys,
    password: bool,
}

impl Finalist {
    /// K = HASH(K | SRS | OSS) and the keys of both directions. OSS is what the hybrid gives, the voucher, and the secret of
    /// the caller.
    pub(crate) fn final_keys(&self, srs: Option<&RetainedSecret>, oss: Option<&Secret>) -> FinalKeys {
        let octets = |secret: Option<&Secret>| Zeroizing::new(secret.map(|s| s.expose().to_vec()).unwrap_or_default());
        let hybrid = self.hybrid.as_ref().map(|(_, secret)| secret);
        let password = oss.is_some_and(|password| !password.expose().is_empty());
        let oss = Secret::join(&[&octets(hybrid), &octets(self.voucher.as_ref()), &octets(oss)]);
        let shared = self.provisional.strengthen(srs.map(RetainedSecret::value), Some(&oss), self.suite);
        let keys = |role| shared.keys(role, self.suite);
        FinalKeys { initiator: keys(Role::Initiator), responder: keys(Role::Responder), shared, password }
    }

    /// Opens the session. `responder_counter` stands after Bob's proof.
    pub(crate) fn establish(
        self,
        keys: FinalKeys,
        responder_counter: Counter,
        chain: ChainOutcome,
        peer_key: Option<PublicKey>,
    ) -> Established {
        let FinalKeys { shared, initiator, responder, password } = keys;
        let vouched = self.voucher.is_some();
        let new_secret = RetainedSecret::new(0, shared.new_retained_secret(self.suite), chain.is_verified() || vouched);
        let initiator = (initiator.stanza, self.initiator_counter);
        let responder = (responder.stanza, responder_counter);
        let (sending, receiving) = match self.role {
            Role::Initiator => (initiator, responder),
            Role::Responder => (responder, initiator),
        };
        let is_hybrid = self.hybrid.is_some();
        let (own, share) = self.hybrid.map(|(hybrid, _)| (hybrid.own, hybrid.peer)).unzip();
        let session = Session::new(
            self.role,
            self.suite,
            &self.policy,
            self.choice.rekey_freq,
            sending,
            receiving,
            Own { pair: self.pair, hybrid: own },
            Theirs { value: self.peer, share },
        );
        let agreed =
            Agreed { password, ..Agreed::new(self.role, self.suite.profile, self.choice, self.said, is_hybrid) };
        Established { session, agreed, sas: self.sas, peer_key, chain, vouched, new_secret }
    }
}

impl Agreed {
    /// Terms that were agreed later.
    pub fn adopt(&mut self, terms: Terms) {
        self.disclosure = terms.disclosure.or(self.disclosure);
        self.logging = terms.logging.or(self.logging);
    }

    pub(crate) fn new(role: Role, profile: Profile, choice: Choice, said: Said, hybrid: bool) -> Self {
        let Said { extras: peer_extras, bound } = said;
        let Choice { group, cipher, hash, stanzas, disclosure, logging, rekey_freq, .. } = choice;
        Self {
            role,
            profile,
            group,
            cipher,
            hash,
            stanzas,
            disclosure,
            logging,
            rekey_freq,
            hybrid,
            password: false,
            bound,
            peer_extras,
        }
    }
}
