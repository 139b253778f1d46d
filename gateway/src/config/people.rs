//! Lists of people: bare JIDs, and domains for everybody there.

use std::fmt;

use jid::BareJid;
use serde::{Deserialize, Serialize, Serializer};

use super::list;

/// Bare JIDs and domains. A domain does not include its subdomains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct People {
    #[serde(deserialize_with = "list::deserialize")]
    entries: Vec<Entry>,
}

impl People {
    /// Everybody of one domain.
    pub(super) fn of_domain(domain: BareJid) -> Self {
        Self { entries: vec![Entry(domain)] }
    }

    /// Whether `person` is listed, by JID or by domain.
    pub fn contains(&self, person: &BareJid) -> bool {
        self.entries.iter().any(|Entry(entry)| match entry.node() {
            Some(_) => entry == person,
            None => entry.domain() == person.domain(),
        })
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Display for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.entries.iter().map(|Entry(jid)| jid.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

impl Serialize for People {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.entries.iter().map(|Entry(jid)| jid.as_str()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry(BareJid);

impl TryFrom<String> for Entry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        BareJid::new(&text)
            .map(Entry)
            .map_err(|_| format!("\"{text}\" is neither a bare JID (bob@example.org) nor a domain (example.org)"))
    }
}
