//! Envelopes: around what, for whom, and how long.

use std::collections::HashSet;

use minidom::Element;
use omemo::{Envelope, Error};

use crate::dice::Dice;

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob%matrix.org@gw.example.org";

fn body(text: &str) -> Element {
    Element::builder("body", "jabber:client").append(text).build()
}

fn envelope(text: &str) -> Envelope {
    Envelope { content: vec![body(text)], from: Some(ALICE.to_owned()), to: Some(BOB.to_owned()), time: None }
}

#[test]
fn it_counts_for_the_stanza_that_it_was_made_for() {
    let written = envelope("hello").to_element(&mut Dice(1));
    assert_eq!(Envelope::read(&written, ALICE, BOB).unwrap(), envelope("hello"));
    assert_eq!(Envelope::read(&written, BOB, ALICE), Err(Error::OtherStanza));
    assert_eq!(Envelope::read(&written, ALICE, "carol@example.org"), Err(Error::OtherStanza));
    assert_eq!(Envelope::read(&written, "mallory@example.org", BOB), Err(Error::OtherStanza));
    // Who does not say for whom it is has not said anything wrong (XEP-0384 section 5.5.1).
    let unnamed = Envelope { from: None, to: None, time: Some("2026-01-01T00:00:00Z".to_owned()), ..envelope("hello") };
    let written = unnamed.to_element(&mut Dice(1));
    assert_eq!(Envelope::read(&written, "mallory@example.org", BOB).unwrap(), unnamed);
}

#[test]
fn nobody_sees_what_is_short() {
    let mut lengths = HashSet::new();
    for seed in 0..200 {
        for text in ["yes", "no"] {
            let written = envelope(text).to_element(&mut Dice(seed));
            lengths.insert(String::from(&written).len());
            let padding = written.get_child("rpad", "urn:xmpp:sce:1").unwrap().text();
            assert!(padding.bytes().all(|digit| digit.is_ascii_lowercase()), "{padding}");
        }
    }
    let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
    assert!(*least > 200 && most - least > 150 && lengths.len() > 100, "{least} {most} {}", lengths.len());
}

#[test]
fn what_is_none_is_refused() {
    let read = |xml: &str| Envelope::read(&xml.parse().unwrap(), ALICE, BOB);
    let sce = "urn:xmpp:sce:1";
    for (xml, what) in [
        ("<envelope xmlns='urn:xmpp:sce:0'><content/></envelope>".to_owned(), "envelope"),
        (format!("<content xmlns='{sce}'/>"), "envelope"),
        (format!("<envelope xmlns='{sce}'/>"), "content"),
        (format!("<envelope xmlns='{sce}'><content/><content/></envelope>"), "content"),
        (format!("<envelope xmlns='{sce}'><content/><from/></envelope>"), "from"),
        (format!("<envelope xmlns='{sce}'><content/><from jid='{ALICE}'/><from jid='{ALICE}'/></envelope>"), "from"),
        (format!("<envelope xmlns='{sce}'><content/><to/></envelope>"), "to"),
        (format!("<envelope xmlns='{sce}'><content/><time/></envelope>"), "time"),
    ] {
        assert_eq!(read(&xml), Err(Error::Malformed(what)), "{xml}");
    }
    // A content in another namespace is no content.
    let other = format!("<envelope xmlns='{sce}'><content xmlns='urn:other'/></envelope>");
    assert_eq!(read(&other), Err(Error::Malformed("content")));
    assert_eq!(read(&format!("<envelope xmlns='{sce}'><content/></envelope>")).unwrap().content, []);
}
