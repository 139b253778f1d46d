//! The two types that hold what must not leak: [`Plaintext`] (what people say) and [`Secret`] (keys, passwords).

use std::fmt;

use serde::{Deserialize, Deserializer, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What a person wrote, in clear. Wipes on drop, prints as `Plaintext(..)`, and is not serialisable by itself.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(String);

impl Plaintext {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. The name is for review: whoever calls this holds clear text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(..)")
    }
}

/// Serde for a [`Plaintext`] field whose bytes go straight into a seal (encryption at rest, or a pipe to a bridge's
/// own process). Named at each field, so that a review finds every place.
pub mod for_sealing {
    use super::{Deserialize, Deserializer, Plaintext, Serializer};

    /// Writes the clear text.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(text: &Plaintext, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text.expose())
    }

    /// Reads the clear text.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Plaintext, D::Error> {
        String::deserialize(from).map(Plaintext)
    }
}

/// A key, a password or a token. Wipes on drop, prints as `Secret(..)`, and is not serialisable.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// The octets. The name is for review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The octets as text, if they are UTF-8 (a password, a token).
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_prints_what_it_holds() {
        let shown = format!("{:?} {:?}", Plaintext::new("canary"), Secret::new("canary"));
        assert_eq!(shown, "Plaintext(..) Secret(..)");
    }
}
