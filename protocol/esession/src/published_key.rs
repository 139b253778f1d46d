//! Public keys as accounts publish them (XEP-0189): in decimal numbers, with a name and a time.

use crypto_bigint::BoxedUint;
use minidom::Element;
use rxml::xml_ncname;

use crate::datetime;
use crate::error::{Error, Misuse};
use crate::form::encode;
use crate::group::mpi;
use crate::namespaces::PUBLIC_KEY;
use crate::options::SignatureAlgorithm;
use crate::primitives::sha256;
use crate::public_key::PublicKey;

/// A key that somebody says is theirs, from one time to another.
///
/// Whoever keeps the node can have written it, so it tells which key a fingerprint is of and proves nothing: trusting it is
/// for the caller to decide, as with every other key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key.
    pub key: PublicKey,
    /// The bare JID it is said to belong to.
    pub jid: String,
    /// It counts from here on, in seconds since 1970,
    pub begin: u64,
    /// and up to here.
    pub end: u64,
}

impl PublishedKey {
    /// The `<pubkey/>` element.
    ///
    /// # Errors
    /// [`Misuse::SigningKey`] for DSA, which there is no format for.
    pub fn to_element(&self) -> Result<Element, Error> {
        let (SignatureAlgorithm::RsaSha256, [modulus, exponent]) = (self.key.algorithm(), self.key.numbers()) else {
            return Err(Error::Misuse(Misuse::SigningKey));
        };
        let leaf = |name: &str, text: &str| Element::builder(name, PUBLIC_KEY).append(text).build();
        let (modulus, exponent) = (to_decimal(modulus), to_decimal(exponent));
        let (begin, end) = (datetime::write(self.begin), datetime::write(self.end));
        // Not the fingerprint of XEP-0116.
        let print = sha256(&[&begin, &end, &self.jid, &modulus, &exponent].map(String::as_bytes));
        let print = Element::builder("print", PUBLIC_KEY)
            .attr(xml_ncname!("algo").to_owned(), "sha-256")
            .append(encode(&print))
            .build();
        let key = Element::builder("rsakey", PUBLIC_KEY).append_all([
            leaf("modulus", &modulus),
            leaf("publicExponent", &exponent),
            print,
        ]);
        let said = [leaf("begin", &begin), leaf("end", &end), leaf("jid", &self.jid)];
        Ok(Element::builder("pubkey", PUBLIC_KEY).append_all(said).append(key.build()).build())
    }

    /// Reads a `<pubkey/>`. Its `print` is passed over: it protects nothing, and the one in the example of XEP-0189 is not what
    /// its text says.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none, or of no key that is used here.
    pub fn from_element(pubkey: &Element) -> Result<Self, Error> {
        let read = || {
            let said = |name| Some(pubkey.get_child(name, PUBLIC_KEY)?.text().trim().to_owned());
            let rsa = pubkey.get_child("rsakey", PUBLIC_KEY).filter(|_| pubkey.is("pubkey", PUBLIC_KEY))?;
            let number = |name| from_decimal(&rsa.get_child(name, PUBLIC_KEY)?.text());
            let key = PublicKey::rsa(&number("modulus")?, &number("publicExponent")?).ok()?;
            let (begin, end) = (datetime::read(&said("begin")?)?, datetime::read(&said("end")?)?);
            Some(Self { key, jid: said("jid")?, begin, end })
        };
        read().ok_or(Error::Malformed("pubkey"))
    }

    /// Whether it counts for this bare JID at this time, in seconds since 1970.
    #[must_use]
    pub fn is_of(&self, jid: &str, now: u64) -> bool {
        self.jid == jid && (self.begin..=self.end).contains(&now)
    }
}

/// No number of ours is longer.
const MOST_DIGITS: usize = 1234;

fn to_decimal(number: &[u8]) -> String {
    BoxedUint::from_be_slice_vartime(number).to_string_radix_vartime(10)
}

/// Digits may be broken into lines.
fn from_decimal(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_ascii_whitespace().collect();
    let fits = (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = fits.then(|| BoxedUint::from_str_radix_vartime(&digits, 10).ok())??;
    Some(mpi(&number.to_be_bytes()).to_vec())
}
