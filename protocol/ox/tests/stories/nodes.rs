//! What is published, and what others publish.

use minidom::Element;
use openpgp_xmpp::nodes::{self, Node};
use openpgp_xmpp::{Announced, Fingerprint, KeyList, MAX_CERTIFICATE, MAX_KEYS, Malformed, pubkey};
use proptest::prelude::*;

const JULIET: &str = "1357B01865B2503C18453D208CAC2A9678548E35";

fn element(xml: &str) -> Element {
    xml.parse().unwrap()
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::read(text).unwrap()
}

#[test]
fn nodes_are_known_by_their_names() {
    let name = nodes::public_key(fingerprint(JULIET));
    assert_eq!(name, "urn:xmpp:openpgp:0:public-keys:1357B01865B2503C18453D208CAC2A9678548E35");
    assert_eq!(Node::read(&name), Some(Node::Key(fingerprint(JULIET))));
    assert_eq!(Node::read("urn:xmpp:openpgp:0:public-keys"), Some(Node::List));
    for none in ["", "urn:xmpp:openpgp:0", "urn:xmpp:openpgp:0:public-keys:", "urn:xmpp:openpgp:0:public-keys:1357"] {
        assert_eq!(Node::read(none), None);
    }
    for wrong in [&JULIET.to_lowercase(), &format!("{JULIET}00"), &JULIET.replace('1', "+"), &JULIET.replace('1', "é")]
    {
        assert_eq!(Node::read(&format!("urn:xmpp:openpgp:0:public-keys:{wrong}")), None, "{wrong}");
    }
    assert_eq!(nodes::item_id(1_579_603_581).as_deref(), Some("2020-01-21T10:46:21Z"));
    assert_eq!(nodes::item_id(u64::MAX), None);
}

#[test]
fn the_list_of_the_specification_is_read() {
    let list = "<public-keys-list xmlns='urn:xmpp:openpgp:0'>
          <pubkey-metadata v4-fingerprint='1357B01865B2503C18453D208CAC2A9678548E35' date='2018-03-01T15:26:12Z'/>
          <pubkey-metadata v4-fingerprint='67819B343B2AB70DED9320872C6464AF2A8E4C02' date='1953-05-16T12:00:00Z'/>
        </public-keys-list>";
    let keys: Vec<_> = KeyList::read(&element(list)).unwrap().iter().copied().collect();
    let second = fingerprint("67819B343B2AB70DED9320872C6464AF2A8E4C02");
    assert_eq!(
        keys,
        [
            Announced { fingerprint: fingerprint(JULIET), date: Some(1_519_917_972) },
            // Before there were times, and OpenPGP.
            Announced { fingerprint: second, date: Some(0) },
        ]
    );
    let written = KeyList::new([keys[0]]).to_element();
    assert_eq!(
        String::from(&written),
        "<public-keys-list xmlns='urn:xmpp:openpgp:0'><pubkey-metadata date='2018-03-01T15:26:12Z' \
         v4-fingerprint='1357B01865B2503C18453D208CAC2A9678548E35'/></public-keys-list>"
    );
}

#[test]
fn a_list_is_read_as_far_as_it_is_one() {
    let list = |inner: &str| {
        KeyList::read(&element(&format!("<public-keys-list xmlns='urn:xmpp:openpgp:0'>{inner}</public-keys-list>")))
    };
    let odd = format!(
        "<pubkey-metadata v4-fingerprint='{}' date='yesterday'/><pubkey-metadata v4-fingerprint='{JULIET}'/>\
         <pubkey-metadata/><pubkey-metadata v4-fingerprint='{JULIET}00'/><other v4-fingerprint='{JULIET}'/>\
         <pubkey-metadata xmlns='urn:other' v4-fingerprint='67819B343B2AB70DED9320872C6464AF2A8E4C02'/>",
        JULIET.to_lowercase()
    );
    let read = list(&odd).unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), [&Announced { fingerprint: fingerprint(JULIET), date: None }]);
    assert!(list("").unwrap().is_empty() && !read.is_empty());
    let [most, more] = [MAX_KEYS, MAX_KEYS + 1].map(|count| {
        let keys = (0..count).map(|it| format!("<pubkey-metadata v4-fingerprint='{it:040X}'/>"));
        list(&keys.collect::<String>())
    });
    assert_eq!(most.unwrap().iter().count(), MAX_KEYS);
    assert_eq!(more, Err(Malformed("number of keys")));
    for wrong in ["<public-keys-list xmlns='urn:xmpp:openpgp:1'/>", "<pubkey xmlns='urn:xmpp:openpgp:0'/>"] {
        assert_eq!(KeyList::read(&element(wrong)), Err(Malformed("public-keys-list")));
    }
}

#[test]
fn a_key_is_read_from_base64_and_nothing_else() {
    let read = |inner: &str| pubkey::read(&element(&format!("<pubkey xmlns='urn:xmpp:openpgp:0'>{inner}</pubkey>")));
    assert_eq!(read("<data>\n  aGVs\n  bG8=\n</data>").unwrap(), b"hello");
    // As of version 0.3.
    let old = "<pubkey xmlns='urn:xmpp:openpgp:0' date='2018-03-01T15:26:12Z'><data>aGVsbG8=</data></pubkey>";
    assert_eq!(pubkey::read(&element(old)).unwrap(), b"hello");
    for (inner, what) in [
        ("", "data"),
        ("<data>aGVs</data><data>aGVs</data>", "data"),
        ("<data xmlns='urn:other'>aGVs</data>", "data"),
        ("<data>aGVsbG8</data>", "base64"),
        ("<data>-----BEGIN PGP PUBLIC KEY BLOCK-----</data>", "base64"),
        ("<data>aGVsbG8=é</data>", "base64"),
    ] {
        assert_eq!(read(inner), Err(Malformed(what)), "{inner}");
    }
    let [most, more] = [0, 1].map(|more| pubkey::to_element(&vec![1; MAX_CERTIFICATE + more]));
    assert_eq!(pubkey::read(&most).unwrap().len(), MAX_CERTIFICATE);
    assert_eq!(pubkey::read(&more), Err(Malformed("size")));
    let other = element("<public-keys-list xmlns='urn:xmpp:openpgp:0'/>");
    assert_eq!(pubkey::read(&other), Err(Malformed("pubkey")));
}

proptest! {
    #[test]
    fn what_is_published_is_read_again(octets: Vec<u8>, keys: Vec<([u8; 20], Option<u32>)>) {
        prop_assert_eq!(pubkey::read(&pubkey::to_element(&octets)), Ok(octets));
        let announced = |(octets, date): ([u8; 20], Option<u32>)| Announced {
            fingerprint: fingerprint(&hex::encode(octets)),
            date: date.map(u64::from),
        };
        let list = KeyList::new(keys.into_iter().take(MAX_KEYS).map(announced));
        prop_assert_eq!(KeyList::read(&list.to_element()), Ok(list));
    }
}
