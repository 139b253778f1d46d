//! The proof of identity of either end, SIGMA (XEP-0116 sections 4.4 to 4.6): mac, ID and M.

use minidom::Element;

use crate::counter::Counter;
use crate::error::{Error, Misuse};
use crate::form::{decode, encode};
use crate::namespaces::XML_SIGNATURES;
use crate::options::{Hash, Identification, SignatureAlgorithm};
use crate::primitives::constant_time_eq;
use crate::public_key::{PublicKey, SigningKey};
use crate::schedule::DirectionKeys;
use crate::suite::Suite;

/// What an end vouches for. Its public key, if it shows one, follows `public`.
pub(crate) struct Claim<'a> {
    /// ESession ID of the one who is to be convinced.
    pub(crate) verifier_nonce: &'a [u8],
    /// ESession ID of the one who proves.
    pub(crate) prover_nonce: &'a [u8],
    /// mpi of the prover's Diffie-Hellman value.
    pub(crate) public: &'a [u8],
    /// The prover's first form, normalized.
    pub(crate) form: &'a str,
    /// The prover's completion form, normalized; empty where there is none.
    pub(crate) completion: &'a str,
}

/// ID and M, as the fields `identity` and `mac` carry them.
pub(crate) struct Proof {
    pub(crate) identity: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// How the prover is to identify itself, and the keys the verifier can recognise.
pub(crate) struct Expected<'a> {
    pub(crate) how: Identification,
    pub(crate) algorithm: Option<SignatureAlgorithm>,
    pub(crate) known: &'a [PublicKey],
}

/// mac_X = HMAC(KS_X, N_verifier | N_prover | mpi(public) | pubKey | form | completion)
fn sigma_mac(claim: &Claim<'_>, key_value: &str, keys: &DirectionKeys, suite: Suite) -> Vec<u8> {
    let Claim { verifier_nonce, prover_nonce, public, form, completion } = claim;
    let parts = [verifier_nonce, prover_nonce, public, key_value.as_bytes(), form.as_bytes(), completion.as_bytes()];
    suite.hmac(&keys.sigma, &parts).to_vec()
}

/// Makes the proof and steps the prover's counter over it. `key` signs, unless the prover shows none.
pub(crate) fn prove(
    claim: &Claim<'_>,
    how: Identification,
    key: Option<&SigningKey>,
    keys: &DirectionKeys,
    suite: Suite,
    counter: &mut Counter,
) -> Result<Proof, Error> {
    let key = key.ok_or(Error::Misuse(Misuse::SigningKey));
    let mut identity = match how {
        Identification::None => sigma_mac(claim, "", keys, suite),
        Identification::Key | Identification::Hash => {
            let key = key?;
            let key_value = key.public().key_value();
            let signature = encode(&key.sign(&sigma_mac(claim, &key_value, keys, suite))?);
            let shown = match how {
                Identification::Hash => {
                    format!("<fingerprint>{}</fingerprint>", encode(&key.public().fingerprint(suite.hash)))
                }
                _ => key_value,
            };
            format!("{shown}<SignatureValue>{signature}</SignatureValue>").into_bytes()
        }
    };
    suite.crypt(&keys.stanza.cipher, *counter, &mut identity);
    let mac = suite.hmac(&keys.stanza.mac, &[&counter.mpi(), &identity]).to_vec();
    *counter = counter.after(suite.blocks(identity.len()));
    Ok(Proof { identity, mac })
}

/// Verifies M, decrypts ID, verifies mac or the signature over it; steps the prover's counter over it. Gives the key the
/// prover showed.
pub(crate) fn verify(
    claim: &Claim<'_>,
    proof: &Proof,
    expected: &Expected<'_>,
    keys: &DirectionKeys,
    suite: Suite,
    counter: &mut Counter,
) -> Result<Option<PublicKey>, Error> {
    let authentic = counter
        .spellings()
        .iter()
        .any(|c| constant_time_eq(&suite.hmac(&keys.stanza.mac, &[c, &proof.identity]), &proof.mac));
    if !authentic {
        return Err(Error::DecryptFailed);
    }
    let mut plain = proof.identity.clone();
    suite.crypt(&keys.stanza.cipher, *counter, &mut plain);
    let key = match expected.how {
        Identification::None if constant_time_eq(&plain, &sigma_mac(claim, "", keys, suite)) => None,
        Identification::None => return Err(Error::DecryptFailed),
        Identification::Key | Identification::Hash => {
            let (key, signature) = Shown::read(&plain, expected.how)?.recognise(expected, suite.hash)?;
            let mac = sigma_mac(claim, &key.key_value(), keys, suite);
            if !key.verify(&mac, &signature) {
                return Err(Error::DecryptFailed);
            }
            Some(key)
        }
    };
    *counter = counter.after(suite.blocks(proof.identity.len()));
    Ok(key)
}

/// What is inside ID when it has a signature.
struct Shown {
    key: ShownKey,
    signature: Vec<u8>,
}

enum ShownKey {
    Whole(PublicKey),
    Fingerprint(Vec<u8>),
}

/// A KeyValue of 4096 bits with its signature has less than 2 KiB and ten tags.
const MAX_LENGTH: usize = 8192;
const MAX_TAGS: usize = 32;

impl Shown {
    /// Two elements in a row, in the namespace of XML signatures or in none; white space may follow.
    fn read(plain: &[u8], how: Identification) -> Result<Self, Error> {
        let read = || {
            let text = std::str::from_utf8(plain).ok()?;
            if text.len() > MAX_LENGTH || text.bytes().filter(|octet| *octet == b'<').count() > MAX_TAGS {
                return None;
            }
            let root: Element = format!("<identity xmlns='{XML_SIGNATURES}'>{text}</identity>").parse().ok()?;
            let mut children = root.children();
            let (shown, signature) = (children.next()?, children.next()?);
            let signed = signature.name() == "SignatureValue" && children.next().is_none();
            let key = match (how, shown.name()) {
                (Identification::Key, "KeyValue") => ShownKey::Whole(PublicKey::from_element(shown).ok()?),
                (Identification::Hash, "fingerprint") => ShownKey::Fingerprint(decode(shown.text().trim())?),
                _ => return None,
            };
            let signature = decode(signature.text().trim())?;
            signed.then_some(Self { key, signature })
        };
        read().ok_or(Error::DecryptFailed)
    }

    /// The key itself, if it may sign here, with the signature.
    fn recognise(self, expected: &Expected<'_>, hash: Hash) -> Result<(PublicKey, Vec<u8>), Error> {
        let key = match self.key {
            ShownKey::Whole(key) => key,
            ShownKey::Fingerprint(print) => {
                let known = expected.known.iter().find(|key| key.fingerprint(hash) == print);
                known.cloned().ok_or(Error::UnknownKey)?
            }
        };
        if expected.algorithm == Some(key.algorithm()) { Ok((key, self.signature)) } else { Err(Error::DecryptFailed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(plain: &str) -> bool {
        Shown::read(plain.as_bytes(), Identification::Hash).is_ok()
    }

    #[test]
    fn what_an_identity_shows_has_two_parts_and_a_limit() {
        let (print, signature) = ("<fingerprint>AQID</fingerprint>", "<SignatureValue>AQID</SignatureValue>");
        let both = format!("{print}{signature}");
        assert!(is_read(&both));
        for more in [print, signature, "<a/>"] {
            assert!(!is_read(&format!("{both}{more}")), "{more}");
        }
        assert!(!is_read(print) && !is_read(signature) && !is_read(&both.replace("SignatureValue", "Signature")));

        let spaces = |length: usize| format!("{both}{}", " ".repeat(length - both.len()));
        assert!(is_read(&spaces(MAX_LENGTH)) && !is_read(&spaces(MAX_LENGTH + 1)) && !is_read(&spaces(MAX_LENGTH + 2)));
        let tags = |count: usize| both.replacen("AQID", &format!("AQID{}", "<a/>".repeat(count - 4)), 1);
        assert!(is_read(&tags(MAX_TAGS)) && !is_read(&tags(MAX_TAGS + 1)) && !is_read(&tags(MAX_TAGS + 2)));
    }
}
