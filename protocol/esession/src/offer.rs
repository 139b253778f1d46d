//! Form A: what the initiator offers (XEP-0116 sections 4.2 and 4.7).

use minidom::Element;

use crate::binding::Binding;
use crate::error::{Error, Misuse};
use crate::established::Role;
use crate::form::{Form, FormWriter, encode};
use crate::group::KeyPair;
use crate::hybrid::{self, HybridKeys, Share};
use crate::normal::Normal;
use crate::options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, SignatureAlgorithm, StanzaKind};
use crate::policy::Policy;
use crate::primitives::{CryptoRng, random, sha256};
use crate::voucher;

/// The only version of the protocol; the 1.2 and 1.3 of the examples never existed (esession registry).
pub(crate) const VERSION: &str = "1.0";
/// The only value of `security` that is a session for us.
pub(crate) const SECURITY: &str = "e2e";
/// The only value of `compress`: compression before encryption leaks lengths.
pub(crate) const COMPRESSION: &str = "none";

/// How many messages a negotiation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Four (SIGMA-R): the initiator commits to its value and shows it last; with short authentication strings and retained
    /// secrets, and public keys if the ends want them.
    FourMessage,
    /// Three (SIGMA-I): the initiator shows its value at once; both ends must have public keys.
    ThreeMessage,
    /// One, against options that were published ([`crate::Published`]). It is no request that could be answered.
    Offline,
}

impl Flow {
    /// The flow that form A asks for. The two are answered by different machines: [`crate::Responder::respond`] and
    /// [`crate::Responder::respond_signed`].
    #[must_use]
    pub fn of(form_a: &Element) -> Self {
        let values = |var: &str| form_a.children().any(|field| field.attr("var") == Some(var));
        if values("signs") {
            return Self::Offline;
        }
        if values("dhkeys") && !values("dhhashes") { Self::ThreeMessage } else { Self::FourMessage }
    }

    /// The field of form A with what the initiator says about its values, one per group.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::FourMessage => "dhhashes",
            Self::ThreeMessage | Self::Offline => "dhkeys",
        }
    }

    /// Whether an end may identify itself so.
    pub(crate) fn permits(self, how: Identification) -> bool {
        self == Self::FourMessage || how != Identification::None
    }
}

/// Form A, read.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) form: Form,
    /// formA, as it is MACed.
    pub(crate) normal: Normal,
    /// N_A
    pub(crate) nonce: Vec<u8>,
    pub(crate) flow: Flow,
    /// He or e of each group, in the order of `modp`.
    values: Vec<Vec<u8>>,
}

/// What Alice keeps to herself of her offer.
pub(crate) struct Kept {
    /// x and e of each group.
    pub(crate) keys: Vec<KeyPair>,
    pub(crate) hybrid: Option<HybridKeys>,
    pub(crate) binding: Binding,
}

impl Offer {
    /// Message 1 from the policy.
    pub(crate) fn make(
        policy: &Policy,
        flow: Flow,
        binding: &Binding,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Element, Kept), Error> {
        policy.check()?;
        let keys = policy.groups.iter().map(|group| KeyPair::generate(*group, rng)).collect::<Result<Vec<_>, _>>()?;
        let hybrid = policy.hybrid.then(|| HybridKeys::generate(rng));
        let kept = Kept { keys, hybrid, binding: binding.clone() };
        let nonce = random::<16>(rng);
        let vouchers = binding.vouchers().filter(|_| flow == Flow::FourMessage);
        let vouchers = vouchers.map(|vouchers| voucher::announce(vouchers, nonce.as_slice(), rng)).unwrap_or_default();
        Ok((Self::write(policy, flow, nonce.as_slice(), &kept, &vouchers)?.element().clone(), kept))
    }

    /// Options to be published, before anything is said about when they end and who has signed (XEP-0187 section 3.1): never
    /// for iq, which nobody answers, and for messages only where they are for one resource, which no presence of others
    /// reaches.
    pub(crate) fn write_options(
        policy: &Policy,
        nonce: &[u8],
        kept: &Kept,
        matches: bool,
    ) -> Result<FormWriter, Error> {
        let mut policy = policy.clone();
        policy.stanzas.retain(|kind| *kind == StanzaKind::Message || (*kind == StanzaKind::Presence && !matches));
        policy.check()?;
        Self::write(&policy, Flow::Offline, nonce, kept, &[])
    }

    /// Form A.
    fn write(
        policy: &Policy,
        flow: Flow,
        nonce: &[u8],
        kept: &Kept,
        vouchers: &[Vec<u8>],
    ) -> Result<FormWriter, Error> {
        let keys = &kept.keys;
        // Whoever writes to somebody who is away shows a key.
        let negotiated = flow != Flow::Offline;
        let identification = |who| {
            if !negotiated {
                return vec![Identification::Key];
            }
            let permitted = policy.identification(Role::Initiator, who).iter().copied();
            permitted.filter(|how| flow.permits(*how)).collect::<Vec<_>>()
        };
        let (own, peer) = (identification(Role::Initiator), identification(Role::Responder));
        if own.is_empty() || peer.is_empty() {
            return Err(Error::Misuse(Misuse::Policy));
        }
        let mut form = FormWriter::new("form");
        if negotiated {
            form.typed("accept", "boolean", &["1"]);
        }
        let mut single = |var: &str, options: &[&str]| form.options(var, "list-single", options);
        single("logging", &policy.logging.iter().copied().map(Logging::name).collect::<Vec<_>>());
        single("disclosure", &policy.disclosure.iter().copied().map(Disclosure::name).collect::<Vec<_>>());
        single("security", &[SECURITY]);
        single("modp", &keys.iter().map(|pair| pair.group().name()).collect::<Vec<_>>());
        single("crypt_algs", &policy.ciphers.iter().copied().map(Cipher::name).collect::<Vec<_>>());
        single("hash_algs", &policy.hashes.iter().copied().map(Hash::name).collect::<Vec<_>>());
        if own.iter().chain(&peer).any(|how| *how != Identification::None) {
            single("sign_algs", &policy.signatures.iter().copied().map(SignatureAlgorithm::name).collect::<Vec<_>>());
        }
        single("compress", &[COMPRESSION]);
        if negotiated {
            single("init_pubkey", &own.iter().copied().map(Identification::name).collect::<Vec<_>>());
            single("resp_pubkey", &peer.iter().copied().map(Identification::name).collect::<Vec<_>>());
        }
        single("ver", &[VERSION]);
        if flow == Flow::FourMessage {
            single("sas_algs", &policy.sas_methods.iter().copied().map(SasMethod::name).collect::<Vec<_>>());
        }
        let stanzas: Vec<_> = policy.stanzas.iter().copied().map(StanzaKind::name).collect();
        form.options("stanzas", "list-multi", &stanzas);
        form.typed("rekey_freq", "text-single", &[policy.rekey_freq.to_string()]);
        form.typed("my_nonce", "hidden", &[encode(nonce)]);
        let values: Vec<_> = match flow {
            Flow::FourMessage => keys.iter().map(|pair| encode(&sha256(&[pair.public()]))).collect(),
            Flow::ThreeMessage | Flow::Offline => keys.iter().map(|pair| encode(pair.public())).collect(),
        };
        form.typed(flow.field(), "hidden", &values);
        kept.binding.write(&mut form, Role::Initiator, nonce)?;
        if !vouchers.is_empty() {
            form.typed(voucher::FIELD, "hidden", &vouchers.iter().map(|voucher| encode(voucher)).collect::<Vec<_>>());
        }
        if let Some(hybrid) = &kept.hybrid {
            form.typed(hybrid::FIELD, "hidden", &[encode(&hybrid.share())]);
        }
        Ok(form)
    }

    /// Reads form A and refuses what does not ask for this flow.
    pub(crate) fn read(form_a: &Element, flow: Flow) -> Result<Self, Error> {
        let form = Form::read(form_a, "form")?;
        let unknown = form.unknown_required();
        if !unknown.is_empty() {
            return Err(Error::NotImplemented(unknown));
        }
        if Flow::of(form_a) != flow {
            return Err(Error::NotImplemented(vec![Flow::of(form_a).field().into()]));
        }
        if flow != Flow::Offline {
            form.check_accepted()?;
        }
        let nonce = session_id(&form)?;
        let values = form.all_octets(flow.field())?;
        let groups = form.field("modp").map_or(0, |field| field.values.len());
        let short = flow == Flow::FourMessage && values.iter().any(|hash| hash.len() != 32);
        if values.len() != groups || short {
            return Err(Error::PeerIncompatible(vec![flow.field().into()]));
        }
        Ok(Self { normal: Normal::of(form_a)?, form, nonce, flow, values })
    }

    /// Alice's hybrid share, if she shows one and the policy wants it.
    pub(crate) fn share(&self, policy: &Policy) -> Result<Option<Share>, Error> {
        if !policy.hybrid || self.form.field(hybrid::FIELD).is_none() {
            return Ok(None);
        }
        let share = Share::read(&self.form.octets(hybrid::FIELD)?);
        share.map(Some).ok_or_else(|| Error::BadField(hybrid::FIELD.into()))
    }

    /// He or e for the group that was chosen by name.
    pub(crate) fn value(&self, group: &str) -> Result<&[u8], Error> {
        let place = self.form.field("modp").and_then(|field| field.values.iter().position(|name| name == group));
        let value = place.and_then(|place| self.values.get(place)).map(Vec::as_slice);
        value.ok_or_else(|| Error::PeerIncompatible(vec![self.flow.field().into()]))
    }
}

/// The sender's ESession ID: 8 octets at least (Gajim's length).
pub(crate) fn session_id(form: &Form) -> Result<Vec<u8>, Error> {
    let nonce = form.octets("my_nonce")?;
    if (8..=64).contains(&nonce.len()) { Ok(nonce) } else { Err(Error::BadField("my_nonce".into())) }
}
