//! What a message says, and what it is to an earlier one: the form between the stanzas and the store.

use drawbridge_bridge::{Attachment, Plaintext, Quote, secret::for_sealing};
use minidom::Element;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xmpp_files::{Shared, sfs};

use crate::xml;

/// A message of either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The words. Of reactions: the signs, one a line. Of a retraction: nothing.
    #[serde(with = "for_sealing")]
    pub text: Plaintext,
    /// The words of the earlier message, for who cannot be shown which one is meant.
    #[serde(default)]
    pub quote: Option<Quote>,
    /// What it is to the earlier message; nothing, if it stands by itself.
    #[serde(default)]
    pub relation: Option<Relation>,
    /// The file that it is. Then the words are what is said of it, for who cannot have it, or beside it.
    #[serde(default)]
    pub file: Option<File>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum File {
    /// Where the user's client has put it, or we for them.
    Near(#[serde(with = "as_element")] Box<Shared>),
    /// Where the bridge finds it.
    Far(Attachment),
}

/// What a message is to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// What.
    pub kind: Kind,
    /// The id under which the user's client knows the earlier one.
    pub stanza: String,
    /// Whether the user wrote that one. Said only on the way to them.
    #[serde(default)]
    pub own: bool,
}

/// The ways in which a message can be about another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// XEP-0461.
    Reply,
    /// XEP-0308.
    Correction,
    /// XEP-0424.
    Retraction,
    /// XEP-0444: all that its sender reacts with from now on.
    Reactions,
}

/// So many reactions of one person to one message, and no longer signs than this, in octets.
pub const REACTIONS: (usize, usize) = (32, 64);
/// So much of a message is quoted.
const QUOTED: (usize, usize) = (3, 200);

impl Message {
    /// Words that stand by themselves.
    pub fn says(text: Plaintext) -> Self {
        Self { text, quote: None, relation: None, file: None }
    }

    /// What kind of relation it has.
    pub fn kind(&self) -> Option<Kind> {
        self.relation.as_ref().map(|relation| relation.kind)
    }

    /// Whether it has words of its own, that others can be about.
    pub fn is_words(&self) -> bool {
        !matches!(self.kind(), Some(Kind::Retraction | Kind::Reactions))
    }

    /// The signs of reactions.
    pub fn signs(&self) -> impl Iterator<Item = &str> {
        self.text.expose().lines().filter(|sign| !sign.is_empty())
    }

    /// The words behind what they reply to, as people write that (XEP-0393, section 5.1.3), and how long this is in
    /// characters.
    pub fn quoting(&self) -> (Plaintext, usize) {
        let Some(Quote(quote)) = &self.quote else { return (self.text.clone(), 0) };
        let mut quoting: String = quote.expose().lines().flat_map(|line| ["> ", line, "\n"]).collect();
        let length = quoting.chars().count();
        quoting.push_str(self.text.expose());
        (Plaintext::new(quoting), length)
    }

    /// The same, if its text takes more octets in XML than there is room for: cut, and it says so.
    pub fn cut(&self, room: usize) -> Option<Self> {
        let text = self.text.expose();
        let mut used = 0;
        let fits = |(_, character): &(usize, char)| {
            used += xml::width(*character);
            used <= room
        };
        let end = text.char_indices().take_while(fits).last().map_or(0, |(at, last)| at + last.len_utf8());
        let (shown, rest) = text.split_at(end);
        let missing = rest.chars().count();
        (missing > 0).then(|| {
            let text = format!("{shown}\u{2026} [{missing} more characters do not fit: another client shows them.]");
            Self { text: Plaintext::new(text), ..self.clone() }
        })
    }

    /// The same in nothing but words, for a client that shows nothing else; `own` if the user has said it.
    pub fn in_words(&self, own: bool) -> Plaintext {
        let (who, me) = if own { ("You", "You ") } else { ("", "/me ") };
        let about = self.quote.as_ref().map(|Quote(quote)| format!(" to: {}", quote.expose())).unwrap_or_default();
        let text = self.text.expose();
        Plaintext::new(match self.kind() {
            Some(Kind::Retraction) => format!("{me}took a message back"),
            Some(Kind::Reactions) if text.is_empty() => format!("{me}took a reaction back"),
            Some(Kind::Reactions) => {
                format!("{me}reacted with {}{about}", self.signs().collect::<Vec<_>>().join(" "))
            }
            Some(Kind::Correction) if own => format!("{who}: * {text}"),
            Some(Kind::Correction) => format!("* {text}"),
            Some(Kind::Reply) | None if own => format!("{who}: {text}"),
            Some(Kind::Reply) | None => self.quoting().0.expose().to_owned(),
        })
    }
}

/// A file as XEP-0447 writes it, for the seal that it is stored in.
mod as_element {
    use super::{Deserialize, Deserializer, Element, Serializer, Shared, sfs};

    pub(super) fn serialize<S: Serializer>(shared: &Shared, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::xml::serialize(&[sfs::to_element(shared)]))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Shared>, D::Error> {
        use serde::de::Error;
        let element: Element = String::deserialize(from)?.parse().map_err(D::Error::custom)?;
        sfs::read(&element).map(Box::new).map_err(D::Error::custom)
    }
}

/// The beginning of a message, to be quoted. What it quotes itself is left out.
pub fn shortened(Quote(words): &Quote) -> Option<Quote> {
    let (lines, characters) = QUOTED;
    let own = || words.expose().lines().filter(|line| !line.starts_with('>') && !line.trim().is_empty());
    let mut short: String = own().take(lines).collect::<Vec<_>>().join("\n").chars().take(characters).collect();
    if short.is_empty() {
        return None;
    }
    if own().map(|line| line.chars().count() + 1).sum::<usize>() > short.chars().count() + 1 {
        short.push('\u{2026}');
    }
    Some(Quote(Plaintext::new(short)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(words: &str) -> Quote {
        Quote(Plaintext::new(words))
    }

    fn message(kind: Kind, text: &str, quoted: Option<&str>) -> Message {
        let relation = Some(Relation { kind, stanza: "m1".to_owned(), own: true });
        Message { text: Plaintext::new(text), quote: quoted.map(quote), relation, file: None }
    }

    #[test]
    fn a_quote_is_short_and_quotes_nothing_itself() {
        let short = |words: &str| shortened(&quote(words)).map(|Quote(short)| short.expose().to_owned());
        assert_eq!(short("> earlier\n\nyes"), Some("yes".to_owned()));
        assert_eq!(short("one\ntwo\nthree\nfour"), Some("one\ntwo\nthree\u{2026}".to_owned()));
        assert_eq!(short(&"x".repeat(201)), Some(format!("{}\u{2026}", "x".repeat(200))));
        assert_eq!(short(&"x".repeat(200)), Some("x".repeat(200)));
        assert_eq!(short("> nothing else"), None);
    }

    #[test]
    fn what_is_too_long_is_cut_where_its_xml_would_be() {
        let cut =
            |words: &str, room| Message::says(Plaintext::new(words)).cut(room).map(|it| it.text.expose().to_owned());
        let note = |missing| format!("\u{2026} [{missing} more characters do not fit: another client shows them.]");
        assert_eq!(cut("words", 5), None);
        assert_eq!(cut("words", 4), Some(format!("word{}", note(1))));
        for (character, width) in [("&", 5), ("\"", 6), ("\r", 5), ("\u{8}", 3)] {
            assert_eq!(cut(&character.repeat(2), 2 * width), None, "{character:?}");
            assert_eq!(cut(&character.repeat(2), 2 * width - 1), Some(format!("{character}{}", note(1))));
        }
        assert_eq!(cut("\u{1f511}\u{1f511}\u{1f511}", 11), Some(format!("\u{1f511}\u{1f511}{}", note(1))));
        assert_eq!(cut("<", 3), Some(note(1)));
    }

    #[test]
    fn a_reply_quotes_line_by_line() {
        let reply = message(Kind::Reply, "yes", Some("\u{e9}\ntwo"));
        let (words, length) = reply.quoting();
        assert_eq!((words.expose(), length), ("> \u{e9}\n> two\nyes", 10));
        assert_eq!(words.expose().chars().skip(length).collect::<String>(), "yes");
    }

    #[test]
    fn everything_can_be_said_in_words() {
        let said = |kind, text: &str, own| message(kind, text, Some("tea?")).in_words(own).expose().to_owned();
        assert_eq!(said(Kind::Reply, "yes", false), "> tea?\nyes");
        assert_eq!(said(Kind::Reply, "yes", true), "You: yes");
        assert_eq!(said(Kind::Correction, "yes", false), "* yes");
        assert_eq!(said(Kind::Correction, "yes", true), "You: * yes");
        assert_eq!(said(Kind::Retraction, "", false), "/me took a message back");
        assert_eq!(said(Kind::Retraction, "", true), "You took a message back");
        assert_eq!(said(Kind::Reactions, "+\n-", false), "/me reacted with + - to: tea?");
        assert_eq!(said(Kind::Reactions, "", true), "You took a reaction back");
    }
}
