//! Whom the user trusts to say whose a key is.

use std::time::Duration;

use esession::PublicKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::names::names;
use crate::{Attestation, Error};

/// Certificate authorities. None is trusted that was not added: those that browsers know say nothing about people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    roots: Vec<TrustAnchor<'static>>,
}

/// A key that an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The key.
    pub key: PublicKey,
    /// Who has signed its certificate, for people.
    pub by: String,
}

impl Authorities {
    /// Adds those of a file, in PEM.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::NoAuthority`]; then none of the file is added.
    pub fn add_pem(&mut self, text: &str) -> Result<(), Error> {
        let certificates: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap_or_default();
        if certificates.is_empty() {
            return Err(Error::NoCertificate);
        }
        let anchor = |der: &CertificateDer<'_>| anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned());
        let roots = certificates.iter().map(anchor).collect::<Result<Vec<_>, _>>().map_err(|_| Error::NoAuthority)?;
        self.roots.extend(roots);
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The key that one of them vouches for, as this bare JID's at this time (seconds since 1970). Lists of revoked certificates
    /// are not asked for: an authority that takes something back must have given it for a short time.
    ///
    /// # Errors
    /// [`Error::Untrusted`], [`Error::OtherName`], [`Error::OtherKey`], [`Error::NoCertificate`].
    pub fn certify(&self, attestation: &Attestation, jid: &str, now: u64) -> Result<Certified, Error> {
        let (leaf, others) = attestation.chain().ok_or(Error::NoCertificate)?;
        let certificate = EndEntityCert::try_from(leaf).map_err(|_| Error::NoCertificate)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let usage = KeyUsage::client_auth();
        certificate
            .verify_for_usage(ALL_VERIFICATION_ALGS, &self.roots, others, time, usage, None, None)
            .map_err(|error| Error::Untrusted(error.to_string()))?;
        let read = attestation.certificate()?;
        if !names(&read, jid) {
            return Err(Error::OtherName);
        }
        Ok(Certified { key: attestation.key()?, by: read.tbs_certificate().issuer().to_string() })
    }
}
