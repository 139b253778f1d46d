//! Alice's side of the four-message negotiation (XEP-0116 section 4).

use minidom::Element;

use crate::binding::Binding;
use crate::choice::Choice;
use crate::counter::Counter;
use crate::credentials::Credentials;
use crate::error::{Error, Misbehaviour};
use crate::established::{Established, Finalist, Role, Said};
use crate::form::{Form, FormWriter, encode};
use crate::group::{KeyPair, PublicValue};
use crate::hybrid::{self, Hybrid};
use crate::normal::Normal;
use crate::offer::{Flow, Kept, Offer, session_id};
use crate::options::{Hash, Identification};
use crate::policy::Policy;
use crate::primitives::CryptoRng;
use crate::sas::Sas;
use crate::schedule::SharedSecret;
use crate::secret::{ChainOutcome, Secret, announce, find_shared};
use crate::sigma::{Claim, Proof, prove, verify};
use crate::suite::Profile;

/// Alice, who asks for a session.
#[derive(Debug)]
pub struct Initiator;

/// Alice after message 1: form A is out.
pub struct AwaitResponse {
    policy: Policy,
    offer: Offer,
    kept: Kept,
}

/// Alice after message 3: form A2 is out.
pub struct AwaitCompletion {
    pub(crate) finalist: Finalist,
    pub(crate) nonce_a: Vec<u8>,
    pub(crate) nonce_b: Vec<u8>,
    pub(crate) form_b: Normal,
    pub(crate) responder_counter: Counter,
    credentials: Credentials,
}

/// What form B says, read and checked.
pub(crate) struct Answer {
    pub(crate) choice: Choice,
    pub(crate) form: Form,
    /// formB, as it is MACed.
    pub(crate) normal: Normal,
    pub(crate) nonce_b: Vec<u8>,
    /// C_A
    pub(crate) initial_counter: Counter,
    /// d
    pub(crate) peer: PublicValue,
    /// x and e of the group that was chosen.
    pub(crate) pair: KeyPair,
    pub(crate) hybrid: Option<(Hybrid, Secret)>,
    /// Whether Bob named both ends.
    pub(crate) bound: bool,
    /// What both ends have.
    pub(crate) voucher: Option<Secret>,
}

impl Answer {
    /// Checks form B against the offer it answers.
    pub(crate) fn read(policy: &Policy, offer: &Offer, kept: Kept, form_b: &Element) -> Result<Self, Error> {
        let form = Form::read(form_b, "submit")?;
        form.check_addressed(&offer.nonce)?;
        if offer.flow != Flow::Offline {
            form.check_accepted()?;
        }
        let choice = Choice::read(policy, offer, &form)?;
        let nonce_b = session_id(&form)?;
        let bound = kept.binding.check(&form, Role::Initiator, &nonce_b)?;
        let voucher = kept.binding.voucher(&form, Role::Responder, &nonce_b)?.cloned();
        let initial_counter =
            Counter::from_octets(&form.octets("counter")?).ok_or_else(|| Error::BadField("counter".into()))?;
        let peer = PublicValue::check(choice.group, &form.octets("dhkeys")?, Misbehaviour::BadResponderValue)?;
        let pair = kept.keys.into_iter().find(|pair| pair.group() == choice.group);
        let pair = pair.ok_or_else(|| Error::PeerIncompatible(vec!["modp".into()]))?;
        let hybrid = match kept.hybrid {
            Some(own) if form.field(hybrid::FIELD).is_some() => {
                let opened = own.open(&form.octets(hybrid::FIELD)?);
                let (peer, secret) = opened.ok_or_else(|| Error::BadField(hybrid::FIELD.into()))?;
                Some((Hybrid { own, peer }, secret))
            }
            _ => None,
        };
        let normal = Normal::of(form_b)?;
        Ok(Self { choice, form, normal, nonce_b, initial_counter, peer, pair, hybrid, bound, voucher })
    }

    /// Old Gajim is known by the odd types of its fields. Whoever else writes so gets a proof that it cannot verify.
    fn profile(&self, policy: &Policy, form_b: &Element) -> Profile {
        let odd =
            |field: &&Element| field.attr("var") == Some("FORM_TYPE") && field.attr("type") == Some("text-single");
        let gajim = form_b.children().find(odd).is_some() && self.nonce_b.len() == 8;
        let possible = self.choice.profiles(policy).contains(&Profile::Gajim);
        if gajim && possible { Profile::Gajim } else { Profile::Xep }
    }
}

impl Initiator {
    /// Message 1: form A, to be wrapped by [`crate::namespaces::feature`]. One exponentiation per offered group.
    ///
    /// # Errors
    /// [`Misuse::Policy`](crate::Misuse::Policy), [`Misuse::ExtraField`](crate::Misuse::ExtraField).
    pub fn begin(
        policy: &Policy,
        binding: &Binding,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitResponse, Element), Error> {
        let (form_a, kept) = Offer::make(policy, Flow::FourMessage, binding, rng)?;
        Ok((AwaitResponse::new(policy, &form_a, kept)?, form_a))
    }
}

impl AwaitResponse {
    pub(crate) fn new(policy: &Policy, form_a: &Element, kept: Kept) -> Result<Self, Error> {
        Ok(Self { policy: policy.clone(), offer: Offer::read(form_a, Flow::FourMessage)?, kept })
    }

    /// Whether form B answers this request, be it with a refusal. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b: &Element) -> bool {
        Form::is_addressed(form_b, "submit", &self.offer.nonce)
    }

    /// Whether form B wants this end to sign: then [`Credentials::signing_key`] is needed.
    #[must_use]
    pub fn signs(&self, form_b: &Element) -> bool {
        let form = Form::read(form_b, "submit");
        form.is_ok_and(|form| form.one("init_pubkey").is_ok_and(|how| how != Identification::None.name()))
    }

    /// Message 2 -> 3: checks form B, makes form A2, to be wrapped by [`crate::namespaces::feature`]. One exponentiation.
    ///
    /// The extra fields of form B, see [`crate::extra_fields`], may say which other secret to bring along.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_response(
        self,
        form_b: &Element,
        credentials: Credentials,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitCompletion, Element), Error> {
        let secrets = credentials.secrets.clone();
        self.identify(form_b, |hash, nonce| announce(hash, &secrets, nonce, rng), credentials, None)
    }

    /// Message 3 with the given `rshashes`, in the way of the given profile or of the one the peer seems to have.
    pub(crate) fn identify(
        self,
        form_b: &Element,
        announce: impl FnOnce(Hash, &[u8]) -> Vec<Vec<u8>>,
        credentials: Credentials,
        profile: Option<Profile>,
    ) -> Result<(AwaitCompletion, Element), Error> {
        let Self { policy, offer, kept } = self;
        let answer = Answer::read(&policy, &offer, kept, form_b)?;
        let suite = answer.choice.suite(profile.unwrap_or_else(|| answer.profile(&policy, form_b)));
        let Answer {
            choice,
            form,
            normal: form_b,
            nonce_b,
            initial_counter: initial,
            peer,
            pair,
            hybrid,
            bound,
            voucher,
        } = answer;
        let provisional = SharedSecret::negotiated(&pair.agree(&peer)?, suite);

        let announced = announce(suite.hash, &offer.nonce);
        let mut form_a2 = FormWriter::new("result");
        form_a2.field("accept", "1");
        form_a2.field("nonce", encode(&nonce_b));
        form_a2.typed("dhkeys", "hidden", &[encode(pair.public())]);
        form_a2.typed("rshashes", "hidden", &announced.iter().map(|hash| encode(hash)).collect::<Vec<_>>());
        let completion = Normal::of(form_a2.element())?;
        let claim = Claim {
            verifier_nonce: &nonce_b,
            prover_nonce: &offer.nonce,
            public: pair.public(),
            form: offer.normal.spelled(suite.profile),
            completion: completion.spelled(suite.profile),
        };
        let mut initiator_counter = initial;
        let own_keys = provisional.keys(Role::Initiator, suite);
        let key = credentials.signing_key.as_ref();
        let proof = prove(&claim, choice.init, key, &own_keys, suite, &mut initiator_counter)?;
        let form_a2 = form_a2.finish_with_proof(&proof.identity, &proof.mac);
        let sas = Sas::compute(choice.sas_method()?, suite, &proof.mac, &offer.normal, &form_b, pair.public());
        let said = Said { extras: form.extras(), bound };
        let role = Role::Initiator;
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
        let responder_counter = initial.of_peer();
        Ok((
            AwaitCompletion { finalist, nonce_a: offer.nonce, nonce_b, form_b, responder_counter, credentials },
            form_a2,
        ))
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
        let Self { finalist, credentials, .. } = &self;
        let (suite, choice) = (finalist.suite, &finalist.choice);
        let proof = Proof { identity: form.octets("identity")?, mac: form.mac(suite.hash)? };
        let srs = find_shared(suite.hash, &credentials.secrets, &form.octets("srshash")?);
        let chain = ChainOutcome::of(&credentials.secrets, srs);
        let keys = finalist.final_keys(srs, credentials.other_secret.as_ref());
        let completion = Normal::of(form_b2)?;
        let claim = Claim {
            verifier_nonce: &self.nonce_a,
            prover_nonce: &self.nonce_b,
            public: finalist.peer.octets(),
            form: self.form_b.spelled(suite.profile),
            completion: completion.spelled(suite.profile),
        };
        let expected = choice.expected(Role::Responder, credentials);
        let mut counter = self.responder_counter;
        let peer_key = verify(&claim, &proof, &expected, &keys.responder, suite, &mut counter)?;
        Ok(self.finalist.establish(keys, counter, chain, peer_key))
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
