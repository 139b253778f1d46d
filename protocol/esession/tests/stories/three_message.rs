//! The three-message negotiation, and single stanzas.

use esession::{
    AwaitSignature, Cipher, Element, Ending, Error, Flow, Identification, Initiator, Misbehaviour, Misuse, Policy,
    Responder, SignedSession, Standing,
};

use crate::public_keys::{ends, rsa_keys};
use crate::world::{Dice, End, add, on_the_wire, over_the_wire, remove, set_values, value};

const BOTH: [Identification; 2] = [Identification::Key, Identification::Hash];

pub(crate) fn pair() -> [End; 2] {
    ends(&[Identification::Key], &[Identification::Key])
}

/// The negotiation up to Bob's look at form A2, with a man in the middle.
pub(crate) fn negotiate_through(
    [alice, bob]: &[End; 2],
    mut meddle: impl FnMut(u8, &mut Element),
) -> Result<(SignedSession, SignedSession), (u8, Error)> {
    let rng = &mut Dice(3);
    let (waiting, mut form_a) =
        Initiator::begin_signed(&alice.policy, &alice.binding, rng).map_err(|error| (0, error))?;
    meddle(1, &mut form_a);
    let form_a = over_the_wire(&form_a);
    let (responder, mut form_b) =
        Responder::respond_signed(&bob.policy, &form_a, &bob.binding, bob.credentials(), rng).map_err(|e| (1, e))?;
    meddle(2, &mut form_b);
    let form_b = over_the_wire(&form_b);
    assert!(!responder.expects(&form_b), "form B is not for Bob");
    let (alice, mut form_a2) = waiting.handle_response(&form_b, &alice.credentials()).map_err(|e| (2, e))?;
    meddle(3, &mut form_a2);
    let bob = responder.handle_identity(&over_the_wire(&form_a2)).map_err(|e| (3, e))?;
    Ok((alice, bob))
}

#[test]
fn each_end_knows_which_forms_are_for_it() {
    let [alice, bob] = pair();
    let ask = |seed| {
        let rng = &mut Dice(seed);
        let (waiting, form_a) = Initiator::begin_signed(&alice.policy, &alice.binding, rng).unwrap();
        let responded = Responder::respond_signed(&bob.policy, &form_a, &bob.binding, bob.credentials(), rng);
        let (responder, form_b) = responded.unwrap();
        (waiting, responder, form_b)
    };
    let ((waiting, responder, form_b), (other, other_responder, other_form_b)) = (ask(1), ask(2));
    assert!(waiting.expects(&form_b) && !waiting.expects(&other_form_b) && other.expects(&other_form_b));
    let (_, form_a2) = waiting.handle_response(&form_b, &alice.credentials()).unwrap();
    assert!(responder.expects(&form_a2) && !other_responder.expects(&form_a2) && !responder.expects(&form_b));
}

#[test]
fn two_ends_with_keys_need_three_messages() {
    let [alice_key, bob_key] = rsa_keys();
    for init in BOTH {
        for resp in BOTH {
            let (mut alice, mut bob) = negotiate_through(&ends(&[init], &[resp]), |_, _| {}).unwrap();
            assert_eq!((&alice.peer_key, &bob.peer_key), (bob_key.public(), alice_key.public()));
            assert_eq!((&alice.code, alice.code.len()), (&bob.code, 49));
            assert_ne!(alice.code, bob_key.public().code_with(bob_key.public()), "it is about both keys");
            let c = alice.session.seal("<body>hello</body>").unwrap();
            assert_eq!(bob.session.open(&c).unwrap().content.expose().trim_end(), "<body>hello</body>");
            let c = bob.session.rekey("<body>new keys</body>", &mut Dice(9)).unwrap();
            alice.session.open(&c).unwrap();
            let c = alice.session.terminate().unwrap();
            let Some(Ending::ByPeer { acknowledgement }) = bob.session.open(&c).unwrap().ending else { panic!() };
            assert!(matches!(alice.session.open(&acknowledgement).unwrap().ending, Some(Ending::Acknowledged)));
        }
    }
}

#[test]
fn a_machine_says_which_flow_it_cannot_answer() {
    let [alice, bob] = pair();
    let rng = &mut Dice(1);
    let (_, three) = Initiator::begin_signed(&alice.policy, &esession::Binding::default(), rng).unwrap();
    let (_, four) = Initiator::begin(&alice.policy, &esession::Binding::default(), rng).unwrap();
    assert_eq!((Flow::of(&three), Flow::of(&four)), (Flow::ThreeMessage, Flow::FourMessage));
    let refused = Responder::respond(&bob.policy, &three, &esession::Binding::default(), rng).unwrap_err();
    assert_eq!(on_the_wire(refused.to_stanza_error()), "feature-not-implemented dhkeys");
    let refused = Responder::respond_signed(&bob.policy, &four, &esession::Binding::default(), bob.credentials(), rng)
        .unwrap_err();
    assert_eq!(on_the_wire(refused.to_stanza_error()), "feature-not-implemented dhhashes");
}

#[test]
fn nobody_stays_nameless_in_three_messages() {
    let none = [Identification::None];
    assert_eq!(
        negotiate_through(&ends(&none, &[Identification::Key]), |_, _| {}).unwrap_err(),
        (0, Error::Misuse(Misuse::Policy))
    );
    for var in ["init_pubkey", "resp_pubkey"] {
        let both = [Identification::Key, Identification::None];
        for message in [1, 2] {
            let failed = negotiate_through(&ends(&both, &both), |number, form| {
                if number == message {
                    set_values(form, var, &["none"]);
                }
            });
            assert_eq!(failed.unwrap_err(), (message, Error::PeerIncompatible(vec![var.into()])));
        }
    }
}

/// Each field of each form, changed by somebody in the middle: who notices, and that nothing is given away.
#[test]
fn whatever_is_changed_on_the_way_is_noticed() {
    let e = |octet: &str| octet.to_owned();
    let edits: [(u8, &str, String, (u8, Error)); 11] = [
        (1, "dhkeys", e("AQ=="), (1, Error::PeerMisbehaved(Misbehaviour::BadInitiatorValue))),
        (1, "my_nonce", e("AAAAAAAAAAAAAAAAAAAAAA=="), (2, Error::Stray)),
        (1, "rekey_freq", e("7"), (3, Error::DecryptFailed)),
        (2, "dhkeys", e("AQ=="), (2, Error::PeerMisbehaved(Misbehaviour::BadResponderValue))),
        (2, "counter", e("AQ=="), (2, Error::DecryptFailed)),
        (2, "rekey_freq", e("9"), (2, Error::DecryptFailed)),
        (2, "mac", e(""), (2, Error::BadField("mac".into()))),
        (2, "identity", e("AAAA"), (2, Error::DecryptFailed)),
        (3, "accept", e("0"), (3, Error::Declined)),
        (3, "identity", e("AAAA"), (3, Error::DecryptFailed)),
        (3, "nonce", e("AAAAAAAAAAAAAAAAAAAAAA=="), (3, Error::Stray)),
    ];
    for (message, var, value, expected) in edits {
        let failed = negotiate_through(&pair(), |number, form| {
            if number == message {
                set_values(form, var, &[&value]);
            }
        });
        assert_eq!(failed.unwrap_err(), expected, "{var} in message {message}");
    }
    let failed = negotiate_through(&pair(), |number, form| {
        if number == 3 {
            add(form, "terminate", &["1"]);
        }
    });
    assert_eq!(failed.unwrap_err(), (3, Error::DecryptFailed), "terminate is signed");
}

#[test]
fn a_proof_does_not_work_for_its_own_author() {
    // Alice's own key comes back to her: she would know it, but it is no proof by Bob under his SIGMA key.
    let [mut alice, bob] = pair();
    alice.known_keys = rsa_keys().map(|key| key.public().clone()).to_vec();
    let mut proof = None;
    negotiate_through(&[alice.clone(), bob.clone()], |number, form| {
        if number == 3 {
            proof = Some((value(form, "identity"), value(form, "mac")));
        }
    })
    .unwrap();
    let (identity, mac) = proof.unwrap();
    let failed = negotiate_through(&[alice, bob], |number, form| {
        if number == 2 {
            set_values(form, "identity", &[&identity]);
            set_values(form, "mac", &[&mac]);
        }
    });
    assert_eq!(failed.unwrap_err(), (2, Error::DecryptFailed));
}

/// Alice's one stanza in `ciphers`, up to Bob who has verified her form.
fn only_stanza(ciphers: &[Cipher], content: &str) -> (SignedSession, Element, AwaitSignature, Element) {
    let [mut alice, mut bob] = pair();
    for end in [&mut alice, &mut bob] {
        end.policy = Policy { ciphers: ciphers.to_vec(), ..end.policy.clone() };
    }
    let rng = &mut Dice(4);
    let mut round = || {
        let (alice_waits, form_a) = Initiator::begin_signed(&alice.policy, &esession::Binding::default(), rng).unwrap();
        let (bob_waits, form_b) =
            Responder::respond_signed(&bob.policy, &form_a, &esession::Binding::default(), bob.credentials(), rng)
                .unwrap();
        let single = alice_waits.handle_response_for_single(&form_b, &alice.credentials()).unwrap();
        let (form_a2, c) = single.seal(content).unwrap();
        (bob_waits, form_a2, c)
    };
    let (first, form_a2, c) = round();
    let (second, second_form, _) = round();
    (first.handle_identity(&form_a2).unwrap(), c, second, second_form)
}

#[test]
fn a_single_stanza_is_opened_once_and_answered_never() {
    let (mut bob, c, ..) = only_stanza(&[Cipher::Aes256Ctr], "<body>only this</body>");
    assert_eq!(bob.session.standing(), Standing::OneStanza);
    assert_eq!(bob.session.seal("<body>answer</body>").unwrap_err(), Error::Misuse(Misuse::Closed));
    let opened = bob.session.open(&c).unwrap();
    assert_eq!(opened.content.expose().trim_end(), "<body>only this</body>");
    assert!(matches!(opened.ending, Some(Ending::OnlyStanza)));
    assert_eq!(bob.session.standing(), Standing::Ended);
    assert_eq!(bob.session.open(&c).unwrap_err(), Error::Misuse(Misuse::Closed));
}

#[test]
fn with_terminate_taken_away_the_form_is_refused() {
    let (.., second, mut form_a2) = only_stanza(&[Cipher::Aes256Ctr], "<body>only this</body>");
    remove(&mut form_a2, "terminate");
    assert_eq!(second.handle_identity(&form_a2).unwrap_err(), Error::DecryptFailed);
}

#[test]
fn with_cipher_none_a_stanza_is_signed_and_can_be_read_by_all() {
    use base64::Engine;
    let (mut bob, c, ..) = only_stanza(&[Cipher::SignOnly], "<body>for all to see</body>");
    let data = c.children().find(|child| child.name() == "data").unwrap().text();
    let clear = base64::engine::general_purpose::STANDARD.decode(&data).unwrap();
    assert!(String::from_utf8(clear.clone()).unwrap().starts_with("<body>for all to see</body>"));
    let mut forged = c.clone();
    let other =
        base64::engine::general_purpose::STANDARD.encode(String::from_utf8(clear).unwrap().replace("all", "few"));
    let place = forged.children_mut().find(|child| child.name() == "data").unwrap();
    place.take_nodes();
    place.append_text_node(other);
    assert_eq!(bob.session.open(&forged).unwrap_err(), Error::DecryptFailed);
    let (mut bob, c, ..) = only_stanza(&[Cipher::SignOnly], "<body>for all to see</body>");
    assert_eq!(bob.session.open(&c).unwrap().content.expose().trim_end(), "<body>for all to see</body>");
}

#[test]
fn cipher_none_is_refused_by_whoever_has_not_listed_it_and_is_nobodys_first_choice() {
    let [mut alice, mut bob] = pair();
    alice.policy.ciphers = vec![Cipher::SignOnly];
    let refused = negotiate_through(&[alice.clone(), bob.clone()], |_, _| {}).unwrap_err();
    assert_eq!(refused, (1, Error::PeerIncompatible(vec!["crypt_algs".into()])));
    alice.policy.ciphers = vec![Cipher::SignOnly, Cipher::Aes128Ctr];
    bob.policy.ciphers = vec![Cipher::SignOnly, Cipher::Aes128Ctr];
    let (alice, _) = negotiate_through(&[alice, bob], |_, _| {}).unwrap();
    assert_eq!(alice.agreed.cipher, Cipher::Aes128Ctr);
}
