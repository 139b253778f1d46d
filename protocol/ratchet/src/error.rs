//! What can go wrong, by whose fault.

/// Why a message or a bundle was refused. Nothing has changed then: neither a chain nor what is kept of old keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What came is no message, key or state; the argument says which part of it.
    #[error("cannot be read: {0}")]
    Malformed(&'static str),
    /// The bundle's signed prekey is not signed by its identity key.
    #[error("the signed prekey is not signed by the identity key")]
    BadSignature,
    /// A public key whose results everybody knows.
    #[error("a public key that is none")]
    BadKey,
    /// A key exchange with a prekey that is not, or no longer, ours: it is stale, or was used by somebody else.
    #[error("a key exchange with a prekey that we do not have")]
    UnknownPrekey,
    /// The message was read before, or is too old.
    #[error("a message that was read before")]
    Replayed,
    /// More messages are missing before this one than are waited for.
    #[error("too many messages are missing")]
    TooManySkipped,
    /// It was made with other keys, or changed. There is no detail, on purpose.
    #[error("cannot be decrypted")]
    DecryptFailed,
    /// There is no session with this device to decrypt it in.
    #[error("there is no session")]
    NoSession,
    /// The chain has encrypted as much as it may; it goes on when the peer answers.
    #[error("the chain has no more keys")]
    Exhausted,
}
