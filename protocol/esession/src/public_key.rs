//! Public keys as the ends show them to each other, and the keys that sign (XEP-0116 section 4.5, XML signatures).

use std::fmt;
use std::str::FromStr;

use minidom::Element;

use crate::error::{Error, Misuse};
use crate::form::{decode, encode};
use crate::group::mpi;
use crate::namespaces::XML_SIGNATURES;
use crate::options::{Hash, SignatureAlgorithm};
use crate::primitives::signature::{dsa_verify, generate_rsa, is_dsa_key, public_numbers, rsa_verify, sign};
use crate::primitives::{CryptoRng, hash, sha256};
use crate::secret::Secret;

/// A public key: RSA of 2048 to 4096 bits with an exponent of at least 65537, or DSA of 2048 or 3072 bits with a q of 256.
///
/// A key has exactly one spelling here, so it has one fingerprint under each hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    algorithm: SignatureAlgorithm,
    /// In the order of the elements in its KeyValue, big-endian without leading zeros.
    numbers: Vec<Vec<u8>>,
}

impl PublicKey {
    /// The RSA key of a modulus and an exponent, big-endian without leading zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is too short, too long, or no such key.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Error> {
        Self::new(SignatureAlgorithm::RsaSha256, vec![modulus.to_vec(), exponent.to_vec()])
    }

    /// Reads a `<KeyValue/>` (XML signatures section 4.5.2), in its namespace or in none. Base64 without white space, numbers
    /// without leading zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is no key that is used here.
    pub fn from_element(key_value: &Element) -> Result<Self, Error> {
        let read = || {
            let inner = key_value.children().next().filter(|_| key_value.name() == "KeyValue")?;
            let algorithm = ALGORITHMS.into_iter().find(|algorithm| names(*algorithm).0 == inner.name())?;
            let found: Vec<_> = inner.children().map(Element::name).collect();
            if found != names(algorithm).1 || key_value.children().count() != 1 {
                return None;
            }
            let numbers: Option<Vec<_>> = inner.children().map(|number| decode(&number.text())).collect();
            Some((algorithm, numbers?))
        };
        let (algorithm, numbers) = read().ok_or(Error::Malformed("KeyValue"))?;
        Self::new(algorithm, numbers)
    }

    fn new(algorithm: SignatureAlgorithm, numbers: Vec<Vec<u8>>) -> Result<Self, Error> {
        let minimal = numbers.iter().all(|number| number.first().is_some_and(|top| *top != 0));
        let sound = match (algorithm, numbers.as_slice()) {
            (SignatureAlgorithm::RsaSha256, [modulus, exponent]) => {
                let bits = modulus.len() * 8 - modulus.first().map_or(0, |top| top.leading_zeros() as usize).min(8);
                let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
                // 65537 has three octets; ring takes exponents of up to 33 bits
                let size = exponent.len() <= 4 && (exponent.len() > 3 || exponent.as_slice() >= [1, 0, 1].as_slice());
                (2048..=4096).contains(&bits) && odd(modulus) && odd(exponent) && size && exponent.len() >= 3
            }
            (SignatureAlgorithm::DsaSha256, [p, q, g, y]) => is_dsa_key([p, q, g, y]),
            _ => false,
        };
        if minimal && sound { Ok(Self { algorithm, numbers }) } else { Err(Error::Malformed("KeyValue")) }
    }

    /// What the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The numbers of the key, big-endian: modulus and exponent; for DSA p, q, g, y.
    #[must_use]
    pub fn numbers(&self) -> &[Vec<u8>] {
        &self.numbers
    }

    /// The `<KeyValue/>` element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let (kind, names) = names(self.algorithm);
        let numbers = names
            .iter()
            .zip(&self.numbers)
            .map(|(name, number)| Element::builder(*name, XML_SIGNATURES).append(encode(number)).build());
        let inner = Element::builder(kind, XML_SIGNATURES).append_all(numbers);
        Element::builder("KeyValue", XML_SIGNATURES).append(inner).build()
    }

    /// The `<KeyValue/>` as it is hashed, MACed and sent inside `identity`: normalized, so without a namespace.
    #[must_use]
    pub fn key_value(&self) -> String {
        let (kind, names) = names(self.algorithm);
        let number = |(name, number): (&&str, &Vec<u8>)| format!("<{name}>{}</{name}>", encode(number));
        let numbers: String = names.iter().zip(&self.numbers).map(number).collect();
        format!("<KeyValue><{kind}>{numbers}</{kind}></KeyValue>")
    }

    /// HASH of the normalized key: what `hash` instead of `key` sends.
    #[must_use]
    pub fn fingerprint(&self, algorithm: Hash) -> Vec<u8> {
        hash(algorithm, &[self.key_value().as_bytes()]).to_vec()
    }

    /// The fingerprint over SHA-256 as people read it: hexadecimal digits in groups of eight.
    #[must_use]
    pub fn fingerprint_text(&self) -> String {
        let hex = |group: &[u8]| group.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        self.fingerprint(Hash::Sha256).chunks(4).map(hex).collect::<Vec<_>>().join(" ")
    }

    /// Whether somebody means this key by a whole fingerprint, however it is spaced and spelled.
    #[must_use]
    pub fn is_meant_by(&self, fingerprint: &str) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        digits(fingerprint) == digits(&self.fingerprint_text())
    }

    /// What the users compare where each end has shown a key: both ends compute the same, forty hexadecimal digits over the
    /// two fingerprints in groups of four. (160 bits: whoever is in between makes keys of his own and looks for two pairs
    /// with the same code.)
    #[must_use]
    pub fn code_with(&self, other: &Self) -> String {
        let mut ends = [self, other].map(|key| key.fingerprint(Hash::Sha256));
        ends.sort();
        let [first, second] = &ends;
        let digest = sha256(&[CODE_LABEL, first, second]);
        let groups =
            digest.chunks(2).take(10).map(|pair| pair.iter().map(|octet| format!("{octet:02x}")).collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    }

    /// Whether this key has signed `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match (self.algorithm, self.numbers.as_slice()) {
            (SignatureAlgorithm::RsaSha256, [modulus, exponent]) => rsa_verify(modulus, exponent, message, signature),
            (SignatureAlgorithm::DsaSha256, [p, q, g, y]) => dsa_verify([p, q, g, y], message, signature),
            _ => false,
        }
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    /// Reads what [`PublicKey::key_value`] gives, as it was stored.
    fn from_str(key_value: &str) -> Result<Self, Error> {
        let parsed = format!("<key xmlns='{XML_SIGNATURES}'>{key_value}</key>").parse::<Element>();
        let key = parsed.ok().and_then(|root| Self::from_element(root.children().next()?).ok());
        key.filter(|key| key.key_value() == key_value).ok_or(Error::Malformed("KeyValue"))
    }
}

const CODE_LABEL: &[u8] = b"ESession Public Keys";
const ALGORITHMS: [SignatureAlgorithm; 2] = [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::DsaSha256];

/// The names of the elements in a KeyValue.
fn names(algorithm: SignatureAlgorithm) -> (&'static str, &'static [&'static str]) {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => ("RSAKeyValue", &["Modulus", "Exponent"]),
        SignatureAlgorithm::DsaSha256 => ("DSAKeyValue", &["P", "Q", "G", "Y"]),
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.algorithm.name())
    }
}

/// A private key with its public one. The private half is kept in PKCS #8 and wiped on drop.
#[derive(Clone)]
pub struct SigningKey {
    public: PublicKey,
    pkcs8: Secret,
}

impl SigningKey {
    /// A new RSA key of 2048 to 4096 bits. 3072 bits take a second or so: not on an async thread.
    ///
    /// # Errors
    /// [`Misuse::SigningKey`] for another size.
    pub fn generate_rsa(bits: usize, rng: &mut dyn CryptoRng) -> Result<Self, Error> {
        let fits = (2048..=4096).contains(&bits);
        let pkcs8 = if fits { generate_rsa(bits, rng) } else { None };
        Self::from_pkcs8(&pkcs8.ok_or(Error::Misuse(Misuse::SigningKey))?)
    }

    /// A key from PKCS #8 (DER), as it was stored or as other programs make it.
    ///
    /// # Errors
    /// [`Misuse::SigningKey`] if it is none, or not of a kind that [`PublicKey`] takes.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, Error> {
        let misuse = Error::Misuse(Misuse::SigningKey);
        let (algorithm, numbers) = public_numbers(pkcs8).ok_or_else(|| misuse.clone())?;
        let numbers = numbers.iter().map(|number| mpi(number).to_vec()).collect();
        let public = PublicKey::new(algorithm, numbers).map_err(|_| misuse)?;
        Ok(Self { public, pkcs8: Secret::new(pkcs8) })
    }

    /// The key in PKCS #8, for a sealed store.
    #[must_use]
    pub fn to_pkcs8(&self) -> &Secret {
        &self.pkcs8
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// [`Misuse::SigningKey`] if the key turns out not to work.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        sign(self.pkcs8.expose(), message).ok_or(Error::Misuse(Misuse::SigningKey))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}
