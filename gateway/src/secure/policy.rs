//! What we accept in a negotiation, and what we may truthfully say in it.

use esession::{Cipher, Disclosure, Flow, Group, Hash, Identification, Logging, Policy, SasMethod, StanzaKind};
use minidom::Element;

use crate::config::ESessionConfig;

/// What may truthfully be said of a conversation now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// The far side is end-to-end encrypted.
    pub encrypted: bool,
    /// This host is the user's own.
    pub own_host: bool,
}

impl Truth {
    /// "Never disclosed" (XEP-0116, section 4.1): nobody but the user and the contact can read along.
    pub fn undisclosed(self) -> bool {
        self.encrypted && self.own_host
    }

    /// "Must not be logged" (XEP-0155): nothing is stored here, and nobody stores it in clear elsewhere.
    pub fn unlogged(self, config: &ESessionConfig) -> bool {
        self.encrypted && config.transient
    }
}

/// The floor and the preferences of this host; what is not true is not said (design, section 5). That nothing is logged
/// is agreed only with who demands it.
pub fn session_policy(config: &ESessionConfig, truth: Truth) -> Policy {
    Policy {
        groups: config.groups.iter().filter_map(|number| Group::from_name(&number.to_string())).collect(),
        insecure_groups: config.insecure_peers,
        ciphers: config.ciphers.iter().filter_map(|cipher| Cipher::from_name(cipher.word())).collect(),
        hashes: config.hashes.iter().filter_map(|hash| Hash::from_name(hash.word())).collect(),
        stanzas: vec![StanzaKind::Message, StanzaKind::Presence, StanzaKind::Iq],
        disclosure: if truth.undisclosed() {
            vec![Disclosure::Never, Disclosure::Enabled]
        } else {
            vec![Disclosure::Enabled]
        },
        sas_methods: codes(config.committed_codes),
        logging: if truth.unlogged(config) { vec![Logging::May, Logging::MustNot] } else { vec![Logging::May] },
        ..Policy::default()
    }
}

/// Short codes: somebody in between can search for one of XEP-0116 (esessions.md, W1), so nobody who can do better goes back to
/// it.
fn codes(only_committed: bool) -> Vec<SasMethod> {
    let mut methods = vec![SasMethod::Committed28x5, SasMethod::Sas28x5];
    methods.truncate(if only_committed { 1 } else { 2 });
    methods
}

/// What is known of a client before a negotiation with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// There are keys that we know by their fingerprints.
    pub keys: bool,
    /// It can do codes that cannot be searched.
    pub commits: bool,
}

/// The same for asking a client.
pub fn asking_policy(config: &ESessionConfig, truth: Truth, flow: Flow, commits: bool) -> Policy {
    let ways = match flow {
        Flow::FourMessage | Flow::Offline => vec![Identification::None],
        Flow::ThreeMessage => vec![Identification::Key],
    };
    let sas_methods = codes(commits || config.committed_codes);
    Policy { own_identification: ways.clone(), peer_identification: ways, sas_methods, ..session_policy(config, truth) }
}

/// The same for answering a client's request: it may want keys, and gets them if it puts them first. (Old Gajim lists them
/// as well, behind `none`, and cannot go on with them.)
pub fn answering_policy(config: &ESessionConfig, truth: Truth, form_a: &Element, known: Known) -> Policy {
    let ways = |var: &str| {
        let field = form_a.children().find(|field| field.attr("var") == Some(var));
        let first = field
            .and_then(|field| field.children().next())
            .map(|option| option.children().next().unwrap_or(option).text());
        match first.as_deref().map(str::trim) {
            Some("key") => vec![Identification::Key, Identification::Hash, Identification::None],
            Some("hash") => vec![Identification::Hash, Identification::Key, Identification::None],
            _ => vec![Identification::None, Identification::Key, Identification::Hash],
        }
    };
    let mut peers = ways("init_pubkey");
    peers.retain(|how| known.keys || *how != Identification::Hash);
    Policy {
        own_identification: ways("resp_pubkey"),
        peer_identification: peers,
        sas_methods: codes(known.commits || config.committed_codes),
        ..session_policy(config, truth)
    }
}

/// Whether encryption towards the user's client is required now (design, section 5): demanded, or used once before and
/// not given up since.
pub fn required(policy: crate::store::Policy, protected_before: bool) -> bool {
    match policy {
        crate::store::Policy::Require => true,
        crate::store::Policy::Prefer => protected_before,
        crate::store::Policy::Off => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Policy as Wish;

    #[test]
    fn the_core_knows_every_option_of_the_configuration() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let ciphers = names(&[
            "aes256-ctr",
            "serpent256-ctr",
            "twofish256-ctr",
            "aes192-ctr",
            "serpent192-ctr",
            "twofish192-ctr",
            "aes128-ctr",
            "serpent128-ctr",
            "twofish128-ctr",
        ]);
        let config = ESessionConfig {
            groups: vec![18, 17, 16, 15, 14, 5],
            ciphers: ciphers.iter().map(|name| name.clone().try_into().unwrap()).collect(),
            hashes: vec!["sha256".to_owned().try_into().unwrap(), "whirlpool".to_owned().try_into().unwrap()],
            ..ESessionConfig::default()
        };
        let policy = session_policy(&config, Truth { encrypted: true, own_host: true });
        assert_eq!(policy.ciphers.iter().map(|cipher| cipher.name()).collect::<Vec<_>>(), ciphers);
        assert_eq!((policy.groups.len(), policy.hashes.len()), (6, 2));
    }

    #[test]
    fn a_conversation_that_was_protected_stays_so_until_the_user_says_otherwise() {
        assert!(!required(Wish::Prefer, false));
        assert!(required(Wish::Prefer, true));
        assert!(required(Wish::Require, false));
        assert!(!required(Wish::Off, true));
    }
}
