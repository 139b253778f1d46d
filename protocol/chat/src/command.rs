//! What the user, or a program, wants done.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::about::About;

/// One wish. As JSON: `{"command": "send", "text": "hello"}`. `with` is the peer, by default the one of `--with`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Ask for an encrypted session.
    Start {
        /// The peer.
        with: Option<String>,
    },
    /// Say something in the session, which is started if there is none.
    Send {
        /// What to say.
        text: String,
        /// The id to use.
        id: Option<String>,
        /// What it is to an earlier message.
        about: Option<About>,
        /// The peer.
        with: Option<String>,
    },
    /// Say something, encrypted, that no session is to be kept for. Both ends need a public key.
    SendSingle {
        /// What to say.
        text: String,
        /// The id to use.
        id: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// Say something to a peer that is away: it waits at the peer's server, encrypted. Needs keys of both.
    SendOffline {
        /// What to say.
        text: String,
        /// The id to use.
        id: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// Begin or cease typing. Told in a session only.
    Typing {
        /// Whether we type.
        on: bool,
        /// The peer.
        with: Option<String>,
    },
    /// Show our presence.
    Presence {
        /// `available`, `away`, `chat`, `dnd`, `xa`.
        show: Option<String>,
        /// In our own words: told in sessions only.
        status: Option<String>,
        /// Let everybody who sees us read them.
        #[serde(default)]
        clear: bool,
    },
    /// Ask something in the session. The answer comes as [`Event::Stanza`](crate::Event::Stanza).
    Ask {
        /// `get` or `set`.
        #[serde(rename = "type")]
        kind: String,
        /// What to ask: the payload of an iq.
        xml: String,
        /// The peer.
        with: Option<String>,
    },
    /// Say that a message was read. Told in a session only.
    Displayed {
        /// The id of the message.
        id: String,
        /// The peer.
        with: Option<String>,
    },
    /// The user says that the codes match.
    Verify {
        /// The peer.
        with: Option<String>,
    },
    /// What is known of the peer's keys, and what its server gives out.
    Keys {
        /// The peer.
        with: Option<String>,
    },
    /// The user knows from elsewhere that a key is the peer's.
    TrustKey {
        /// The whole fingerprint; spaces do not count.
        fingerprint: String,
        /// The peer.
        with: Option<String>,
    },
    /// A key is the peer's no more.
    ForgetKey {
        /// The whole fingerprint.
        fingerprint: String,
        /// The peer.
        with: Option<String>,
    },
    /// Call the peer by a name that nobody else has here; without one, by none.
    Name {
        /// The name.
        name: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// A code that the peer's host has made, in the place of comparing: the next session, which starts now, is verified if
    /// the peer has it as well.
    Pair {
        /// As it was shown, with or without hyphens.
        code: String,
        /// The peer.
        with: Option<String>,
    },
    /// What the user has agreed on with the peer, the other shared secret of XEP-0116: the next session, which starts now, is
    /// not to be had without it. Without one, none.
    Password {
        /// To the octet what the peer types.
        password: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// Propose other terms for the session.
    Terms {
        /// `never`, `disabled` or `enabled`.
        disclosure: Option<String>,
        /// `may` or `mustnot`.
        logging: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// End the session.
    End {
        /// The peer.
        with: Option<String>,
    },
    /// Say something in the clear.
    ClearSend {
        /// What to say.
        text: String,
        /// The id to use.
        id: Option<String>,
        /// The peer.
        with: Option<String>,
    },
    /// Send a stanza as it stands.
    Raw {
        /// The stanza; `jabber:client` is its default namespace.
        xml: String,
    },
    /// Register with a gateway or service (XEP-0077): asks for the form and, if fields are given, sends it filled in.
    Register {
        /// Whom.
        to: String,
        /// The fields by name.
        #[serde(default)]
        fields: BTreeMap<String, Values>,
    },
    /// Undo a registration.
    Unregister {
        /// With whom.
        to: String,
    },
    /// Run a step of an ad-hoc command (XEP-0050).
    Command {
        /// Whose.
        to: String,
        /// Which.
        node: String,
        /// The session of the step before.
        session: Option<String>,
        /// `execute`, `next`, `prev`, `complete` or `cancel`.
        action: Option<String>,
        /// The fields by name.
        #[serde(default)]
        fields: BTreeMap<String, Values>,
    },
    /// Ask a gateway for the JID of somebody (jabber:iq:gateway), or what to ask.
    GatewayPrompt {
        /// Which gateway.
        to: String,
        /// Whom to find; without it the question is asked for.
        text: Option<String>,
    },
    /// Ask to see somebody's presence.
    Subscribe {
        /// Whose.
        to: String,
    },
    /// Let somebody see ours.
    Subscribed {
        /// Who.
        to: String,
    },
    /// Ask for the roster.
    Roster {},
    /// End the sessions and leave.
    Quit {},
}

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One.
    One(String),
    /// Several, for lists.
    Many(Vec<String>),
    /// Yes or no.
    Boolean(bool),
}

impl Values {
    /// The values as they stand in a form.
    #[must_use]
    pub fn to_strings(&self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value.clone()],
            Self::Many(values) => values.clone(),
            Self::Boolean(value) => vec![u8::from(*value).to_string()],
        }
    }
}
