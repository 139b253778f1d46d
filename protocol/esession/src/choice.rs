//! Form B: what the responder chooses from the offer (XEP-0116 section 4.3).

use crate::credentials::Credentials;
use crate::error::Error;
use crate::established::Role;
use crate::form::{Field, Form, FormWriter};
use crate::group::Group;
use crate::offer::{COMPRESSION, Flow, Offer, SECURITY, VERSION};
use crate::options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, SignatureAlgorithm, StanzaKind};
use crate::policy::Policy;
use crate::sigma::Expected;
use crate::suite::{Profile, Suite};

/// One value of each option.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) group: Group,
    pub(crate) cipher: Cipher,
    pub(crate) hash: Hash,
    /// Only in a four-message negotiation.
    pub(crate) sas: Option<SasMethod>,
    /// How Alice identifies herself.
    pub(crate) init: Identification,
    /// How Bob identifies himself.
    pub(crate) resp: Identification,
    /// What those sign with who do.
    pub(crate) signature: Option<SignatureAlgorithm>,
    pub(crate) stanzas: Vec<StanzaKind>,
    pub(crate) disclosure: Option<Disclosure>,
    pub(crate) logging: Option<Logging>,
    pub(crate) rekey_freq: u32,
}

/// Fields with options of which exactly one is chosen.
const SINGLE: [&str; 13] = [
    "logging",
    "otr",
    "disclosure",
    "security",
    "modp",
    "crypt_algs",
    "hash_algs",
    "sign_algs",
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

    /// How an end identifies itself; a field that is not there means `none`.
    fn identification(&mut self, var: &str, flow: Flow, ours: &[Identification]) -> Identification {
        if flow == Flow::Offline {
            return Identification::Key;
        }
        let offered = match self.form.field(var) {
            Some(_) => self.known(var, Identification::from_name),
            None => vec![Identification::None],
        };
        let offered: Vec<_> = offered.into_iter().filter(|how| flow.permits(*how)).collect();
        self.preferred(var, &offered, ours).unwrap_or(Identification::None)
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
    pub(crate) fn suite(&self, profile: Profile) -> Suite {
        Suite { cipher: self.cipher, hash: self.hash, profile }
    }

    /// The method of a four-message negotiation.
    pub(crate) fn sas_method(&self) -> Result<SasMethod, Error> {
        self.sas.ok_or_else(|| Error::PeerIncompatible(vec!["sas_algs".into()]))
    }

    /// How the end with this role identifies itself.
    pub(crate) fn identification(&self, role: Role) -> Identification {
        match role {
            Role::Initiator => self.init,
            Role::Responder => self.resp,
        }
    }

    /// How the end with this role is to prove who it is.
    pub(crate) fn expected<'a>(&self, role: Role, credentials: &'a Credentials) -> Expected<'a> {
        Expected { how: self.identification(role), algorithm: self.signature, known: &credentials.known_keys }
    }

    /// The ways in which a peer may do all this. The odd ones know neither public keys nor other algorithms.
    pub(crate) fn profiles(&self, policy: &Policy) -> Vec<Profile> {
        let plain = self.init == Identification::None && self.resp == Identification::None;
        let gajim = self.cipher == Cipher::Aes128Ctr && self.hash == Hash::Sha256;
        let truncated = self.cipher.key_length() == 16;
        let mut profiles = vec![Profile::Xep];
        profiles.extend((policy.accept_gajim && plain && gajim).then_some(Profile::Gajim));
        profiles.extend((policy.accept_truncated_keys && plain && truncated).then_some(Profile::Truncated));
        profiles
    }

    /// Chooses from what the form lists: from an offer as Bob; from a response, where each list has one value, as Alice.
    /// Nothing below the policy passes. `own` is the role of this end.
    fn select(policy: &Policy, flow: Flow, own: Role, form: &Form) -> Result<Self, Error> {
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
        let init = from.identification("init_pubkey", flow, policy.identification(own, Role::Initiator));
        let resp = from.identification("resp_pubkey", flow, policy.identification(own, Role::Responder));
        let signature = match (init, resp) {
            (Identification::None, Identification::None) => None,
            _ => {
                let signatures = from.known("sign_algs", SignatureAlgorithm::from_uri);
                from.preferred("sign_algs", &signatures, &policy.signatures)
            }
        };
        from.fixed("ver", VERSION, false);
        let rekey_freq = from.rekey_freq();
        let sas = match flow {
            Flow::FourMessage => {
                from.strongest("sas_algs", SasMethod::from_name, |method| policy.sas_methods.contains(method))
            }
            Flow::ThreeMessage | Flow::Offline => None,
        };
        match (group, cipher, hash, rekey_freq) {
            (Some(group), Some(cipher), Some(hash), Some(rekey_freq)) if from.refused.is_empty() => Ok(Self {
                group,
                cipher,
                hash,
                sas,
                init,
                resp,
                signature,
                stanzas,
                disclosure: disclosure.filter(|_| form.field("disclosure").is_some()),
                logging: logging.filter(|_| logging_name.is_some()),
                rekey_freq,
            }),
            _ => Err(Error::PeerIncompatible(from.refused)),
        }
    }

    /// Bob chooses.
    pub(crate) fn make(policy: &Policy, offer: &Offer) -> Result<Self, Error> {
        let mut choice = Self::select(policy, offer.flow, Role::Responder, &offer.form)?;
        choice.rekey_freq = choice.rekey_freq.max(policy.rekey_freq);
        Ok(choice)
    }

    /// Alice reads the choice: every value must have been offered.
    pub(crate) fn read(policy: &Policy, offer: &Offer, response: &Form) -> Result<Self, Error> {
        let (flow, offer) = (offer.flow, &offer.form);
        let mut refused = Vec::new();
        for offered in offer.fields.iter().filter(|field| SINGLE.contains(&field.var.as_str())) {
            if offered.var == "sign_algs" && response.field("sign_algs").is_none() {
                continue; // missed below, if anybody signs
            }
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
        if refused.is_empty() {
            Self::select(policy, flow, Role::Initiator, response)
        } else {
            Err(Error::PeerIncompatible(refused))
        }
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
                "init_pubkey" => form.field(var, self.init.name()),
                "resp_pubkey" => form.field(var, self.resp.name()),
                "sign_algs" => form.field(var, self.signature_uri(field)),
                "ver" => form.field(var, VERSION),
                "rekey_freq" => form.field(var, self.rekey_freq.to_string()),
                "sas_algs" => form.field(var, self.sas.map_or("", SasMethod::name)),
                "my_nonce" => form.field(var, nonce),
                "dhhashes" | "dhkeys" if var == offer.flow.field() => form.field("dhkeys", dhkey),
                _ => {}
            }
        }
        form
    }
}

impl Choice {
    /// What Bob says in `sign_algs`, spelled as Alice did. If nobody signs it does not matter, but she wants to see one.
    fn signature_uri<'a>(&self, offered: &'a Field) -> &'a str {
        let fits = |uri: &&String| self.signature.is_none() || SignatureAlgorithm::from_uri(uri) == self.signature;
        offered.values.iter().find(fits).map(String::as_str).unwrap_or_default()
    }
}

/// The field that speaks about transcripts: `logging`, or in old requests `otr`.
fn logging_field(form: &Form) -> Option<&'static str> {
    ["logging", "otr"].into_iter().find(|var| form.field(var).is_some())
}
