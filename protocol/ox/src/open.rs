//! An `<openpgp/>` to its content, if it holds (XEP-0373 section 3.2).

use esession_attest::standing::Unfit;
use minidom::Element;
use pgp::packet::{Signature, SignatureConfig, SubpacketData};
use pgp::types::KeyDetails;
use sha2::{Digest, Sha256};

use crate::certificate::{Certificate, SKEW};
use crate::element::{Malformed, octets};
use crate::envelope::{MAX_MESSAGE, MAX_TEXT, Signed, decrypt, signed};
use crate::fingerprint::Fingerprint;
use crate::key::Key;
use crate::nodes::OPENPGP;
use crate::refusal::Refusal;
use crate::signcrypt::Signcrypt;

/// What is known of a message when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The sender's bare JID.
    pub from: &'a str,
    /// The certificates that are known for it; those of other JIDs are left out.
    pub senders: &'a [Certificate],
    /// The time, in seconds since 1970.
    pub now: u64,
    /// How far from it the message's own time may be.
    pub window: Window,
}

impl Arrival<'_> {
    fn latest(&self) -> u64 {
        self.now.saturating_add(self.window.future)
    }
}

/// How far from now a time may be, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long a message may have been on its way.
    pub past: u64,
    /// How far others' clocks may be ahead. (Certificates are looked at as of then: they expire here by so much too
    /// early.)
    pub future: u64,
}

impl Default for Window {
    /// A week for who was away, and [`SKEW`] for clocks.
    fn default() -> Self {
        Self { past: 7 * 24 * 60 * 60, future: SKEW }
    }
}

/// A message that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What belongs into the stanza.
    pub payload: Vec<Element>,
    /// The sender's certificate that has signed it.
    pub signer: Fingerprint,
    /// When it was signed, as its sender says, in seconds since 1970.
    pub time: u64,
    /// What it is to be remembered by, for `past` and `future` of the window together.
    pub id: MessageId,
}

/// The same for the same message, however often and in whatever encryption it comes: a hash of what was signed, by
/// whom, and when. (One of the signature would not do: there are two of one text and key with some algorithms.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 32]);

/// The content of an `<openpgp/>`, for the JID of our key. `parse` makes an element of what was encrypted, within the
/// limits that the caller has for elements of strangers (depth above all), or says that it is none, or not one alone;
/// it is asked only for what is signed.
///
/// # Errors
/// [`Refusal`]
pub fn open(
    key: &Key,
    element: &Element,
    arrival: &Arrival<'_>,
    parse: impl FnOnce(&str) -> Option<Element>,
) -> Result<Opened, Refusal> {
    if !element.is("openpgp", OPENPGP) {
        return Err(Malformed("openpgp").into());
    }
    let octets = octets(element, MAX_MESSAGE).map_err(|wrong| match wrong {
        Malformed("size") => Refusal::TooLarge("message"),
        wrong => wrong.into(),
    })?;
    let signed = signed(&decrypt(key, &octets)?)?;
    let signer = signer(&signed, arrival)?;
    if !is_meant_for(key, &signed.signature) {
        return Err(Refusal::OtherRecipient);
    }
    let text = std::str::from_utf8(&signed.text).ok().filter(|text| text.len() <= MAX_TEXT);
    let content = Signcrypt::read(&text.and_then(parse).ok_or(Malformed("text"))?)?;
    check(&content, key, arrival, created(&signed.signature))?;
    Ok(Opened { payload: content.payload, signer, time: content.time, id: id(signer, &signed) })
}

/// The sender's certificate that has signed it.
fn signer(Signed { text, signature }: &Signed, arrival: &Arrival<'_>) -> Result<Fingerprint, Refusal> {
    // A signature of the future is looked at as of then, so that it is refused for that and for nothing else.
    let at = arrival.latest().max(created(signature));
    let mut unfit: Option<(Fingerprint, Unfit)> = None;
    for certificate in arrival.senders.iter().filter(|it| it.jid() == arrival.from) {
        match certificate.standing(at) {
            Ok(standing) if standing.has_signed(signature, text) => return Ok(certificate.fingerprint()),
            Ok(_) => {}
            Err(why) => {
                if signature.issuer_key_id().into_iter().any(|id| certificate.has(*id)) {
                    unfit = Some((certificate.fingerprint(), why));
                }
            }
        }
    }
    Err(unfit.map_or(Refusal::OtherSigner, |(certificate, why)| Refusal::Signer(certificate, why)))
}

/// Whether it names our key among those that it is for, if it names any.
fn is_meant_for(key: &Key, signature: &Signature) -> bool {
    let parts = signature.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    let named = parts.filter_map(|part| match &part.data {
        SubpacketData::IntendedRecipientFingerprint(fingerprint) => Some(fingerprint),
        _ => None,
    });
    let named: Vec<_> = named.collect();
    named.is_empty() || named.contains(&&key.primary.fingerprint())
}

fn check(content: &Signcrypt, key: &Key, arrival: &Arrival<'_>, created: u64) -> Result<(), Refusal> {
    // It should be bare.
    let bare = |jid: &str| jid.split_once('/').map_or(jid, |(bare, _)| bare) == key.jid();
    if !content.to.iter().any(|jid| bare(jid)) {
        return Err(Refusal::OtherRecipient);
    }
    let (earliest, latest) = (arrival.now.saturating_sub(arrival.window.past), arrival.latest());
    match [content.time, created] {
        [time, _] if time < earliest => Err(Refusal::Old(time)),
        [time, _] | [_, time] if time > latest => Err(Refusal::Future(time)),
        _ => Ok(()),
    }
}

fn created(signature: &Signature) -> u64 {
    signature.created().map_or(0, |created| u64::from(created.as_secs()))
}

fn id(signer: Fingerprint, Signed { text, signature }: &Signed) -> MessageId {
    let created = created(signature).to_be_bytes();
    let hash = Sha256::new().chain_update(signer.octets()).chain_update(created).chain_update(text);
    MessageId(hash.finalize().into())
}
