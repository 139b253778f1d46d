//! What any octets may do: nothing. The target of `../fuzz` calls this; here the corpus that it found is played again.

use minidom::Element;
use omemo::nodes::Node;
use omemo::{DeviceList, Dialect, Encrypted, Envelope, bundle, trust_message};

/// Any octets, as an element where they are one, in the place of everything that others publish and send.
pub(crate) fn omemo(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Node::read(text);
    // How deep it may be is the caller's business.
    let shallow = text.matches('<').count() < 400;
    let Some(element) = text.parse::<Element>().ok().filter(|_| shallow) else { return };
    for dialect in Dialect::ALL {
        if let Ok(list) = DeviceList::read(dialect, &element) {
            assert_eq!(DeviceList::read(dialect, &list.to_element(dialect)), Ok(list));
        }
        if let Ok(published) = bundle::read(dialect, &element) {
            assert_eq!(bundle::read(dialect, &bundle::to_element(dialect, &published)), Ok(published));
        }
    }
    if let Ok(message) = Encrypted::read(&element) {
        let again = Encrypted::read(&message.to_element()).unwrap();
        assert_eq!((again.sender, again.payload.is_some()), (message.sender, message.payload.is_some()));
        assert_eq!(again.keys.len(), message.keys.len());
    }
    if let Ok(decisions) = trust_message::read(&element) {
        assert!(decisions.len() <= trust_message::MAX_DECISIONS);
    }
    if let Ok(envelope) = Envelope::read(&element, "alice@example.org", "bob@example.org") {
        assert!(envelope.from.is_none_or(|from| from == "alice@example.org"));
        assert!(envelope.to.is_none_or(|to| to == "bob@example.org"));
    }
}

#[test]
fn what_the_fuzzer_found_does_nothing() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/omemo");
    let mut played = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        omemo(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 50, "{played}");
}
