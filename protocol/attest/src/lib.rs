//! Who else says whose a public key is: an X.509 certificate for the key, from somebody the user trusts to look.
//!
//! Encrypted sessions need nobody else: people compare a code. Where a company or a family has a certificate authority, a
//! certificate that names the JID can take the place of that. XEP-0189 section 5 gives out such things in an `<attest/>`; what it
//! says about signed texts contradicts its own schema, so the certificate itself is in its `<signature/>`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (roots, chain) = (include_str!("../tests/ca.pem"), include_str!("../tests/alice.pem"));
//! use esession_attest::{Attestation, Authorities};
//!
//! // Alice gives out what her authority has given her.
//! let element = Attestation::from_pem(chain)?.to_element("alice@example.org", 1_800_000_000)?;
//!
//! // Bob trusts that authority to know Alice. Whether the key is the one that has signed the session is for him to look.
//! let mut authorities = Authorities::default();
//! authorities.add_pem(roots)?;
//! let certified = authorities.certify(&Attestation::from_element(&element)?, "alice@example.org", 1_800_000_000)?;
//! assert_eq!(certified.by, "CN=Example Authority");
//! println!("{}", certified.key.fingerprint_text());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod attestation;
mod authorities;
mod names;

pub use attestation::{ATTESTATION, Attestation};
pub use authorities::{Authorities, Certified};

/// Why nothing is certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file or an element has no certificate in it that can be read.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// A root is not one.
    #[error("a certificate in it cannot be an authority")]
    NoAuthority,
    /// It is for no RSA key that sessions use.
    #[error("it is for no key that encrypted sessions use")]
    OtherKey,
    /// No authority of ours has signed it, or not for this time, or not for this use.
    #[error("no authority that is trusted vouches for it now: {0}")]
    Untrusted(String),
    /// It names somebody else.
    #[error("it does not name this JID")]
    OtherName,
}
