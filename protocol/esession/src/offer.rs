//! Form A: what the initiator offers (XEP-0116 section 4.2).

use minidom::Element;

use crate::error::Error;
use crate::form::{ExtraField, Form, FormWriter, encode};
use crate::group::KeyPair;
use crate::normal::normalize;
use crate::options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, StanzaKind};
use crate::policy::Policy;
use crate::primitives::sha256;

/// The only version of the protocol; the 1.2 and 1.3 of the examples never existed (esession registry).
pub(crate) const VERSION: &str = "1.0";
/// The only value of `security` that is a session for us.
pub(crate) const SECURITY: &str = "e2e";
/// The only value of `compress`: compression before encryption leaks lengths.
pub(crate) const COMPRESSION: &str = "none";

/// Form A, read.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) form: Form,
    /// formA, as it is MACed.
    pub(crate) normal: String,
    /// N_A
    pub(crate) nonce: Vec<u8>,
    /// He of each group, in the order of `modp`.
    pub(crate) commitments: Vec<Vec<u8>>,
}

impl Offer {
    /// Makes form A from the policy. `keys` are in the order of `policy.groups`.
    pub(crate) fn write(
        policy: &Policy,
        nonce: &[u8],
        keys: &[KeyPair],
        extras: &[ExtraField],
    ) -> Result<Element, Error> {
        let mut form = FormWriter::new("form");
        form.typed("accept", "boolean", &["1"]);
        let mut single = |var: &str, options: &[&str]| form.options(var, "list-single", options);
        single("logging", &policy.logging.iter().copied().map(Logging::name).collect::<Vec<_>>());
        single("disclosure", &policy.disclosure.iter().copied().map(Disclosure::name).collect::<Vec<_>>());
        single("security", &[SECURITY]);
        single("modp", &keys.iter().map(|pair| pair.group().name()).collect::<Vec<_>>());
        single("crypt_algs", &policy.ciphers.iter().copied().map(Cipher::name).collect::<Vec<_>>());
        single("hash_algs", &policy.hashes.iter().copied().map(Hash::name).collect::<Vec<_>>());
        single("compress", &[COMPRESSION]);
        single("init_pubkey", &[Identification::None.name()]);
        single("resp_pubkey", &[Identification::None.name()]);
        single("ver", &[VERSION]);
        single("sas_algs", &policy.sas_methods.iter().copied().map(SasMethod::name).collect::<Vec<_>>());
        let stanzas: Vec<_> = policy.stanzas.iter().copied().map(StanzaKind::name).collect();
        form.options("stanzas", "list-multi", &stanzas);
        form.typed("rekey_freq", "text-single", &[policy.rekey_freq.to_string()]);
        form.typed("my_nonce", "hidden", &[encode(nonce)]);
        let commitments: Vec<_> = keys.iter().map(|pair| encode(&sha256(&[pair.public()]))).collect();
        form.typed("dhhashes", "hidden", &commitments);
        form.extras(extras)?;
        Ok(form.element().clone())
    }

    /// Reads form A and refuses what cannot be a four-message request.
    pub(crate) fn read(form_a: &Element) -> Result<Self, Error> {
        let form = Form::read(form_a, "form")?;
        let unknown = form.unknown_required();
        if !unknown.is_empty() {
            return Err(Error::NotImplemented(unknown));
        }
        if form.field("dhhashes").is_none() && form.field("dhkeys").is_some() {
            return Err(Error::NotImplemented(vec!["dhkeys".into()]));
        }
        form.check_accepted()?;
        let nonce = session_id(&form)?;
        let commitments = form.all_octets("dhhashes")?;
        let groups = form.field("modp").map_or(0, |field| field.values.len());
        if commitments.len() != groups || commitments.iter().any(|hash| hash.len() != 32) {
            return Err(Error::PeerIncompatible(vec!["dhhashes".into()]));
        }
        Ok(Self { normal: normalize(form_a)?, form, nonce, commitments })
    }

    /// He for the group that was chosen by name.
    pub(crate) fn commitment(&self, group: &str) -> Option<&[u8]> {
        let place = self.form.field("modp")?.values.iter().position(|name| name == group)?;
        self.commitments.get(place).map(Vec::as_slice)
    }
}

/// The sender's ESession ID: 8 octets at least (Gajim's length).
pub(crate) fn session_id(form: &Form) -> Result<Vec<u8>, Error> {
    let nonce = form.octets("my_nonce")?;
    if (8..=64).contains(&nonce.len()) { Ok(nonce) } else { Err(Error::BadField("my_nonce".into())) }
}
