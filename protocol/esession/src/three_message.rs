//! The three-message negotiation, both roles (XEP-0116 section 4.7, SIGMA-I): both ends sign, the initiator shows its value
//! at once, and there are neither short authentication strings nor retained secrets.
//!
//! Its last form may come with one encrypted stanza that is all there will be (section 9.4): that is how a single stanza is
//! encrypted, or with [`crate::Cipher::SignOnly`] signed.

use minidom::Element;

use crate::binding::Binding;
use crate::choice::Choice;
use crate::counter::Counter;
use crate::credentials::Credentials;
use crate::error::{Error, Misbehaviour, Misuse};
use crate::established::{Agreed, Role, Said};
use crate::form::{Form, FormWriter, encode};
use crate::group::{KeyPair, PublicValue};
use crate::hybrid::{Hybrid, Share};
use crate::initiator::{Answer, Initiator};
use crate::normal::Normal;
use crate::offer::{Flow, Kept, Offer};
use crate::policy::Policy;
use crate::primitives::CryptoRng;
use crate::public_key::PublicKey;
use crate::rekey::{Own, Theirs};
use crate::responder::{Draw, Responder};
use crate::schedule::SharedSecret;
use crate::session::Session;
use crate::sigma::{Claim, Proof, prove, verify};
use crate::suite::Profile;

/// A session between two ends that have signed.
#[derive(Debug)]
pub struct SignedSession {
    /// The encrypted session.
    pub session: Session,
    /// What was agreed.
    pub agreed: Agreed,
    /// The key the peer signed with. Whether to trust it is the caller's business, and nothing else says who the peer is.
    pub peer_key: PublicKey,
    /// What the users compare to know that both keys are the right ones ([`PublicKey::code_with`]).
    pub code: String,
}

/// A session for one stanza of this end, not sent yet: whether to trust the peer's key is to be decided first.
#[derive(Debug)]
pub struct SingleStanza {
    /// As in [`SignedSession`].
    pub agreed: Agreed,
    /// As in [`SignedSession`].
    pub peer_key: PublicKey,
    /// As in [`SignedSession`].
    pub code: String,
    session: Session,
    form_a2: Element,
}

impl SingleStanza {
    /// Form A2, and the `<c/>` that must go out beside it in one message.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn seal(self, content: &str) -> Result<(Element, Element), Error> {
        Ok((self.form_a2, self.session.seal_only(content)?))
    }
}

/// Alice after message 1.
pub struct AwaitSignedResponse {
    policy: Policy,
    offer: Offer,
    kept: Kept,
}

/// Bob after message 2: he has signed, Alice has not.
pub struct AwaitSignature {
    terms: Terms,
    offer: Offer,
    nonce_b: Vec<u8>,
    /// e
    peer: PublicValue,
    shared: SharedSecret,
    credentials: Credentials,
}

/// What becomes the session.
struct Terms {
    role: Role,
    policy: Policy,
    choice: Choice,
    said: Said,
    pair: KeyPair,
    hybrid: Option<Hybrid>,
    initiator_counter: Counter,
    responder_counter: Counter,
}

impl Initiator {
    /// Message 1 of three: form A, to be wrapped by [`crate::namespaces::feature`]. One exponentiation per offered group.
    ///
    /// # Errors
    /// [`Misuse::Policy`](crate::Misuse::Policy) if it lets an end identify itself by `none` only, or as for
    /// [`Initiator::begin`].
    pub fn begin_signed(
        policy: &Policy,
        binding: &Binding,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitSignedResponse, Element), Error> {
        let (form_a, kept) = Offer::make(policy, Flow::ThreeMessage, binding, rng)?;
        Ok((AwaitSignedResponse::new(policy, &form_a, kept)?, form_a))
    }
}

impl Responder {
    /// Message 1 -> 2 of three: checks form A, makes form B with Bob's signature. Two exponentiations.
    ///
    /// # Errors
    /// See [`Error::to_stanza_error`]; nothing is computed before the options are accepted.
    pub fn respond_signed(
        policy: &Policy,
        form_a: &Element,
        binding: &Binding,
        credentials: Credentials,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitSignature, Element), Error> {
        AwaitSignature::respond(policy, form_a, binding, credentials, |choice, share| Draw::new(choice, share, rng))
    }
}

impl AwaitSignedResponse {
    pub(crate) fn new(policy: &Policy, form_a: &Element, kept: Kept) -> Result<Self, Error> {
        Ok(Self { policy: policy.clone(), offer: Offer::read(form_a, Flow::ThreeMessage)?, kept })
    }

    /// Whether form B answers this request, be it with a refusal. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b: &Element) -> bool {
        Form::is_addressed(form_b, "submit", &self.offer.nonce)
    }

    /// Message 2 -> 3: verifies Bob, makes form A2. A first `<c/>` of the session may go out beside it. One exponentiation.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_response(
        self,
        form_b: &Element,
        credentials: &Credentials,
    ) -> Result<(SignedSession, Element), Error> {
        self.complete(form_b, credentials, false)
    }

    /// Message 2 -> 3 where there will be one stanza only: verifies Bob.
    ///
    /// # Errors
    /// As [`AwaitSignedResponse::handle_response`].
    pub fn handle_response_for_single(
        self,
        form_b: &Element,
        credentials: &Credentials,
    ) -> Result<SingleStanza, Error> {
        let (signed, form_a2) = self.complete(form_b, credentials, true)?;
        let SignedSession { session, agreed, peer_key, code } = signed;
        Ok(SingleStanza { agreed, peer_key, code, session, form_a2 })
    }

    /// What was published, and is answered now (XEP-0187).
    pub(crate) fn resumed(policy: &Policy, offer: Offer, kept: Kept) -> Self {
        Self { policy: policy.clone(), offer, kept }
    }

    /// Verifies Bob.
    pub(crate) fn verify(self, form_b: &Element, credentials: &Credentials) -> Result<Verified, Error> {
        let Self { policy, offer, kept } = self;
        let answer = Answer::read(&policy, &offer, kept, form_b)?;
        let Answer { choice, form, normal: form_b, nonce_b, initial_counter, peer, pair, hybrid, bound, .. } = answer;
        let suite = choice.suite(Profile::Xep);
        let (hybrid, secret) = hybrid.unzip();
        let shared = SharedSecret::negotiated(&pair.agree(&peer)?, suite).hybrid(secret.as_ref(), suite);
        let claim = Claim {
            verifier_nonce: &offer.nonce,
            prover_nonce: &nonce_b,
            public: peer.octets(),
            form: form_b.spelled(Profile::Xep),
            completion: "",
        };
        let proof = Proof { identity: form.octets("identity")?, mac: form.mac(suite.hash)? };
        let mut responder_counter = initial_counter.of_peer();
        let expected = choice.expected(Role::Responder, credentials);
        let keys = shared.keys(Role::Responder, suite);
        let peer_key = verify(&claim, &proof, &expected, &keys, suite, &mut responder_counter)?;
        let peer_key = peer_key.ok_or(Error::DecryptFailed)?;
        let said = Said { extras: form.extras(), bound };
        let (role, initiator_counter) = (Role::Initiator, initial_counter);
        let terms = Terms { role, policy, choice, said, pair, hybrid, initiator_counter, responder_counter };
        Ok(Verified { terms, offer, nonce_b, peer, shared, peer_key })
    }

    fn complete(
        self,
        form_b: &Element,
        credentials: &Credentials,
        terminate: bool,
    ) -> Result<(SignedSession, Element), Error> {
        let Verified { mut terms, offer, nonce_b, peer, shared, peer_key } = self.verify(form_b, credentials)?;
        let suite = terms.choice.suite(Profile::Xep);
        let mut form_a2 = FormWriter::new("result");
        form_a2.field("accept", "1");
        form_a2.field("nonce", encode(&nonce_b));
        if terminate {
            form_a2.field("terminate", "1");
        }
        let completion = Normal::of(form_a2.element())?;
        let claim = Claim {
            verifier_nonce: &nonce_b,
            prover_nonce: &offer.nonce,
            public: terms.pair.public(),
            form: offer.normal.spelled(Profile::Xep),
            completion: completion.spelled(Profile::Xep),
        };
        let keys = shared.keys(Role::Initiator, suite);
        let key = credentials.signing_key.as_ref();
        let proof = prove(&claim, terms.choice.init, key, &keys, suite, &mut terms.initiator_counter)?;
        let form_a2 = form_a2.finish_with_proof(&proof.identity, &proof.mac);
        Ok((terms.open(&shared, peer, peer_key, credentials)?, form_a2))
    }
}

/// Alice, when Bob has proved who he is.
pub(crate) struct Verified {
    terms: Terms,
    offer: Offer,
    nonce_b: Vec<u8>,
    /// d
    peer: PublicValue,
    shared: SharedSecret,
    peer_key: PublicKey,
}

impl Verified {
    /// A session that Alice only listens in.
    pub(crate) fn into_session(self) -> (Session, Agreed, PublicKey) {
        let (session, agreed) = self.terms.session(&self.shared, self.peer);
        (session, agreed, self.peer_key)
    }
}

impl AwaitSignature {
    /// Message 2 with what `draw` gives for the choice.
    pub(crate) fn respond(
        policy: &Policy,
        form_a: &Element,
        binding: &Binding,
        credentials: Credentials,
        draw: impl FnOnce(&Choice, Option<Share>) -> Result<Draw, Error>,
    ) -> Result<(Self, Element), Error> {
        policy.check()?;
        Self::sign(policy, Offer::read(form_a, Flow::ThreeMessage)?, binding, credentials, false, draw)
    }

    /// The same for an offer that was read; `terminate` if there will be one stanza only (XEP-0187).
    pub(crate) fn sign(
        policy: &Policy,
        offer: Offer,
        binding: &Binding,
        credentials: Credentials,
        terminate: bool,
        draw: impl FnOnce(&Choice, Option<Share>) -> Result<Draw, Error>,
    ) -> Result<(Self, Element), Error> {
        let bound = binding.check(&offer.form, Role::Responder, &offer.nonce)?;
        let choice = Choice::make(policy, &offer)?;
        let e = offer.value(choice.group.name())?;
        let peer = PublicValue::check(choice.group, e, Misbehaviour::BadInitiatorValue)?;
        let draw = draw(&choice, offer.share(policy)?)?;
        let mut form = draw.response(&choice, &offer, binding)?;
        if terminate {
            form.field("terminate", "1");
        }
        let Draw { nonce: nonce_b, counter: initiator_counter, pair, hybrid, .. } = draw;
        let (hybrid, secret) = hybrid.map(|(answer, peer)| (Hybrid { own: answer.own, peer }, answer.secret)).unzip();
        let suite = choice.suite(Profile::Xep);
        let shared = SharedSecret::negotiated(&pair.agree(&peer)?, suite).hybrid(secret.as_ref(), suite);
        let signed = Normal::of(form.element())?;
        let claim = Claim {
            verifier_nonce: &offer.nonce,
            prover_nonce: &nonce_b,
            public: pair.public(),
            form: signed.spelled(Profile::Xep),
            completion: "",
        };
        let mut responder_counter = initiator_counter.of_peer();
        let keys = shared.keys(Role::Responder, suite);
        let key = credentials.signing_key.as_ref();
        let proof = prove(&claim, choice.resp, key, &keys, suite, &mut responder_counter)?;
        let form_b = form.finish_with_proof(&proof.identity, &proof.mac);
        let (role, policy) = (Role::Responder, policy.clone());
        let said = Said { extras: offer.form.extras(), bound };
        let terms = Terms { role, policy, choice, said, pair, hybrid, initiator_counter, responder_counter };
        Ok((Self { terms, offer, nonce_b, peer, shared, credentials }, form_b))
    }

    /// A session that Bob only speaks in, without an answer of Alice.
    pub(crate) fn into_session(self) -> (Session, Agreed) {
        self.terms.session(&self.shared, self.peer)
    }

    /// Whether form A2 continues this negotiation. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_a2: &Element) -> bool {
        Form::is_addressed(form_a2, "result", &self.nonce_b)
    }

    /// Message 3: verifies Alice. If her form says so, the session is open for the one `<c/>` beside it only:
    /// [`crate::Standing::OneStanza`].
    ///
    /// # Errors
    /// Each closes the negotiation; whatever is encrypted beside the form is to be ignored then.
    pub fn handle_identity(self, form_a2: &Element) -> Result<SignedSession, Error> {
        let form = Form::read(form_a2, "result")?;
        form.check_addressed(&self.nonce_b)?;
        form.check_accepted()?;
        let terminate = form.flag("terminate")?;
        let Self { mut terms, offer, nonce_b, peer, shared, credentials } = self;
        let suite = terms.choice.suite(Profile::Xep);
        let proof = Proof { identity: form.octets("identity")?, mac: form.mac(suite.hash)? };
        let completion = Normal::of(form_a2)?;
        let claim = Claim {
            verifier_nonce: &nonce_b,
            prover_nonce: &offer.nonce,
            public: peer.octets(),
            form: offer.normal.spelled(Profile::Xep),
            completion: completion.spelled(Profile::Xep),
        };
        let expected = terms.choice.expected(Role::Initiator, &credentials);
        let keys = shared.keys(Role::Initiator, suite);
        let peer_key = verify(&claim, &proof, &expected, &keys, suite, &mut terms.initiator_counter)?;
        let peer_key = peer_key.ok_or(Error::DecryptFailed)?;
        let signed = terms.open(&shared, peer, peer_key, &credentials)?;
        let session = if terminate { signed.session.for_one_stanza() } else { signed.session };
        Ok(SignedSession { session, ..signed })
    }
}

impl Terms {
    /// The session of two ends that have proved that they hold the keys, and who they are.
    fn open(
        self,
        shared: &SharedSecret,
        peer: PublicValue,
        peer_key: PublicKey,
        credentials: &Credentials,
    ) -> Result<SignedSession, Error> {
        let own_key = credentials.signing_key.as_ref().ok_or(Error::Misuse(Misuse::SigningKey))?;
        let code = own_key.public().code_with(&peer_key);
        let (session, agreed) = self.session(shared, peer);
        Ok(SignedSession { session, agreed, peer_key, code })
    }

    fn session(self, shared: &SharedSecret, peer: PublicValue) -> (Session, Agreed) {
        let Self { role, policy, choice, said, pair, hybrid, initiator_counter, responder_counter } = self;
        let suite = choice.suite(Profile::Xep);
        let initiator = (shared.keys(Role::Initiator, suite).stanza, initiator_counter);
        let responder = (shared.keys(Role::Responder, suite).stanza, responder_counter);
        let (sending, receiving) = match role {
            Role::Initiator => (initiator, responder),
            Role::Responder => (responder, initiator),
        };
        let is_hybrid = hybrid.is_some();
        let (own, share) = hybrid.map(|hybrid| (hybrid.own, hybrid.peer)).unzip();
        let (own, theirs) = (Own { pair, hybrid: own }, Theirs { value: peer, share });
        let session = Session::new(Role::Initiator, suite, &policy, choice.rekey_freq, sending, receiving, own, theirs);
        (session, Agreed::new(role, suite.profile, choice, said, is_hybrid))
    }
}

impl std::fmt::Debug for AwaitSignedResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwaitSignedResponse(..)")
    }
}

impl std::fmt::Debug for AwaitSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwaitSignature(..)")
    }
}
