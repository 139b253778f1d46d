//! A certificate with its chain, as a file and as an element.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{Hash, PublicKey};
use minidom::Element;
use pkcs1::RsaPublicKeyRef;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::Error;

/// The node, and the namespace of the elements in it (XEP-0189).
pub const ATTESTATION: &str = "urn:xmpp:attest:2";

/// RSA with PKCS #1 (RFC 8017 appendix C).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// Nobody's chain is longer.
const MOST: usize = 8;

/// What an authority has given somebody for their key: the certificate, then what leads from it to the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    chain: Vec<CertificateDer<'static>>,
}

impl Attestation {
    /// Reads a file with the certificate of the key first, in PEM.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::OtherKey`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        Self::new(CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap_or_default())
    }

    /// Reads an `<attest/>`.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::OtherKey`].
    pub fn from_element(attest: &Element) -> Result<Self, Error> {
        let signature = attest.get_child("signature", ATTESTATION).filter(|_| attest.is("attest", ATTESTATION));
        let text = signature.map(Element::text).unwrap_or_default();
        let chain: Option<Vec<_>> = text
            .split_ascii_whitespace()
            .take(MOST + 1)
            .map(|der| Some(CertificateDer::from(STANDARD.decode(der).ok()?)))
            .collect();
        Self::new(chain.unwrap_or_default())
    }

    fn new(chain: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        if !(1..=MOST).contains(&chain.len()) {
            return Err(Error::NoCertificate);
        }
        let attestation = Self { chain };
        attestation.key()?;
        Ok(attestation)
    }

    /// The `<attest/>` of a bare JID, at a time in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::OtherKey`].
    pub fn to_element(&self, jid: &str, now: u64) -> Result<Element, Error> {
        let leaf = |name: &str, text: String| Element::builder(name, ATTESTATION).append(text).build();
        let print = |octets: &[u8]| STANDARD.encode(Sha256::digest(octets));
        let chain: Vec<_> = self.chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
        let signer = self.chain.last().map(|certificate| print(certificate)).unwrap_or_default();
        let all = [
            leaf("keyprint", STANDARD.encode(self.key()?.fingerprint(Hash::Sha256))),
            leaf("signature", chain.join("\n")),
            leaf("signerjid", jid.to_owned()),
            leaf("signerprint", signer),
            leaf("signtime", esession::datetime(now)),
        ];
        Ok(Element::builder("attest", ATTESTATION).append_all(all).build())
    }

    /// The key that it is for.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::OtherKey`].
    pub fn key(&self) -> Result<PublicKey, Error> {
        let certificate = self.certificate()?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let octets = info.subject_public_key.as_bytes().ok_or(Error::OtherKey)?;
        let is_rsa = info.algorithm.oid.to_string() == RSA_ENCRYPTION;
        let key = RsaPublicKeyRef::from_der(octets).ok().filter(|_| is_rsa).ok_or(Error::OtherKey)?;
        PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes()).map_err(|_| Error::OtherKey)
    }

    pub(crate) fn certificate(&self) -> Result<Certificate, Error> {
        let first = self.chain.first().ok_or(Error::NoCertificate)?;
        Certificate::from_der(first).map_err(|_| Error::NoCertificate)
    }

    /// The certificate of the key, and the others.
    pub(crate) fn chain(&self) -> Option<(&CertificateDer<'static>, &[CertificateDer<'static>])> {
        self.chain.split_first()
    }
}
