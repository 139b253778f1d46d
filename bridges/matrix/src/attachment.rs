//! What an event says of a file. Works on the JSON, as [`crate::words`] does.

use std::time::Duration;

use drawbridge_bridge::{Attachment, Caption, FileInfo, Handle, Plaintext};
use serde_json::{Value, json};

/// The file that a message-like event of this type shares, if it is one.
pub(crate) fn of_event(kind: &str, content: &Value) -> Option<Attachment> {
    let kind = match kind {
        "m.sticker" => "image",
        "m.room.message" => text(content, "msgtype")?.strip_prefix("m.")?,
        _ => return None,
    };
    if !["image", "file", "audio", "video"].contains(&kind) {
        return None;
    }
    let handle = match (content.get("file"), content.get("url")) {
        (Some(file), _) => json!({ "file": file }),
        (None, Some(url)) => json!({ "url": url }),
        (None, None) => return None,
    };
    let (name, caption) = named(content)?;
    let info = content.get("info");
    let number = |field: &str| info?.get(field)?.as_u64();
    let side = |field| number(field).and_then(|side| u32::try_from(side).ok());
    let media_type = info.and_then(|info| text(info, "mimetype")).unwrap_or(match kind {
        "image" => "image/png",
        _ => "application/octet-stream",
    });
    let info = FileInfo {
        name: Plaintext::new(name),
        media_type: media_type.to_owned(),
        size: number("size"),
        dimensions: side("w").zip(side("h")),
        duration: number("duration").map(Duration::from_millis),
    };
    let caption = caption.map(|caption| Caption(Plaintext::new(caption)));
    Some(Attachment { info, caption, handle: Handle(Plaintext::new(handle.to_string())) })
}

/// A file's name, and its caption where there is one: then `filename` holds the name and `body` the caption
/// (Matrix 1.18, "Media captions").
pub(crate) fn named(content: &Value) -> Option<(&str, Option<&str>)> {
    match (text(content, "filename"), text(content, "body")) {
        (Some(name), Some(body)) if name != body => Some((name, Some(body))),
        (name, body) => Some((name.or(body)?, None)),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &Value) -> Option<(String, String, Option<String>)> {
        let Attachment { info, caption, handle } = of_event("m.room.message", content)?;
        let caption = caption.map(|Caption(caption)| caption.expose().to_owned());
        Some((info.name.expose().to_owned(), handle.0.expose().to_owned(), caption))
    }

    #[test]
    fn a_file_is_found_again_by_its_url_or_its_key() {
        let image = json!({"msgtype": "m.image", "body": "cat.png", "url": "mxc://a/b"});
        let found = |handle: &str, caption: Option<&str>| {
            Some(("cat.png".to_owned(), handle.to_owned(), caption.map(str::to_owned)))
        };
        assert_eq!(read(&image), found(r#"{"url":"mxc://a/b"}"#, None));
        let sealed = json!({"msgtype": "m.file", "body": "look", "filename": "cat.png", "file": {"key": "k"}});
        assert_eq!(read(&sealed), found(r#"{"file":{"key":"k"}}"#, Some("look")));
    }

    #[test]
    fn what_it_says_of_itself_is_read_as_far_as_it_makes_sense() {
        let info = json!({"mimetype": "video/mp4", "size": 9, "w": 3, "h": 2, "duration": 1500});
        let film = json!({"msgtype": "m.video", "body": "a", "url": "mxc://a/b", "info": info});
        let info = of_event("m.room.message", &film).unwrap().info;
        assert_eq!((info.media_type.as_str(), info.size, info.dimensions), ("video/mp4", Some(9), Some((3, 2))));
        assert_eq!(info.duration, Some(Duration::from_millis(1500)));
        let lies = json!({"mimetype": 1, "size": -1, "w": "3", "h": 2});
        let lies = json!({"msgtype": "m.file", "body": "a", "url": "mxc://a/b", "info": lies});
        let info = of_event("m.room.message", &lies).unwrap().info;
        assert_eq!((info.media_type.as_str(), info.size, info.dimensions), ("application/octet-stream", None, None));
    }

    #[test]
    fn words_are_no_file_and_a_file_without_place_is_none() {
        assert_eq!(read(&json!({"msgtype": "m.text", "body": "a", "url": "mxc://a/b"})), None);
        assert_eq!(read(&json!({"msgtype": "m.image", "body": "a"})), None);
        assert_eq!(read(&json!({"msgtype": "m.image", "url": "mxc://a/b"})), None);
        assert!(of_event("m.sticker", &json!({"body": "cat", "url": "mxc://a/b"})).is_some());
    }
}
