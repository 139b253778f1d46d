//! What was fetched becomes what was shared, or nothing.

use proptest::prelude::*;
use xmpp_files::{Algorithm, Cipher, Error, Hash, Key, Plaintext, Shared, Source, encrypt};

use crate::dice::Dice;
use crate::world::{clear, encrypted};

fn hashed(file: &[u8]) -> Vec<Hash> {
    Algorithm::ALL.into_iter().map(|algorithm| Hash::of(algorithm, file)).collect()
}

/// Shared with all that can be known of it.
fn known(file: &[u8], key: Key, fetched: &[u8]) -> Shared {
    let source = Source::Encrypted { url: String::new(), key, hashes: hashed(fetched) };
    Shared { size: Some(file.len() as u64), hashes: hashed(file), ..Shared::new(source) }
}

fn vectors() -> Vec<(Key, Vec<u8>, Vec<u8>)> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let cipher = match words[0] {
            "aes-128-gcm" => Cipher::Aes128Gcm,
            "aes-256-gcm" => Cipher::Aes256Gcm,
            _ => Cipher::Aes256Cbc,
        };
        let octets = |at: usize| hex::decode(words[at].trim_matches('-')).unwrap();
        (Key::new(cipher, &octets(1), &octets(2)).unwrap(), octets(3), octets(4))
    };
    let vectors: Vec<_> = include_str!("../vectors/cryptography.txt").lines().map(line).collect();
    assert_eq!(vectors.len(), 30);
    vectors
}

#[test]
fn what_openssl_encrypted_is_opened() {
    for (key, file, fetched) in vectors() {
        let shared = known(&file, key.clone(), &fetched);
        assert_eq!(*shared.open(fetched.clone()).unwrap(), file);
        // OMEMO media sharing says no more than the key; so much is enough for GCM.
        let unknown = encrypted(key.clone()).open(fetched);
        let expected = if key.cipher() == Cipher::Aes256Cbc { Err(Error::Unauthenticated) } else { Ok(file) };
        assert_eq!(unknown.map(|file| file.to_vec()), expected);
    }
}

#[test]
fn a_file_of_qxmpp_has_no_tag_but_a_hash_and_its_iv_is_too_long() {
    for (key, file, mut fetched) in vectors() {
        let shared = Shared { hashes: hashed(&file), size: Some(file.len() as u64), ..encrypted(key.clone()) };
        match key.cipher() {
            Cipher::Aes256Cbc => {
                let iv = [key.iv(), &[5; 16]].concat();
                let key = Key::new(Cipher::Aes256Cbc, key.expose(), &iv).unwrap();
                let shared = Shared { source: encrypted(key).source, ..shared };
                assert_eq!(*shared.open(fetched).unwrap(), file);
            }
            _ if key.iv().len() == 12 => {
                fetched.truncate(file.len());
                assert_eq!(*shared.open(fetched.clone()).unwrap(), file);
                // Not if nothing speaks for it.
                assert_eq!(encrypted(key).open(fetched), Err(Error::Altered));
            }
            _ => {}
        }
    }
}

#[test]
fn what_was_altered_is_not_opened_wherever_it_was() {
    for (key, file, fetched) in vectors() {
        let whole = known(&file, key.clone(), &fetched);
        let hashed = Shared { source: encrypted(key.clone()).source, ..whole.clone() };
        let sized = Shared { hashes: Vec::new(), ..hashed.clone() };
        let is_gcm = key.cipher() != Cipher::Aes256Cbc;
        for at in 0..fetched.len() {
            let mut altered = fetched.clone();
            altered[at] ^= 1;
            assert_eq!(whole.open(altered.clone()), Err(Error::Altered));
            // Without a right tag the file may still be right, by its hash.
            let in_tag = is_gcm && key.iv().len() == 12 && at >= file.len();
            let opened = hashed.open(altered.clone());
            assert_eq!(opened.is_ok(), in_tag, "{key:?} {at}");
            assert!(opened.map_or_else(|error| error == Error::Altered, |opened| *opened == file));
            if is_gcm {
                assert_eq!(sized.open(altered), Err(Error::Altered));
            }
        }
        for length in 0..fetched.len() {
            assert_eq!(whole.open(fetched[..length].to_vec()), Err(Error::Altered));
        }
        for shared in [
            Shared { size: Some(file.len() as u64 + 1), ..whole.clone() },
            Shared { hashes: vec![Hash::of(Algorithm::Sha256, b"other")], ..whole.clone() },
            known(b"other", key.clone(), &fetched),
            known(&file, key.clone(), b"other"),
        ] {
            assert_eq!(shared.open(fetched.clone()), Err(Error::Altered));
        }
    }
}

#[test]
fn what_is_beyond_the_size_is_cut_off_an_encrypted_file() {
    let file = Plaintext::new(b"a file, and padding".to_vec());
    for cipher in Cipher::ALL {
        let (fetched, key) = encrypt(file.clone(), cipher, &mut Dice(1)).unwrap();
        assert_eq!(*known(b"a file", key, &fetched).open(fetched).unwrap(), b"a file");
    }
    // A clear one is what it is.
    let short = Shared { size: Some(6), ..clear() };
    assert_eq!(short.open(file.to_vec()), Err(Error::Altered));
    assert_eq!(*short.open(b"a file".to_vec()).unwrap(), b"a file");
    assert_eq!(clear().open(file.to_vec()).unwrap(), file);
    let hashed = Shared { hashes: hashed(b"a file"), ..clear() };
    assert_eq!((hashed.open(b"a file".to_vec()).is_ok(), hashed.open(b"a File".to_vec())), (true, Err(Error::Altered)));
}

#[test]
fn every_file_has_a_key_of_its_own_and_is_in_memory_once() {
    let mut dice = Dice(1);
    for cipher in Cipher::ALL {
        let mut file = Plaintext::new(Vec::with_capacity(4096 + 16));
        file.resize(4096, 3);
        let place = file.as_ptr();
        let (first, one) = encrypt(file, cipher, &mut dice).unwrap();
        assert_eq!(first.as_ptr(), place);
        let (second, other) = encrypt(Plaintext::new(vec![3; 4096]), cipher, &mut dice).unwrap();
        assert!(one != other && one.iv() != other.iv() && one.expose() != other.expose() && first != second);
        assert_eq!(one.expose().len(), if cipher == Cipher::Aes128Gcm { 16 } else { 32 });
        assert_eq!((first.len(), one.cipher()), (4096 + 16, cipher));
        assert_eq!(known(&[3; 4096], one, &first).open(first).unwrap().as_ptr(), place);
    }
}

#[test]
fn hashes_are_those_of_the_standards() {
    // NIST's example values for "abc".
    for (algorithm, expected) in Algorithm::ALL.into_iter().zip([
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
         10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ]) {
        assert_eq!(hex::encode(Hash::of(algorithm, b"abc").value()), expected, "{algorithm:?}");
    }
}

proptest! {
    #[test]
    fn what_is_encrypted_is_opened(
        file in proptest::collection::vec(any::<u8>(), 0..300),
        cipher in proptest::sample::select(&Cipher::ALL[..]),
        seed: u64,
    ) {
        let (fetched, key) = encrypt(Plaintext::new(file.clone()), cipher, &mut Dice(seed)).unwrap();
        prop_assert!(fetched.len() > file.len() && fetched.len() <= file.len() + 16);
        prop_assert_eq!(&*known(&file, key, &fetched).open(fetched).unwrap(), &file);
    }
}

#[test]
fn a_key_is_another_one_if_anything_of_it_is() {
    let key = |cipher, secret: u8, iv: u8| {
        let length = if cipher == Cipher::Aes128Gcm { 16 } else { 32 };
        Key::new(cipher, &vec![secret; length], &[iv; 16]).unwrap()
    };
    let one = key(Cipher::Aes256Gcm, 1, 2);
    assert_eq!(one, key(Cipher::Aes256Gcm, 1, 2));
    for other in [(Cipher::Aes256Cbc, 1, 2), (Cipher::Aes256Gcm, 2, 2), (Cipher::Aes256Gcm, 1, 1)] {
        let (cipher, secret, iv) = other;
        assert_ne!(one, key(cipher, secret, iv), "{other:?}");
    }
}
