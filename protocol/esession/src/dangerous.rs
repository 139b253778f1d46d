//! Fixed randomness and a view into the machines, for the vectors and tests of this crate only. Whoever uses this in a
//! program gives its keys away.

use minidom::Element;

use crate::choice::Choice;
use crate::counter::Counter;
use crate::established::Role;
use crate::group::{KeyPair, PublicValue, bare_power};
use crate::hybrid::Share;
use crate::normal::Normal;
use crate::offer::Kept;
use crate::rekey::Renewal;
use crate::responder::Draw;
use crate::schedule::{DirectionKeys, RekeyRole, SharedSecret, rekeyed};
use crate::suite::Suite;
use crate::{
    AwaitCompletion, AwaitIdentity, AwaitResponse, AwaitSignature, AwaitSignedResponse, Binding, Cipher, Credentials,
    Error, Group, Hash, Misbehaviour, Misuse, Policy, Profile, Responder, RetainedSecret, SasMethod, Secret, Session,
    SigningKey,
};

/// Keys of one direction: KC, KM, KS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub cipher: Vec<u8>,
    pub mac: Vec<u8>,
    pub sigma: Vec<u8>,
}

impl From<DirectionKeys> for Keys {
    fn from(keys: DirectionKeys) -> Self {
        let octets = |secret: &Secret| secret.expose().to_vec();
        Self { cipher: octets(&keys.stanza.cipher), mac: octets(&keys.stanza.mac), sigma: octets(&keys.sigma) }
    }
}

/// The normalized form.
pub fn normalize(form: &Element, profile: Profile) -> Result<String, Error> {
    Ok(Normal::of(form)?.spelled(profile).to_owned())
}

/// What is MACed of a `<c/>`.
pub fn stanza_content(c: &Element) -> Result<String, Error> {
    let content = crate::stanza::Envelope::read(c)?.content;
    Ok(String::from_utf8_lossy(&content.authenticated(&[]).concat()).into_owned())
}

/// Alice with a given form A and exponents.
pub fn await_response(
    policy: &Policy,
    form_a: &Element,
    privates: &[(Group, Vec<u8>)],
) -> Result<AwaitResponse, Error> {
    let pairs = privates.iter().map(|(group, private)| KeyPair::from_private(*group, Secret::new(private)));
    AwaitResponse::new(policy, form_a, kept(pairs.collect::<Result<_, _>>()?))
}

fn kept(keys: Vec<KeyPair>) -> Kept {
    Kept { keys, hybrid: None, binding: Binding::default() }
}

/// Message 3 with given `rshashes`.
pub fn identify(
    alice: AwaitResponse,
    form_b: &Element,
    announced: &[Vec<u8>],
    credentials: Credentials,
    profile: Option<Profile>,
) -> Result<(AwaitCompletion, Element), Error> {
    alice.identify(form_b, |_, _| announced.to_vec(), credentials, profile)
}

/// Message 2 with a given ESession ID, counter and exponent.
pub fn respond(
    policy: &Policy,
    form_a: &Element,
    nonce: &[u8],
    counter: u128,
    private: &[u8],
) -> Result<(AwaitIdentity, Element), Error> {
    Responder::respond_with(policy, form_a, &Binding::default(), draw(nonce, counter, private))
}

fn draw(nonce: &[u8], counter: u128, private: &[u8]) -> impl FnOnce(&Choice, Option<Share>) -> Result<Draw, Error> {
    move |choice, _| {
        let pair = KeyPair::from_private(choice.group, Secret::new(private))?;
        Ok(Draw { nonce: nonce.to_vec(), counter: Counter(counter), pair, hybrid: None, noise: Vec::new() })
    }
}

/// Bob as if he had sent this form B instead of his own.
pub fn as_if_sent(mut bob: AwaitIdentity, form_b: &Element) -> Result<AwaitIdentity, Error> {
    bob.form_b = Normal::of(form_b)?;
    Ok(bob)
}

/// Alice of a three-message negotiation with a given form A and exponents.
pub fn await_signed_response(
    policy: &Policy,
    form_a: &Element,
    privates: &[(Group, Vec<u8>)],
) -> Result<AwaitSignedResponse, Error> {
    let pairs = privates.iter().map(|(group, private)| KeyPair::from_private(*group, Secret::new(private)));
    AwaitSignedResponse::new(policy, form_a, kept(pairs.collect::<Result<_, _>>()?))
}

/// Message 2 of three with a given ESession ID, counter and exponent.
pub fn respond_signed(
    policy: &Policy,
    form_a: &Element,
    nonce: &[u8],
    counter: u128,
    private: &[u8],
    credentials: Credentials,
) -> Result<(AwaitSignature, Element), Error> {
    AwaitSignature::respond(policy, form_a, &Binding::default(), credentials, draw(nonce, counter, private))
}

/// The RSA key of a modulus, its public and its private exponent.
pub fn rsa_key(modulus: &[u8], exponent: &[u8], private: &[u8]) -> Result<SigningKey, Error> {
    let pkcs8 = crate::primitives::signature::rsa_from_numbers(modulus, exponent, private);
    SigningKey::from_pkcs8(&pkcs8.ok_or(Error::Misuse(Misuse::SigningKey))?)
}

/// The normalized form B that Bob will MAC, and his d.
pub fn response_of(bob: &AwaitIdentity) -> (String, Vec<u8>) {
    (bob.form_b.spelled(Profile::Xep).to_owned(), bob.pair.public().to_vec())
}

/// K before the other secrets, C_A after the proof, C_B before it.
pub fn provisional(alice: &AwaitCompletion) -> (Vec<u8>, u128, u128) {
    let finalist = &alice.finalist;
    (finalist.provisional.expose().to_vec(), finalist.initiator_counter.0, alice.responder_counter.0)
}

/// The final K with the keys of Alice and Bob.
pub fn final_keys(
    alice: &AwaitCompletion,
    srs: Option<&RetainedSecret>,
    oss: Option<&Secret>,
) -> (Vec<u8>, Keys, Keys) {
    let keys = alice.finalist.final_keys(srs, oss);
    (keys.shared.expose().to_vec(), keys.initiator.into(), keys.responder.into())
}

/// The keys of one role before the other secrets.
pub fn provisional_keys(alice: &AwaitCompletion, role: Role) -> Keys {
    alice.finalist.provisional.keys(role, alice.finalist.suite).into()
}

/// The key schedule alone.
pub fn derive(k: &[u8], role: Role, cipher: Cipher, profile: Profile) -> Keys {
    SharedSecret::from_octets(k).keys(role, Suite { cipher, hash: Hash::Sha256, profile }).into()
}

/// KC and KM of a re-key.
pub fn derive_rekey(dh: &[u8], initiator: bool, cipher: Cipher) -> (Vec<u8>, Vec<u8>) {
    let role = if initiator { RekeyRole::Initiator } else { RekeyRole::Acceptor };
    let keys = rekeyed(&Secret::new(dh), role, suite(cipher));
    (keys.cipher.expose().to_vec(), keys.mac.expose().to_vec())
}

/// The final K and the new retained secret.
pub fn strengthen(k: &[u8], srs: Option<&Secret>, oss: Option<&Secret>) -> (Vec<u8>, Vec<u8>) {
    let suite = suite(Cipher::Aes128Ctr);
    let shared = SharedSecret::from_octets(k).strengthen(srs, oss, suite);
    (shared.expose().to_vec(), shared.new_retained_secret(suite).expose().to_vec())
}

/// The hashes of a retained secret in `rshashes` and in `srshash`.
pub fn secret_hashes(secret: &RetainedSecret, nonce_a: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (secret.request_hash(Hash::Sha256, nonce_a), secret.response_hash(Hash::Sha256))
}

fn suite(cipher: Cipher) -> Suite {
    Suite { cipher, hash: Hash::Sha256, profile: Profile::Xep }
}

/// SHA-256 alone.
pub fn sha256(octets: &[u8]) -> Vec<u8> {
    crate::primitives::sha256(&[octets]).to_vec()
}

/// The hash alone.
pub fn hash(hash: Hash, octets: &[u8]) -> Vec<u8> {
    crate::primitives::hash(hash, &[octets]).to_vec()
}

/// CTR mode alone.
pub fn keystream(cipher: Cipher, key: &[u8], counter: u128, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    crate::primitives::keystream(cipher, key, counter, &mut text);
    text
}

/// base^exponent in a group.
pub fn power(group: Group, base: &[u8], exponent: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(bare_power(group, base, exponent)?.expose().to_vec())
}

/// The check on a peer's value.
pub fn check_public(group: Group, octets: &[u8]) -> Result<(), Error> {
    PublicValue::check(group, octets, Misbehaviour::BadInitiatorValue).map(drop)
}

/// The comparison of MACs, hashes and secrets alone.
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    crate::primitives::constant_time_eq(a, b)
}

/// mpi(n)
pub fn mpi(octets: &[u8]) -> &[u8] {
    crate::group::mpi(octets)
}

/// Both codes of the SAS.
pub fn sas(method: SasMethod, m_a: &[u8], form_a: &str, form_b: &str, e: &[u8]) -> crate::Sas {
    crate::Sas::compute(method, suite(Cipher::Aes128Ctr), m_a, &Normal::given(form_a), &Normal::given(form_b), e)
}

/// The inside of an open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    pub sending: (Vec<u8>, Vec<u8>),
    pub sending_counter: u128,
    pub receiving_counter: u128,
    /// KC, KM and the private value of each set.
    pub sets: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
}

/// Looks into a session; `None` when it is over.
pub fn state(session: &Session) -> Option<SessionState> {
    let live = session.live.as_ref()?;
    let octets = |secret: &Secret| secret.expose().to_vec();
    let keys = live.epochs.sending();
    Some(SessionState {
        sending: (octets(&keys.cipher), octets(&keys.mac)),
        sending_counter: live.sending.counter.0,
        receiving_counter: live.receiving.counter.0,
        sets: live
            .epochs
            .sets()
            .map(|set| (octets(&set.keys.cipher), octets(&set.keys.mac), octets(set.own.pair.private())))
            .collect(),
    })
}

/// Seals with a given re-key exponent and published keys.
pub fn seal(session: &mut Session, content: &str, rekey: Option<&[u8]>, old: &[Vec<u8>]) -> Result<Element, Error> {
    let live = session.live_to_send()?;
    let group = live.epochs.group()?;
    let pair = rekey.map(|private| KeyPair::from_private(group, Secret::new(private))).transpose()?;
    live.seal(content, pair.map(|pair| Renewal { pair, hybrid: None }), old)
}

/// Seals with a `<key/>` of any octets and an intact MAC, as a hostile peer could.
pub fn seal_with_key(session: &mut Session, key: &[u8], new: usize) -> Result<Element, Error> {
    session.live_to_send()?.seal_hostile(key, new)
}

/// HMAC alone.
pub fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    crate::primitives::hmac(hash, key, parts).to_vec()
}
