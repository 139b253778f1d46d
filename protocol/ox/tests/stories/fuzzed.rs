//! What any octets may do: nothing. The target of `../fuzz` calls this; here the corpus that it found is played again.

use std::sync::LazyLock;

use minidom::Element;
use openpgp_xmpp::nodes::Node;
use openpgp_xmpp::{Arrival, Window};
use openpgp_xmpp::{Certificate, Key, KeyList, Opened, Refusal, open, pubkey, seal};
use pgp::crypto::sym::SymmetricKeyAlgorithm::AES256;

use crate::dice::Dice;
use crate::world::{ALICE, BOB, Letter, NOW, alice, bob, body, certificate, element, encrypted};

static KEYS: LazyLock<(Key, Certificate)> = LazyLock::new(|| (bob(), certificate(&alice())));

/// Any octets in the place of everything that others publish and send. The first says which: elements, a certificate, a
/// message, what is encrypted in one, what is signed in it, and a stored key.
pub(crate) fn ox(data: &[u8]) {
    let Some((kind, octets)) = data.split_first() else { return };
    match kind {
        0 => elements(octets),
        1 => certificates(octets),
        2 => only_what_alice_has_signed(arrives(octets)),
        3 => only_what_alice_has_signed(arrives(&encrypted(octets, AES256))),
        4 => {
            let Ok(text) = std::str::from_utf8(octets) else { return };
            if let Ok(opened) = arrives(&Letter::of(text).sealed()) {
                assert!(text.contains(BOB) && opened.time.abs_diff(NOW) <= Window::default().past);
            }
        }
        _ => {
            if let Ok(key) = Key::read(octets) {
                let again = Key::read(&key.octets().unwrap()).unwrap();
                assert_eq!((again.jid(), again.fingerprint()), (key.jid(), key.fingerprint()));
            }
        }
    }
}

/// How deep it may be is the caller's business.
fn parse(text: &str) -> Option<Element> {
    let is_shallow = text.matches('<').count() < 400;
    is_shallow.then(|| text.parse().ok()).flatten()
}

fn arrives(octets: &[u8]) -> Result<Opened, Refusal> {
    let (key, sender) = &*KEYS;
    let senders = std::slice::from_ref(sender);
    let arrival = Arrival { from: ALICE, senders, now: NOW, window: Window::default() };
    open(key, &element(octets), &arrival, parse)
}

/// In all that the fuzzer began with this is one text.
fn only_what_alice_has_signed(opened: Result<Opened, Refusal>) {
    if let Ok(opened) = opened {
        assert_eq!((opened.payload, opened.signer), (vec![body("Hello")], KEYS.1.fingerprint()));
    }
}

fn elements(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let _ = Node::read(text);
    let Some(element) = parse(text) else { return };
    if let Ok(list) = KeyList::read(&element) {
        assert_eq!(KeyList::read(&list.to_element()), Ok(list));
    }
    if let Ok(octets) = pubkey::read(&element) {
        assert_eq!(pubkey::read(&pubkey::to_element(&octets)).as_ref(), Ok(&octets));
        certificates(&octets);
    }
}

/// Who is no Bob does not become one, and who may be encrypted to can be.
fn certificates(octets: &[u8]) {
    assert!(Certificate::read(octets, "mallory@example.org", NOW).is_err());
    for jid in [ALICE, BOB] {
        let Ok(certificate) = Certificate::read(octets, jid, NOW) else { continue };
        assert_eq!(Certificate::read(certificate.octets(), jid, NOW).as_ref(), Ok(&certificate));
        assert!(certificate.check(0).is_err());
        seal(&KEYS.0, &[certificate], &[body("Hello")], NOW, &mut Dice(1)).unwrap();
    }
}

#[cfg(test)]
#[test]
fn what_the_fuzzer_found_does_nothing() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/ox");
    let mut played = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        ox(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 50, "{played}");
}
