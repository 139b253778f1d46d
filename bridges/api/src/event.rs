//! What comes in from a network.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    Annotation, Attachment, ContactId, ConvId, LoginId, Plaintext, Position, RemoteId, TxnId, secret::for_sealing,
};

/// One thing that happened on the far side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// Somebody wrote something. Other kinds of content arrive as words.
    Message {
        /// What, written as in [`crate::OutMessage`]. Of a file: what it is and its caption, for who cannot have it.
        #[serde(with = "for_sealing")]
        text: Plaintext,
        /// The message that it replies to.
        #[serde(default)]
        reply_to: Option<Reference>,
        /// The file that it is. Set only where the session has [`crate::Media`].
        #[serde(default)]
        file: Option<Box<Attachment>>,
    },
    /// Somebody did something to a message, or took a reaction back. Whether they may is the keeper's to check. What
    /// it is done to may be unknown there.
    Annotated {
        /// What.
        annotation: Annotation,
        /// The words of the message that is reacted to, if they are at hand.
        #[serde(default)]
        quote: Option<Quote>,
    },
    /// A message arrived that cannot be decrypted (yet). When its key comes, the same `remote_id` is delivered as
    /// [`Event::Message`] under a higher version.
    Undecryptable,
    /// The contact has read everything up to this event.
    Displayed {
        /// The last event read.
        up_to: RemoteId,
    },
    /// The contact types, or stopped. May be dropped under load.
    Typing {
        /// Whether they type.
        on: bool,
    },
    /// A contact's presence. May be dropped under load. `conv` of its envelope is empty.
    Presence {
        /// Who.
        contact: ContactId,
        /// How reachable.
        availability: Availability,
        /// Their own words.
        status: Option<String>,
    },
    /// A conversation that the user takes part in appeared or changed.
    ConvUpsert(ConvInfo),
    /// The conversation is over for the user: left, kicked, closed, or the contact has left.
    ConvGone {
        /// Why, for people.
        reason: String,
    },
    /// Somebody asks the user to talk. Answered through [`crate::Direct::accept`] or [`crate::Direct::decline`].
    Invite(ConvInfo),
    /// A contact's name, avatar or standing changed.
    ContactUpsert(ContactInfo),
    /// Something about trust that the user must know, in words (a new device, a changed identity).
    TrustNotice {
        /// About whom; the user's own account if absent.
        contact: Option<ContactId>,
        /// For people.
        text: String,
        /// Whether delivery to this contact stops until the user confirms.
        blocks: bool,
    },
    /// The live connection to the network was lost or came back; for the user's presence view.
    Connection {
        /// Whether it is up.
        up: bool,
        /// For people, when it is down.
        reason: Option<String>,
    },
}

/// An [`Event`] with everything needed to carry it over exactly once and in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Whose login saw it.
    pub login: LoginId,
    /// Where; `None` for what belongs to no conversation.
    pub conv: Option<ConvId>,
    /// Who did it; `None` for what the network itself says.
    pub sender: Option<Sender>,
    /// Its id there; what has none (typing, presence) is never durable.
    pub remote_id: Option<RemoteId>,
    /// 0 for the first form of an event, higher when it comes again in a better form (decrypted late).
    pub version: u32,
    /// When it happened, by the network's word.
    pub time: Option<SystemTime>,
    /// Committed together with the event: where to go on in this conversation after a restart.
    pub position: Option<Position>,
    /// Set when this is the network's echo of one of our own sends.
    pub echo_of: Option<TxnId>,
    /// How it came.
    pub security: Security,
    /// What.
    pub event: Event,
}

/// A message that another one is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// In its first form.
    pub id: RemoteId,
    /// Its words, if they are at hand.
    pub quote: Option<Quote>,
}

/// The words of an earlier message, for people whose client cannot show which one is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quote(#[serde(with = "for_sealing")] pub Plaintext);

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Their id.
    pub id: ContactId,
    /// Whether it is the user, from another client of theirs.
    pub is_me: bool,
}

/// How an event was protected on the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Security {
    /// In clear.
    Plain,
    /// End-to-end encrypted.
    Encrypted {
        /// Whether the sending device is one that the sender's verified or pinned identity vouches for.
        verified: bool,
    },
}

/// How reachable a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    /// There.
    Online,
    /// There, but idle.
    Away,
    /// Not there.
    Offline,
}

/// A conversation as the user should see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvInfo {
    /// Which.
    pub id: ConvId,
    /// With whom.
    pub kind: ConvKind,
    /// A name for people.
    pub name: Option<String>,
    /// Whether it is end-to-end encrypted now.
    pub encrypted: bool,
}

/// What sort of conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConvKind {
    /// With one person.
    Direct {
        /// Who.
        contact: ContactId,
    },
    /// With several.
    Group,
}

/// A contact as the user should see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactInfo {
    /// Who.
    pub id: ContactId,
    /// Their own name for themselves.
    pub name: Option<String>,
    /// Their picture, as the octets of an image file, with its media type.
    pub avatar: Option<Avatar>,
}

/// A small picture.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// As `image/png`.
    pub media_type: String,
    /// The file.
    pub octets: Vec<u8>,
}

impl std::fmt::Debug for Avatar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Avatar({}, {} octets)", self.media_type, self.octets.len())
    }
}
