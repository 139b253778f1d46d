//! Opaque identifiers. Only the network that made one may look inside; each says where it is unique.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the network's own text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The network's own text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

opaque! {
    /// One account of a user on a network. Unique in the keeper's database.
    LoginId;
    /// A far conversation (a Matrix room). Unique in the network.
    ConvId;
    /// A far person (a Matrix user id). Unique in the network.
    ContactId;
    /// A far event (a Matrix event id). Unique in its conversation.
    RemoteId;
    /// Makes a send idempotent. Chosen by the keeper, unique in the login.
    TxnId;
    /// A place in a conversation's history that the bridge can resume from. Meaningful to the bridge alone.
    Position;
    /// One of the ways to log in that a network offers.
    FlowId;
}
