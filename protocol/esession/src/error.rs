//! What can go wrong, by whose fault, and the one mapping to stanza errors (XEP-0116 section 12).

use minidom::Element;
use rxml::xml_ncname;

use crate::binding;
use crate::namespaces::{FEATURE_NEG, STANZA_ERRORS};

/// Why a negotiation or a session has ended. Every error closes the machine that returned it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An element cannot be read; the text says which part.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A field of a form is missing or cannot be read.
    #[error("bad form field {0}")]
    BadField(String),
    /// The peer broke the protocol or somebody in the middle did.
    #[error("the peer misbehaved: {0}")]
    PeerMisbehaved(Misbehaviour),
    /// The two ends have nothing acceptable in common in these fields.
    #[error("no acceptable value in {0:?}")]
    PeerIncompatible(Vec<String>),
    /// The peer requires fields or a kind of negotiation that is not implemented here.
    #[error("not implemented: {0:?}")]
    NotImplemented(Vec<String>),
    /// The peer does not want a session (`accept` is 0).
    #[error("the peer declined the session")]
    Declined,
    /// The form answers another negotiation: to be ignored. See [`crate::AwaitResponse::expects`].
    #[error("the form belongs to another negotiation")]
    Stray,
    /// A MAC, a proof of identity or the decrypted text is wrong. No detail, on purpose.
    #[error("decryption failed")]
    DecryptFailed,
    /// The peer showed the fingerprint of a key that this end does not have. A new negotiation may ask for the key itself.
    #[error("the peer's key is unknown")]
    UnknownKey,
    /// Published options have ended ([`crate::Published`]).
    #[error("the published options have expired")]
    Expired,
    /// What came in was used before.
    #[error("this was received before")]
    Replayed,
    /// This end asked for something that is never done.
    #[error("misuse: {0}")]
    Misuse(Misuse),
}

/// How a peer misbehaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// e is out of range, not a quadratic residue or not minimally encoded.
    #[error("bad Diffie-Hellman value of the initiator")]
    BadInitiatorValue,
    /// d is out of range, not a quadratic residue or not minimally encoded.
    #[error("bad Diffie-Hellman value of the responder")]
    BadResponderValue,
    /// The value in a `<key/>` is out of range, not a quadratic residue or not minimally encoded.
    #[error("bad Diffie-Hellman value in a re-key")]
    BadRekeyValue,
    /// The form was made for other addresses than these ([`crate::Binding`]).
    #[error("the form is between other ends")]
    OtherEnds,
    /// SHA-256(e) is not the hash that was committed to in form A.
    #[error("e does not match its commitment")]
    BrokenCommitment,
    /// `<new/>` counts more keys than were sent, or is not a plain positive number.
    #[error("bad <new/> count")]
    BadNewCount,
    /// More than the permitted number of blocks under one key.
    #[error("too many blocks under one key")]
    KeyExhausted,
}

/// What this end must not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The session has ended, or has ended for sending.
    #[error("the session is closed")]
    Closed,
    /// The policy permits nothing, or something below the floor.
    #[error("the policy is empty or below the floor")]
    Policy,
    /// An extra field uses a name of the protocol itself, or characters that XML cannot carry.
    #[error("bad extra field")]
    ExtraField,
    /// The agreed number of stanzas since the last key exchange has not passed yet.
    #[error("too early to re-key")]
    RekeyTooEarly,
    /// There is no signing key although this end is to sign, or it is not of a kind that is used.
    #[error("no usable signing key")]
    SigningKey,
    /// The block limit of the current sending key is reached: re-key or end.
    #[error("the sending key is exhausted")]
    KeyExhausted,
}

/// The defined condition of a stanza error (RFC 6120 section 8.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `<feature-not-implemented/>`
    FeatureNotImplemented,
    /// `<not-acceptable/>`
    NotAcceptable,
}

impl Condition {
    /// The element name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::NotAcceptable => "not-acceptable",
        }
    }
}

/// What to answer: the condition and the fields it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The defined condition.
    pub condition: Condition,
    /// The form fields that are at fault; often none, so that nothing is given away.
    pub fields: Vec<String>,
}

impl StanzaError {
    /// The `<error type='cancel'/>` element for a stanza in the namespace `ns` (`jabber:client`, `jabber:component:accept`).
    #[must_use]
    pub fn to_element(&self, ns: &str) -> Element {
        let mut error = Element::builder("error", ns)
            .attr(xml_ncname!("type").to_owned(), "cancel")
            .append(Element::bare(self.condition.name(), STANZA_ERRORS));
        if !self.fields.is_empty() {
            let fields = self.fields.iter().map(|var| {
                Element::builder("field", FEATURE_NEG).attr(xml_ncname!("var").to_owned(), var.as_str()).build()
            });
            error = error.append(Element::builder("feature", FEATURE_NEG).append_all(fields).build());
        }
        error.build()
    }
}

impl Error {
    /// The stanza error the peer is owed, or `None` where silence is right.
    #[must_use]
    pub fn to_stanza_error(&self) -> Option<StanzaError> {
        let (condition, fields) = match self {
            Self::Malformed(_) => (Condition::NotAcceptable, Vec::new()),
            Self::BadField(field) => (Condition::NotAcceptable, vec![field.clone()]),
            Self::PeerIncompatible(fields) => (Condition::NotAcceptable, fields.clone()),
            Self::NotImplemented(fields) => (Condition::FeatureNotImplemented, fields.clone()),
            Self::PeerMisbehaved(Misbehaviour::BadInitiatorValue | Misbehaviour::BrokenCommitment) => {
                (Condition::FeatureNotImplemented, vec!["dhkeys".into()])
            }
            Self::PeerMisbehaved(Misbehaviour::BadResponderValue) => (Condition::NotAcceptable, vec!["dhkeys".into()]),
            Self::PeerMisbehaved(Misbehaviour::OtherEnds) => (Condition::NotAcceptable, vec![binding::FIELD.into()]),
            Self::PeerMisbehaved(_) => (Condition::NotAcceptable, Vec::new()),
            Self::DecryptFailed | Self::UnknownKey => (Condition::FeatureNotImplemented, Vec::new()),
            Self::Declined | Self::Stray | Self::Expired | Self::Replayed | Self::Misuse(_) => return None,
        };
        Some(StanzaError { condition, fields })
    }
}
