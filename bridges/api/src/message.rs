//! What goes out to a network.

use serde::{Deserialize, Serialize};

use crate::{ConvId, Plaintext, RemoteId, secret::for_sealing};

/// A message from the user to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutMessage {
    /// Where to.
    pub conv: ConvId,
    /// What was written: plain words, in which `*strong*`, `_emphasis_`, `~struck~`, `` `code` ``, fences and `> ` quotes
    /// mean what they look like (as XEP-0393 has it). An emote's begin with `/me `.
    #[serde(with = "for_sealing")]
    pub text: Plaintext,
    /// The event that it replies to. Set only where the session has [`crate::Annotate`].
    #[serde(default)]
    pub reply_to: Option<RemoteId>,
}

/// Something done to a message that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Annotation {
    /// Its author has corrected it.
    Edit {
        /// The message in its first form.
        target: RemoteId,
        /// All of its new words, written as those of [`OutMessage`].
        #[serde(with = "for_sealing")]
        text: Plaintext,
    },
    /// Its author has taken it back; a reaction, too.
    Retract {
        /// The message in its first form, or the reaction.
        target: RemoteId,
    },
    /// Somebody reacts, with one of perhaps several signs.
    React {
        /// The message in its first form.
        target: RemoteId,
        /// The sign, mostly an emoji.
        #[serde(with = "for_sealing")]
        key: Plaintext,
    },
}

/// The network has accepted a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id there.
    pub remote_id: RemoteId,
}
