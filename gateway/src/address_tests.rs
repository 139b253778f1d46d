use std::collections::HashMap;

use jid::Jid;
use proptest::prelude::RngExt;
use proptest::test_runner::{TestRng, TestRunner};

use super::*;

fn gateway() -> BareJid {
    BareJid::new("gw.example.org").unwrap()
}

fn contact(name: &str, server: &str) -> ContactName {
    ContactName { name: name.to_owned(), server: Some(server.to_owned()) }
}

fn local_of(name: &ContactName) -> Option<String> {
    Some(Address::of(name, gateway().domain())?.node()?.as_str().to_owned())
}

#[test]
fn ids_read_well_where_they_can() {
    for (name, server, expected) in [
        ("bob", "matrix.org", r"bob%matrix.org"),
        ("bob.the-builder_1=2+3~!", "example.org:8448", r"bob.the-builder_1=2+3~!%example.org\3a8448"),
        ("Bob", "example.org", r"\42ob%example.org"),
        ("a/b", "[::1]:8448", r"a\2fb%[\3a\3a1]\3a8448"),
        ("100%", "example.org", r"100\25%example.org"),
        (r"back\slash", "example.org", r"back\5cslash%example.org"),
        ("d'artagnan", "example.org", r"d\27artagnan%example.org"),
        ("ß", "example.org", r"\c3\9f%example.org"),
        (r"\20", "x", r"\5c20%x"),
    ] {
        assert_eq!(local_of(&contact(name, server)).as_deref(), Some(expected), "{name}:{server}");
        assert_eq!(contact_name(expected), Some(contact(name, server)));
    }
}

#[test]
fn a_network_without_servers_has_plain_names() {
    let echo = ContactName { name: "echo".to_owned(), server: None };
    assert_eq!(local_of(&echo).as_deref(), Some("echo"));
    assert_eq!(contact_name("echo"), Some(echo));
}

#[test]
fn a_localpart_neither_begins_nor_ends_with_an_escaped_space() {
    for (name, server, expected) in [
        (" a b ", Some(" s "), r"\ffa\20b\20%\20s\ff"),
        (" ", Some(" "), r"\ff%\ff"),
        (" ", None, r"\ff"),
        ("  ", None, r"\ff\ff"),
        ("   ", None, r"\ff\20\ff"),
    ] {
        let name = ContactName { name: name.to_owned(), server: server.map(str::to_owned) };
        assert_eq!(local_of(&name).as_deref(), Some(expected));
        assert_eq!(contact_name(expected), Some(name));
    }
}

#[test]
fn only_the_canonical_encoding_decodes() {
    for local in [
        "",
        "%",
        "bob%",
        "%matrix.org",
        "a%b%c",
        "Bob%matrix.org",
        r"\4Fb%x",
        r"\4fb%X",
        r"b\6fb%x",
        r"a\",
        r"a\2",
        r"a\zz",
        r"\c3%\9f",
        r"a\ffb",
        r"\20a",
        r"a\20",
        r"a%b\20",
        r"\2",
        "a b",
        "ß%x",
        r"\80",
        r"\e1\bb",
        "a@b",
        r"\+f",
        "a\u{0}",
        r"a\2F%x",
    ] {
        assert_eq!(contact_name(local), None, "{local:?}");
    }
}

#[test]
fn what_does_not_fit_into_a_jid_has_none() {
    assert!(Address::of(&contact(&"a".repeat(1021), "x"), gateway().domain()).is_some());
    assert!(Address::of(&contact(&"a".repeat(1022), "x"), gateway().domain()).is_none());
    assert!(Address::of(&contact(&"A".repeat(340), "xy"), gateway().domain()).is_some());
    assert!(Address::of(&contact(&"A".repeat(341), "x"), gateway().domain()).is_none());
    assert!(Address::of(&contact("", "x"), gateway().domain()).is_none());
    assert!(Address::of(&contact("x", ""), gateway().domain()).is_none());
}

#[test]
fn typed_ids_are_recognised() {
    for (local, expected) in [
        (r"\40bob\3amatrix.org", Some("@bob:matrix.org")),
        (r"@bob\3amatrix.org", Some("@bob:matrix.org")),
        (r"\40bob\3Amatrix.org", Some("@bob:matrix.org")),
        (r"https\3a\2f\2fmatrix.to\2f#\2f\40bob\3amatrix.org", Some("https://matrix.to/#/@bob:matrix.org")),
        (r"a\5c20b", Some(r"a\20b")),
        (r"a\ab\3ac", Some(r"a\ab:c")),
        (r"\ß\3ac", Some(r"\ß:c")),
        ("bob%matrix.org", None),
        (r"\42ob%matrix.org", None),
        (r"\20a\3ab", None),
        (r"a\3ab\20", None),
        (r"a\+a", None),
        (r"a\", None),
    ] {
        assert_eq!(typed(local).as_deref(), expected, "{local}");
    }
}

/// Ids that homeservers accept or have accepted (Matrix appendices, "Historical User IDs"), and Unicode besides.
fn grammars() -> Vec<Vec<char>> {
    const GRAMMARS: [&str; 5] = [
        "abcdefghijklmnopqrstuvwxyz0123456789._=/+-",
        "!\"#$%&'()*+,-./0123456789;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
        "AZaz/=%\\",
        "\\0123456789abcdefABCDEF%",
        "\u{0}\t\n \u{7f}\u{80}\u{a0}\u{ad}\u{df}\u{130}\u{131}\u{3c2}\u{5d0}\u{660}\u{200b}\u{202e}\u{212a}\u{fb01}\u{ff41}\u{ffff}\u{1F600}aA%\\",
    ];
    GRAMMARS.iter().map(|grammar| grammar.chars().collect()).collect()
}

fn any_contact(grammars: &[Vec<char>], random: &mut TestRng) -> ContactName {
    let mut text = |most: usize| {
        let grammar = &grammars[random.random_range(0..grammars.len())];
        (0..random.random_range(1..=most)).map(|_| grammar[random.random_range(0..grammar.len())]).collect::<String>()
    };
    contact(&text(40), &text(30))
}

#[test]
fn two_hundred_thousand_ids_survive_the_way_through_a_jid() {
    let mut random = TestRunner::default().new_rng(); // every assertion below names the id that broke it
    let (gateway, grammars) = (gateway(), grammars());
    let mut seen: HashMap<String, ContactName> = HashMap::new();
    for _ in 0..200_000 {
        let name = any_contact(&grammars, &mut random);
        let jid = Address::of(&name, gateway.domain()).unwrap_or_else(|| panic!("{name:?}"));
        let again = Jid::new(jid.as_str()).unwrap();
        assert_eq!(again.as_str(), jid.as_str());
        assert_eq!(jid.as_str().to_lowercase(), jid.as_str());
        let local = again.node().unwrap().as_str();
        assert_eq!(contact_name(local).as_ref(), Some(&name), "{local}");
        if let Some(other) = seen.insert(local.to_owned(), name.clone()) {
            assert_eq!(other, name, "two ids in {local}");
        }
    }
}

#[test]
fn confusable_ids_never_meet() {
    let twins = [
        ("a", "A"),
        ("a", "а"),
        ("ss", "ß"),
        ("i", "İ"),
        ("i", "ı"),
        ("k", "\u{212a}"),
        ("å", "\u{212b}"),
        ("é", "e\u{301}"),
        ("fi", "\u{fb01}"),
        ("1", "١"),
        ("a", "a\u{200d}"),
        ("a", "a\u{ad}"),
        ("a", "\u{ff41}"),
        (r"\20", " "),
        (r"\5c", r"\"),
        ("%", "%25"),
        ("%", r"\25"),
        ("a:b", "a%b"),
        ("@", r"\40"),
        ("σ", "ς"),
        ("Σ", "σ"),
        ("o", "ο"),
        ("rn", "m"),
        ("l", "I"),
        ("0", "O"),
        ("a ", "a"),
        (" a", "a"),
        ("\u{ff}", " "),
        (r"\ff", " "),
        (r"\41", "A"),
    ];
    let mut pairs = 0;
    for (left, right) in twins {
        for frame in [
            "{}", "x{}", "{}x", "x{}y", "{}{}", "{}%", "%{}", r"\{}", "{}.", "{}:x", "{}20", "{}5c", ".{}", "5c{}",
            "{}=", "_{}_", "{} x", "x {}",
        ] {
            for (server_of_left, server_of_right) in
                [("x.org", "x.org"), ("x.org", "X.org"), ("x.org:1", "x.org"), ("x%y", "x%y")]
            {
                let left = contact(&frame.replace("{}", left), server_of_left);
                let right = contact(&frame.replace("{}", right), server_of_right);
                let (a, b) = (local_of(&left).unwrap(), local_of(&right).unwrap());
                assert_ne!(a.to_lowercase(), b.to_lowercase(), "{left:?} {right:?}");
                pairs += 1;
            }
        }
    }
    // Where the border between name and server lies matters too.
    for (left, right) in [
        (("a%b", "c"), ("a", "b%c")),
        (("a", "b"), ("a%b", "")),
        (("ab", "c"), ("a", "bc")),
        ((r"a\25b", "c"), ("a%b", "c")),
    ] {
        let (a, b) = (local_of(&contact(left.0, left.1)), local_of(&contact(right.0, right.1)));
        assert_ne!(a, b);
        pairs += 1;
    }
    assert!(pairs >= 2000, "{pairs}");
}
