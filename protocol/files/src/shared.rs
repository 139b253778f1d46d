//! A file as it is shared.

use std::fmt;

use crate::hash::Hash;
use crate::key::Key;

/// A file that somebody shares. Its `Debug` says nothing of what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Shared {
    /// Where it is.
    pub source: Source,
    /// What it is called: one component of a path, without control characters; at most 255 octets.
    pub name: Option<String>,
    /// Its media type, as `type/subtype` in small letters, by its sender's word.
    pub media_type: Option<String>,
    /// Its length in octets, before encryption.
    pub size: Option<u64>,
    /// In words.
    pub description: Option<String>,
    /// Pixels from left to right, of an image or a film.
    pub width: Option<u32>,
    /// Pixels from top to bottom.
    pub height: Option<u32>,
    /// The length of a recording or a film, in milliseconds.
    pub length: Option<u64>,
    /// Of the file before encryption; only of algorithms that are known here, each once.
    pub hashes: Vec<Hash>,
    /// What was said beside it.
    pub caption: Option<String>,
    /// How its sender wants it shown, if that was said.
    pub disposition: Option<Disposition>,
}

/// Where a file is, and how.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// As it is.
    Clear {
        /// An `https:` URL, or an `http:` one where that was allowed.
        url: String,
    },
    /// Encrypted.
    Encrypted {
        /// An `https:` URL.
        url: String,
        /// The key and its cipher.
        key: Key,
        /// Of what is fetched; only of algorithms that are known here, each once.
        hashes: Vec<Hash>,
    },
}

/// How a file is to be shown (XEP-0447 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Among the words.
    Inline,
    /// As something to be saved; not to be fetched unasked.
    Attachment,
}

impl Shared {
    /// A file of which nothing is known but where it is.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            name: None,
            media_type: None,
            size: None,
            description: None,
            width: None,
            height: None,
            length: None,
            hashes: Vec::new(),
            caption: None,
            disposition: None,
        }
    }
}

impl Source {
    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Clear { url } | Self::Encrypted { url, .. } => url,
        }
    }
}

// An address is enough to fetch the file, and a name tells of it.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("source", &self.source).field("size", &self.size).finish_non_exhaustive()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear { .. } => f.debug_struct("Clear").finish_non_exhaustive(),
            Self::Encrypted { key, .. } => f.debug_struct("Encrypted").field("key", key).finish_non_exhaustive(),
        }
    }
}
