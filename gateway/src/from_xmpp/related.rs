//! The words of a stanza, and what they are to an earlier message: reply, correction, retraction, reactions.

use std::collections::BTreeSet;

use drawbridge_bridge::{Plaintext, Quote};
use minidom::Element;

use crate::message::{File, Kind, Message, REACTIONS, Relation};
use crate::xmpp::ns;

/// What the children say, if it is something. Only one thing counts: what was taken back has no words, nor have reactions,
/// and a body beside them is for clients that know neither (XEP-0428).
pub(super) fn read(children: &[&Element]) -> Option<Message> {
    let child = |name: &str, namespace: &str| children.iter().find(|child| child.is(name, namespace));
    let related = |kind, id: &str, text: String| {
        let relation = Relation { kind, stanza: id.to_owned(), own: false };
        Some(Message { relation: Some(relation), ..Message::says(Plaintext::new(text)) })
    };
    if let Some(id) = children.iter().find_map(|child| retracted(child)) {
        return related(Kind::Retraction, id, String::new());
    }
    if let Some(reactions) = child("reactions", ns::REACTIONS) {
        return related(Kind::Reactions, reactions.attr("id")?, signs(reactions));
    }
    let body = child("body", ns::CLIENT).map(|body| body.text());
    if let Some(mut shared) = xmpp_files::read(children, body.as_deref(), false) {
        let said = Plaintext::new(shared.caption.take().unwrap_or_default());
        return Some(Message { file: Some(File::Near(Box::new(shared))), ..Message::says(said) });
    }
    let (body, reply) = (body?, child("reply", ns::REPLY).and_then(|reply| reply.attr("id")));
    let (quote, text) = match reply {
        Some(_) => without_quote(children, body),
        None => (None, body),
    };
    if text.is_empty() {
        return None;
    }
    match (child("replace", ns::CORRECTION).and_then(|replace| replace.attr("id")), reply) {
        (Some(id), _) => related(Kind::Correction, id, text),
        (None, Some(id)) => related(Kind::Reply, id, text).map(|reply| Message { quote, ..reply }),
        (None, None) => Some(Message::says(Plaintext::new(text))),
    }
}

/// XEP-0424, and as clients wrote it before its version 0.4.
fn retracted(child: &Element) -> Option<&str> {
    let old = || child.is("apply-to", ns::FASTENING) && child.has_child("retract", ns::RETRACTION_0);
    (child.is("retract", ns::RETRACTION) || old()).then(|| child.attr("id")).flatten()
}

/// One a line, each once (XEP-0444, section 3.2).
fn signs(reactions: &Element) -> String {
    let (most, longest) = REACTIONS;
    let mut known = BTreeSet::new();
    let signs = reactions.children().filter(|child| child.is("reaction", ns::REACTIONS)).map(Element::text);
    let signs = signs
        .map(|sign| sign.trim().to_owned())
        .filter(|sign| !sign.is_empty() && sign.len() <= longest && !sign.contains('\n') && known.insert(sign.clone()));
    signs.take(most).collect::<Vec<_>>().join("\n")
}

/// The body of a reply without what is only there for clients that know none, and that (XEP-0461, section 3.1). Positions
/// count characters (XEP-0426).
fn without_quote(children: &[&Element], body: String) -> (Option<Quote>, String) {
    let is_it = |child: &&&Element| child.is("fallback", ns::FALLBACK) && child.attr("for") == Some(ns::REPLY);
    let range = children.iter().find(is_it).and_then(|fallback| fallback.get_child("body", ns::FALLBACK));
    let position = |name| range.and_then(|body| body.attr(name)?.parse::<usize>().ok());
    let (Some(start), Some(end)) = (position("start"), position("end")) else { return (None, body) };
    let quoted: String = body.chars().skip(start).take(end.saturating_sub(start)).collect();
    let rest: String = body.chars().take(start).chain(body.chars().skip(end.max(start))).collect();
    // Only what looks like a quote is one: whoever can write the range must not be able to cut words out.
    if start != 0 || rest.trim().is_empty() || !quoted.lines().all(|line| line.starts_with('>')) {
        return (None, body);
    }
    let unmarked = |line: &str| line.strip_prefix("> ").or(line.strip_prefix('>')).unwrap_or(line).to_owned();
    let quote = quoted.lines().map(unmarked).collect::<Vec<_>>().join("\n");
    ((!quote.is_empty()).then(|| Quote(Plaintext::new(quote))), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(xml: &str) -> Option<Message> {
        let root: Element = format!("<message xmlns='jabber:client'>{xml}</message>").parse().unwrap();
        read(&root.children().collect::<Vec<_>>())
    }

    fn related(kind: Kind, id: &str, text: &str, quote: Option<&str>) -> Option<Message> {
        let relation = Some(Relation { kind, stanza: id.to_owned(), own: false });
        let quote = quote.map(|quote| Quote(Plaintext::new(quote)));
        Some(Message { quote, relation, ..Message::says(Plaintext::new(text)) })
    }

    fn says(text: &str) -> Option<Message> {
        Some(Message::says(Plaintext::new(text)))
    }

    #[test]
    fn a_correction_names_the_message_that_it_replaces() {
        let xml = "<body>new</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
        assert_eq!(said(xml), related(Kind::Correction, "m1", "new", None));
        assert_eq!(said("<body>new</body><replace xmlns='urn:xmpp:message-correct:0'/>"), says("new"));
        assert_eq!(said("<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"), None);
    }

    #[test]
    fn a_retraction_has_no_words() {
        let fallback =
            "<body>/me took back</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>";
        let xml = format!("<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>{fallback}");
        assert_eq!(said(&xml), related(Kind::Retraction, "m1", "", None));
        let old =
            "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>";
        assert_eq!(said(&format!("{old}<body>x</body>")), related(Kind::Retraction, "m1", "", None));
        assert_eq!(said("<apply-to xmlns='urn:xmpp:fasten:0' id='m1'/>"), None);
    }

    #[test]
    fn reactions_are_a_set_and_never_words() {
        let reaction = |sign: &str| format!("<reaction>{sign}</reaction>");
        let set = |inner: &str| format!("<reactions xmlns='urn:xmpp:reactions:0' id='m1'>{inner}</reactions>");
        let xml = set(&["+", "-", "+", " ", &"x".repeat(65)].map(reaction).concat());
        assert_eq!(said(&format!("<body>fallback</body>{xml}")), related(Kind::Reactions, "m1", "+\n-", None));
        assert_eq!(said(&set("")), related(Kind::Reactions, "m1", "", None));
        let many: String = (0..40).map(|n| reaction(&n.to_string())).collect();
        assert_eq!(said(&set(&many)).unwrap().signs().count(), 32);
        assert_eq!(
            said("<reactions xmlns='urn:xmpp:reactions:0'><reaction>+</reaction></reactions><body>x</body>"),
            None
        );
    }

    #[test]
    fn a_reply_loses_its_quote_by_characters() {
        let reply = |body: &str, start: &str, end: &str| {
            said(&format!(
                "<body>{body}</body><reply xmlns='urn:xmpp:reply:0' id='m1' to='a@b'/><fallback xmlns='urn:xmpp:fallback:0' \
                 for='urn:xmpp:reply:0'><body start='{start}' end='{end}'/></fallback>"
            ))
        };
        let quoted = "> \u{e9}\u{1f44d}\n> b\nyes &gt; no";
        assert_eq!(reply(quoted, "0", "9"), related(Kind::Reply, "m1", "yes > no", Some("\u{e9}\u{1f44d}\nb")));
        assert_eq!(reply("yes", "0", "99"), related(Kind::Reply, "m1", "yes", None), "all of it is what they wrote");
        assert_eq!(reply("yes", "9", "2"), related(Kind::Reply, "m1", "yes", None));
        assert_eq!(reply("yes", "-1", "x"), related(Kind::Reply, "m1", "yes", None));
        assert_eq!(reply("yes", "0", "99999999999999999999"), related(Kind::Reply, "m1", "yes", None));
    }

    #[test]
    fn a_fallback_for_something_else_stays() {
        let xml = "<body>a file</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>";
        assert_eq!(said(xml), says("a file"));
        let no_reply = "<body>> a\nb</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='4'/></fallback>";
        assert_eq!(said(no_reply), says("> a\nb"));
    }
}
