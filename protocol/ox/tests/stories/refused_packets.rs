//! What is no message, or one of a kind that is not read.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use minidom::Element;
use openpgp_xmpp::{MAX_MESSAGE, MAX_PACKETS, Refusal};
use pgp::composed::RawSessionKey;
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::sym::SymmetricKeyAlgorithm::{AES128, AES192, AES256, CAST5, Camellia256, TripleDES};
use pgp::packet::{PublicKeyEncryptedSessionKey, SymEncryptedProtectedData};

use crate::dice::Dice;
use crate::world::*;

const PKESK: u8 = 1;
const SKESK: u8 = 3;
const COMPRESSED: u8 = 8;
const SED: u8 = 9;
const MARKER: u8 = 10;
const USER_ID: u8 = 13;
const PADDING: u8 = 21;

fn refusal(octets: &[u8]) -> Refusal {
    read(octets).unwrap_err()
}

fn inside(packets: &[u8]) -> Refusal {
    refusal(&encrypted(packets, AES256))
}

fn to_bob() -> Vec<u8> {
    session_key(&bob(), AES256)
}

#[test]
fn what_is_not_encrypted_with_integrity_protection_is_refused() {
    let letter = Letter::of(&content());
    assert_eq!(refusal(&letter.packets()), Refusal::NotEncrypted);
    assert_eq!(refusal(&whole(&literal(b"hello"))), Refusal::NotEncrypted);
    assert_eq!(refusal(&packet(COMPRESSED, &[&[0], letter.packets().as_slice()].concat())), Refusal::NotEncrypted);
    // Before 2000 there was no protection (EFAIL).
    let bare = AES256.encrypt(Dice(1), &SESSION_KEY, &letter.packets()).unwrap();
    assert_eq!(refusal(&[to_bob(), packet(SED, &bare)].concat()), Refusal::Unprotected);
    assert_eq!(refusal(&packet(SED, &bare)), Refusal::Unprotected);
    // Nor has anybody been told that we could read the newest, nor GnuPG's own.
    let aead = SymEncryptedProtectedData::encrypt_seipdv2(
        Dice(1),
        AES256,
        AeadAlgorithm::Ocb,
        ChunkSize::default(),
        &SESSION_KEY,
        &letter.packets(),
    );
    let subkey = secret(&bob()).secret_subkeys[0].key.public_key().clone();
    let sealed =
        PublicKeyEncryptedSessionKey::from_session_key_v6(Dice(1), &RawSessionKey::from(&SESSION_KEY[..]), &subkey);
    assert_eq!(refusal(&[whole(&sealed.unwrap()), whole(&aead.unwrap())].concat()), Refusal::Unprotected);
    assert_eq!(refusal(&[to_bob(), packet(20, &[1, 9, 2, 10, 0, 0, 0, 0])].concat()), Refusal::Malformed("packet"));
}

#[test]
fn what_was_protected_and_has_changed_is_damaged() {
    let whole = Letter::of(&content()).sealed();
    let start = to_bob().len();
    // Every octet of what is encrypted, its protection, and the session key.
    for at in (16..start).chain((start + 6..whole.len()).step_by(7)).chain(whole.len() - 24..whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let refusal = refusal(&changed);
        assert!(matches!(refusal, Refusal::Damaged | Refusal::Malformed("packet")), "{at}: {refusal:?}");
    }
    for length in 0..whole.len() {
        assert!(matches!(refusal(&whole[..length]), Refusal::Malformed(_)), "{length}");
    }
    // The protection itself is cut off, and the packet has been made to fit.
    let body = &whole[start..];
    let header = if body[1] < 192 { 2 } else { 3 };
    let cut = packet(18, &body[header..body.len() - 22]);
    assert_eq!(refusal(&[&whole[..start], &cut].concat()), Refusal::Damaged);
}

#[test]
fn what_is_no_base64_is_refused() {
    let read =
        |text: &str| read_by(&Element::builder("openpgp", "urn:xmpp:openpgp:0").append(text).build(), &[]).unwrap_err();
    for junk in ["?", "aGVsbG8", "-----BEGIN PGP MESSAGE-----", "aGVs\u{e9}bG8="] {
        assert_eq!(read(junk), Refusal::Malformed("base64"), "{junk}");
    }
    for empty in ["", " \n "] {
        assert_eq!(read(empty), Refusal::Malformed("encrypted data"));
    }
    // A packet of which not even the head is there.
    assert_eq!(read("////"), Refusal::Malformed("encrypted data"));
    for junk in ["aGVsbG8=", "AAAA"] {
        assert_eq!(read(junk), Refusal::Malformed("packet"), "{junk}");
    }
    assert_eq!(read_by(&Element::bare("openpgp", "urn:other"), &[]), Err(Refusal::Malformed("openpgp")));
    assert_eq!(refusal(&vec![0xff; MAX_MESSAGE + 1]), Refusal::TooLarge("message"));
    assert_eq!(refusal(&vec![0xff; MAX_MESSAGE + 3]), Refusal::TooLarge("message"));
}

#[test]
fn nesting_ends_where_it_is_used() {
    let signed = Letter::of(&content()).packets();
    let compressed = |octets: &[u8]| packet(COMPRESSED, &[&[0], octets].concat());
    let once = compressed(&signed);
    assert!(read(&encrypted(&once, AES256)).is_ok());
    assert_eq!(inside(&compressed(&once)), Refusal::TooDeep);
    let deep = (0..1000).fold(signed.clone(), |octets, _| compressed(&octets));
    assert_eq!(inside(&deep), Refusal::TooDeep);
    assert_eq!(inside(&Letter::of(&content()).sealed()), Refusal::TooDeep);
    let compressed_text = [&signed[..2 + usize::from(signed[1])], &compressed(&whole(&literal(b"hello")))].concat();
    assert_eq!(inside(&compressed_text), Refusal::TooDeep);
    // Nobody compresses what is encrypted.
    assert_eq!(refusal(&compressed(&Letter::of(&content()).sealed())), Refusal::NotEncrypted);
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![0; 16 << 20];
    let mut deflated = Vec::new();
    let mut encoder = DeflateEncoder::new(&mut deflated, Compression::best());
    encoder.write_all(&zeros).unwrap();
    encoder.finish().unwrap();
    assert!(deflated.len() < MAX_MESSAGE / 16, "{}", deflated.len());
    let bomb = packet(COMPRESSED, &[&[1], deflated.as_slice()].concat());
    assert_eq!(inside(&bomb), Refusal::TooLarge("text"));
    // A small one in a small one.
    let mut zlib = Vec::new();
    let mut encoder = ZlibEncoder::new(&mut zlib, Compression::best());
    encoder.write_all(&bomb).unwrap();
    encoder.finish().unwrap();
    assert_eq!(inside(&packet(COMPRESSED, &[&[2], zlib.as_slice()].concat())), Refusal::TooDeep);
    for (algorithm, octets) in [(1, &b"nothing"[..]), (2, b"nothing"), (3, b"BZh91AY"), (9, b"")] {
        let wrong = packet(COMPRESSED, &[&[algorithm], octets].concat());
        assert_eq!(inside(&wrong), Refusal::Malformed("compression"), "{algorithm}");
    }
}

#[test]
fn packets_out_of_place_are_refused() {
    let signed = Letter::of(&content()).packets();
    let sealed = Letter::of(&content()).sealed();
    let user = packet(USER_ID, b"xmpp:alice@example.org");
    let before = &signed[..2 + usize::from(signed[1])];
    let text = whole(&literal(content().as_bytes()));
    let signature = &signed[before.len() + text.len()..];
    for (octets, why) in [
        ([&signed[..], &user].concat(), Refusal::Malformed("end")),
        ([&signed[..], signature].concat(), Refusal::SignedTwice),
        (before.to_vec(), Refusal::Malformed("text")),
        ([before, &user].concat(), Refusal::Malformed("text")),
        ([before, before].concat(), Refusal::SignedTwice),
        ([before, &text].concat(), Refusal::Malformed("signature")),
        ([before, &text, &text].concat(), Refusal::Malformed("signature")),
        ([&text, signature].concat(), Refusal::NotSigned),
        ([signature, &text].concat(), Refusal::Malformed("signature")),
        (user.clone(), Refusal::Malformed("signature")),
        (Vec::new(), Refusal::Malformed("signature")),
        ([&packet(COMPRESSED, &[&[0], signed.as_slice()].concat()), &user[..]].concat(), Refusal::Malformed("end")),
    ] {
        assert_eq!(inside(&octets), why);
    }
    for (octets, why) in [
        ([&sealed[..], &user].concat(), Refusal::Malformed("end")),
        ([&sealed[..], &sealed].concat(), Refusal::Malformed("end")),
        ([&user[..], &sealed].concat(), Refusal::Malformed("encrypted data")),
        (to_bob(), Refusal::Malformed("encrypted data")),
        (sealed[to_bob().len()..].to_vec(), Refusal::OtherKey),
        ([session_key(&alice(), AES256), sealed[to_bob().len()..].to_vec()].concat(), Refusal::OtherKey),
    ] {
        assert_eq!(refusal(&octets), why);
    }
}

#[test]
fn packets_that_say_nothing_are_passed_over_while_there_are_few() {
    let sealed = Letter::of(&content()).sealed();
    let nothing = [packet(MARKER, b"PGP"), packet(PADDING, &[1, 2, 3])].concat();
    assert!(read(&[&nothing[..], &sealed, &nothing].concat()).is_ok());
    // With the session key, what is encrypted, and the end that is looked for.
    let most = packet(MARKER, b"PGP").repeat(MAX_PACKETS - 3);
    assert!(read(&[&most[..], &sealed].concat()).is_ok());
    let one_more = [&most[..], &packet(MARKER, b"PGP"), &sealed].concat();
    assert_eq!(refusal(&one_more), Refusal::TooLarge("number of packets"));
    let many = packet(MARKER, b"PGP").repeat(MAX_PACKETS);
    assert_eq!(refusal(&[&many[..], &sealed].concat()), Refusal::TooLarge("number of packets"));
    assert_eq!(
        inside(&[&many[..], &Letter::of(&content()).packets()].concat()),
        Refusal::TooLarge("number of packets")
    );
    let keys = session_key(&alice(), AES256).repeat(MAX_PACKETS);
    assert_eq!(refusal(&[&keys[..], &sealed].concat()), Refusal::TooLarge("number of packets"));
    // Kinds of session keys that nobody knows yet are somebody else's.
    assert!(read(&[packet(PKESK, &[9, 1, 2, 3]), sealed].concat()).is_ok());
}

#[test]
fn a_passphrase_is_never_tried() {
    // Argon2 with as many passes, lanes and as much memory as can be asked for (RFC 9580 section 3.7.1.4).
    let costly = [&[4, 9, 4][..], &[1; 16], &[255, 255, 31]].concat();
    let sealed = Letter::of(&content()).sealed();
    let began = std::time::Instant::now();
    assert!(read(&[packet(SKESK, &costly), sealed.clone()].concat()).is_ok());
    let alone = [packet(SKESK, &costly), sealed[to_bob().len()..].to_vec()].concat();
    assert_eq!(refusal(&alone), Refusal::OtherKey);
    assert!(began.elapsed().as_secs() < 5);
}

#[test]
fn ciphers_are_those_of_today() {
    for (cipher, is_read) in
        [(AES128, true), (AES192, true), (AES256, true), (CAST5, false), (TripleDES, false), (Camellia256, false)]
    {
        let verdict = Letter { cipher, ..Letter::of(&content()) }.read().map(|opened| opened.time);
        assert_eq!(verdict, if is_read { Ok(NOW) } else { Err(Refusal::Damaged) }, "{cipher:?}");
    }
}
