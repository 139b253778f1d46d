//! Who vouches for servers with TLS: an authority of the story's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::Error;

/// An authority that only those know who are told of its file.
pub struct Authority;

impl Authority {
    /// Makes an authority (`ca.pem`) and a certificate of it for these names (each as `name.crt` and `name.key`), unless they
    /// are there.
    pub fn certify(dir: &Path, names: &[&str]) -> Result<(), Error> {
        let file = dir.join("ca.pem");
        if file.exists() {
            return Ok(());
        }
        let (ca, certificate, key) = made(names)
            .map_err(|error| Error::Refused { asked: "making a certificate".into(), answer: error.to_string() })?;
        let of = |name: &&str| [(format!("{name}.crt"), &certificate), (format!("{name}.key"), &key)];
        names
            .iter()
            .flat_map(of)
            .chain([("ca.pem".to_owned(), &ca)])
            .try_for_each(|(name, text)| fs::write(dir.join(name), text))
            .map_err(Error::io("writing a certificate"))
    }

    /// The file of the authority that the XMPP server of a story in `dir` has, if it has one.
    pub fn beside(dir: &Path) -> Option<PathBuf> {
        Some(dir.join("prosody/ca.pem")).filter(|file| file.exists())
    }
}

/// The authority's certificate; the server's, and its key.
fn made(names: &[&str]) -> Result<(String, String, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the authority of a story");
    let key = KeyPair::generate()?;
    let ca = params.self_signed(&key)?.pem();
    let own = KeyPair::generate()?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let certificate = CertificateParams::new(names)?.signed_by(&own, &Issuer::new(params, key))?;
    Ok((ca, certificate.pem(), own.serialize_pem()))
}
