//! What comes out of a session.

use zeroize::Zeroizing;

/// Decrypted content: serialized XML, possibly padded with spaces at the end. Wipes itself on drop and never prints.
///
/// Nothing has been parsed: the caller does that, with a limit on the depth, and refuses `<thread/>`, `<error/>` and
/// `<c/>` in it (XEP-0200 section 5).
#[derive(Clone)]
pub struct Plaintext(Zeroizing<String>);

impl Plaintext {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Octets with the padding.
    pub(crate) fn octets(&self) -> usize {
        self.0.len()
    }

    /// The text without its padding.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.trim_end_matches(' ')
    }

    /// Whether there is nothing but padding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plaintext(..)")
    }
}
