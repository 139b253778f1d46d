//! Short authentication strings (XEP-0116 section 11), and our own over committed values only.
//!
//! `sas28x5` hashes M_A, which depends on random octets that Alice reveals last: a man in the middle can try about 2^24
//! of them and show both users the same five characters. Ours hash form A (with the commitment to e), form B and e, all
//! fixed before anybody could react to them: he has one try in 2^24 per negotiation that the users see. Whoever talks to a peer
//! that knows `sas28x5` only compares sixteen characters of the same hash instead.

use std::fmt;

use crate::normal::Normal;
use crate::options::SasMethod;
use crate::primitives::sha256;
use crate::suite::{Profile, Suite};

/// What the users compare. [`fmt::Display`] shows the short code, and with `{:#}` the long one in groups of four.
#[derive(Clone, PartialEq, Eq)]
pub struct Sas {
    /// How the short code is computed.
    pub method: SasMethod,
    /// Five characters. With [`SasMethod::Sas28x5`] a hint, never enough to verify a peer.
    pub short: String,
    /// Sixteen characters (77 bits). If both users see the same, there is nobody in the middle.
    pub long: String,
}

const ALPHABET: &[u8; 28] = b"acdefghikmopqruvwxy123456789";
const SHORT_LABEL: &[u8] = b"Short Authentication String";
const COMMITTED_LABEL: &[u8] = b"ESession Committed Short Authentication String";
const LONG_LABEL: &[u8] = b"ESession Committed Authentication String";

impl Sas {
    /// What the users are to compare: the short code where it is committed, else the long one, in groups of four.
    #[must_use]
    pub fn code(&self) -> String {
        match self.method {
            SasMethod::Committed28x5 => self.short.clone(),
            SasMethod::Sas28x5 => format!("{self:#}"),
        }
    }

    /// Computes both codes. `m_a` is M_A in full length, `e` is mpi(e). sas28x5 takes the session's hash, as XEP-0116 says;
    /// ours take SHA-256 and the forms as the XEP spells them, whatever the profile.
    pub(crate) fn compute(
        method: SasMethod,
        suite: Suite,
        m_a: &[u8],
        form_a: &Normal,
        form_b: &Normal,
        e: &[u8],
    ) -> Self {
        let [a, b] = [form_a, form_b].map(|form| form.spelled(Profile::Xep).as_bytes());
        let committed = |label| sha256(&[label, a, b, e]);
        let short = match method {
            SasMethod::Committed28x5 => base28(&committed(COMMITTED_LABEL), 16, 5),
            SasMethod::Sas28x5 => {
                base28(&suite.hash(&[m_a, form_b.spelled(suite.profile).as_bytes(), SHORT_LABEL]), 3, 5)
            }
        };
        let short = match suite.profile {
            Profile::Xep | Profile::Truncated => short,
            Profile::Gajim => short.trim_start_matches('a').to_owned(), // it leaves out leading zeros
        };
        Self { method, short, long: base28(&committed(LONG_LABEL), 16, 16) }
    }
}

/// `digits` base-28 digits of the last `octets` octets of a digest, most significant first.
fn base28(digest: &[u8], octets: usize, digits: usize) -> String {
    let mut value = digest
        .iter()
        .skip(digest.len().saturating_sub(octets))
        .fold(0_u128, |value, octet| (value << 8) | u128::from(*octet));
    let mut code = vec![' '; digits];
    for place in code.iter_mut().rev() {
        let digit = usize::try_from(value % 28).unwrap_or_default();
        *place = char::from(ALPHABET.get(digit).copied().unwrap_or_default());
        value /= 28;
    }
    code.into_iter().collect()
}

impl fmt::Display for Sas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.short);
        }
        for (place, digit) in self.long.chars().enumerate() {
            let separator = if place > 0 && place % 4 == 0 { "-" } else { "" };
            write!(f, "{separator}{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sas(..)")
    }
}
