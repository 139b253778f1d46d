//! What is encrypted once for all devices.

use omemo_ratchet::{Dialect, Error, Payload, empty_key};

use crate::world::rng;

#[test]
fn a_payload_is_opened_by_its_key_and_nothing_else() {
    for dialect in Dialect::ALL {
        for text in ["", "a", "sixteen octets!!", &"long ".repeat(20_000)] {
            let (payload, key) = Payload::seal(dialect, text.as_bytes(), &mut rng()).unwrap();
            assert_eq!(payload.open(dialect, &key).unwrap().as_slice(), text.as_bytes());
            let lengths = match dialect {
                Dialect::Axolotl => (32, 12, text.len()),
                Dialect::Omemo2 => (48, 0, text.len() / 16 * 16 + 16),
            };
            assert_eq!((key.len(), payload.iv.len(), payload.content.len()), lengths);
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 1;
                assert_eq!(payload.open(dialect, &other), Err(Error::DecryptFailed), "{at}");
            }
            for at in (0..payload.content.len()).step_by(997) {
                let mut forged = payload.clone();
                forged.content[at] ^= 0x80;
                assert_eq!(forged.open(dialect, &key), Err(Error::DecryptFailed), "{at}");
            }
        }
    }
}

#[test]
fn keys_that_are_none_are_refused() {
    for dialect in Dialect::ALL {
        let (payload, key) = Payload::seal(dialect, b"text", &mut rng()).unwrap();
        for length in 0..key.len() {
            let opened = payload.open(dialect, &key[..length]);
            assert!(opened.is_err(), "{dialect:?} {length}");
        }
        assert!(payload.open(dialect, &[key.as_slice(), &[0]].concat()).is_err());
        assert!(payload.open(dialect, &empty_key(dialect, &mut rng())).is_err());
    }
}

#[test]
fn ivs_of_before_2020_are_read() {
    // By python's `cryptography`.
    let octets = |hex| hex::decode(hex).unwrap();
    let payload = Payload {
        content: octets("adfb9bda129242fab975e3e0c44940a590dd12af5f36"),
        iv: octets("101112131415161718191a1b1c1d1e1f"),
    };
    let key = octets("000102030405060708090a0b0c0d0e0f5d04915723a17db3a92d1b4a656ee7d3");
    assert_eq!(payload.open(Dialect::Axolotl, &key).unwrap().as_slice(), b"hello from before 2020");
    for length in [0, 8, 11, 13, 15, 16, 17] {
        let (mut payload, key) = Payload::seal(Dialect::Axolotl, b"text", &mut rng()).unwrap();
        payload.iv.resize(length, 0);
        assert_eq!(payload.open(Dialect::Axolotl, &key), Err(Error::DecryptFailed), "{length}");
    }
}

#[test]
fn the_key_of_an_empty_message_is_zeros_or_used_for_nothing_else() {
    assert_eq!(*empty_key(Dialect::Omemo2, &mut rng()), [0; 32]);
    let [one, other] = [0, 1].map(|_| empty_key(Dialect::Axolotl, &mut rng()));
    assert!(one.len() == 16 && one != other);
}
