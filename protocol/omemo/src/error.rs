//! What can be wrong with an element.

/// Why an element was refused; the sender is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something is missing, doubled, or not what it should be: the argument says what.
    #[error("wrong or missing: {0}")]
    Malformed(&'static str),
    /// A key of it is none.
    #[error("wrong key: {0}")]
    Key(#[from] omemo_ratchet::Error),
    /// An envelope names another sender or recipient than its stanza.
    #[error("of another stanza")]
    OtherStanza,
}
