//! Files with keys and certificates.

use std::fs;
use std::path::{Path, PathBuf};

use esession::SigningKey;
use esession_attest::{Attestation, Authorities};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    #[error("there is no RSA key of 2048 to 4096 bits in {0} (PKCS #8, in PEM)")]
    Key(PathBuf),
    #[error("{0}: {1}")]
    Certificate(PathBuf, esession_attest::Error),
    #[error("the certificate in {0} is for another key than yours, which has the fingerprint {1}")]
    OtherKey(PathBuf, String),
}

/// The key that signs, from PKCS #8 in PEM.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, FileError> {
    let text = zeroize::Zeroizing::new(read(path)?);
    let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok();
    let key = key.and_then(|key| SigningKey::from_pkcs8(key.secret_pkcs8_der()).ok());
    key.ok_or_else(|| FileError::Key(path.to_owned()))
}

/// What certifies our key.
pub(super) fn attestation(path: &Path, own: &SigningKey) -> Result<Attestation, FileError> {
    let wrong = |error| FileError::Certificate(path.to_owned(), error);
    let attestation = Attestation::from_pem(&read(path)?).map_err(wrong)?;
    if attestation.key().map_err(wrong)? == *own.public() {
        Ok(attestation)
    } else {
        Err(FileError::OtherKey(path.to_owned(), own.public().fingerprint_text()))
    }
}

/// Whom the user trusts to know people.
pub(super) fn authorities(paths: &[PathBuf]) -> Result<Authorities, FileError> {
    let mut authorities = Authorities::default();
    for path in paths {
        authorities.add_pem(&read(path)?).map_err(|error| FileError::Certificate(path.clone(), error))?;
    }
    Ok(authorities)
}

fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::Read(path.to_owned(), source))
}
