//! What a message is to an earlier one (XEP-0308, XEP-0424, XEP-0444, XEP-0461).

use minidom::Element;
use minidom::rxml::xml_ncname;
use serde::{Deserialize, Serialize};

use crate::stanza::{self, CLIENT};

const REPLY: &str = "urn:xmpp:reply:0";
const CORRECTION: &str = "urn:xmpp:message-correct:0";
const RETRACTION: &str = "urn:xmpp:message-retract:1";
const REACTIONS: &str = "urn:xmpp:reactions:0";
/// By these others learn that they may.
pub(crate) const FEATURES: [&str; 4] = [REPLY, CORRECTION, RETRACTION, REACTIONS];

/// Which message, and how. As JSON: `{"kind": "correction", "id": "7"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// How.
    pub kind: Kind,
    /// The earlier message.
    pub id: String,
}

/// How a message can be about another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Words in answer to it.
    Reply,
    /// Words in its place.
    Correction,
    /// It is taken back; there are no words.
    Retraction,
    /// All signs that its reader gives to it, between spaces in the place of words.
    Reactions,
}

impl About {
    /// Of the children of a message; reactions with their signs.
    pub(crate) fn read<'a>(children: impl IntoIterator<Item = &'a Element>) -> Option<(Self, Option<String>)> {
        children.into_iter().find_map(|child| {
            let kind = match (child.ns().as_str(), child.name()) {
                (REPLY, "reply") => Kind::Reply,
                (CORRECTION, "replace") => Kind::Correction,
                (RETRACTION, "retract") => Kind::Retraction,
                (REACTIONS, "reactions") => Kind::Reactions,
                _ => return None,
            };
            let signs = || child.children().map(Element::text).collect::<Vec<_>>().join(" ");
            let id = child.attr("id")?.to_owned();
            Some((Self { kind, id }, (kind == Kind::Reactions).then(signs)))
        })
    }

    /// The children that say it, with the words.
    pub(crate) fn write(&self, text: &str) -> Vec<Element> {
        let body = || stanza::text("body", CLIENT, text);
        let names = |name, namespace| stanza::with_id(name, namespace, &self.id);
        match self.kind {
            Kind::Reply => vec![body(), names("reply", REPLY)],
            Kind::Correction => vec![body(), names("replace", CORRECTION)],
            Kind::Retraction => vec![names("retract", RETRACTION)],
            Kind::Reactions => {
                let signs = text.split_whitespace().map(|sign| stanza::text("reaction", REACTIONS, sign));
                let id = xml_ncname!("id").to_owned();
                vec![Element::builder("reactions", REACTIONS).attr(id, self.id.as_str()).append_all(signs).build()]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for (kind, signs) in [
            (Kind::Reply, None),
            (Kind::Correction, None),
            (Kind::Retraction, None),
            (Kind::Reactions, Some("+ -".to_owned())),
        ] {
            let about = About { kind, id: "7".to_owned() };
            assert_eq!(About::read(&about.write("+ -")), Some((about, signs)));
        }
        assert_eq!(About::read(&[Element::bare("replace", CORRECTION)]), None);
    }
}
