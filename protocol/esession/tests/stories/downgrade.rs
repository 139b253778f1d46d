//! Somebody in the middle edits the options, or the peer offers what the floor forbids.

use esession::{Binding, Cipher, Disclosure, Error, Group, Initiator, Logging, Misuse, Policy, Responder};

use crate::world::{Dice, End, Failure, add, negotiate_through, remove, set_values, toy};

/// An offer with more than one option everywhere, so that stripping one leaves another.
fn rich() -> End {
    End::new(Policy {
        groups: vec![Group::Toy, Group::Modp14],
        disclosure: vec![Disclosure::Never, Disclosure::Enabled],
        logging: vec![Logging::MustNot, Logging::May],
        ..toy()
    })
}

/// Fields of form A with what a man in the middle would like there, and what Bob says to it (or nothing: then the MACs).
const EDITS: [(&str, &[&str], &str); 33] = [
    ("modp", &["1"], "not-acceptable dhhashes"),
    ("modp", &["1", "2"], "not-acceptable modp"),
    ("modp", &["5", "2"], "not-acceptable modp"),
    ("modp", &["3", "4"], "not-acceptable modp"),
    ("modp", &["14", "toy"], ""),
    ("modp", &["", ""], "not-acceptable modp"),
    ("crypt_algs", &["none"], "not-acceptable crypt_algs"),
    ("crypt_algs", &["rot13", "des"], "not-acceptable crypt_algs"),
    ("crypt_algs", &["aes128-ctr"], ""),
    ("crypt_algs", &["AES256-CTR"], "not-acceptable crypt_algs"),
    ("hash_algs", &["md5"], "not-acceptable hash_algs"),
    ("hash_algs", &["sha1", "md5"], "not-acceptable hash_algs"),
    ("hash_algs", &["whirlpool", "sha256"], ""),
    ("compress", &["zlib"], "not-acceptable compress"),
    ("compress", &["zlib", "none"], ""),
    ("security", &["none"], "not-acceptable security"),
    ("security", &["c2s"], "not-acceptable security"),
    ("security", &["c2s", "e2e"], ""),
    ("ver", &["0.1"], "not-acceptable ver"),
    ("ver", &["1.3"], "not-acceptable ver"),
    ("ver", &["1.0", "2.0"], ""),
    ("stanzas", &["message"], ""),
    ("stanzas", &["none"], "not-acceptable stanzas"),
    ("sas_algs", &["none"], "not-acceptable sas_algs"),
    ("sas_algs", &["sas28x5", "sas28x1"], ""),
    ("init_pubkey", &["key"], "not-acceptable init_pubkey"),
    ("resp_pubkey", &["hash", "key"], "not-acceptable resp_pubkey"),
    ("disclosure", &["enabled"], ""),
    ("disclosure", &["always"], "not-acceptable disclosure"),
    ("logging", &["may"], ""),
    ("logging", &["always"], "not-acceptable logging"),
    ("rekey_freq", &["4294967295"], ""),
    ("rekey_freq", &["4294967296"], "not-acceptable rekey_freq"),
];

#[test]
fn an_edited_request_is_refused_or_never_completes() {
    for (var, values, refusal) in EDITS {
        let failed = negotiate_through(&rich(), &rich(), 1, |message, form| {
            if message == 1 {
                set_values(form, var, values);
            }
        });
        let failed = failed.map(drop).unwrap_err();
        match refusal {
            "" => assert!(matches!(failed, Failure::Bob3(_) | Failure::Alice2(_)), "{var} {values:?}: {failed:?}"),
            refusal => {
                assert!(matches!(failed, Failure::Bob1(_)), "{var} {values:?}: {failed:?}");
                assert_eq!(failed.on_the_wire(), refusal, "{var} {values:?}");
            }
        }
    }
}

#[test]
fn two_edits_at_a_time_never_complete_either() {
    let mut combinations = 0;
    for (first, (var, values, _)) in EDITS.iter().enumerate() {
        for (other, other_values, _) in EDITS.iter().skip(first + 1).filter(|(other, _, _)| other != var) {
            let outcome = negotiate_through(&rich(), &rich(), 2, |message, form| {
                if message == 1 {
                    set_values(form, var, values);
                    set_values(form, other, other_values);
                }
            });
            assert!(outcome.is_err(), "{var} {values:?} {other} {other_values:?}");
            combinations += 1;
        }
    }
    assert!(combinations > 400);
}

/// The man in the middle also repairs form B, so that Alice sees choices from her own offer.
#[test]
fn an_edited_request_with_a_repaired_answer_fails_at_the_mac() {
    for (var, stripped, repaired) in [
        ("crypt_algs", "aes128-ctr", "aes128-ctr"),
        ("disclosure", "enabled", "enabled"),
        ("logging", "may", "mustnot"),
        ("stanzas", "message", "message"),
        ("modp", "toy", "toy"),
    ] {
        let failed = negotiate_through(&rich(), &rich(), 3, |message, form| match message {
            1 if var == "modp" => {
                let hash = form
                    .children()
                    .find(|f| f.attr("var") == Some("dhhashes"))
                    .unwrap()
                    .children()
                    .next()
                    .unwrap()
                    .text();
                set_values(form, "modp", &[stripped]);
                set_values(form, "dhhashes", &[&hash]);
            }
            1 => set_values(form, var, &[stripped]),
            2 => set_values(form, var, &[repaired]),
            _ => {}
        });
        assert_eq!(failed.map(drop).unwrap_err(), Failure::Bob3(Error::DecryptFailed), "{var}");
    }
}

#[test]
fn an_edited_answer_never_completes() {
    for (var, values, refusal) in [
        ("modp", vec!["5"], "not-acceptable modp"),
        ("modp", vec!["14", "toy"], "not-acceptable modp"),
        ("crypt_algs", vec!["none"], "not-acceptable crypt_algs"),
        ("crypt_algs", vec!["aes192-ctr"], "not-acceptable crypt_algs"),
        ("hash_algs", vec!["md5"], "not-acceptable hash_algs"),
        ("compress", vec!["zlib"], "not-acceptable compress"),
        ("security", vec!["none"], "not-acceptable security"),
        ("security", vec!["c2s"], "not-acceptable security"),
        ("ver", vec!["0.1"], "not-acceptable ver"),
        ("stanzas", vec!["message", "carrier-pigeon"], "not-acceptable stanzas"),
        ("stanzas", vec![], "not-acceptable stanzas"),
        ("sas_algs", vec!["none"], "not-acceptable sas_algs"),
        ("init_pubkey", vec!["key"], "not-acceptable init_pubkey"),
        ("resp_pubkey", vec!["key"], "not-acceptable resp_pubkey"),
        ("disclosure", vec!["disabled"], "not-acceptable disclosure"),
        ("logging", vec!["never"], "not-acceptable logging"),
        ("rekey_freq", vec!["0"], "not-acceptable rekey_freq"),
        ("rekey_freq", vec!["many"], "not-acceptable rekey_freq"),
        ("accept", vec!["0"], "silence"),
        ("accept", vec!["perhaps"], "not-acceptable accept"),
    ] {
        let failed = negotiate_through(&rich(), &rich(), 4, |message, form| {
            if message == 2 {
                set_values(form, var, &values);
            }
        });
        let failed = failed.map(drop).unwrap_err();
        assert!(matches!(failed, Failure::Alice2(_)), "{var} {values:?}: {failed:?}");
        assert_eq!(failed.on_the_wire(), refusal, "{var} {values:?}");
    }
}

/// Another value that Alice did offer: nobody can refuse it, so it must fail at a MAC.
#[test]
fn an_answer_with_another_offered_choice_never_completes() {
    for (var, values) in [
        ("crypt_algs", vec!["aes128-ctr"]),
        ("disclosure", vec!["enabled"]),
        ("logging", vec!["may"]),
        ("stanzas", vec!["message"]),
        ("rekey_freq", vec!["2"]),
    ] {
        let failed = negotiate_through(&rich(), &rich(), 8, |message, form| {
            if message == 2 {
                set_values(form, var, &values);
            }
        });
        assert_eq!(failed.map(drop).unwrap_err().error(), &Error::DecryptFailed, "{var}");
    }
}

/// The policy would permit the choice, but this offer did not contain it.
#[test]
fn a_choice_that_was_not_offered_is_refused_even_if_it_is_a_good_one() {
    let rng = &mut Dice(9);
    let narrow = Policy { ciphers: vec![Cipher::Aes128Ctr], ..toy() };
    let (_, form_a) = Initiator::begin(&narrow, &Binding::default(), rng).unwrap();
    let private = (Group::Toy, vec![0xaa; 64]);
    let alice = esession::dangerous::await_response(&toy(), &form_a, &[private]).unwrap();
    let (_, mut form_b) = Responder::respond(&toy(), &form_a, &Binding::default(), rng).unwrap();
    set_values(&mut form_b, "crypt_algs", &["aes256-ctr"]);
    let refused = alice.handle_response(&form_b, esession::Credentials::default(), rng).unwrap_err();
    assert_eq!(refused, Error::PeerIncompatible(vec!["crypt_algs".into()]));
}

#[test]
fn a_choice_that_is_left_out_is_refused() {
    for var in [
        "logging",
        "disclosure",
        "security",
        "modp",
        "crypt_algs",
        "hash_algs",
        "compress",
        "init_pubkey",
        "resp_pubkey",
        "ver",
        "sas_algs",
        "stanzas",
        "rekey_freq",
        "accept",
        "my_nonce",
        "dhkeys",
        "counter",
    ] {
        let failed = negotiate_through(&rich(), &rich(), 5, |message, form| {
            if message == 2 {
                remove(form, var);
            }
        });
        assert_eq!(failed.map(drop).unwrap_err().on_the_wire(), format!("not-acceptable {var}"));
    }
}

/// Every field of every form is under a MAC: an added one, known or not, is noticed by the next who verifies.
#[test]
fn an_added_field_is_noticed() {
    for (message, var) in [(1, "x@y"), (1, "reason"), (2, "x@y"), (2, "language"), (3, "x@y"), (4, "x@y")] {
        let failed = negotiate_through(&rich(), &rich(), 6, |current, form| {
            if current == message {
                add(form, var, &["1"]);
            }
        });
        let failed = failed.map(drop).unwrap_err();
        match message {
            // form B is under Bob's MAC, the others' under Alice's
            2 | 4 => assert_eq!(failed, Failure::Alice4(Error::DecryptFailed)),
            _ => assert_eq!(failed, Failure::Bob3(Error::DecryptFailed)),
        }
        assert_eq!(failed.on_the_wire(), "feature-not-implemented");
    }
}

#[test]
fn the_floor_is_checked_before_anything_is_computed() {
    let rng = &mut Dice(7);
    let insecure = Policy { groups: vec![Group::Modp5], ..Policy::default() };
    assert_eq!(Initiator::begin(&insecure, &Binding::default(), rng).unwrap_err(), Error::Misuse(Misuse::Policy));
    let on_purpose = Policy { insecure_groups: true, ..insecure };
    let (_, form_a) = Initiator::begin(&on_purpose, &Binding::default(), rng).unwrap();
    let refused = Responder::respond(&Policy::default(), &form_a, &Binding::default(), &mut Untouched).unwrap_err();
    assert_eq!(refused, Error::PeerIncompatible(vec!["modp".into()]));
    assert!(Responder::respond(&on_purpose, &form_a, &Binding::default(), rng).is_ok());

    let ciphers = vec![Cipher::Aes256Ctr];
    let weak = Policy { ciphers: vec![Cipher::Aes128Ctr], ..toy() };
    let (_, form_a) = Initiator::begin(&weak, &Binding::default(), rng).unwrap();
    let refused =
        Responder::respond(&Policy { ciphers, ..toy() }, &form_a, &Binding::default(), &mut Untouched).unwrap_err();
    assert_eq!(refused, Error::PeerIncompatible(vec!["crypt_algs".into()]));
    for empty in [
        Policy { groups: vec![], ..toy() },
        Policy { ciphers: vec![], ..toy() },
        Policy { hashes: vec![], ..toy() },
        Policy { sas_methods: vec![], ..toy() },
        Policy { own_identification: vec![], ..toy() },
        Policy { peer_identification: vec![], ..toy() },
        Policy { signatures: vec![], ..toy() },
        Policy { stanzas: vec![], ..toy() },
        Policy { disclosure: vec![], ..toy() },
        Policy { logging: vec![], ..toy() },
        Policy { padding: 0, ..toy() },
        Policy { rekey_freq: 0, ..toy() },
        Policy { max_blocks: 0, ..toy() },
        Policy { max_blocks: (1 << 32) + 1, ..toy() },
    ] {
        let begun = Initiator::begin(&empty, &Binding::default(), rng).unwrap_err();
        let (_, form_a) = Initiator::begin(&toy(), &Binding::default(), rng).unwrap();
        let answered = Responder::respond(&empty, &form_a, &Binding::default(), rng).unwrap_err();
        assert_eq!((begun, answered), (Error::Misuse(Misuse::Policy), Error::Misuse(Misuse::Policy)));
    }
}

/// Panics when randomness is drawn: nothing has been computed.
struct Untouched;

impl rand_core::TryRng for Untouched {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        panic!("randomness was drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        panic!("randomness was drawn")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        panic!("randomness was drawn")
    }
}

impl rand_core::TryCryptoRng for Untouched {}
