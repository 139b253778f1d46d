//! What a login or one of its conversations can carry.

use serde::{Deserialize, Serialize};

/// Limits and abilities that are not facets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// The longest text in octets of UTF-8.
    pub max_text: usize,
    /// Whether messages of this conversation are end-to-end encrypted on the far side, at this moment.
    pub encrypted: bool,
}
