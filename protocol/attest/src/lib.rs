//! Who else says whose a public key is: somebody the user trusts to look, with an X.509 certificate for the key, or with an
//! OpenPGP certificate that has signed a [`statement`] about it.
//!
//! Encrypted sessions need nobody else: people compare a code. Where a company or a family has a certificate authority, or
//! somebody's OpenPGP certificate is known, that can take the place of it. XEP-0189 section 5 gives out such things in an
//! `<attest/>`; what it says about signed texts contradicts its own schema, so in its `<signature/>` is the X.509 certificate with
//! its chain, or the OpenPGP certificate and its signature.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (roots, chain) = (include_str!("../tests/ca.pem"), include_str!("../tests/alice.pem"));
//! # use base64::Engine;
//! # let key = include_str!("../../esession/tests/stories/keys/rsa-2048-a.b64").trim();
//! # let key = base64::engine::general_purpose::STANDARD.decode(key)?;
//! # let key = esession::SigningKey::from_pkcs8(&key)?.public().clone();
//! use esession_attest::{Attestation, Authorities};
//!
//! // Alice gives out what her authority has given her for her key.
//! let (jid, now) = ("alice@example.org", 1_800_000_000);
//! let element = Attestation::from_text(chain, &key, jid, now)?.to_element(jid, now)?;
//!
//! // Bob trusts that authority to know Alice. Whether the key is the one that has signed the session is for him to look.
//! let mut authorities = Authorities::default();
//! authorities.add_text(roots)?;
//! let certified = authorities.certify(&Attestation::from_element(&element)?, jid, now)?;
//! assert!(certified.is_of(&key));
//! assert_eq!(certified.by, "CN=Example Authority");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod attestation;
mod authorities;
mod names;
mod openpgp;
mod x509;

pub use attestation::{ATTESTATION, Attestation};
pub use authorities::{Authorities, Certified};
pub use openpgp::{standing, statement};

/// Why nothing is certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file or an element has no certificate in it that can be read, or not what belongs to it.
    #[error(
        "there is no certificate in it, or what belongs to it is missing (a chain is too long, an OpenPGP signature is not there)"
    )]
    NoCertificate,
    /// A root is not one.
    #[error("a certificate in it cannot be an authority")]
    NoAuthority,
    /// It is for another key, or for none that sessions use.
    #[error("it is not for this key, or for none that encrypted sessions use")]
    OtherKey,
    /// No authority of ours has signed it, or not for this time, or not for this use.
    #[error("no authority that is trusted vouches for it now: {0}")]
    Untrusted(String),
    /// It names somebody else.
    #[error("it does not name this JID")]
    OtherName,
}

impl From<standing::Unfit> for Error {
    fn from(unfit: standing::Unfit) -> Self {
        match unfit {
            standing::Unfit::OtherName => Self::OtherName,
            unfit => Self::Untrusted(unfit.to_string()),
        }
    }
}
