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
    /// CIPHER, weakest first: by the length of the key, and of one length AES last (`crypt_algs`).
    Cipher {
        /// No encryption, only authentication: signing (XEP-0116 section 9.4). Identities are in clear as well. Nobody gets
        /// it who has not listed it, and not while both ends have a cipher.
        SignOnly = "none",
        /// Twofish with 128-bit keys in counter mode.
        Twofish128Ctr = "twofish128-ctr",
        /// Serpent with 128-bit keys in counter mode.
        Serpent128Ctr = "serpent128-ctr",
        /// AES with 128-bit keys in counter mode, the one everybody has.
        Aes128Ctr = "aes128-ctr",
        /// Twofish with 192-bit keys in counter mode.
        Twofish192Ctr = "twofish192-ctr",
        /// Serpent with 192-bit keys in counter mode.
        Serpent192Ctr = "serpent192-ctr",
        /// AES with 192-bit keys in counter mode.
        Aes192Ctr = "aes192-ctr",
        /// Twofish with 256-bit keys in counter mode.
        Twofish256Ctr = "twofish256-ctr",
        /// Serpent with 256-bit keys in counter mode.
        Serpent256Ctr = "serpent256-ctr",
        /// AES with 256-bit keys in counter mode.
        Aes256Ctr = "aes256-ctr",
    }
}

impl Cipher {
    /// Key length in octets. No hash is shorter.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::SignOnly => 0,
            Self::Twofish128Ctr | Self::Serpent128Ctr | Self::Aes128Ctr => 16,
            Self::Twofish192Ctr | Self::Serpent192Ctr | Self::Aes192Ctr => 24,
            Self::Twofish256Ctr | Self::Serpent256Ctr | Self::Aes256Ctr => 32,
        }
    }
}

named! {
    /// HASH (`hash_algs`). Whirlpool comes first, so that the one that is better studied is chosen where both are there.
    Hash {
        /// Whirlpool, 512 bits.
        Whirlpool = "whirlpool",
        /// SHA-256, the mandatory one.
        Sha256 = "sha256",
    }
}

impl Hash {
    /// Output length in octets, of the hash and of its HMAC.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Whirlpool => 64,
            Self::Sha256 => 32,
        }
    }
}

named! {
    /// How the short authentication string is computed, weakest first (`sas_algs`).
    SasMethod {
        /// Five base-28 digits over M_A and form B. Not enough to verify a peer: see [`crate::Sas`].
        Sas28x5 = "sas28x5",
        /// Five base-28 digits over what was committed to or sent before the reveal, of our own: enough to verify a peer.
        Committed28x5 = "x-committed28x5",
    }
}

named! {
    /// How an end identifies itself (`init_pubkey`, `resp_pubkey`).
    Identification {
        /// No public key: retained secrets, other secrets and the SAS only.
        None = "none",
        /// A public key, in full.
        Key = "key",
        /// The fingerprint of a public key that the peer has.
        Hash = "hash",
    }
}

named! {
    /// SIGN (`sign_algs`), by the URI of XEP-0116.
    SignatureAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256, the mandatory one.
        RsaSha256 = "http://www.w3.org/2000/09/xmldsig#rsa-sha256",
        /// DSA with SHA-256, for old keys: nobody gets it who has not listed it.
        DsaSha256 = "http://www.w3.org/2000/09/xmldsig#dsa-sha256",
    }
}

impl SignatureAlgorithm {
    /// The algorithm of a URI: that of XEP-0116, which was never registered, or the registered one (RFC 6931 section 2.3).
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::RsaSha256),
            "http://www.w3.org/2009/xmldsig11#dsa-sha256" => Some(Self::DsaSha256),
            uri => Self::from_name(uri),
        }
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
