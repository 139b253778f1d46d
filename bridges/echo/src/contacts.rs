//! The people of the echo network, and what they do with a message.

use std::time::Duration;

use drawbridge_bridge::{ContactId, ContactInfo, ContactName, SendError};

/// The one server of the network.
pub(crate) const SERVER: &str = "echo";

/// How a contact behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persona {
    Echo,
    Slow,
    Silent,
    Refuser,
    Flaky,
}

/// Everybody whom a new user knows.
pub(crate) const BUILT_IN: [(&str, Persona); 5] = [
    ("echo", Persona::Echo),
    ("slow", Persona::Slow),
    ("silent", Persona::Silent),
    ("refuser", Persona::Refuser),
    ("flaky", Persona::Flaky),
];

impl Persona {
    /// Whether they take a message at this attempt.
    pub(crate) fn admits(self, first_attempt: bool) -> Result<(), SendError> {
        match self {
            Self::Refuser => Err(SendError::Rejected("this contact takes no messages".into())),
            Self::Flaky if first_attempt => Err(SendError::Transient {
                reason: "this contact takes nothing at the first attempt".into(),
                after: Some(Duration::from_secs(1)),
            }),
            _ => Ok(()),
        }
    }

    /// How long they type before they repeat it; `None` if they never do.
    pub(crate) fn answers_after(self) -> Option<Duration> {
        match self {
            Self::Echo | Self::Flaky => Some(Duration::ZERO),
            Self::Slow => Some(Duration::from_secs(5)),
            Self::Silent | Self::Refuser => None,
        }
    }
}

/// `name@server`, where the name may be anything and the server has no `@`.
pub(crate) fn split(id: &ContactId) -> Option<ContactName> {
    let (name, server) = id.as_str().rsplit_once('@')?;
    legal(name, server).then(|| ContactName { name: name.into(), server: Some(server.into()) })
}

/// The inverse of [`split`].
pub(crate) fn join(name: &ContactName) -> Option<ContactId> {
    let server = name.server.as_deref()?;
    legal(&name.name, server).then(|| ContactId::new(format!("{}@{server}", name.name)))
}

/// A full id, or the bare name of somebody on the network's own server.
pub(crate) fn parse(text: &str) -> Option<ContactId> {
    let text = text.trim();
    if text.contains('@') {
        let id = ContactId::new(text);
        return split(&id).map(|_| id);
    }
    join(&ContactName { name: text.into(), server: Some(SERVER.into()) })
}

pub(crate) fn info(id: &ContactId) -> ContactInfo {
    ContactInfo { id: id.clone(), name: split(id).map(|parts| parts.name), avatar: None }
}

fn legal(name: &str, server: &str) -> bool {
    let printable = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    printable(name) && printable(server) && !server.contains('@')
}
