//! Whom the user trusts to say whose a key is.

use esession::{Hash, PublicKey};
use pgp::composed::SignedPublicKey;
use rustls_pki_types::TrustAnchor;

use crate::attestation::Kind;
use crate::{Attestation, Error, openpgp, x509};

/// Authorities. None is trusted that was not added: those that browsers know say nothing about people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    roots: Vec<TrustAnchor<'static>>,
    certificates: Vec<SignedPublicKey>,
}

/// A key that an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    print: Print,
    /// Who says so, for people.
    pub by: String,
}

/// The fingerprint of a key, over SHA-256.
pub(crate) type Print = [u8; 32];

impl Authorities {
    /// Adds those of a file: X.509 roots in PEM, or OpenPGP certificates, armored. An OpenPGP certificate that names JIDs speaks
    /// for these alone; one that names none speaks for the certificates that it has certified.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::NoAuthority`]; then none of the file is added.
    pub fn add_text(&mut self, text: &str) -> Result<(), Error> {
        if openpgp::is_armored(text) {
            self.certificates.extend(openpgp::certificates(text)?);
        } else {
            self.roots.extend(x509::roots(text)?);
        }
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.certificates.is_empty()
    }

    /// The key that one of them vouches for, as this bare JID's at this time (seconds since 1970). Nobody is asked what has been
    /// revoked since: an authority that takes something back must have given it for a short time.
    ///
    /// # Errors
    /// [`Error::Untrusted`], [`Error::OtherName`], [`Error::OtherKey`], [`Error::NoCertificate`].
    pub fn certify(&self, attestation: &Attestation, jid: &str, now: u64) -> Result<Certified, Error> {
        match attestation.kind() {
            Kind::X509(chain) => chain.certify(&self.roots, jid, now),
            Kind::OpenPgp(statement) => statement.certify(&self.certificates, jid, now),
        }
    }
}

impl Certified {
    pub(crate) fn new(key: &PublicKey, by: String) -> Self {
        Self::of_print(keyprint(key), by)
    }

    pub(crate) fn of_print(print: Print, by: String) -> Self {
        Self { print, by }
    }

    /// Whether this is the key.
    #[must_use]
    pub fn is_of(&self, key: &PublicKey) -> bool {
        self.print == keyprint(key)
    }
}

pub(crate) fn keyprint(key: &PublicKey) -> Print {
    let mut print = Print::default();
    print.copy_from_slice(&key.fingerprint(Hash::Sha256));
    print
}
