//! Files in conversations.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{ConvId, Plaintext, secret::for_sealing};

/// What people see of a file before they have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Its name. From outside: may be anything.
    #[serde(with = "for_sealing")]
    pub name: Plaintext,
    /// As `image/png`. From outside, too: may be a lie.
    pub media_type: String,
    /// In octets, by the word of who sent it.
    #[serde(default)]
    pub size: Option<u64>,
    /// Of pictures and films: width and height in pixels.
    #[serde(default)]
    pub dimensions: Option<(u32, u32)>,
    /// Of films and recordings.
    #[serde(default)]
    pub duration: Option<Duration>,
}

/// A file that somebody has shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is.
    pub info: FileInfo,
    /// What they wrote beside it.
    #[serde(default)]
    pub caption: Option<Caption>,
    /// Where it is, for [`crate::Media::fetch`].
    pub handle: Handle,
}

/// The words beside a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caption(#[serde(with = "for_sealing")] pub Plaintext);

/// How a bridge finds a file again, its key included: for sealed storage only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(#[serde(with = "for_sealing")] pub Plaintext);

/// The octets of a file, in clear. Wiped on drop, printed as a length, and not serialisable.
#[derive(Clone, PartialEq, Eq)]
pub struct FileContent(Zeroizing<Vec<u8>>);

/// A file from the user to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutFile {
    /// Where to.
    pub conv: ConvId,
    /// What it is.
    pub info: FileInfo,
    /// All of it.
    pub content: FileContent,
    /// What the user wrote beside it, written as [`crate::OutMessage::text`].
    pub caption: Option<Caption>,
}

impl FileContent {
    /// Takes the octets over.
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Self {
        Self(octets)
    }

    /// The octets. The name is for review: whoever calls this holds clear text.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The octets, handed on.
    pub fn into_octets(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileContent({} octets)", self.0.len())
    }
}
