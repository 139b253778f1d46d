//! An X.509 certificate for a key, with what leads from it to an authority.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::PublicKey;
use pkcs1::RsaPublicKeyRef;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sha2::{Digest, Sha256};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::{Certified, Error, names::names};

/// RSA with PKCS #1 (RFC 8017 appendix C).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// Nobody's chain is longer.
const MOST: usize = 8;

/// The certificate of the key, and the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    pub(crate) fn from_pem(text: &str) -> Result<Self, Error> {
        Self::new(CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap_or_default())
    }

    pub(crate) fn from_octets(all: Vec<Vec<u8>>) -> Result<Self, Error> {
        Self::new(all.into_iter().map(CertificateDer::from).collect())
    }

    fn new(chain: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        if !(1..=MOST).contains(&chain.len()) {
            return Err(Error::NoCertificate);
        }
        let chain = Self(chain);
        chain.key()?;
        Ok(chain)
    }

    /// The certificates, as in a file.
    pub(crate) fn octets(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// What the last certificate is called by.
    pub(crate) fn signer_print(&self) -> String {
        self.0.last().map(|certificate| STANDARD.encode(Sha256::digest(certificate))).unwrap_or_default()
    }

    /// The key that it is for.
    pub(crate) fn key(&self) -> Result<PublicKey, Error> {
        let certificate = self.certificate()?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let octets = info.subject_public_key.as_bytes().ok_or(Error::OtherKey)?;
        let is_rsa = info.algorithm.oid.to_string() == RSA_ENCRYPTION;
        let key = RsaPublicKeyRef::from_der(octets).ok().filter(|_| is_rsa).ok_or(Error::OtherKey)?;
        PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes()).map_err(|_| Error::OtherKey)
    }

    /// Whether it names this bare JID.
    pub(crate) fn names(&self, jid: &str) -> Result<(), Error> {
        if names(&self.certificate()?, jid) { Ok(()) } else { Err(Error::OtherName) }
    }

    /// What one of these roots vouches for, at a time in seconds since 1970.
    pub(crate) fn certify(&self, roots: &[TrustAnchor<'static>], jid: &str, now: u64) -> Result<Certified, Error> {
        let (leaf, others) = self.0.split_first().ok_or(Error::NoCertificate)?;
        let certificate = EndEntityCert::try_from(leaf).map_err(|_| Error::NoCertificate)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        certificate
            .verify_for_usage(ALL_VERIFICATION_ALGS, roots, others, time, KeyUsage::client_auth(), None, None)
            .map_err(|error| Error::Untrusted(error.to_string()))?;
        self.names(jid)?;
        let by = self.certificate()?.tbs_certificate().issuer().to_string();
        Ok(Certified::new(&self.key()?, by))
    }

    fn certificate(&self) -> Result<Certificate, Error> {
        let first = self.0.first().ok_or(Error::NoCertificate)?;
        Certificate::from_der(first).map_err(|_| Error::NoCertificate)
    }
}

/// The authorities of a file, in PEM.
pub(crate) fn roots(text: &str) -> Result<Vec<TrustAnchor<'static>>, Error> {
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap_or_default();
    if certificates.is_empty() {
        return Err(Error::NoCertificate);
    }
    let anchor = |der: &CertificateDer<'_>| anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned());
    certificates.iter().map(anchor).collect::<Result<_, _>>().map_err(|_| Error::NoAuthority)
}
