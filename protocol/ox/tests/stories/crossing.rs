//! Messages that cross, both ways.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use openpgp_xmpp::{
    Arrival, Certificate, Fingerprint, MAX_MESSAGE, MAX_TEXT, Opened, Refusal, SKEW, SealError, Unfit, Unusable, Window,
};
use openpgp_xmpp::{open, seal};
use pgp::types::{KeyDetails, KeyId};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::world::*;

fn bobs_words(payload: &[Element], to: &[Certificate], seed: u64) -> Element {
    seal(&bob(), to, payload, NOW, &mut Dice(seed)).unwrap()
}

fn alice_reads(element: &Element, now: u64) -> Result<Opened, Refusal> {
    let senders = [certificate(&bob())];
    let arrival = Arrival { from: BOB, senders: &senders, now, window: Window { past: 60, future: 10 } };
    open(&alice(), element, &arrival, |text| text.parse().ok())
}

#[test]
fn what_bob_says_alice_reads_and_the_other_way_round() {
    let payload = [body("Hello"), Element::bare("active", "http://jabber.org/protocol/chatstates")];
    let element = bobs_words(&payload, &[certificate(&alice())], 5);
    let opened = alice_reads(&element, NOW).unwrap();
    assert_eq!((opened.payload.as_slice(), opened.time), (payload.as_slice(), NOW));
    assert_eq!(opened.signer, bob().fingerprint());
    assert_eq!(Letter::of(&content()).read().unwrap().payload, [body("Hello")]);
}

#[test]
fn all_certificates_of_a_user_are_encrypted_to_and_nobody_else_is() {
    let other = key(ALICE, 11);
    let element = bobs_words(&[body("Hello")], &[certificate(&alice()), certificate(&other)], 5);
    let senders = [certificate(&bob())];
    let arrival = Arrival { from: BOB, senders: &senders, now: NOW, window: Window::default() };
    for key in [alice(), other] {
        assert_eq!(open(&key, &element, &arrival, |text| text.parse().ok()).unwrap().payload, [body("Hello")]);
    }
    for other in [bob(), key(ALICE, 12), key("carol@example.org", 13)] {
        assert_eq!(open(&other, &element, &arrival, |text| text.parse().ok()), Err(Refusal::OtherKey));
    }
    // Without anybody it is not sent.
    assert_eq!(seal(&bob(), &[], &[], NOW, &mut Dice(1)), Err(SealError::NoRecipient));
}

#[test]
fn a_message_has_one_name_however_it_comes() {
    let letter = Letter::of(&content());
    let id = letter.read().unwrap().id;
    let mut again = letter.sealed();
    // With a session key for somebody else in front.
    again.splice(0..0, session_key(&alice(), letter.cipher));
    assert_eq!(read(&again).unwrap().id, id);
    let mut compressed = vec![0];
    compressed.extend(letter.packets());
    assert_eq!(read(&encrypted(&packet(8, &compressed), letter.cipher)).unwrap().id, id);
    for other in
        [Letter::of(&content().replace("Hello", "Hullo")), Letter { signed: NOW - 1, ..Letter::of(&content()) }]
    {
        assert_ne!(other.read().unwrap().id, id);
    }
}

#[test]
fn the_times_of_a_message_are_those_of_the_window() {
    let element = bobs_words(&[body("Hello")], &[certificate(&alice())], 5);
    for (now, verdict) in [
        (NOW + 60, Ok(NOW)),
        (NOW + 61, Err(Refusal::Old(NOW))),
        (NOW - 10, Ok(NOW)),
        (NOW - 11, Err(Refusal::Future(NOW))),
    ] {
        assert_eq!(alice_reads(&element, now).map(|opened| opened.time), verdict, "{now}");
    }
}

#[test]
fn a_letter_whose_recipients_are_not_named_is_tried() {
    let letter = Letter::of(&content());
    let data = letter.sealed().split_off(session_key(&bob(), letter.cipher).len());
    let anonymous = |key: &openpgp_xmpp::Key| renamed(session_key(key, letter.cipher), KeyId::WILDCARD);
    let both = [anonymous(&alice()), anonymous(&bob()), data.clone()].concat();
    assert!(read(&both).is_ok());
    let others = [anonymous(&alice()), data.clone()].concat();
    assert_eq!(read(&others), Err(Refusal::OtherKey));
    // Who names us and means somebody else has done something wrong.
    let bobs = secret(&bob()).secret_subkeys[0].key.public_key().legacy_key_id();
    let wrong = [renamed(session_key(&alice(), letter.cipher), bobs), data].concat();
    assert_eq!(read(&wrong), Err(Refusal::Damaged));
}

#[test]
fn what_does_not_fit_is_not_sent() {
    // Each letter is an octet of the message, and whatever is sent is read.
    let of = |letters: usize| seal(&bob(), &[certificate(&alice())], &[body(&"x".repeat(letters))], NOW, &mut Dice(1));
    let many = MAX_MESSAGE / 2;
    let around = STANDARD.decode(of(many).unwrap().text()).unwrap().len() - many;
    let longest = alice_reads(&of(MAX_MESSAGE - around).unwrap(), NOW).unwrap();
    assert_eq!(longest.payload[0].text().len(), MAX_MESSAGE - around);
    for letters in [MAX_MESSAGE - around + 1, MAX_TEXT] {
        assert_eq!(of(letters), Err(SealError::TooLarge), "{letters}");
    }
    // Nor what is of a time that OpenPGP cannot write, though certificates never expire here.
    let far = u64::from(u32::MAX) + 1;
    let sealed = seal(&bob(), &[certificate(&alice())], &[body("Hello")], far, &mut Dice(1));
    assert_eq!(sealed, Err(SealError::Failed("the time is over".to_owned())));
    // Nor to who cannot read it yet.
    let sealed = seal(&bob(), &[certificate(&alice())], &[body("Hello")], MADE - SKEW - 1, &mut Dice(1));
    let unfit = Unusable::Unfit(Unfit::OtherName);
    assert_eq!(sealed, Err(SealError::Recipient(alice().fingerprint(), unfit)));
}

#[test]
fn nobody_sees_what_is_short() {
    let senders = [certificate(&bob())];
    let arrival = Arrival { from: BOB, senders: &senders, now: NOW, window: Window::default() };
    let mut lengths = std::collections::HashSet::new();
    for seed in 0..60 {
        for text in ["yes", "no"] {
            let element = bobs_words(&[body(text)], &[certificate(&alice())], seed);
            lengths.insert(element.text().len());
            let opened = open(&alice(), &element, &arrival, |text| {
                let content: Element = text.parse().unwrap();
                let padding = content.get_child("rpad", "urn:xmpp:openpgp:0").unwrap().text();
                assert!(padding.len() > 100 && padding.bytes().all(|it| it.is_ascii_lowercase()), "{padding}");
                Some(content)
            });
            assert!(opened.is_ok());
        }
    }
    assert!(lengths.len() > 30, "{lengths:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_crosses(text in "[ -~\\n\\t\u{a1}-\u{d7ff}\u{1f300}-\u{1f5ff}]{0,400}", seed: u64) {
        let element = bobs_words(&[body(&text)], &[certificate(&alice())], seed);
        // As it is on the wire, not as we have built it.
        let element: Element = String::from(&element).parse().unwrap();
        prop_assert_eq!(alice_reads(&element, NOW).unwrap().payload[0].text(), text);
    }

    #[test]
    fn any_key_is_the_same_when_it_comes_back(jid in "[a-z%.]{1,20}@[a-z]{1,10}\\.example", seed: u64) {
        let key = key(&jid, seed);
        let again = openpgp_xmpp::Key::read(&key.octets().unwrap()).unwrap();
        prop_assert_eq!(&*again.octets().unwrap(), &*key.octets().unwrap());
        prop_assert_eq!((again.jid(), again.fingerprint()), (jid.as_str(), key.fingerprint()));
        let certificate = Certificate::read(&key.public_octets(), &jid, NOW).unwrap();
        prop_assert_eq!(certificate.fingerprint(), key.fingerprint());
        prop_assert_eq!(Fingerprint::read(&key.fingerprint().to_string()), Some(key.fingerprint()));
    }
}
