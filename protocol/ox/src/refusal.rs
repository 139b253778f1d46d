//! Why a message is not read.

use crate::element::Malformed;
use crate::fingerprint::Fingerprint;
use esession_attest::standing::Unfit;

/// Why a message is not read, in the order in which it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something is missing, doubled, or not what it should be; also what is damaged or cut off.
    #[error("wrong or missing: {0}")]
    Malformed(&'static str),
    /// More than [`crate::MAX_MESSAGE`] octets, [`crate::MAX_PACKETS`], or [`crate::MAX_TEXT`] octets when
    /// decompressed: the argument says of what.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// Packets within packets within packets: more than [`crate::MAX_LAYERS`].
    #[error("nested too deep")]
    TooDeep,
    /// It is not encrypted: a `<sign/>` at best.
    #[error("not encrypted")]
    NotEncrypted,
    /// Its encryption has no integrity protection (EFAIL), or one that we have not asked for in our certificate.
    #[error("encrypted without the integrity protection that was asked for")]
    Unprotected,
    /// It is not encrypted to our key: the sender has another one.
    #[error("not encrypted to our key")]
    OtherKey,
    /// It was changed on its way, or cut off, or encrypted wrongly. Who is told more than this gets an oracle.
    #[error("damaged")]
    Damaged,
    /// It is encrypted, but not signed: a `<crypt/>` at best.
    #[error("not signed")]
    NotSigned,
    /// Several have signed it.
    #[error("signed more than once")]
    SignedTwice,
    /// No certificate of the sender's has signed it, with a key that may sign, with a hash that holds, and at a time
    /// when it could.
    #[error("not signed by a key of the sender's")]
    OtherSigner,
    /// The certificate that says it has signed does not count now.
    #[error("signed by the certificate {0}, which is not used: {1}")]
    Signer(Fingerprint, Unfit),
    /// It was signed for others to read (RFC 9580 section 5.2.3.36), or names others (XEP-0373 section 3.2).
    #[error("meant for somebody else")]
    OtherRecipient,
    /// Only `<signcrypt/>` is read (XEP-0374 section 3.1).
    #[error("not in <signcrypt/>: {0:?}")]
    Kind(Kind),
    /// It is older than [`crate::Window::past`] allows; the argument is its time.
    #[error("too old, of {0} s after 1970")]
    Old(u64),
    /// It is of a time that is more than [`crate::Window::future`] ahead; the argument is its time.
    #[error("of the future, of {0} s after 1970")]
    Future(u64),
}

/// What content elements there are that are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed, and not meant to be secret.
    Sign,
    /// Encrypted, by nobody knows whom.
    Crypt,
}

/// Who can do something about a refusal, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// We: fetch the sender's certificates anew, and read it again.
    FetchTheirs,
    /// The sender: take our certificate from where it is published now.
    FetchOurs,
    /// The sender: publish a certificate that counts.
    RenewTheirs,
    /// The sender: set the clock, or send it again.
    SendAgain,
    /// Nobody but who has written the sender's client; or somebody is at work who should not be.
    Nothing,
}

impl Refusal {
    /// What can be done.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::OtherSigner => Remedy::FetchTheirs,
            Self::OtherKey => Remedy::FetchOurs,
            Self::Signer(..) => Remedy::RenewTheirs,
            Self::Old(_) | Self::Future(_) => Remedy::SendAgain,
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::TooDeep
            | Self::NotEncrypted
            | Self::Unprotected
            | Self::Damaged
            | Self::NotSigned
            | Self::SignedTwice
            | Self::OtherRecipient
            | Self::Kind(_) => Remedy::Nothing,
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed(what)
    }
}
