//! Files with keys and certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use esession::SigningKey;
use esession_attest::{Attestation, Authorities};
use jid::BareJid;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    #[error("there is no RSA key of 2048 to 4096 bits in {0} (PKCS #8, in PEM)")]
    Key(PathBuf),
    #[error("{0}: {1}")]
    Certificate(PathBuf, esession_attest::Error),
    #[error("nothing in {0} that counts now certifies your key, which has the fingerprint {1}")]
    OtherKey(PathBuf, String),
}

/// The key that signs, from PKCS #8 in PEM.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, FileError> {
    let text = Zeroizing::new(read(path)?);
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()).filter_map(Result::ok);
    let mut sections = sections.map(|(kind, octets)| (kind, Zeroizing::new(octets)));
    let key = sections.find(|(kind, _)| *kind == SectionKind::PrivateKey);
    let key = key.and_then(|(_, octets)| SigningKey::from_pkcs8(&octets).ok());
    key.ok_or_else(|| FileError::Key(path.to_owned()))
}

/// What certifies our key.
pub(super) fn attestation(path: &Path, own: &SigningKey, account: &BareJid) -> Result<Attestation, FileError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Attestation::from_text(&read(path)?, own.public(), account.as_str(), now).map_err(|error| match error {
        esession_attest::Error::OtherKey => FileError::OtherKey(path.to_owned(), own.public().fingerprint_text()),
        error => FileError::Certificate(path.to_owned(), error),
    })
}

/// Whom the user trusts to know people.
pub(super) fn authorities(paths: &[PathBuf]) -> Result<Authorities, FileError> {
    let mut authorities = Authorities::default();
    for path in paths {
        authorities.add_text(&read(path)?).map_err(|error| FileError::Certificate(path.clone(), error))?;
    }
    Ok(authorities)
}

fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::Read(path.to_owned(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_pem_and_what_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        // The fixture of the session tests is PKCS #8 in one line of Base64.
        let key = include_str!("../../../esession/tests/stories/keys/rsa-2048-a.b64");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", key.trim());
        assert!(signing_key(&write("key", &format!("a comment\n{pem}"))).is_ok());
        for (name, text) in [("other", pem.replace("PRIVATE", "PUBLIC")), ("cut", pem[..200].to_owned())] {
            let words = signing_key(&write(name, &text)).unwrap_err().to_string();
            assert!(words.contains("no RSA key") && words.contains(name), "{words}");
        }
        assert!(matches!(signing_key(&dir.path().join("missing")), Err(FileError::Read(..))));
    }
}
