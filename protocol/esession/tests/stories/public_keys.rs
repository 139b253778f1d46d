//! Ends that identify themselves by public keys, in four messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{
    Binding, Element, Error, Hash, Identification, Initiator, Misuse, Policy, PublicKey, Responder, SignatureAlgorithm,
    SigningKey, dangerous,
};

use crate::world::{Dice, End, Failure, negotiate, negotiate_through, set_values, toy, value};

const EACH: [Identification; 3] = [Identification::None, Identification::Key, Identification::Hash];

/// The RSA keys of a vector, so that nobody has to wait for primes.
pub(crate) fn rsa_keys() -> [SigningKey; 2] {
    let text = include_str!("../../vectors/spec-modp14-aes128-ctr-key-key-nosrs-4msg.json");
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    ["alice", "bob"].map(|who| {
        let number = |name: &str| {
            let text = json["rsa"][who][name].as_str().unwrap();
            hex::decode(if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() }).unwrap()
        };
        dangerous::rsa_key(&number("n"), &number("e"), &number("d")).unwrap()
    })
}

fn fixture(text: &str) -> Vec<u8> {
    STANDARD.decode(text.trim()).unwrap()
}

/// Made by openssl.
pub(crate) fn dsa_key() -> SigningKey {
    SigningKey::from_pkcs8(&fixture(include_str!("keys/dsa-2048-256.b64"))).unwrap()
}

/// Two ends that know each other's keys. `init` and `resp` are how Alice and Bob identify themselves.
pub(crate) fn ends(init: &[Identification], resp: &[Identification]) -> [End; 2] {
    let keys = rsa_keys();
    let end = |own: usize, identify: &[Identification], recognise: &[Identification]| End {
        signing_key: Some(keys[own].clone()),
        known_keys: vec![keys[1 - own].public().clone()],
        ..End::new(Policy { own_identification: identify.to_vec(), peer_identification: recognise.to_vec(), ..toy() })
    };
    [end(0, init, resp), end(1, resp, init)]
}

#[test]
fn each_end_shows_a_key_its_fingerprint_or_nothing_independently() {
    let [alice_key, bob_key] = rsa_keys();
    for init in EACH {
        for resp in EACH {
            let [alice, bob] = ends(&[init], &[resp]);
            let (mut alice, mut bob) = negotiate(&alice, &bob, 1);
            let shown = |how, key: &SigningKey| (how != Identification::None).then(|| key.public().clone());
            assert_eq!(alice.peer_key, shown(resp, &bob_key), "{init:?} {resp:?}");
            assert_eq!(bob.peer_key, shown(init, &alice_key), "{init:?} {resp:?}");
            let c = alice.session.seal("<body>signed</body>").unwrap();
            assert_eq!(bob.session.open(&c).unwrap().content.expose().trim_end(), "<body>signed</body>");
            let c = bob.session.seal("<body>both ways</body>").unwrap();
            assert_eq!(alice.session.open(&c).unwrap().content.expose().trim_end(), "<body>both ways</body>");
        }
    }
}

#[test]
fn no_key_and_no_fingerprint_shows_on_the_wire() {
    let [alice, bob] = ends(&[Identification::Key], &[Identification::Hash]);
    let mut wire = String::new();
    negotiate_through(&alice, &bob, 1, |_, form| wire.push_str(&String::from(&*form))).unwrap();
    for key in rsa_keys() {
        let modulus = STANDARD.encode(&key.public().numbers()[0]);
        assert!(!wire.contains(&modulus[..40]) && !wire.contains("KeyValue"));
        assert!(!wire.contains(&STANDARD.encode(key.public().fingerprint(Hash::Sha256))));
    }
}

/// The first identification of Bob's own policy that is offered is taken.
#[test]
fn the_responder_chooses_by_its_preference_from_what_is_offered() {
    let [mut alice, mut bob] = ends(&EACH, &EACH);
    bob.policy.peer_identification = vec![Identification::Hash, Identification::Key];
    bob.policy.own_identification = vec![Identification::Key];
    let mut chosen = Vec::new();
    negotiate_through(&alice, &bob, 1, |message, form| {
        if message == 2 {
            chosen = ["init_pubkey", "resp_pubkey"].map(|var| value(form, var)).to_vec();
        }
    })
    .unwrap();
    assert_eq!(chosen, ["hash", "key"]);

    alice.policy.own_identification = vec![Identification::None];
    let refused = negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err();
    assert_eq!(refused, Failure::Bob1(Error::PeerIncompatible(vec!["init_pubkey".into()])));
}

/// The downgrade that a man in the middle would like best.
#[test]
fn an_end_that_demands_a_key_cannot_be_talked_out_of_it() {
    let [alice, bob] = ends(&[Identification::Key], &[Identification::Key]);
    for var in ["init_pubkey", "resp_pubkey"] {
        for message in [1, 2] {
            let failed = negotiate_through(&alice, &bob, 1, |number, form| {
                if number == message {
                    set_values(form, var, &["none"]);
                }
            });
            let expected = Error::PeerIncompatible(vec![var.into()]);
            assert_eq!(failed.unwrap_err().error(), &expected, "{var} in message {message}");
        }
    }
    // Where both ends would do without, the MACs cover what was offered.
    let [alice, bob] = ends(&[Identification::Key, Identification::None], &[Identification::Key, Identification::None]);
    let failed = negotiate_through(&alice, &bob, 1, |number, form| {
        if number == 1 {
            set_values(form, "init_pubkey", &["none"]);
            set_values(form, "resp_pubkey", &["none"]);
        }
    });
    assert_eq!(failed.unwrap_err(), Failure::Bob3(Error::DecryptFailed));
}

#[test]
fn an_unknown_fingerprint_is_told_to_the_user_and_not_to_the_peer() {
    let [mut alice, mut bob] = ends(&[Identification::Hash], &[Identification::Hash]);
    bob.known_keys.clear();
    let failed = negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err();
    assert_eq!(
        (&failed, failed.on_the_wire().as_str()),
        (&Failure::Bob3(Error::UnknownKey), "feature-not-implemented")
    );

    bob.known_keys = vec![rsa_keys()[0].public().clone()];
    alice.known_keys = vec![rsa_keys()[0].public().clone()];
    assert_eq!(negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err(), Failure::Alice4(Error::UnknownKey));
}

#[test]
fn who_is_to_sign_and_has_no_key_is_told_so() {
    let [mut alice, bob] = ends(&[Identification::Key], &[Identification::None]);
    alice.signing_key = None;
    let failed = negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err();
    assert_eq!(failed, Failure::Alice2(Error::Misuse(Misuse::SigningKey)));
}

#[test]
fn each_end_knows_beforehand_whether_it_is_to_sign() {
    for [init, resp] in EACH.into_iter().flat_map(|init| EACH.map(|resp| [init, resp])) {
        let ([alice, bob], rng) = (ends(&[init], &[resp]), &mut Dice(1));
        let (waiting, form_a) = Initiator::begin(&alice.policy, &Binding::default(), rng).unwrap();
        let (answering, form_b) = Responder::respond(&bob.policy, &form_a, &Binding::default(), rng).unwrap();
        let sign = [init, resp].map(|how| how != Identification::None);
        assert_eq!([waiting.signs(&form_b), answering.signs()], sign, "{init:?} {resp:?}");
        assert!(!waiting.signs(&form_a), "that is no answer");
    }
}

#[test]
fn both_spellings_of_the_algorithm_are_understood_and_an_unknown_one_is_not() {
    let [alice, bob] = ends(&[Identification::Key], &[Identification::Key]);
    let offer = |uri: &'static str| {
        negotiate_through(&alice, &bob, 1, move |message, form| {
            if message == 1 {
                set_values(form, "sign_algs", &[uri]);
            }
            if message == 2 {
                assert_eq!(value(form, "sign_algs"), uri, "Bob answers in the spelling of the offer");
            }
        })
    };
    // Alice did not offer it so, hence her refusal: what counts is that Bob took it.
    let registered = offer("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256").unwrap_err();
    assert!(matches!(registered, Failure::Alice2(Error::PeerIncompatible(_))), "{registered:?}");
    let unknown = offer("http://www.w3.org/2000/09/xmldsig#rsa-sha1").unwrap_err();
    assert_eq!(unknown, Failure::Bob1(Error::PeerIncompatible(vec!["sign_algs".into()])));
}

#[test]
fn dsa_works_between_those_who_list_it_and_nowhere_else() {
    let [mut alice, mut bob] = ends(&[Identification::Key], &[Identification::None]);
    alice.signing_key = Some(dsa_key());
    alice.policy.signatures = vec![SignatureAlgorithm::DsaSha256];
    let refused = negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err();
    assert_eq!(refused, Failure::Bob1(Error::PeerIncompatible(vec!["sign_algs".into()])));
    bob.policy.signatures.push(SignatureAlgorithm::DsaSha256);
    let (_, bob_end) = negotiate(&alice, &bob, 1);
    assert_eq!(bob_end.peer_key.as_ref(), Some(dsa_key().public()));

    // RSA was agreed, so a DSA key does not pass although Bob would take one.
    alice.policy.signatures = vec![SignatureAlgorithm::RsaSha256];
    assert_eq!(negotiate_through(&alice, &bob, 1, |_, _| {}).unwrap_err(), Failure::Bob3(Error::DecryptFailed));
}

#[test]
fn signatures_of_openssl_verify_and_changed_ones_do_not() {
    let key = dsa_key();
    let signature = fixture(include_str!("keys/dsa-2048-256.signature.b64"));
    assert!(key.public().verify(b"signed by openssl", &signature));
    assert!(!key.public().verify(b"signed by opensSl", &signature));
    let own = key.sign(b"message").unwrap();
    assert_eq!(own, key.sign(b"message").unwrap(), "RFC 6979: no randomness to get wrong");
    assert!(key.public().verify(b"message", &own));
    let [rsa, other] = rsa_keys();
    let mut signature = rsa.sign(b"message").unwrap();
    assert!(rsa.public().verify(b"message", &signature));
    assert!(!other.public().verify(b"message", &signature));
    let long = [&[0], signature.as_slice()].concat();
    assert!(!rsa.public().verify(b"message", &long), "the length is exactly that of the modulus");
    signature[17] ^= 1;
    assert!(!rsa.public().verify(b"message", &signature));
    for (r, s) in [([0; 32], [1; 32]), ([1; 32], [0; 32]), ([0xff; 32], [1; 32]), ([1; 32], [0xff; 32])] {
        assert!(!key.public().verify(b"message", &[r, s].concat()), "r and s have a range");
    }
}

#[test]
fn weak_and_oddly_spelled_keys_are_no_keys() {
    let [key, _] = rsa_keys();
    let [modulus, exponent] = key.public().numbers() else { panic!("RSA") };
    assert!(PublicKey::rsa(modulus, exponent).is_ok());
    let mut even = modulus.clone();
    *even.last_mut().unwrap() &= 0xfe;
    let short = &modulus[..255];
    let long = [modulus.as_slice(), modulus, &[1]].concat();
    let padded = [&[0], modulus.as_slice()].concat();
    for (what, modulus, exponent) in [
        ("1024 bits", &modulus[128..], exponent.as_slice()),
        ("2040 bits", short, exponent),
        ("more than 4096 bits", &long, exponent),
        ("a leading zero", &padded, exponent),
        ("an even modulus", &even, exponent),
        ("an exponent of 3", modulus, &[3]),
        ("an exponent of 65535", modulus, &[0xff, 0xff]),
        ("an even exponent", modulus, &[1, 0, 2]),
        ("an exponent of five octets", modulus, &[1, 0, 0, 0, 1]),
        ("an exponent with a leading zero", modulus, &[0, 1, 0, 1]),
        ("nothing", &[], &[]),
    ] {
        assert_eq!(PublicKey::rsa(modulus, exponent), Err(Error::Malformed("KeyValue")), "{what}");
    }
    let weak = SigningKey::from_pkcs8(&fixture(include_str!("keys/rsa-1024.b64")));
    assert_eq!(weak.unwrap_err(), Error::Misuse(Misuse::SigningKey));

    let good = String::from(&key.public().to_element());
    assert_eq!(PublicKey::from_element(&good.parse().unwrap()).as_ref(), Ok(key.public()));
    for (from, to) in [
        ("<Exponent>", "<Exponent> "),
        ("<Exponent>", "<Exponent/><Exponent>"),
        ("<Modulus>", "<Modulus>AA"),
        ("RSAKeyValue", "DSAKeyValue"),
        ("RSAKeyValue", "ECKeyValue"),
        ("</RSAKeyValue>", "</RSAKeyValue><RSAKeyValue/>"),
    ] {
        let odd: Element = good.replace(from, to).parse().unwrap();
        assert_eq!(PublicKey::from_element(&odd), Err(Error::Malformed("KeyValue")), "{to}");
    }
}

#[test]
fn nor_are_those_of_dsa() {
    let key = dsa_key();
    let [p, q, g, y] = key.public().numbers() else { panic!("DSA") };
    let read = |[p, q, g, y]: [&[u8]; 4]| {
        let number = |name: &str, octets: &[u8]| format!("<{name}>{}</{name}>", STANDARD.encode(octets));
        let numbers = [number("P", p), number("Q", q), number("G", g), number("Y", y)].concat();
        let ns = "http://www.w3.org/2000/09/xmldsig#";
        let text = format!("<KeyValue xmlns='{ns}'><DSAKeyValue>{numbers}</DSAKeyValue></KeyValue>");
        PublicKey::from_element(&text.parse().unwrap())
    };
    assert_eq!(read([p, q, g, y]).as_ref(), Ok(key.public()));
    let longer = |number: &[u8]| [&[1], number].concat();
    let with_top = |number: &[u8]| [&[0x7f], &number[1..]].concat();
    let with_last = |number: &[u8]| [&number[..number.len() - 1], &[2]].concat();
    for (what, [p, q, g, y]) in [
        ("p of 1024 bits", [&p[128..], q, &g[128..], &y[128..]]),
        ("p of 2040 bits", [&p[1..], q, &g[1..], &y[1..]]),
        ("p of 2047 bits", [&with_top(p), q, g, y]),
        ("p of 2056 bits", [&longer(p), q, g, y]),
        ("q of 248 bits", [p, &q[1..], g, y]),
        ("q of 255 bits", [p, &with_top(q), g, y]),
        ("q of 264 bits", [p, &longer(q), g, y]),
        ("an even p", [&with_last(p), q, g, y]),
        ("an even q", [p, &with_last(q), g, y]),
        ("g longer than p", [p, q, &longer(g), y]),
        ("y longer than p", [p, q, g, &longer(y)]),
        ("no q", [p, &[], g, y]),
    ] {
        assert_eq!(read([p, q, g, y]), Err(Error::Malformed("KeyValue")), "{what}");
    }
}

#[test]
fn a_generated_key_is_stored_found_again_and_signs() {
    let key = SigningKey::generate_rsa(2048, &mut Dice(5)).unwrap();
    let again = SigningKey::from_pkcs8(key.to_pkcs8().expose()).unwrap();
    assert_eq!(key.public(), again.public());
    assert!(key.public().verify(b"message", &again.sign(b"message").unwrap()));
    assert_eq!(SigningKey::generate_rsa(1024, &mut Dice(5)).unwrap_err(), Error::Misuse(Misuse::SigningKey));
    assert_eq!(format!("{key:?}"), "SigningKey(..)");
}

#[test]
fn people_mean_a_key_by_its_whole_fingerprint_however_they_spell_it() {
    let [key, other] = rsa_keys();
    let (key, other) = (key.public(), other.public());
    let shown = key.fingerprint_text();
    let groups: Vec<_> = shown.split(' ').collect();
    assert_eq!((groups.len(), groups.concat()), (8, hex::encode(key.fingerprint(Hash::Sha256))));
    for meant in [shown.clone(), shown.to_uppercase(), groups.concat(), format!(" {} ", groups.join(":"))] {
        assert!(key.is_meant_by(&meant) && !other.is_meant_by(&meant), "{meant}");
    }
    for not in ["", groups[0], &shown[1..], &format!("{shown}0")] {
        assert!(!key.is_meant_by(not), "{not}");
    }
    assert!(format!("{key:?}").contains("rsa"), "{key:?}");
}

#[test]
fn a_key_is_read_from_store_as_it_was_written_and_in_no_other_spelling() {
    let [key, _] = rsa_keys();
    let stored = key.public().key_value();
    assert_eq!(stored.parse::<PublicKey>().as_ref(), Ok(key.public()));
    for other in [format!("{stored} "), stored.replace("<Modulus>", "<Modulus> "), String::new(), "<KeyValue/>".into()]
    {
        assert_eq!(other.parse::<PublicKey>(), Err(Error::Malformed("KeyValue")), "{other}");
    }
}
