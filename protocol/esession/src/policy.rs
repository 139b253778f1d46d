//! What this end accepts at all: the floor below every negotiation, checked before anything is computed.

use crate::error::{Error, Misuse};
use crate::established::Role;
use crate::group::Group;
use crate::options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, SignatureAlgorithm, StanzaKind};

/// The local policy. Lists are in order of preference; what is not listed is neither offered nor accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Diffie-Hellman groups. The responder takes the strongest that both have.
    pub groups: Vec<Group>,
    /// Lets group 5 into `groups`, for old peers only. Groups 1 and 2 do not exist here.
    pub insecure_groups: bool,
    /// Ciphers. The responder takes the strongest that both have.
    pub ciphers: Vec<Cipher>,
    /// Hashes.
    pub hashes: Vec<Hash>,
    /// Short authentication strings.
    pub sas_methods: Vec<SasMethod>,
    /// How this end identifies itself. `Key` and `Hash` need [`Credentials::signing_key`](crate::Credentials::signing_key).
    pub own_identification: Vec<Identification>,
    /// How this end lets the peer identify itself.
    pub peer_identification: Vec<Identification>,
    /// Signatures of either end, where they use public keys.
    pub signatures: Vec<SignatureAlgorithm>,
    /// The kinds of stanza this end can encrypt.
    pub stanzas: Vec<StanzaKind>,
    /// What this end may truthfully say (and accept to hear) about disclosure.
    pub disclosure: Vec<Disclosure>,
    /// Whether transcripts are kept: `MustNot` only if this end really keeps none.
    pub logging: Vec<Logging>,
    /// The least number of stanzas between two key exchanges; at least 1.
    pub rekey_freq: u32,
    /// Content is padded with spaces to a multiple of this many octets; 1 for none.
    pub padding: usize,
    /// Blocks under one key; never more than 2^32.
    pub max_blocks: u64,
    /// As responder, accept peers that cut every key to 128 bits, the literal reading of XEP-0217.
    pub accept_truncated_keys: bool,
    /// Talk to old Gajim in its own way, in either role. It changes nothing for anybody else: which way a peer goes shows in
    /// what it proves under the shared secret.
    pub accept_gajim: bool,
    /// Publish MAC keys once neither end takes them any more, so that anybody could have written what was said under them.
    pub publish_old_keys: bool,
    /// Add X25519 and ML-KEM-768 to the key exchange where the peer does so too: what is recorded today stays closed to the
    /// quantum computers of tomorrow. Others ignore it.
    pub hybrid: bool,
}

impl Default for Policy {
    /// Groups 16, 15, 14; AES-256 before AES-128; messages, presence and iq; no public keys; `disclosure` never;
    /// `logging` may.
    fn default() -> Self {
        Self {
            groups: vec![Group::Modp16, Group::Modp15, Group::Modp14],
            insecure_groups: false,
            ciphers: vec![Cipher::Aes256Ctr, Cipher::Aes128Ctr],
            hashes: vec![Hash::Sha256],
            sas_methods: vec![SasMethod::Committed28x5, SasMethod::Sas28x5],
            own_identification: vec![Identification::None],
            peer_identification: vec![Identification::None],
            signatures: vec![SignatureAlgorithm::RsaSha256],
            stanzas: vec![StanzaKind::Message, StanzaKind::Presence, StanzaKind::Iq],
            disclosure: vec![Disclosure::Never],
            logging: vec![Logging::May],
            rekey_freq: 1,
            padding: 64,
            max_blocks: MAX_BLOCKS,
            accept_truncated_keys: true,
            accept_gajim: true,
            publish_old_keys: true,
            hybrid: true,
        }
    }
}

/// XEP-0200 section 7: at most 2^32 blocks under a key.
pub(crate) const MAX_BLOCKS: u64 = 1 << 32;

impl Policy {
    /// Refuses a policy that could never lead to a sound session.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let empty = self.groups.is_empty()
            || self.ciphers.is_empty()
            || self.hashes.is_empty()
            || self.sas_methods.is_empty()
            || self.own_identification.is_empty()
            || self.peer_identification.is_empty()
            || self.signatures.is_empty()
            || self.stanzas.is_empty()
            || self.disclosure.is_empty()
            || self.logging.is_empty();
        let below_floor = self.groups.iter().any(|group| !self.allows(*group));
        let out_of_range = self.rekey_freq == 0 || self.padding == 0 || !(1..=MAX_BLOCKS).contains(&self.max_blocks);
        if empty || below_floor || out_of_range { Err(Error::Misuse(Misuse::Policy)) } else { Ok(()) }
    }

    /// Whether a group is listed and not below the floor.
    pub(crate) fn allows(&self, group: Group) -> bool {
        self.groups.contains(&group) && (self.insecure_groups || !group.is_insecure())
    }

    /// What is permitted in `init_pubkey` and `resp_pubkey`: how the end with role `who` may identify itself, when this end
    /// has the role `own`.
    pub(crate) fn identification(&self, own: Role, who: Role) -> &[Identification] {
        if own == who { &self.own_identification } else { &self.peer_identification }
    }
}
