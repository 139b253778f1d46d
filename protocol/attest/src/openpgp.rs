//! What an OpenPGP certificate (RFC 9580) says about a key of encrypted sessions: a detached signature under a text that both
//! ends make for themselves, so that nothing that was signed need be read.

use std::fmt::Write;
use std::io::Cursor;

use esession::PublicKey;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey};
use pgp::packet::Signature;
use pgp::ser::Serialize;
use pgp::types::KeyDetails;

use crate::authorities::{Print, keyprint};
use crate::{Certified, Error};
use standing::{SCHEME, Standing, user_id};

pub mod standing;
mod strength;

/// A certificate with all that others have signed on it. (A stanza is not longer either.)
const LONGEST: usize = 64 * 1024;

/// The text that an OpenPGP certificate signs, to certify this key as that of a bare JID.
#[must_use]
pub fn statement(key: &PublicKey, jid: &str) -> String {
    text(&keyprint(key), jid)
}

fn text(print: &Print, jid: &str) -> String {
    let mut hex = String::new();
    for octet in print {
        let _ = write!(hex, "{octet:02x}");
    }
    format!("This is the key of {SCHEME}{jid} for encrypted sessions (XEP-0116), by its SHA-256 fingerprint:\n{hex}\n")
}

/// Whether a file is OpenPGP's.
pub(crate) fn is_armored(text: &str) -> bool {
    text.contains("-----BEGIN PGP ")
}

/// Whether this is a packet, and not DER: its first bit is set (RFC 9580 section 4.2).
pub(crate) fn is_packet(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| first & 0x80 != 0)
}

/// The certificates in a file; what somebody has signed with them may lie beside them.
pub(crate) fn certificates(armored: &str) -> Result<Vec<SignedPublicKey>, Error> {
    let mut certificates = Vec::new();
    for block in blocks(armored).filter(|block| !is_signature(block)) {
        let (all, _) = SignedPublicKey::from_string_many(block).map_err(|_| Error::NoCertificate)?;
        for certificate in all {
            certificates.push(certificate.map_err(|_| Error::NoCertificate)?);
        }
    }
    if certificates.is_empty() { Err(Error::NoCertificate) } else { Ok(certificates) }
}

/// The parts of a file, each from where it begins.
fn blocks(armored: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<_> = armored.match_indices("-----BEGIN PGP ").map(|(start, _)| start).collect();
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([armored.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| armored.get(start..end))
}

fn is_signature(block: &str) -> bool {
    block.starts_with("-----BEGIN PGP SIGNATURE")
}

/// The fingerprint of a key of encrypted sessions, the certificate that vouches for it, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) print: Print,
    certificate: SignedPublicKey,
    signature: Signature,
}

impl Statement {
    pub(crate) fn from_armor(armored: &str, print: Print) -> Result<Self, Error> {
        let mut blocks = blocks(armored).collect::<Vec<_>>();
        blocks.sort_by_key(|block| is_signature(block));
        let [certificate, signature] = blocks[..] else { return Err(Error::NoCertificate) };
        let (certificate, _) = SignedPublicKey::from_string(certificate).map_err(|_| Error::NoCertificate)?;
        let (signature, _) = DetachedSignature::from_string(signature).map_err(|_| Error::NoCertificate)?;
        Ok(Self { print, certificate, signature: signature.signature })
    }

    pub(crate) fn from_octets(parts: &[Vec<u8>], print: Print) -> Result<Self, Error> {
        let [certificate, signature] = parts else { return Err(Error::NoCertificate) };
        if certificate.len() + signature.len() > LONGEST {
            return Err(Error::NoCertificate);
        }
        let certificate = SignedPublicKey::from_bytes(Cursor::new(certificate)).map_err(|_| Error::NoCertificate)?;
        let signature = DetachedSignature::from_bytes(Cursor::new(signature)).map_err(|_| Error::NoCertificate)?;
        Ok(Self { print, certificate, signature: signature.signature })
    }

    /// The certificate and the signature.
    pub(crate) fn octets(&self) -> Result<[Vec<u8>; 2], Error> {
        let certificate = self.certificate.to_bytes().map_err(|_| Error::NoCertificate)?;
        let signature = DetachedSignature::new(self.signature.clone()).to_bytes().map_err(|_| Error::NoCertificate)?;
        if certificate.len() + signature.len() > LONGEST {
            Err(Error::NoCertificate)
        } else {
            Ok([certificate, signature])
        }
    }

    pub(crate) fn signer_print(&self) -> String {
        format!("{:X}", self.certificate.fingerprint())
    }

    /// Whether the certificate stands by this bare JID now, and has signed the statement.
    pub(crate) fn check(&self, jid: &str, now: u64) -> Result<(), Error> {
        let user = user_id(jid);
        let standing = Standing::of(&self.certificate, &user, now)?;
        if standing.has_signed(&self.signature, text(&self.print, jid).as_bytes()) {
            Ok(())
        } else {
            Err(Error::OtherKey)
        }
    }

    /// What one of these certificates vouches for.
    pub(crate) fn certify(&self, trusted: &[SignedPublicKey], jid: &str, now: u64) -> Result<Certified, Error> {
        self.check(jid, now)?;
        let user = user_id(jid);
        let vouching = trusted.iter().find(|it| vouches(it, &self.certificate, &user, now));
        let vouching =
            vouching.ok_or_else(|| Error::Untrusted("no certificate that vouches for it is known".into()))?;
        let name = vouching.details.users.iter().find_map(|user| user.id.as_str()).unwrap_or_default();
        Ok(Certified::of_print(self.print, format!("{name} (OpenPGP {:X})", vouching.fingerprint())))
    }
}

/// Who names JIDs is a person, and speaks for these alone. (Who keeps a friend's certificate does not mean to believe the friend
/// about everybody; in whatever form the JID is named.) Others speak for whom they have certified.
fn vouches(trusted: &SignedPublicKey, certificate: &SignedPublicKey, user: &str, now: u64) -> bool {
    let names_jid = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase().contains(SCHEME);
    let is_person = trusted.details.users.iter().any(|user| names_jid(user.id.id()));
    if is_person {
        trusted.fingerprint() == certificate.fingerprint() && Standing::of(trusted, user, now).is_ok()
    } else {
        Standing::of_authority(trusted, now).is_ok_and(|authority| authority.certifies(certificate, user))
    }
}
