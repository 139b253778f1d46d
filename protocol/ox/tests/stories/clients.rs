//! What clients publish and write; `../vectors/README.md` says how it was come by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use openpgp_xmpp::{Arrival, Certificate, Key, KeyList, Window, nodes, open, pubkey};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    client: String,
    jid: String,
    /// When its key was published, and soon after that its message written.
    made: u64,
    list: String,
    pubkey: String,
    message: String,
    text: String,
}

#[test]
fn what_clients_publish_and_write_is_read() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/clients.json")).unwrap();
    let bob = Key::read(&STANDARD.decode(include_str!("../vectors/bob.key").trim()).unwrap()).unwrap();
    for Vector { client, jid, made, list, pubkey, message, text } in vectors {
        let element = |xml: &str| xml.parse::<Element>().unwrap();
        let now = made + 60;
        let announced: Vec<_> = KeyList::read(&element(&list)).unwrap().iter().copied().collect();
        assert_eq!(announced.iter().map(|key| key.date).collect::<Vec<_>>(), [Some(made)], "{client}");
        assert!(nodes::public_key(announced[0].fingerprint).starts_with("urn:xmpp:openpgp:0:public-keys:"));
        let certificate = Certificate::read(&pubkey::read(&element(&pubkey)).unwrap(), &jid, now).unwrap();
        assert_eq!(certificate.fingerprint(), announced[0].fingerprint, "{client}");

        let senders = [certificate];
        let arrival = Arrival { from: &jid, senders: &senders, now, window: Window::default() };
        let opened = open(&bob, &element(&message), &arrival, |text| text.parse().ok()).unwrap();
        let body = opened.payload.iter().find(|child| child.is("body", "jabber:client")).unwrap();
        assert_eq!(body.text().trim_end(), text, "{client}");
        assert!(opened.time.abs_diff(made) < 120, "{client}");
        assert_eq!(opened.signer, announced[0].fingerprint);
    }
}
