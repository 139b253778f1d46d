//! What python-omemo publishes and says; `omemo-ratchet` has the program that makes it.

use minidom::Element;
use omemo::ratchet::{Device, Identity, KeyExchange, KeyPair};
use omemo::{DeviceId, DeviceList, Dialect, Encrypted, Envelope, bundle};
use serde::Deserialize;

use crate::dice::Dice;

#[derive(Deserialize)]
struct Vector {
    dialect: String,
    alice: String,
    bob: [String; 3],
    devices: String,
    bundle: String,
    message: String,
    empty: String,
    text: String,
}

fn array(hex: &str) -> [u8; 32] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn id(number: u32) -> DeviceId {
    DeviceId::new(number).unwrap()
}

#[test]
fn what_python_omemo_publishes_and_says_is_understood() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/python-omemo.json")).unwrap();
    for vector in vectors {
        let dialect = if vector.dialect == "axolotl" { Dialect::Axolotl } else { Dialect::Omemo2 };
        let element = |xml: &str| xml.parse::<Element>().unwrap();
        let identity = Identity::from_secret(&array(&vector.bob[0]));
        let [signed_prekey, prekey] = [1, 2].map(|at: usize| KeyPair::from_secret(&array(&vector.bob[at])));

        let devices = DeviceList::read(dialect, &element(&vector.devices)).unwrap();
        assert_eq!(devices.iter().collect::<Vec<_>>(), [id(31415), id(27183)]);
        assert_eq!(devices.to_element(dialect), element(&vector.devices));

        let published = bundle::read(dialect, &element(&vector.bundle)).unwrap();
        assert_eq!(published.verify(dialect), Ok(()));
        assert_eq!(published.identity, identity.public(dialect));
        assert_eq!((published.signed_prekey.id, published.signed_prekey.key), (7, signed_prekey.public()));
        assert_eq!((published.prekeys[0].id, published.prekeys[0].key), (i32::MAX as u32, prekey.public()));
        assert_eq!(bundle::to_element(dialect, &published), element(&vector.bundle));

        for (xml, has_text) in [(&vector.message, true), (&vector.empty, false)] {
            let message = Encrypted::read(&element(xml)).unwrap();
            assert_eq!((message.dialect, message.sender, message.payload.is_some()), (dialect, id(12345), has_text));
            assert_eq!(Encrypted::read(&message.to_element()).unwrap().keys, message.keys);
            let key = message.key_for("bob@example.org", id(31415)).unwrap();
            assert!(key.sealed.is_key_exchange);
            let exchange = KeyExchange::read(dialect, &key.sealed.octets).unwrap();
            assert_eq!(exchange.identity, Identity::from_secret(&array(&vector.alice)).public(dialect));
            let pairs = |_: &KeyExchange| Some([signed_prekey.clone(), prekey.clone()]);
            let mut device = Device::default();
            let begun = device.open_exchange(dialect, &identity, &exchange, pairs, &mut Dice(1)).unwrap();
            if let Some(payload) = &message.payload {
                let text = payload.open(dialect, &begun.text).unwrap();
                assert_eq!(std::str::from_utf8(&text), Ok(vector.text.as_str()));
                if dialect == Dialect::Omemo2 {
                    let envelope =
                        Envelope::read(&element(&vector.text), "alice@example.org", "bob@example.org").unwrap();
                    assert_eq!(envelope.content[0].text(), "Hello Bob");
                }
                assert!(!message.key_for("bob@example.org", id(27183)).unwrap().sealed.is_key_exchange);
            }
        }
    }
}
