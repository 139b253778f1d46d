//! What was said beside a file, and what only looks like it (XEP-0428).

use crate::world::{URL, message};

fn file(url: &str) -> String {
    format!(
        "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'/><sources>\
         <url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/></sources></file-sharing>"
    )
}

fn said(body: &str, beside: &str) -> Option<String> {
    message(&format!("<body>{body}</body>{beside}{}", file(URL))).unwrap().caption
}

fn marked(ranges: &str) -> String {
    format!("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'>{ranges}</fallback>")
}

#[test]
fn words_beside_a_file_are_its_caption() {
    let words = "Summit was great, check out this cool photo of everyone.";
    assert_eq!(said(words, "").as_deref(), Some(words));
    assert_eq!(said(&format!("\n {words} "), "").as_deref(), Some(words));
    assert_eq!(said("first\n\nsecond", "").as_deref(), Some("first\n\nsecond"));
    assert_eq!(said(" ", ""), None);
    assert_eq!(message(&file(URL)).unwrap().caption, None);
}

#[test]
fn what_is_marked_as_a_fallback_is_not_said() {
    assert_eq!(said("Your client knows no files", &marked("<body/>")), None);
    assert_eq!(said("Your client knows no files", &marked("")), None);
    // Positions are those of characters, not of octets.
    let body = format!("\u{1f4f7} see\n{URL}");
    let range = |start: usize, end: usize| marked(&format!("<body start='{start}' end='{end}'/>"));
    assert_eq!(said(&body, &range(5, body.chars().count())).as_deref(), Some("\u{1f4f7} see"));
    assert_eq!(said("[file] see", &range(0, 7)).as_deref(), Some("see"));
    assert_eq!(said("[file] see [link]", &marked("<body end='6'/><body start='10'/>")).as_deref(), Some("see"));
    assert_eq!(said("see", &range(0, 3)), None);
    // Ranges that are none hide nothing.
    assert_eq!(said("see", &range(3, 0)).as_deref(), Some("see"));
    assert_eq!(said("see", &range(5, 99)).as_deref(), Some("see"));
    // Nor do those of something else.
    assert_eq!(said("see", &marked("<subject/>")).as_deref(), Some("see"));
    assert_eq!(said("see", &marked("<body/>").replace("sfs", "reply")).as_deref(), Some("see"));
}

#[test]
fn an_address_is_not_said_though_nothing_marks_it() {
    assert_eq!(said(URL, ""), None);
    assert_eq!(said(&format!("see\n{URL}\r\n"), "").as_deref(), Some("see"));
    let oob = "<x xmlns='jabber:x:oob'><url>https://b.example.org/f</url></x>";
    assert_eq!(said("https://b.example.org/f", oob), None);
    // Another one is a link.
    assert_eq!(said("https://b.example.org/f", "").as_deref(), Some("https://b.example.org/f"));
}

#[test]
fn a_key_is_never_said() {
    let key = format!("aesgcm://a.example.org/f#{}", "ab".repeat(44));
    assert_eq!(said(&key, ""), None);
    assert_eq!(said(&format!("see\n{key}"), "").as_deref(), Some("see"));
    assert_eq!(said(&format!(" {}", key.replace("aesgcm", "AesGCM").replace('#', "##")), ""), None);
}
