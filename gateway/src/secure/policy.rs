//! What we accept in a negotiation, and what we may truthfully say in it.

use esession::{Cipher, Disclosure, Group, Policy, StanzaKind};

use crate::config::{self, ESessionConfig};

/// The floor and the preferences of this host. `undisclosed`: the text is encrypted end to end on the far side too and
/// this host is the user's own, so that "never disclosed" is true; everything else is told as `enabled`
/// (XEP-0116, section 4.1; design, section 5).
pub fn session_policy(config: &ESessionConfig, undisclosed: bool) -> Policy {
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
        disclosure: if undisclosed { vec![Disclosure::Never, Disclosure::Enabled] } else { vec![Disclosure::Enabled] },
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
