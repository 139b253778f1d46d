//! Every cipher and hash, against what other implementations compute, and in a whole session.

use esession::dangerous::{hash, hmac, keystream};
use esession::{Cipher, Error, Hash, Policy};

use crate::world::{End, Failure, negotiate, negotiate_through, over_the_wire, set_values, toy};

const CIPHERS: [Cipher; 9] = [
    Cipher::Aes128Ctr,
    Cipher::Aes192Ctr,
    Cipher::Aes256Ctr,
    Cipher::Twofish128Ctr,
    Cipher::Twofish192Ctr,
    Cipher::Twofish256Ctr,
    Cipher::Serpent128Ctr,
    Cipher::Serpent192Ctr,
    Cipher::Serpent256Ctr,
];
const HASHES: [Hash; 2] = [Hash::Sha256, Hash::Whirlpool];
const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog";

/// Computed with libgcrypt 1.10.1 and with nettle 3.8 (Twofish with 192 bits with nettle alone): key 00 01 02 …, a counter
/// that carries into its first octet.
#[test]
fn the_ciphers_agree_with_other_implementations() {
    let known = [
        "",
        "24dd7e8280e67a8d2ff908e4a15d2efa6f250a1c80829ac741c034e6b629ac85528327d2d851c18237eddb",
        "",
        "95652d0dba2f46c31f6e4282f833681bb46e4ab4e62ba21848992272decbdbc1c6063e460faa703a07a0ff",
        "1f0fa01857fdcd1abe51a7be7c2b2f9dd3f47770b725fe823b2fe8e88aaa4794b818b22daa23e2c3dc224e",
        "45e3c07838253719e3e0564f4769bef86401f5e57f241d17c31030ea1f818a593c75133115f69fe4274714",
        "8bae9dadd5366b60c3f27eb3d77a099d08855126365c547a88513be242aa5f0ef0f9ac6e75f2ae788f8ebb",
        "332950181c4a7ba413e33f7ca655c8c4d97856b2aa33ebd8619695c53d409d98df833cef688996942c7ff1",
        "42d9a8377ccf94fdf0160c67db5d0f36bb4fe297140631d541036c109ec916ea8748be68297da929ee380e",
    ];
    // The other two AES are in vectors/primitives.json.
    let key: Vec<u8> = (0..32).collect();
    let counter = 0x00ff_ffff_ffff_ffff_ffff_ffff_ffff_ffff;
    for (cipher, known) in CIPHERS.into_iter().zip(known).filter(|(_, known)| !known.is_empty()) {
        let text = keystream(cipher, &key[..cipher.key_length()], counter, TEXT);
        assert_eq!(hex::encode(text), known, "{cipher:?}");
    }
}

#[test]
fn a_key_of_another_length_encrypts_nothing() {
    for cipher in CIPHERS {
        for length in [0, 15, 17, 20, 33, 64] {
            assert_eq!(keystream(cipher, &vec![1; length], 0, TEXT), [0; TEXT.len()], "{cipher:?}, {length}");
        }
    }
}

/// Computed with libgcrypt 1.10.1.
#[test]
fn whirlpool_agrees_with_another_implementation() {
    let key: Vec<u8> = (0..100).collect();
    for (ours, known) in [
        (
            hash(Hash::Whirlpool, TEXT),
            "b97de512e91e3828b40d2b0fdce9ceb3c4a71f9bea8d88e75c4fa854df36725f\
             d2b52eb6544edcacd6f8beddfea403cb55ae31f03ad62a5ef54e42ee82c3fb35",
        ),
        (
            hmac(Hash::Whirlpool, &key[..32], &[&TEXT[..9], &TEXT[9..]]),
            "3c1abbefcaccae992a09522f5c9b02e47a960785a9b8d0145fc4c6f172a0b53f\
             a6c0feb19e9a3a6ee48e2d4fc6f44128f32c1b2bc5cc806b7ba6f12e2dfce547",
        ),
        (
            hmac(Hash::Whirlpool, &key, &[TEXT]),
            "da1ba5b1ddf7aa2f6487b726ca51faa43d09a925420bdb4312dc8f4cb6b3c36d\
             ebb2cd47abddc9da2df03ce30850e281c46c3fe448dec227cbabc085a6be4da8",
        ),
    ] {
        assert_eq!(hex::encode(ours), known);
    }
}

/// Computed with Python's hmac. RFC 2104 hashes keys that are longer than a block of 64 octets, and no others.
#[test]
fn a_key_of_a_whole_block_is_taken_as_it_is() {
    let mac = |length| hex::encode(hmac(Hash::Sha256, &(0..length).collect::<Vec<u8>>(), &[b"Drawbridge"]));
    assert_eq!(mac(64), "8be307cf2d11823758ae1fbb2c6a11fb0641b1d1230e12d3a6d2c634d67d1be2");
    assert_eq!(mac(65), "2ae9954675b8b9cf91d9f98f482d3df66b36b23300ab3c75b1403a362a85a18c");
}

#[test]
fn a_session_and_the_next_one_of_its_chain_are_made_with_every_cipher_and_hash() {
    for (number, (cipher, hash)) in CIPHERS.into_iter().flat_map(|cipher| HASHES.map(|hash| (cipher, hash))).enumerate()
    {
        let with = |secrets| End {
            secrets,
            ..End::new(Policy { ciphers: vec![cipher], hashes: vec![hash], rekey_freq: 1, ..toy() })
        };
        let seed = u64::try_from(number).unwrap();
        let (alice, bob) = negotiate(&with(vec![]), &with(vec![]), seed);
        assert_eq!((alice.agreed.cipher, alice.agreed.hash, &alice.sas), (cipher, hash, &bob.sas));
        assert_eq!(alice.new_secret.value().expose().len(), hash.length());

        let secrets = [alice.new_secret, bob.new_secret].map(|secret| with(vec![secret]));
        let (mut alice, mut bob) = negotiate(&secrets[0], &secrets[1], seed + 100);
        assert!(matches!(bob.chain, esession::ChainOutcome::Continued { .. }), "{cipher:?} {hash:?}: {:?}", bob.chain);
        let rng = &mut crate::world::Dice(seed);
        for turn in 0..4 {
            let text = format!("<body>{turn}</body>");
            let c = over_the_wire(&alice.session.rekey(&text, rng).or_else(|_| alice.session.seal(&text)).unwrap());
            assert_eq!(bob.session.open(&c).unwrap().content.expose(), text);
            let c = over_the_wire(&bob.session.seal(&text).unwrap());
            assert_eq!(alice.session.open(&c).unwrap().content.expose(), text);
        }
    }
}

#[test]
fn of_equal_keys_aes_is_chosen_and_sha256_before_whirlpool() {
    let end = End::new(Policy { ciphers: CIPHERS.to_vec(), hashes: HASHES.to_vec(), ..toy() });
    let (alice, _) = negotiate(&end, &end, 1);
    assert_eq!((alice.agreed.cipher, alice.agreed.hash), (Cipher::Aes256Ctr, Hash::Sha256));
}

#[test]
fn nobody_in_the_middle_chooses_the_hash() {
    let end = End::new(Policy { hashes: HASHES.to_vec(), ..toy() });
    let meddled = negotiate_through(&end, &end, 2, |message, form| {
        if message == 1 {
            set_values(form, "hash_algs", &["whirlpool"]);
        }
    });
    // Bob takes what is left, and then the forms that the two of them have seen differ.
    assert_eq!(meddled.unwrap_err(), Failure::Bob3(Error::DecryptFailed));
}

/// XEP-0200, section 4.
#[test]
fn what_is_only_signed_takes_one_block_however_long_it_is() {
    let end = End::new(Policy { ciphers: vec![Cipher::SignOnly], ..toy() });
    let (mut alice, mut bob) = negotiate(&end, &end, 1);
    let counters = |alice: &esession::Session, bob: &esession::Session| {
        let [alice, bob] = [alice, bob].map(|session| esession::dangerous::state(session).unwrap());
        [alice.sending_counter, bob.receiving_counter]
    };
    let before = counters(&alice.session, &bob.session);
    let c = alice.session.seal(&"x".repeat(1000)).unwrap();
    drop(bob.session.open(&c).unwrap());
    assert_eq!(counters(&alice.session, &bob.session), before.map(|counter| counter + 1));
}
