//! What can be wrong with a file, and who is to blame.

use crate::egress::Refused;

/// Why a file was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its sender: something is missing, doubled, or not what it should be; the argument says what.
    #[error("wrong or missing: {0}")]
    Malformed(&'static str),
    /// Its sender: no URL of it may be used.
    #[error("the file's address is refused: {0}")]
    Address(#[from] Refused),
    /// Its sender: it is encrypted in a way that detects no change, and no hash says what it must be (XEP-0448 section
    /// 3.1 demands one).
    #[error("nothing says what the file must be")]
    Unauthenticated,
    /// Who served it, or was between: it is not what was shared. Fetching it again may help if the connection broke.
    #[error("what was fetched is not the file that was shared")]
    Altered,
    /// The caller: too long for the cipher, which is far more than a gateway takes.
    #[error("too long to be encrypted")]
    TooLong,
}
