//! What happens, as programs and people are told about it.

use serde::Serialize;

use crate::about::About;

/// One thing that happened. As JSON: `{"event": "message", …}`, without the fields that are not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The stream is up.
    Online {
        /// Our full JID.
        jid: String,
    },
    /// The stream is down; it is being rebuilt.
    Offline {
        /// Why, as far as it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An encrypted session has changed.
    Session(Box<SessionEvent>),
    /// The peer wrote something.
    Message {
        /// The full JID.
        from: String,
        /// What it says.
        text: String,
        /// Its origin id, or the id of the stanza.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What it is to an earlier message.
        #[serde(skip_serializing_if = "Option::is_none")]
        about: Option<About>,
        /// Whether it came out of the session. A message in the clear can be anybody's.
        encrypted: bool,
        /// When it was written, if it was held back on its way.
        #[serde(skip_serializing_if = "Option::is_none")]
        delayed: Option<String>,
    },
    /// A message of ours has left.
    Sent {
        /// Its id.
        id: String,
        /// To whom.
        to: String,
        /// Whether it went through the session.
        encrypted: bool,
    },
    /// A message of ours has arrived.
    Receipt {
        /// Its id.
        id: String,
        /// Whether the receipt came out of the session.
        encrypted: bool,
    },
    /// A message of ours was read.
    Displayed {
        /// Its id.
        id: String,
        /// Whether the marker came out of the session.
        encrypted: bool,
    },
    /// The peer began or ceased typing.
    Typing {
        /// The full JID.
        from: String,
        /// Whether it is typing now.
        on: bool,
    },
    /// Somebody's presence.
    Presence {
        /// The JID it came from.
        from: String,
        /// `available`, `away`, `chat`, `dnd`, `xa`, `unavailable`, or the answers to a subscription: `subscribed`,
        /// `unsubscribed`, `unsubscribe`.
        show: String,
        /// Their own words.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// The nickname they gave (XEP-0172).
        #[serde(skip_serializing_if = "Option::is_none")]
        nick: Option<String>,
        /// Whether the words came out of the session.
        encrypted: bool,
    },
    /// Somebody wants to see our presence.
    Subscribe {
        /// Who.
        from: String,
        /// The nickname they gave.
        #[serde(skip_serializing_if = "Option::is_none")]
        nick: Option<String>,
        /// Whether it was granted at once (`--accept-subscriptions`).
        accepted: bool,
    },
    /// What is known of a peer's keys.
    Keys {
        /// Whose.
        with: String,
        /// The fingerprint of our own, for the peer to compare.
        #[serde(skip_serializing_if = "Option::is_none")]
        own: Option<String>,
        /// Theirs.
        keys: Vec<KeyInfo>,
    },
    /// The user calls a peer so, or by no name any more. Told of all that have one at the start.
    Named {
        /// Whom.
        with: String,
        /// The name.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The roster, or a change of it.
    Roster {
        /// The entries.
        items: Vec<RosterItem>,
        /// Whether these are changes only.
        push: bool,
    },
    /// A form to fill in: the answer to `register` without fields.
    Form {
        /// Who asks.
        from: String,
        /// The form.
        form: Form,
    },
    /// `register` has succeeded.
    Registered {
        /// With whom.
        from: String,
    },
    /// `unregister` has succeeded.
    Unregistered {
        /// With whom.
        from: String,
    },
    /// One step of an ad-hoc command (XEP-0050).
    Command {
        /// Who runs it.
        from: String,
        /// Which command.
        node: String,
        /// To be given back with the next step.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// `executing`, `completed` or `canceled`.
        status: String,
        /// What may follow: `next`, `prev`, `complete`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        actions: Vec<String>,
        /// What it says.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<Note>,
        /// What it asks or shows.
        #[serde(skip_serializing_if = "Option::is_none")]
        form: Option<Form>,
    },
    /// The answer to `gateway_prompt`: the question, or the JID.
    GatewayPrompt {
        /// Which gateway.
        from: String,
        /// What is asked for, in words.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The name of what is asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
        /// The JID for the text that was given.
        #[serde(skip_serializing_if = "Option::is_none")]
        jid: Option<String>,
    },
    /// The answer to a stanza sent with `raw`.
    Stanza {
        /// The stanza.
        xml: String,
        /// Whether what it says came out of the session.
        encrypted: bool,
    },
    /// Something did not work. With an id it is about that message or request, which will not be tried again.
    Error {
        /// Of which message or request.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The condition of the stanza error, or one of `bad-command`, `not-connected`, `not-sent`, `uncertain`,
        /// `state`.
        condition: String,
        /// In words.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Who says so; nobody if it is this program.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Whether the words came out of the session: then it is the peer who says so, and nobody else.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        encrypted: bool,
    },
    /// Something the user should know.
    Notice {
        /// In words.
        text: String,
    },
    /// A stanza as it is on the wire (`--trace`), with passwords hidden.
    Trace {
        /// `in` or `out`.
        direction: &'static str,
        /// The stanza.
        xml: String,
    },
    /// The last event: the program ends.
    Closed {
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The two ends are agreeing on keys.
    Negotiating,
    /// Messages are encrypted.
    Active,
    /// Ended by either end.
    Ended,
    /// Broken, or never came about.
    Failed,
}

/// What became of the chain of retained secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// The first session: compare the codes.
    New,
    /// The peer is the one of the last session.
    Continued,
    /// There were earlier sessions, and the peer knows nothing of them.
    Lost,
}

/// An encrypted session. `active` comes again when it is confirmed or verified.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionEvent {
    /// The peer's full JID, as soon as it is known.
    pub with: String,
    /// Where it stands.
    pub state: SessionState,
    /// `initiator` or `responder`.
    pub role: &'static str,
    /// Why it ended or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `ended` only: whether both ends proved that they saw every stanza.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<bool>,
    /// `active` only.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SessionKeys>,
}

/// What the two ends agreed on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionKeys {
    /// The short code. Enough to verify somebody only if it is what `compare` says. A session between keys has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sas: Option<String>,
    /// The long code, in groups of four.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long: Option<String>,
    /// What the users are to compare: one of the two, or the code of the two keys.
    pub compare: String,
    /// Whether the whole chain was verified by the users.
    pub verified: bool,
    /// Whether the peer has shown that it holds the final keys.
    pub confirmed: bool,
    /// The gateway that vouches for the peer: the user compared codes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// The authority that certifies the key of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certified_by: Option<String>,
    /// The fingerprint of the public key that the peer has signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How that key stands: `first`, `known`, `verified`, `other`, `moved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_standing: Option<&'static str>,
    /// What became of the chain. A session between keys has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// The Diffie-Hellman group.
    pub group: String,
    /// The cipher.
    pub cipher: String,
    /// The hash.
    pub hash: String,
    /// Whether X25519 and ML-KEM-768 are in the keys as well.
    pub hybrid: bool,
    /// Whether a password that the user has typed is: the peer has it too.
    pub password: bool,
    /// What the peer says about third parties: `never`, `disabled`, `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<String>,
    /// Whether transcripts may be kept: `may`, `mustnot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<String>,
    /// How long the negotiation took.
    pub milliseconds: u64,
    /// How many stanzas it took, both ways.
    pub stanzas: u32,
    /// How many octets these had, as sent or received by this end.
    pub bytes: usize,
}

/// A key of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Over SHA-256, in hexadecimal groups.
    pub fingerprint: String,
    /// `verified`, `known`, or `published`: its server says so, and the peer has never shown it.
    pub standing: &'static str,
}

/// A roster entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterItem {
    /// Who.
    pub jid: String,
    /// The name the user gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `none`, `to`, `from`, `both`, or `remove` in a push.
    pub subscription: String,
    /// Whether a request of ours is pending.
    pub ask: bool,
    /// The groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// A data form (XEP-0004), or the plain fields of `jabber:iq:register`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<String>,
    /// What to fill in, or what is shown.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub var: String,
    /// `text-single`, `text-private`, `boolean`, `list-single`, `hidden`, `fixed` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it must be filled in.
    pub required: bool,
    /// What it holds.
    pub values: Vec<String>,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A note of an ad-hoc command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// `info`, `warn` or `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub text: String,
}

impl Event {
    /// An error of this program's own.
    pub(crate) fn own_error(id: Option<&str>, condition: &str, text: impl Into<String>) -> Self {
        let (id, condition) = (id.map(str::to_owned), condition.to_owned());
        Self::Error { id, condition, text: Some(text.into()), from: None, encrypted: false }
    }
}
