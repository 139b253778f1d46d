//! Keys as accounts publish them (XEP-0189).

use esession::{Element, Error, Misuse, PublishedKey, SigningKey};

use crate::public_keys::{dsa_key, rsa_keys};

/// Written by another program from the numbers of a vector.
const OTHERS: &str = include_str!("keys/alice-pubkey.xml");
/// The 23rd of November 2026 and one year later.
const YEAR: [u64; 2] = [1_795_392_000, 1_826_928_000];

fn published(key: &SigningKey) -> PublishedKey {
    let [begin, end] = YEAR;
    PublishedKey { key: key.public().clone(), jid: "alice@example.org".into(), begin, end }
}

fn without_white_space(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

#[test]
fn it_is_written_and_read_as_others_do() {
    let [alice, _] = rsa_keys();
    let ours = published(&alice).to_element().unwrap();
    let theirs: Element = OTHERS.parse().unwrap();
    let spelled = |element: &Element| without_white_space(&String::from(element));
    assert_eq!(spelled(&ours), spelled(&theirs));
    for element in [ours, theirs] {
        assert_eq!(PublishedKey::from_element(&element).unwrap(), published(&alice));
    }
}

#[test]
fn it_counts_for_one_name_and_one_time() {
    let key = published(&rsa_keys()[0]);
    let [begin, end] = YEAR;
    let counts = |jid, now| key.is_of(jid, now);
    assert!(counts("alice@example.org", begin) && counts("alice@example.org", end));
    assert!(!counts("alice@example.org", begin - 1) && !counts("alice@example.org", end + 1));
    assert!(!counts("mallory@example.org", begin));
}

#[test]
fn a_key_that_cannot_be_published_or_read_is_none() {
    assert_eq!(published(&dsa_key()).to_element().unwrap_err(), Error::Misuse(Misuse::SigningKey));
    let digits = OTHERS.split("<modulus>").nth(1).unwrap().split("</modulus>").next().unwrap();
    let with = |from: &str, to: &str| {
        assert!(OTHERS.contains(from));
        OTHERS.replace(from, to)
    };
    for wrong in [
        with("urn:xmpp:pubkey:2", "urn:xmpp:pubkey:1"),
        with("<jid>alice@example.org</jid>", ""),
        with("2027-11-23T00:00:00Z", "tomorrow"),
        with(digits, ""),
        with(digits, "12345"),
        with(digits, &format!("-{}", digits.trim())),
        with(digits, &format!("0x{}", digits.trim())),
        with(digits, &"7".repeat(1235)),
        with(">65537<", ">3<"),
        with(">65537<", ">65_537<"),
        OTHERS.replace("rsakey", "dsakey"),
        OTHERS.replace("pubkey ", "key ").replace("/pubkey", "/key"),
    ] {
        let element: Element = wrong.parse().unwrap();
        assert_eq!(PublishedKey::from_element(&element), Err(Error::Malformed("pubkey")), "{wrong}");
    }
}
