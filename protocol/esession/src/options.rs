//! What a negotiation chooses between: the values of the list fields, by their names on the wire (XEP-0116 section 4).

/// Declares an enum together with its names on the wire.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// The name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// The value with this name on the wire, if we know it.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($wire => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// CIPHER, weakest first (`crypt_algs`).
    Cipher {
        /// AES with 128-bit keys in counter mode, the one everybody has.
        Aes128Ctr = "aes128-ctr",
        /// AES with 192-bit keys in counter mode.
        Aes192Ctr = "aes192-ctr",
        /// AES with 256-bit keys in counter mode.
        Aes256Ctr = "aes256-ctr",
    }
}

impl Cipher {
    /// Key length in octets.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Ctr => 16,
            Self::Aes192Ctr => 24,
            Self::Aes256Ctr => 32,
        }
    }
}

named! {
    /// HASH (`hash_algs`).
    Hash {
        /// SHA-256, the mandatory one.
        Sha256 = "sha256",
    }
}

named! {
    /// How the short authentication string is computed (`sas_algs`).
    SasMethod {
        /// Five base-28 digits over M_A and form B. Not enough to verify a peer: see [`crate::Sas`].
        Sas28x5 = "sas28x5",
    }
}

named! {
    /// How an end identifies itself (`init_pubkey`, `resp_pubkey`).
    Identification {
        /// No public key: retained secrets, other secrets and the SAS only.
        None = "none",
    }
}

named! {
    /// A kind of stanza whose content is encrypted in the session (`stanzas`).
    StanzaKind {
        /// `<message/>`
        Message = "message",
        /// `<presence/>`
        Presence = "presence",
        /// `<iq/>`
        Iq = "iq",
    }
}

named! {
    /// What the end says about disclosing decrypted content to third parties (`disclosure`).
    Disclosure {
        /// It does not and cannot.
        Never = "never",
        /// It could, and does not.
        Disabled = "disabled",
        /// It does: to be shown to the user at once.
        Enabled = "enabled",
    }
}

named! {
    /// Whether the ends may keep a transcript (`logging`).
    Logging {
        /// Transcripts may be kept.
        May = "may",
        /// No transcript may be kept, not even re-encrypted.
        MustNot = "mustnot",
    }
}
