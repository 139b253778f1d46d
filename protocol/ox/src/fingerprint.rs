//! What a key is called (RFC 9580 section 5.5.4.2; XEP-0373 section 4.1).

use std::fmt;

use pgp::types::KeyVersion;

/// The fingerprint of a key of version 4, as hexadecimal digits in upper case wherever it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Of 40 hexadecimal digits, of either case.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.bytes().map(|digit| char::from(digit).to_digit(16)).collect::<Option<Vec<_>>>()?;
        let octet = |pair: &[u32]| match *pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        digits.chunks(2).map(octet).collect::<Option<Vec<_>>>()?.try_into().ok().map(Self)
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 20] {
        &self.0
    }

    /// Nothing for a key of another version: nodes have no name for it.
    pub(crate) fn of(fingerprint: &pgp::types::Fingerprint) -> Option<Self> {
        let is_current = fingerprint.version() == Some(KeyVersion::V4);
        is_current.then(|| fingerprint.as_bytes().try_into().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
