//! `[esession]`: what we offer and accept in an ESession negotiation.

use std::path::PathBuf;

use esession_attest::Authorities;
use serde::{Deserialize, Serialize};

use super::{ConfigError, list, word::words};

/// The group that only old peers still need.
const WEAK_GROUP: u16 = 5;

/// `[esession]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ESessionConfig {
    /// MODP groups (RFC 3526), best first. Contains 5 exactly if `insecure_peers`.
    #[serde(deserialize_with = "groups")]
    pub groups: Vec<u16>,
    /// Ciphers, best first.
    #[serde(deserialize_with = "list::deserialize")]
    pub ciphers: Vec<Cipher>,
    /// Hashes, best first.
    #[serde(deserialize_with = "list::deserialize")]
    pub hashes: Vec<Hash>,
    /// Whether peers that can do no better than group 5 are accepted.
    pub insecure_peers: bool,
    /// Whether clients whose short code can be searched (old Gajim) are refused. Those that once had a better one always are.
    pub committed_codes: bool,
    /// Files of authorities whose certificates verify a client's key (X.509 roots in PEM, or OpenPGP certificates).
    #[serde(deserialize_with = "list::deserialize")]
    pub authorities: Vec<PathBuf>,
    /// What is in those files.
    #[serde(skip)]
    pub trusted: Authorities,
    /// Whether clients may demand that nothing is stored (`logging` is `mustnot`).
    pub transient: bool,
}

words! {
    /// A cipher of an ESession.
    Cipher {
        /// AES with 256 bits, counter mode.
        Aes256 = "aes256-ctr",
        /// Serpent with 256 bits, counter mode.
        Serpent256 = "serpent256-ctr",
        /// Twofish with 256 bits, counter mode.
        Twofish256 = "twofish256-ctr",
        /// AES with 192 bits, counter mode.
        Aes192 = "aes192-ctr",
        /// Serpent with 192 bits, counter mode.
        Serpent192 = "serpent192-ctr",
        /// Twofish with 192 bits, counter mode.
        Twofish192 = "twofish192-ctr",
        /// AES with 128 bits, counter mode.
        Aes128 = "aes128-ctr",
        /// Serpent with 128 bits, counter mode.
        Serpent128 = "serpent128-ctr",
        /// Twofish with 128 bits, counter mode.
        Twofish128 = "twofish128-ctr",
    }
}

words! {
    /// The hash of an ESession.
    Hash {
        /// SHA-256.
        Sha256 = "sha256",
        /// Whirlpool.
        Whirlpool = "whirlpool",
    }
}

/// Groups that are neither weak nor unknown, best first.
const GROUPS: [u16; 5] = [18, 17, 16, 15, 14];

impl Default for ESessionConfig {
    fn default() -> Self {
        Self {
            groups: vec![16, 15, 14],
            ciphers: vec![Cipher::Aes256, Cipher::Aes128],
            hashes: vec![Hash::Sha256],
            insecure_peers: false,
            committed_codes: false,
            authorities: Vec::new(),
            trusted: Authorities::default(),
            transient: false,
        }
    }
}

impl ESessionConfig {
    pub(super) fn resolve(mut self) -> Result<Self, ConfigError> {
        if let Some(group) = self.groups.iter().find(|group| !GROUPS.contains(group) && **group != WEAK_GROUP) {
            let problem = format!("group {group} is not supported");
            return Err(ConfigError::invalid("esession.groups", problem, "use groups of 18, 17, 16, 15, 14"));
        }
        match (self.insecure_peers, self.groups.contains(&WEAK_GROUP)) {
            (false, true) => {
                let fix = "remove it, or set insecure_peers = true for peers that can do no better";
                return Err(ConfigError::invalid("esession.groups", "group 5 is too weak", fix));
            }
            (true, false) => self.groups.push(WEAK_GROUP),
            _ => {}
        }
        if self.groups.is_empty() {
            return Err(ConfigError::invalid("esession.groups", "the list is empty", "remove the key for the default"));
        }
        for (key, is_empty) in
            [("esession.ciphers", self.ciphers.is_empty()), ("esession.hashes", self.hashes.is_empty())]
        {
            if is_empty {
                return Err(ConfigError::invalid(key, "the list is empty", "remove the key for the default"));
            }
        }
        for path in &self.authorities {
            let invalid = |problem| {
                let fix = "name files of X.509 roots (PEM) or OpenPGP certificates (armored) that drawbridge can read";
                ConfigError::invalid("esession.authorities", format!("{}: {problem}", path.display()), fix)
            };
            let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
            self.trusted.add_text(&text).map_err(|error| invalid(error.to_string()))?;
        }
        Ok(self)
    }
}

fn groups<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u16>, D::Error> {
    struct Group(u16);

    impl TryFrom<String> for Group {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            text.parse().map(Group).map_err(|_| format!("\"{text}\" is not the number of a group"))
        }
    }

    Ok(list::deserialize::<D, Group>(from)?.into_iter().map(|Group(number)| number).collect())
}
