//! What certifies a key, as a file and as an element.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::PublicKey;
use minidom::Element;

use crate::authorities::keyprint;
use crate::openpgp::Statement;
use crate::x509::Chain;
use crate::{Error, openpgp};

/// The node, and the namespace of the elements in it (XEP-0189).
pub const ATTESTATION: &str = "urn:xmpp:attest:2";

/// Parts of a signature that are looked at, in Base64.
const MOST_PARTS: usize = 9;

/// What somebody has been given for their key: an X.509 certificate with its chain, or what an OpenPGP certificate has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    X509(Chain),
    OpenPgp(Box<Statement>),
}

impl Attestation {
    /// Reads a file for a key and the bare JID that it is to be known for, at a time in seconds since 1970: the certificate of
    /// the key first, in PEM; or an OpenPGP certificate and its signature under [`crate::statement`], both armored.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::OtherKey`], [`Error::OtherName`]; of OpenPGP, [`Error::Untrusted`] if it does not
    /// count (any more) even for who trusts it.
    pub fn from_text(text: &str, key: &PublicKey, jid: &str, now: u64) -> Result<Self, Error> {
        if openpgp::is_armored(text) {
            let statement = Statement::from_armor(text, keyprint(key))?;
            statement.check(jid, now)?;
            return Ok(Self(Kind::OpenPgp(Box::new(statement))));
        }
        let chain = Chain::from_pem(text)?;
        if chain.key()? != *key {
            return Err(Error::OtherKey);
        }
        chain.names(jid)?;
        Ok(Self(Kind::X509(chain)))
    }

    /// Reads an `<attest/>`.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::OtherKey`].
    pub fn from_element(attest: &Element) -> Result<Self, Error> {
        let text = |name: &str| {
            let child = attest.get_child(name, ATTESTATION).filter(|_| attest.is("attest", ATTESTATION));
            child.map(Element::text).unwrap_or_default()
        };
        let signature = text("signature");
        let parts = signature.split_ascii_whitespace().take(MOST_PARTS).map(|part| STANDARD.decode(part));
        let parts = parts.collect::<Result<Vec<_>, _>>().map_err(|_| Error::NoCertificate)?;
        if parts.first().is_some_and(|first| openpgp::is_packet(first)) {
            let print = STANDARD.decode(text("keyprint").trim()).map_err(|_| Error::OtherKey)?;
            let print = print.try_into().map_err(|_| Error::OtherKey)?;
            return Ok(Self(Kind::OpenPgp(Box::new(Statement::from_octets(&parts, print)?))));
        }
        Ok(Self(Kind::X509(Chain::from_octets(parts)?)))
    }

    /// The `<attest/>` of a bare JID, at a time in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::OtherKey`].
    pub fn to_element(&self, jid: &str, now: u64) -> Result<Element, Error> {
        let leaf = |name: &str, text: String| Element::builder(name, ATTESTATION).append(text).build();
        let (print, parts, signer) = match &self.0 {
            Kind::X509(chain) => {
                (keyprint(&chain.key()?), chain.octets().map(|it| STANDARD.encode(it)).collect(), chain.signer_print())
            }
            Kind::OpenPgp(statement) => {
                let parts: Vec<_> = statement.octets()?.map(|it| STANDARD.encode(it)).into();
                (statement.print, parts, statement.signer_print())
            }
        };
        let all = [
            leaf("keyprint", STANDARD.encode(print)),
            leaf("signature", parts.join("\n")),
            leaf("signerjid", jid.to_owned()),
            leaf("signerprint", signer),
            leaf("signtime", esession::datetime(now)),
        ];
        Ok(Element::builder("attest", ATTESTATION).append_all(all).build())
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }
}
