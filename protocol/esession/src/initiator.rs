//! Alice's side of the four-message negotiation (XEP-0116 section 4).

use minidom::Element;

use crate::choice::Choice;
use crate::counter::Counter;
use crate::error::{Error, Misbehaviour};
use crate::established::{Established, Finalist, Role};
use crate::form::{ExtraField, Form, FormWriter, encode};
use crate::group::{KeyPair, PublicValue};
use crate::normal::normalize;
use crate::offer::{Offer, session_id};
use crate::options::Hash;
use crate::policy::Policy;
use crate::primitives::{CryptoRng, random};
use crate::sas::Sas;
use crate::schedule::SharedSecret;
use crate::secret::{ChainOutcome, RetainedSecret, Secret, announce, find_shared};
use crate::sigma::{Claim, Proof, prove, verify};
use crate::suite::KeyLengths;

/// Alice, who asks for a session.
#[derive(Debug)]
pub struct Initiator;

/// Alice after message 1: form A is out.
pub struct AwaitResponse {
    policy: Policy,
    offer: Offer,
    keys: Vec<KeyPair>,
}

/// Alice after message 3: form A2 is out.
pub struct AwaitCompletion {
    pub(crate) finalist: Finalist,
    pub(crate) nonce_a: Vec<u8>,
    pub(crate) nonce_b: Vec<u8>,
    pub(crate) form_b: String,
    pub(crate) responder_counter: Counter,
    secrets: Vec<RetainedSecret>,
    oss: Option<Secret>,
}

impl Initiator {
    /// Message 1: form A, to be wrapped by [`crate::namespaces::feature`]. One exponentiation per offered group.
    ///
    /// # Errors
    /// [`Misuse::Policy`](crate::Misuse::Policy), [`Misuse::ExtraField`](crate::Misuse::ExtraField).
    pub fn begin(
        policy: &Policy,
        extras: &[ExtraField],
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitResponse, Element), Error> {
        policy.check()?;
        let keys = policy.groups.iter().map(|group| KeyPair::generate(*group, rng)).collect::<Result<Vec<_>, _>>()?;
        let form_a = Offer::write(policy, random::<16>(rng).as_slice(), &keys, extras)?;
        Ok((AwaitResponse::new(policy, &form_a, keys)?, form_a))
    }
}

impl AwaitResponse {
    pub(crate) fn new(policy: &Policy, form_a: &Element, keys: Vec<KeyPair>) -> Result<Self, Error> {
        Ok(Self { policy: policy.clone(), offer: Offer::read(form_a)?, keys })
    }

    /// Whether form B answers this request, be it with a refusal. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b: &Element) -> bool {
        Form::is_addressed(form_b, "submit", &self.offer.nonce)
    }

    /// Message 2 -> 3: checks form B, makes form A2, to be wrapped by [`crate::namespaces::feature`]. One exponentiation.
    ///
    /// `secrets` are all unexpired retained secrets of the peer, confirmed and pending, the best first: eight are announced.
    /// `oss` is the other shared secret of this session, if there is one; the extra fields of form B, see
    /// [`crate::extra_fields`], may say which.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_response(
        self,
        form_b: &Element,
        secrets: &[RetainedSecret],
        oss: Option<&Secret>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitCompletion, Element), Error> {
        self.identify(form_b, |hash, nonce| announce(hash, secrets, nonce, rng), secrets, oss, KeyLengths::Whole)
    }

    /// Message 3 with the given `rshashes`.
    pub(crate) fn identify(
        self,
        form_b: &Element,
        announce: impl FnOnce(Hash, &[u8]) -> Vec<Vec<u8>>,
        secrets: &[RetainedSecret],
        oss: Option<&Secret>,
        lengths: KeyLengths,
    ) -> Result<(AwaitCompletion, Element), Error> {
        let Self { policy, offer, keys } = self;
        let form = Form::read(form_b, "submit")?;
        form.check_addressed(&offer.nonce)?;
        form.check_accepted()?;
        let choice = Choice::read(&policy, &offer.form, &form)?;
        let nonce_b = session_id(&form)?;
        let initial =
            Counter::from_octets(&form.octets("counter")?).ok_or_else(|| Error::BadField("counter".into()))?;
        let form_b = normalize(form_b)?;
        let peer = PublicValue::check(choice.group, &form.octets("dhkeys")?, Misbehaviour::BadResponderValue)?;
        let pair = keys.into_iter().find(|pair| pair.group() == choice.group);
        let pair = pair.ok_or_else(|| Error::PeerIncompatible(vec!["modp".into()]))?;
        let suite = choice.suite(lengths);
        let provisional = SharedSecret::negotiated(&pair.agree(&peer)?, suite);

        let announced = announce(suite.hash, &offer.nonce);
        let mut form_a2 = FormWriter::new("result");
        form_a2.field("accept", "1");
        form_a2.field("nonce", encode(&nonce_b));
        form_a2.typed("dhkeys", "hidden", &[encode(pair.public())]);
        form_a2.typed("rshashes", "hidden", &announced.iter().map(|hash| encode(hash)).collect::<Vec<_>>());
        let claim = Claim {
            verifier_nonce: &nonce_b,
            prover_nonce: &offer.nonce,
            public: pair.public(),
            form: &offer.normal,
            completion: &normalize(form_a2.element())?,
        };
        let mut initiator_counter = initial;
        let own_keys = provisional.keys(Role::Initiator, suite);
        let proof = prove(&claim, &own_keys, suite, &mut initiator_counter);
        let form_a2 = form_a2.finish_with_proof(&proof.identity, &proof.mac);
        let sas = Sas::compute(suite.hash, &proof.mac, &offer.normal, &form_b, pair.public());
        let (role, peer_extras) = (Role::Initiator, form.extras());
        let finalist =
            Finalist { role, policy, choice, peer_extras, provisional, suite, pair, peer, initiator_counter, sas };
        let next = AwaitCompletion {
            finalist,
            nonce_a: offer.nonce,
            nonce_b,
            form_b,
            responder_counter: initial.of_peer(),
            secrets: secrets.to_vec(),
            oss: oss.cloned(),
        };
        Ok((next, form_a2))
    }
}

impl AwaitCompletion {
    /// Whether form B2 completes this negotiation. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b2: &Element) -> bool {
        Form::is_addressed(form_b2, "result", &self.nonce_a)
    }

    /// The short authentication string, which both ends can compute by now.
    #[must_use]
    pub fn sas(&self) -> &Sas {
        &self.finalist.sas
    }

    /// Message 4: verifies Bob. The session is confirmed; [`crate::Session::confirm`] should be sent at once.
    ///
    /// # Errors
    /// Each closes the negotiation; no retained secret may be touched then.
    pub fn handle_completion(self, form_b2: &Element) -> Result<Established, Error> {
        let form = Form::read(form_b2, "result")?;
        form.check_addressed(&self.nonce_a)?;
        let proof = Proof { identity: form.octets("identity")?, mac: form.mac(self.finalist.suite.hash)? };
        let srs = find_shared(self.finalist.suite.hash, &self.secrets, &form.octets("srshash")?);
        let chain = ChainOutcome::of(&self.secrets, srs);
        let keys = self.finalist.final_keys(srs, self.oss.as_ref());
        let claim = Claim {
            verifier_nonce: &self.nonce_a,
            prover_nonce: &self.nonce_b,
            public: self.finalist.peer.octets(),
            form: &self.form_b,
            completion: &normalize(form_b2)?,
        };
        let mut counter = self.responder_counter;
        verify(&claim, &proof, &keys.responder, self.finalist.suite, &mut counter)?;
        Ok(self.finalist.establish(keys, counter, chain))
    }
}

impl std::fmt::Debug for AwaitResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwaitResponse(..)")
    }
}

impl std::fmt::Debug for AwaitCompletion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwaitCompletion(..)")
    }
}
