//! What an event says, in words. Works on the JSON, so that a malformed event says nothing instead of failing.

use serde_json::Value;

use crate::{attachment, html};

/// The one format of formatted words (Matrix 1.18, "m.room.message msgtypes").
pub(crate) const HTML: &str = "org.matrix.custom.html";

/// The words of a message-like event of this type, if it says anything to a person.
pub(crate) fn of_event(kind: &str, content: &Value) -> Option<String> {
    match kind {
        "m.room.message" => of_message(content),
        "m.sticker" => Some(described("sent a sticker", text(content, "body"))),
        "m.call.invite" => Some("is calling. Answer in another Matrix client.".to_owned()),
        "m.poll.start" | "org.matrix.msc3381.poll.start" => Some(described("started a poll", question(content))),
        _ => None,
    }
}

/// The event whose words are replaced by those of an event with this content.
pub(crate) fn replaced(content: &Value) -> Option<&str> {
    relation(content).filter(|(kind, _)| *kind == "m.replace").map(|(_, event)| event)
}

/// The event that is replied to. In a thread, one that is not is named for clients without threads.
pub(crate) fn replied(content: &Value) -> Option<&str> {
    let relation = content.get("m.relates_to")?;
    let is_fallback = relation.get("is_falling_back").and_then(Value::as_bool).unwrap_or(false);
    if is_fallback { None } else { text(relation.get("m.in_reply_to")?, "event_id") }
}

/// The event that is reacted to, and with what.
pub(crate) fn reaction(content: &Value) -> Option<(&str, &str)> {
    let (_, event) = relation(content).filter(|(kind, _)| *kind == "m.annotation")?;
    Some((event, text(content.get("m.relates_to")?, "key").filter(|key| !key.trim().is_empty())?))
}

fn of_message(content: &Value) -> Option<String> {
    // An edit holds the new text twice; the outer one is a fallback (Matrix 1.18, 11.34.1).
    if replaced(content).is_some() {
        return content
            .get("m.new_content")
            .and_then(of_message)
            .or_else(|| text(content, "body").map(ToOwned::to_owned));
    }
    let formatted = formatted(content);
    let plain = || text(content, "body").map(|body| without_quote(content, body));
    let body = formatted.as_deref().or_else(plain);
    Some(match text(content, "msgtype")? {
        "m.emote" => format!("/me {}", body?),
        "m.image" => attached("sent an image", content),
        "m.file" => attached("sent a file", content),
        "m.audio" => attached("sent an audio recording", content),
        "m.video" => attached("sent a video", content),
        "m.location" => described("shared a location", text(content, "geo_uri").or(body)),
        "m.key.verification.request" => "asks to verify devices. Drawbridge cannot do that yet.".to_owned(),
        _ => body?.to_owned(),
    })
}

/// The text of formatted words, as people write that in plain text.
fn formatted(content: &Value) -> Option<String> {
    (text(content, "format")? == HTML).then(|| html::to_styled(text(content, "formatted_body")?)).flatten()
}

fn attached(what: &str, content: &Value) -> String {
    match attachment::named(content) {
        Some((name, Some(caption))) => format!("{what}: {name}\n{caption}"),
        name => described(what, name.map(|(name, _)| name)),
    }
}

fn described(what: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{what}: {detail}"),
        None => what.to_owned(),
    }
}

/// The question of a poll, in any of the three forms that are about.
fn question(content: &Value) -> Option<&str> {
    let poll = ["m.poll", "m.poll.start", "org.matrix.msc3381.poll.start"].into_iter().find_map(|key| content.get(key));
    let question = poll?.get("question")?;
    let first = |key: &str| question.get(key)?.get(0)?.get("body")?.as_str();
    first("m.text").or_else(|| question.get("org.matrix.msc1767.text")?.as_str()).or_else(|| text(question, "body"))
}

/// Replies of older clients begin with the quoted text, each line behind `> ` (Matrix 1.12, 11.28.1.1).
fn without_quote<'a>(content: &Value, body: &'a str) -> &'a str {
    let replies = content.get("m.relates_to").and_then(|relation| relation.get("m.in_reply_to")).is_some();
    if !replies || !body.starts_with("> ") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        match rest.split_once('\n') {
            Some((_, after)) => rest = after,
            // Nothing but quote: then it is what they wrote.
            None => return body,
        }
    }
    rest.strip_prefix('\n').unwrap_or(rest)
}

fn relation(content: &Value) -> Option<(&str, &str)> {
    let relation = content.get("m.relates_to")?;
    Some((text(relation, "rel_type")?, text(relation, "event_id")?))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "events are written where they are read")]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(content: Value) -> Option<String> {
        of_event("m.room.message", &content)
    }

    #[test]
    fn text_is_the_plain_body() {
        let content = json!({"msgtype": "m.text", "body": "a <b> & c", "formatted_body": "<b>no</b>",
            "format": "org.matrix.custom.html"});
        assert_eq!(said(content).as_deref(), Some("*no*"), "as it is formatted");
        assert_eq!(said(json!({"msgtype": "m.text", "body": "a <b> & c"})).as_deref(), Some("a <b> & c"));
        assert_eq!(said(json!({"msgtype": "m.notice", "body": "hi"})).as_deref(), Some("hi"));
        assert_eq!(said(json!({"msgtype": "org.example.new", "body": "hi"})).as_deref(), Some("hi"));
    }

    #[test]
    fn an_emote_says_me() {
        assert_eq!(said(json!({"msgtype": "m.emote", "body": "waves"})).as_deref(), Some("/me waves"));
    }

    #[test]
    fn an_edit_is_the_new_text() {
        let content = json!({"msgtype": "m.text", "body": " * new", "m.relates_to": {"rel_type": "m.replace",
            "event_id": "$1"}, "m.new_content": {"msgtype": "m.text", "body": "new"}});
        assert_eq!(replaced(&content), Some("$1"));
        assert_eq!(said(content).as_deref(), Some("new"));
    }

    #[test]
    fn a_reply_loses_its_quote_and_only_that() {
        let reply = |body: &str| {
            said(json!({"msgtype": "m.text", "body": body,
            "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}))
        };
        assert_eq!(reply("> <@a:b> one\n> two\n\nyes\n> mine").as_deref(), Some("yes\n> mine"));
        assert_eq!(reply("no quote").as_deref(), Some("no quote"));
        assert_eq!(reply("> all quote").as_deref(), Some("> all quote"));
        let unrelated = said(json!({"msgtype": "m.text", "body": "> quote\n\nx"}));
        assert_eq!(unrelated.as_deref(), Some("> quote\n\nx"));
    }

    #[test]
    fn files_are_named_with_their_caption() {
        let image = json!({"msgtype": "m.image", "body": "cat.png", "url": "mxc://a/b"});
        assert_eq!(said(image).as_deref(), Some("sent an image: cat.png"));
        let captioned = json!({"msgtype": "m.file", "body": "look", "filename": "a.pdf"});
        assert_eq!(said(captioned).as_deref(), Some("sent a file: a.pdf\nlook"));
        let place = json!({"msgtype": "m.location", "body": "here", "geo_uri": "geo:1,2"});
        assert_eq!(said(place).as_deref(), Some("shared a location: geo:1,2"));
    }

    #[test]
    fn polls_stickers_and_calls_are_told() {
        let poll = json!({"org.matrix.msc3381.poll.start": {"question": {"org.matrix.msc1767.text": "Tea?"}}});
        assert_eq!(of_event("org.matrix.msc3381.poll.start", &poll).as_deref(), Some("started a poll: Tea?"));
        let poll = json!({"m.poll": {"question": {"m.text": [{"body": "Tea?"}]}}});
        assert_eq!(of_event("m.poll.start", &poll).as_deref(), Some("started a poll: Tea?"));
        assert_eq!(of_event("m.sticker", &json!({"body": "cat"})).as_deref(), Some("sent a sticker: cat"));
        assert!(of_event("m.call.invite", &json!({})).is_some());
    }

    #[test]
    fn what_says_nothing_or_is_malformed_is_silent() {
        assert_eq!(of_event("m.reaction", &json!({"m.relates_to": {}})), None);
        for content in [
            json!({}),
            json!(null),
            json!([1]),
            json!({"msgtype": 1, "body": "x"}),
            json!({"msgtype": "m.text"}),
            json!({"msgtype": "m.text", "body": {"a": 1}}),
        ] {
            assert_eq!(said(content.clone()), None, "{content}");
        }
    }
}
