//! Elements with something missing, doubled, or out of measure.

use minidom::Element;
use omemo::nodes::{self, Node};
use omemo::ratchet::{Identity, Payload, Prekeys, Sealed};
use omemo::{DeviceId, DeviceList, Dialect, Encrypted, Error, MAX_DEVICES, MAX_KEYS, SealedKey, bundle};

use crate::dice::Dice;

fn element(xml: &str) -> Element {
    xml.parse().unwrap()
}

fn id(number: u32) -> DeviceId {
    DeviceId::new(number).unwrap()
}

#[test]
fn nodes_are_known_by_their_names() {
    for dialect in Dialect::ALL {
        assert_eq!(Node::read(nodes::devices(dialect)), Some(Node::Devices(dialect)));
    }
    assert_eq!(nodes::bundle(Dialect::Axolotl, id(5)), ("eu.siacs.conversations.axolotl.bundles:5".to_owned(), None));
    assert_eq!(nodes::bundle(Dialect::Omemo2, id(5)), ("urn:xmpp:omemo:2:bundles".to_owned(), Some("5".to_owned())));
    assert_eq!(Node::read("eu.siacs.conversations.axolotl.bundles:5"), Some(Node::Bundle(id(5))));
    assert_eq!(Node::read("urn:xmpp:omemo:2:bundles"), Some(Node::Bundles));
    for none in ["", "urn:xmpp:omemo:1:bundles", "eu.siacs.conversations.axolotl.bundles:"] {
        assert_eq!(Node::read(none), None);
    }
    for number in ["0", "-1", "+1", "4294967296", "1 ", "0x1", "five"] {
        assert_eq!(Node::read(&format!("eu.siacs.conversations.axolotl.bundles:{number}")), None, "{number}");
    }
}

#[test]
fn a_device_list_is_read_as_far_as_it_is_one() {
    let list = |xml: &str| DeviceList::read(Dialect::Axolotl, &element(xml));
    let ns = "eu.siacs.conversations.axolotl";
    let odd = format!(
        "<list xmlns='{ns}'><device id='1'/><device id='1'/><device/><device id='0'/><device id='x'/><other id='3'/>\
         <device xmlns='urn:other' id='4'/><device id='4294967295' label='old'/></list>"
    );
    assert_eq!(list(&odd).unwrap().iter().collect::<Vec<_>>(), [id(1), id(u32::MAX)]);
    assert!(list(&format!("<list xmlns='{ns}'/>")).unwrap().is_empty());
    for wrong in ["<list xmlns='urn:xmpp:omemo:2'/>", "<devices xmlns='eu.siacs.conversations.axolotl'/>"] {
        assert_eq!(list(wrong), Err(Error::Malformed("device list")));
    }
    let [most, more] = [0, 1].map(|more| {
        let devices: String = (1..=MAX_DEVICES + more).map(|id| format!("<device id='{id}'/>")).collect();
        list(&format!("<list xmlns='{ns}'>{devices}</list>"))
    });
    let most = most.unwrap();
    assert!(most.contains(id(100)) && !most.contains(id(101)) && !most.is_empty());
    assert_eq!(most.iter().last().map(DeviceId::get), Some(100));
    assert_eq!(more, Err(Error::Malformed("number of devices")));
}

#[test]
fn a_bundle_that_lacks_something_is_refused_by_name() {
    for dialect in Dialect::ALL {
        let rng = &mut Dice(1);
        let identity = Identity::generate(rng);
        let published = Prekeys::new(0, rng).hand_out(dialect, &identity, rng);
        let whole = bundle::to_element(dialect, &published);
        assert_eq!(bundle::read(dialect, &whole).unwrap(), published);
        let other = if dialect == Dialect::Axolotl { Dialect::Omemo2 } else { Dialect::Axolotl };
        assert_eq!(bundle::read(other, &whole), Err(Error::Malformed("bundle")));
        for part in whole.children() {
            let name = part.name().to_owned();
            let rest = whole.children().filter(|child| child.name() != name).cloned();
            let without = Element::builder("bundle", whole.ns()).append_all(rest).build();
            let refused = bundle::read(dialect, &without).unwrap_err();
            assert_eq!(refused.to_string(), format!("wrong or missing: {name}"));
            let doubled = Element::builder("bundle", whole.ns())
                .append_all(whole.children().cloned())
                .append(part.clone())
                .build();
            assert_eq!(bundle::read(dialect, &doubled).unwrap_err(), refused);
            if name != "prekeys" {
                let mut broken = whole.clone();
                let place = broken.children_mut().find(|child| child.name() == name).unwrap();
                place.take_nodes();
                place.append_text("no base64!");
                assert_eq!(bundle::read(dialect, &broken), Err(Error::Malformed("base64")));
            }
        }
        // Prekeys that are none are left out; the others serve.
        let mut odd = whole.clone();
        let prekeys = odd.children_mut().find(|child| child.name() == "prekeys").unwrap();
        prekeys.children_mut().next().unwrap().take_nodes();
        assert_eq!(bundle::read(dialect, &odd).unwrap().prekeys, published.prekeys[1..]);
    }
}

fn message(dialect: Dialect, keys: usize) -> Encrypted {
    let account = (dialect == Dialect::Omemo2).then(|| "bob@example.org".to_owned());
    let key = |number: usize| SealedKey {
        account: account.clone(),
        device: id(u32::try_from(number).unwrap()),
        sealed: Sealed { octets: vec![7; 40], is_key_exchange: number.is_multiple_of(2) },
    };
    let (payload, _) = Payload::seal(dialect, b"text", &mut Dice(1)).unwrap();
    Encrypted { dialect, sender: id(1), keys: (1..=keys).map(key).collect(), payload: Some(payload) }
}

#[test]
fn what_is_written_is_read_again() {
    for dialect in Dialect::ALL {
        for keys in [0, 1, 5, MAX_KEYS] {
            let message = message(dialect, keys);
            let written = message.to_element();
            assert_eq!(Encrypted::dialect_of(&written), Some(dialect));
            assert_eq!(Encrypted::read(&written).unwrap(), message);
        }
        let too_many = message(dialect, MAX_KEYS + 1).to_element();
        assert_eq!(Encrypted::read(&too_many), Err(Error::Malformed("number of keys")));
        let empty = Encrypted { payload: None, ..message(dialect, 2) };
        assert_eq!(Encrypted::read(&empty.to_element()).unwrap(), empty);
    }
}

#[test]
fn a_key_is_for_one_device_of_one_account() {
    let mut message = message(Dialect::Omemo2, 3);
    message.keys[1].account = Some("alice@example.org".to_owned());
    let message = Encrypted::read(&message.to_element()).unwrap();
    assert!(message.key_for("bob@example.org", id(1)).is_some());
    assert!(message.key_for("bob@example.org", id(2)).is_none());
    assert!(message.key_for("alice@example.org", id(2)).is_some());
    assert!(message.key_for("bob@example.org", id(4)).is_none());
}

#[test]
fn a_message_with_something_wrong_is_refused_by_name() {
    let axolotl = |inner: &str| {
        Encrypted::read(&element(&format!("<encrypted xmlns='eu.siacs.conversations.axolotl'>{inner}</encrypted>")))
    };
    let omemo2 =
        |inner: &str| Encrypted::read(&element(&format!("<encrypted xmlns='urn:xmpp:omemo:2'>{inner}</encrypted>")));
    for (inner, what) in [
        ("", "header"),
        ("<header sid='1'><iv>AAAA</iv></header><header sid='1'><iv>AAAA</iv></header>", "header"),
        ("<header><iv>AAAA</iv></header>", "sid"),
        ("<header sid='0'><iv>AAAA</iv></header>", "sid"),
        ("<header sid='-1'><iv>AAAA</iv></header>", "sid"),
        ("<header sid='1'/>", "iv"),
        ("<header sid='1'><iv>AAAA</iv><iv>AAAA</iv></header>", "iv"),
        ("<header sid='1'><iv>?</iv></header>", "base64"),
        ("<header sid='1'><key>AAAA</key><iv>AAAA</iv></header>", "rid"),
        ("<header sid='1'><key rid='0'>AAAA</key><iv>AAAA</iv></header>", "rid"),
        ("<header sid='1'><key rid='2'>A</key><iv>AAAA</iv></header>", "base64"),
        ("<header sid='1'><iv>AAAA</iv></header><payload/><payload/>", "payload"),
        ("<header sid='1'><iv>AAAA</iv></header><payload>=</payload>", "base64"),
    ] {
        assert_eq!(axolotl(inner), Err(Error::Malformed(what)), "{inner}");
    }
    assert_eq!(omemo2("<header sid='1'><keys><key rid='2'>AAAA</key></keys></header>"), Err(Error::Malformed("jid")));
    let other = element("<encrypted xmlns='urn:xmpp:omemo:1'/>");
    assert_eq!(Encrypted::read(&other), Err(Error::Malformed("encrypted")));
}

#[test]
fn lines_may_be_broken_and_yes_has_two_spellings() {
    let read = |kex: &str| {
        let xml = format!(
            "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='bob@example.org'><key rid='2' kex='{kex}'>\n \
             AAEC\r\n  AwQF </key></keys></header></encrypted>"
        );
        Encrypted::read(&element(&xml)).unwrap().keys.remove(0).sealed
    };
    for (kex, is_key_exchange) in [("true", true), ("1", true), ("false", false), ("0", false), ("yes", false)] {
        assert_eq!(read(kex), Sealed { octets: vec![0, 1, 2, 3, 4, 5], is_key_exchange }, "{kex}");
    }
}
