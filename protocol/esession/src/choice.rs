//! Form B: what the responder chooses from the offer (XEP-0116 section 4.3).

use crate::error::Error;
use crate::form::{Form, FormWriter};
use crate::group::Group;
use crate::offer::{COMPRESSION, Offer, SECURITY, VERSION};
use crate::options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, StanzaKind};
use crate::policy::Policy;
use crate::suite::{KeyLengths, Suite};

/// One value of each option.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) group: Group,
    pub(crate) cipher: Cipher,
    pub(crate) hash: Hash,
    pub(crate) sas: SasMethod,
    pub(crate) stanzas: Vec<StanzaKind>,
    pub(crate) disclosure: Option<Disclosure>,
    pub(crate) logging: Option<Logging>,
    pub(crate) rekey_freq: u32,
}

/// Fields with options of which exactly one is chosen.
const SINGLE: [&str; 12] = [
    "logging",
    "otr",
    "disclosure",
    "security",
    "modp",
    "crypt_algs",
    "hash_algs",
    "compress",
    "init_pubkey",
    "resp_pubkey",
    "ver",
    "sas_algs",
];

/// Reads options by name and collects the fields in which there is nothing acceptable.
struct Selection<'a> {
    form: &'a Form,
    refused: Vec<String>,
}

impl Selection<'_> {
    /// The values of a field that we know by name.
    fn known<T>(&self, var: &str, from_name: fn(&str) -> Option<T>) -> Vec<T> {
        let values = self.form.field(var).map(|field| field.values.as_slice()).unwrap_or_default();
        values.iter().filter_map(|value| from_name(value)).collect()
    }

    fn refuse(&mut self, var: &str) {
        self.refused.push(var.to_owned());
    }

    /// The strongest value that is permitted.
    fn strongest<T: Ord>(
        &mut self,
        var: &str,
        from_name: fn(&str) -> Option<T>,
        permitted: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let best = self.known(var, from_name).into_iter().filter(|value| permitted(value)).max();
        if best.is_none() {
            self.refuse(var);
        }
        best
    }

    /// The first of ours that is offered.
    fn preferred<T: Copy + PartialEq>(&mut self, var: &str, offered: &[T], ours: &[T]) -> Option<T> {
        let best = ours.iter().copied().find(|value| offered.contains(value));
        if best.is_none() {
            self.refuse(var);
        }
        best
    }

    /// A field that can have one value only; some may be left out.
    fn fixed(&mut self, var: &str, value: &str, may_be_absent: bool) {
        let found = self.form.field(var).map_or(may_be_absent, |field| field.values.iter().any(|v| v == value));
        if !found {
            self.refuse(var);
        }
    }

    fn rekey_freq(&mut self) -> Option<u32> {
        let Some(field) = self.form.field("rekey_freq") else { return Some(1) };
        let number = field.only().and_then(|value| value.parse().ok());
        if number.is_none() {
            self.refuse("rekey_freq");
        }
        number
    }
}

impl Choice {
    /// The algorithms of the session.
    pub(crate) fn suite(&self, lengths: KeyLengths) -> Suite {
        Suite { cipher: self.cipher, hash: self.hash, lengths }
    }

    /// Chooses from what the form lists: from an offer as Bob; from a response, where each list has one value, as Alice.
    /// Nothing below the policy passes.
    fn select(policy: &Policy, form: &Form) -> Result<Self, Error> {
        let mut from = Selection { form, refused: Vec::new() };
        let logging_name = logging_field(form);
        let logging = match logging_name {
            // otr: true says that nothing is kept
            Some("otr") => from.known("otr", |value| match value {
                "true" | "1" => Some(Logging::MustNot),
                "false" | "0" => Some(Logging::May),
                _ => None,
            }),
            Some(var) => from.known(var, Logging::from_name),
            None => vec![Logging::May],
        };
        let logging = from.preferred(logging_name.unwrap_or("logging"), &logging, &policy.logging);
        let disclosure = match form.field("disclosure") {
            Some(_) => from.known("disclosure", Disclosure::from_name),
            None => vec![Disclosure::Never],
        };
        let disclosure = from.preferred("disclosure", &disclosure, &policy.disclosure);
        from.fixed("security", SECURITY, false);
        let group = from.strongest("modp", Group::from_name, |group| policy.allows(*group));
        let cipher = from.strongest("crypt_algs", Cipher::from_name, |cipher| policy.ciphers.contains(cipher));
        let hash = from.strongest("hash_algs", Hash::from_name, |hash| policy.hashes.contains(hash));
        from.fixed("compress", COMPRESSION, true);
        let stanzas: Vec<_> = from.known("stanzas", StanzaKind::from_name);
        let stanzas: Vec<_> = stanzas.into_iter().filter(|kind| policy.stanzas.contains(kind)).collect();
        if stanzas.is_empty() {
            from.refuse("stanzas");
        }
        from.fixed("init_pubkey", Identification::None.name(), true);
        from.fixed("resp_pubkey", Identification::None.name(), true);
        from.fixed("ver", VERSION, false);
        let rekey_freq = from.rekey_freq();
        let sas = from.strongest("sas_algs", SasMethod::from_name, |method| policy.sas_methods.contains(method));
        match (group, cipher, hash, sas, rekey_freq) {
            (Some(group), Some(cipher), Some(hash), Some(sas), Some(rekey_freq)) if from.refused.is_empty() => {
                Ok(Self {
                    group,
                    cipher,
                    hash,
                    sas,
                    stanzas,
                    disclosure: disclosure.filter(|_| form.field("disclosure").is_some()),
                    logging: logging.filter(|_| logging_name.is_some()),
                    rekey_freq,
                })
            }
            _ => Err(Error::PeerIncompatible(from.refused)),
        }
    }

    /// Bob chooses.
    pub(crate) fn make(policy: &Policy, offer: &Offer) -> Result<Self, Error> {
        let mut choice = Self::select(policy, &offer.form)?;
        choice.rekey_freq = choice.rekey_freq.max(policy.rekey_freq);
        Ok(choice)
    }

    /// Alice reads the choice: every value must have been offered.
    pub(crate) fn read(policy: &Policy, offer: &Form, response: &Form) -> Result<Self, Error> {
        let mut refused = Vec::new();
        for offered in offer.fields.iter().filter(|field| SINGLE.contains(&field.var.as_str())) {
            let chosen = response.field(&offered.var).and_then(|field| field.only());
            if !chosen.is_some_and(|chosen| offered.values.iter().any(|value| value == chosen)) {
                refused.push(offered.var.clone());
            }
        }
        let listed = |form: &Form, var| form.field(var).map(|field| field.values.clone()).unwrap_or_default();
        let offered_stanzas = listed(offer, "stanzas");
        if listed(response, "stanzas").iter().any(|kind| !offered_stanzas.contains(kind)) {
            refused.push("stanzas".into());
        }
        let least = offer.one("rekey_freq").ok().and_then(|value| value.parse().ok()).unwrap_or(1);
        let most = response.one("rekey_freq").ok().and_then(|value| value.parse::<u32>().ok());
        if most.is_none_or(|chosen| chosen < least) {
            refused.push("rekey_freq".into());
        }
        if refused.is_empty() { Self::select(policy, response) } else { Err(Error::PeerIncompatible(refused)) }
    }

    /// Form B up to the responder's own values, in the order of the request.
    pub(crate) fn write(&self, offer: &Offer, nonce: &str, dhkey: &str) -> FormWriter {
        let mut form = FormWriter::new("submit");
        let logging_name = logging_field(&offer.form);
        for field in &offer.form.fields {
            let var = field.var.as_str();
            match var {
                "accept" => form.field(var, "1"),
                "logging" | "otr" if logging_name != Some(var) => {}
                "logging" => form.field(var, self.logging.map_or("", Logging::name)),
                "otr" => form.field(var, if self.logging == Some(Logging::MustNot) { "true" } else { "false" }),
                "disclosure" => form.field(var, self.disclosure.map_or("", Disclosure::name)),
                "security" => form.field(var, SECURITY),
                "modp" => form.field(var, self.group.name()),
                "crypt_algs" => form.field(var, self.cipher.name()),
                "hash_algs" => form.field(var, self.hash.name()),
                "compress" => form.field(var, COMPRESSION),
                "stanzas" => form.values(var, &self.stanzas.iter().map(|kind| kind.name()).collect::<Vec<_>>()),
                "init_pubkey" | "resp_pubkey" => form.field(var, Identification::None.name()),
                "ver" => form.field(var, VERSION),
                "rekey_freq" => form.field(var, self.rekey_freq.to_string()),
                "sas_algs" => form.field(var, self.sas.name()),
                "my_nonce" => form.field(var, nonce),
                "dhhashes" => form.field("dhkeys", dhkey),
                _ => {}
            }
        }
        form
    }
}

/// The field that speaks about transcripts: `logging`, or in old requests `otr`.
fn logging_field(form: &Form) -> Option<&'static str> {
    ["logging", "otr"].into_iter().find(|var| form.field(var).is_some())
}
