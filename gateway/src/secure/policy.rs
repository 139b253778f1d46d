//! What we accept in a negotiation, and what we may truthfully say in it.

use esession::{Cipher, Disclosure, Group, Logging, Policy, StanzaKind};

use crate::config::{self, ESessionConfig};

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
        ciphers: config
            .ciphers
            .iter()
            .map(|cipher| match cipher {
                config::Cipher::Aes256Ctr => Cipher::Aes256Ctr,
                config::Cipher::Aes128Ctr => Cipher::Aes128Ctr,
            })
            .collect(),
        stanzas: vec![StanzaKind::Message],
        disclosure: if truth.undisclosed() {
            vec![Disclosure::Never, Disclosure::Enabled]
        } else {
            vec![Disclosure::Enabled]
        },
        logging: if truth.unlogged(config) { vec![Logging::May, Logging::MustNot] } else { vec![Logging::May] },
        ..Policy::default()
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
    fn a_conversation_that_was_protected_stays_so_until_the_user_says_otherwise() {
        assert!(!required(Wish::Prefer, false));
        assert!(required(Wish::Prefer, true));
        assert!(required(Wish::Require, false));
        assert!(!required(Wish::Off, true));
    }
}
