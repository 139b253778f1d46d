//! What goes out to a network.

use serde::{Deserialize, Serialize};

use crate::{ConvId, Plaintext, RemoteId, secret::for_sealing};

/// A message from the user to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutMessage {
    /// Where to.
    pub conv: ConvId,
    /// What was written.
    #[serde(with = "for_sealing")]
    pub text: Plaintext,
}

/// The network has accepted a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id there.
    pub remote_id: RemoteId,
}
