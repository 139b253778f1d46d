//! Bob's side of the four-message negotiation (XEP-0116 section 4).

use minidom::Element;

use crate::binding::Binding;
use crate::choice::Choice;
use crate::counter::Counter;
use crate::credentials::Credentials;
use crate::error::{Error, Misbehaviour};
use crate::established::{Established, Finalist, Role, Said};
use crate::form::{Form, FormWriter, encode};
use crate::group::{KeyPair, PublicValue};
use crate::hybrid::{self, Hybrid, HybridKeys, Share};
use crate::normal::Normal;
use crate::offer::{Flow, Offer};
use crate::options::Identification;
use crate::policy::Policy;
use crate::primitives::{CryptoRng, constant_time_eq, random, sha256};
use crate::public_key::PublicKey;
use crate::sas::Sas;
use crate::schedule::SharedSecret;
use crate::secret::{ChainOutcome, Secret, filler, find_announced};
use crate::sigma::{Claim, Proof, prove, verify};
use crate::suite::{Profile, Suite};
use crate::voucher;

/// Bob, who is asked for a session.
#[derive(Debug)]
pub struct Responder;

/// Bob after message 2: form B is out.
pub struct AwaitIdentity {
    policy: Policy,
    choice: Choice,
    offer: Offer,
    commitment: Vec<u8>,
    pub(crate) form_b: Normal,
    pub(crate) nonce_b: Vec<u8>,
    pub(crate) pair: KeyPair,
    pub(crate) initial_counter: Counter,
    hybrid: Option<(Hybrid, Secret)>,
    /// Whether Alice named both ends.
    bound: bool,
    /// What both ends have.
    voucher: Option<Secret>,
}

/// What Bob draws.
pub(crate) struct Draw {
    pub(crate) nonce: Vec<u8>,
    pub(crate) counter: Counter,
    pub(crate) pair: KeyPair,
    /// With Alice's share.
    pub(crate) hybrid: Option<(hybrid::Answer, Share)>,
    /// In place of a voucher.
    pub(crate) noise: Vec<u8>,
}

impl Draw {
    pub(crate) fn new(choice: &Choice, share: Option<Share>, rng: &mut dyn CryptoRng) -> Result<Self, Error> {
        let pair = KeyPair::generate(choice.group, rng)?;
        let (nonce, counter) = (random::<16>(rng).to_vec(), Counter::draw(rng));
        let hybrid = match share {
            Some(share) => {
                let answer = HybridKeys::answer(&share, rng).ok_or_else(|| Error::BadField(hybrid::FIELD.into()))?;
                Some((answer, share))
            }
            None => None,
        };
        Ok(Self { nonce, counter, pair, hybrid, noise: voucher::noise(rng) })
    }

    /// Form B before any proof.
    pub(crate) fn response(&self, choice: &Choice, offer: &Offer, binding: &Binding) -> Result<FormWriter, Error> {
        let mut form = choice.write(offer, &encode(&self.nonce), &encode(self.pair.public()));
        binding.write(&mut form, Role::Responder, &self.nonce)?;
        if offer.form.field(voucher::FIELD).is_some() && binding.vouchers().is_some() {
            let found = binding.voucher(&offer.form, Role::Initiator, &offer.nonce)?;
            form.typed(voucher::FIELD, "hidden", &[encode(&voucher::answer(found, &self.nonce, &self.noise))]);
        }
        if let Some((answer, _)) = &self.hybrid {
            form.typed(hybrid::FIELD, "hidden", &[encode(&answer.message)]);
        }
        form.field("nonce", encode(&offer.nonce));
        form.field("counter", encode(&self.counter.mpi()));
        Ok(form)
    }
}

impl Responder {
    /// Message 1 -> 2: checks form A against the policy, then makes form B, to be wrapped by [`crate::namespaces::feature`].
    /// The extra fields of form A can be read before with [`crate::extra_fields`]. One exponentiation.
    ///
    /// # Errors
    /// See [`Error::to_stanza_error`]; nothing is computed before the options are accepted.
    pub fn respond(
        policy: &Policy,
        form_a: &Element,
        binding: &Binding,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitIdentity, Element), Error> {
        Self::respond_with(policy, form_a, binding, |choice, share| Draw::new(choice, share, rng))
    }

    /// Message 2 as a refusal without a reason: a form with `accept` 0, to be wrapped by [`crate::namespaces::feature`].
    ///
    /// # Errors
    /// Form A cannot be read; see [`Error::to_stanza_error`].
    pub fn decline(form_a: &Element) -> Result<Element, Error> {
        let offer = Offer::read(form_a, Flow::of(form_a))?;
        let mut form = FormWriter::new("submit");
        form.field("accept", "0");
        form.field("nonce", encode(&offer.nonce));
        Ok(form.element().clone())
    }

    /// Message 2 with what `draw` gives for the choice.
    pub(crate) fn respond_with(
        policy: &Policy,
        form_a: &Element,
        binding: &Binding,
        draw: impl FnOnce(&Choice, Option<Share>) -> Result<Draw, Error>,
    ) -> Result<(AwaitIdentity, Element), Error> {
        policy.check()?;
        let offer = Offer::read(form_a, Flow::FourMessage)?;
        let bound = binding.check(&offer.form, Role::Responder, &offer.nonce)?;
        let choice = Choice::make(policy, &offer)?;
        let commitment = offer.value(choice.group.name())?.to_vec();
        let draw = draw(&choice, offer.share(policy)?)?;
        let form_b = draw.response(&choice, &offer, binding)?.element().clone();
        let voucher = binding.voucher(&offer.form, Role::Initiator, &offer.nonce)?.cloned();
        let Draw { nonce: nonce_b, counter: initial_counter, pair, hybrid, .. } = draw;
        let state = AwaitIdentity {
            policy: policy.clone(),
            choice,
            offer,
            commitment,
            form_b: Normal::of(&form_b)?,
            nonce_b,
            pair,
            initial_counter,
            hybrid: hybrid.map(|(answer, peer)| (Hybrid { own: answer.own, peer }, answer.secret)),
            bound,
            voucher,
        };
        Ok((state, form_b))
    }
}

impl AwaitIdentity {
    /// Whether form A2 continues this negotiation. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_a2: &Element) -> bool {
        Form::is_addressed(form_a2, "result", &self.nonce_b)
    }

    /// Whether this end is to sign: then [`Credentials::signing_key`] is needed.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.choice.resp != Identification::None
    }

    /// Message 3 -> 4: verifies Alice, makes form B2, to be wrapped by [`crate::namespaces::init`]. One exponentiation.
    ///
    /// The session is not confirmed yet: the pending secret and [`Established::chain`] count from the stanza with [`crate::Opened::confirms`] on.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_identity(
        self,
        form_a2: &Element,
        credentials: Credentials,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Established, Element), Error> {
        let form = Form::read(form_a2, "result")?;
        form.check_addressed(&self.nonce_b)?;
        form.check_accepted()?;
        let e = form.octets("dhkeys")?;
        if !constant_time_eq(&sha256(&[&e]), &self.commitment) {
            return Err(Error::PeerMisbehaved(Misbehaviour::BrokenCommitment));
        }
        let peer = PublicValue::check(self.choice.group, &e, Misbehaviour::BadInitiatorValue)?;
        let announced = form.all_octets("rshashes")?;
        let proof = Proof { identity: form.octets("identity")?, mac: form.mac(self.choice.hash)? };
        let provisional = SharedSecret::negotiated(&self.pair.agree(&peer)?, self.choice.suite(Profile::Xep));
        let alice = self.recognise(&e, &Normal::of(form_a2)?, &proof, &provisional, &credentials)?;
        let (suite, initiator_counter) = (alice.suite, alice.counter);
        let Credentials { secrets, other_secret, signing_key, .. } = credentials;
        let sas = Sas::compute(self.choice.sas_method()?, suite, &proof.mac, &self.offer.normal, &self.form_b, &e);

        let srs = find_announced(suite.hash, &secrets, &announced, &self.offer.nonce);
        let chain = ChainOutcome::of(&secrets, srs);
        let srshash = match srs {
            Some(srs) => srs.response_hash(suite.hash),
            None => filler(suite.hash, rng),
        };
        let Self {
            policy,
            choice,
            offer,
            form_b,
            nonce_b,
            pair,
            initial_counter,
            hybrid,
            bound,
            voucher,
            commitment: _,
        } = self;
        let d = pair.public().to_vec();
        let said = Said { extras: offer.form.extras(), bound };
        let (role, resp) = (Role::Responder, choice.resp);
        let finalist = Finalist {
            role,
            policy,
            choice,
            said,
            provisional,
            suite,
            pair,
            peer,
            hybrid,
            voucher,
            initiator_counter,
            sas,
        };
        let keys = finalist.final_keys(srs, other_secret.as_ref());
        let mut form_b2 = FormWriter::new("result");
        form_b2.field("nonce", encode(&offer.nonce));
        form_b2.field("srshash", encode(&srshash));
        let completion = Normal::of(form_b2.element())?;
        let claim = Claim {
            verifier_nonce: &offer.nonce,
            prover_nonce: &nonce_b,
            public: &d,
            form: form_b.spelled(suite.profile),
            completion: completion.spelled(suite.profile),
        };
        let mut responder_counter = initial_counter.of_peer();
        let proof = prove(&claim, resp, signing_key.as_ref(), &keys.responder, suite, &mut responder_counter)?;
        let form_b2 = form_b2.finish_with_proof(&proof.identity, &proof.mac);
        Ok((finalist.establish(keys, responder_counter, chain, alice.key), form_b2))
    }

    /// Verifies Alice's proof as the XEP says, then as others do it. The trial is safe: each way is keyed by the same secret.
    fn recognise(
        &self,
        e: &[u8],
        form_a2: &Normal,
        proof: &Proof,
        provisional: &SharedSecret,
        credentials: &Credentials,
    ) -> Result<Recognised, Error> {
        let mut refusal = Error::DecryptFailed;
        for profile in self.choice.profiles(&self.policy) {
            let suite = self.choice.suite(profile);
            let claim = Claim {
                verifier_nonce: &self.nonce_b,
                prover_nonce: &self.offer.nonce,
                public: e,
                form: self.offer.normal.spelled(profile),
                completion: form_a2.spelled(profile),
            };
            let expected = self.choice.expected(Role::Initiator, credentials);
            let mut counter = self.initial_counter;
            match verify(&claim, proof, &expected, &provisional.keys(Role::Initiator, suite), suite, &mut counter) {
                Ok(key) => return Ok(Recognised { suite, counter, key }),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

/// Alice, as her proof shows her.
struct Recognised {
    suite: Suite,
    /// After her proof.
    counter: Counter,
    key: Option<PublicKey>,
}

impl std::fmt::Debug for AwaitIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwaitIdentity(..)")
    }
}
