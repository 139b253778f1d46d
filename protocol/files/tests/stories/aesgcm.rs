//! `aesgcm:` URLs: the example of XEP-0454, what Conversations once sent, and what is none.

use xmpp_files::egress::Refused;
use xmpp_files::{Cipher, Error, Key, Source, aesgcm};

use crate::world::{key, message};

/// XEP-0454 section 3.
const GET: &str = "https://download.montague.tld/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/tr%C3%A8s%20cool.jpg";
const IV: &str = "8c3d050e9386ec173861778f";
const KEY: &str = "68e9af38a97aaf82faa4063b4d0878a61261534410c8a84331eaac851759f587";
const RESULT: &str = "aesgcm://download.montague.tld/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/tr%C3%A8s%20cool.jpg#8c3d050e9386ec173861778f68e9af38a97aaf82faa4063b4d0878a61261534410c8a84331eaac851759f587";

fn of_example() -> Key {
    Key::new(Cipher::Aes256Gcm, &hex::decode(KEY).unwrap(), &hex::decode(IV).unwrap()).unwrap()
}

#[test]
fn the_example_of_the_specification_is_read_and_written() {
    let shared = aesgcm::read(RESULT).unwrap();
    assert_eq!(shared.name.as_deref(), Some("très cool.jpg"));
    assert_eq!(shared.source, Source::Encrypted { url: GET.to_owned(), key: of_example(), hashes: Vec::new() });
    assert_eq!(aesgcm::url(GET, &of_example()).unwrap().as_str(), RESULT);
    assert_eq!(message(&format!("<body>{RESULT}</body>")), Some(shared));
}

#[test]
fn a_thumbnail_and_an_iv_of_sixteen_octets_are_what_conversations_sent() {
    let shared = aesgcm::read(RESULT).unwrap();
    for body in [
        format!("{RESULT}\ndata:image/jpeg,/9j/4AAQSkZJRgABAQEBLAEsAAD"),
        format!("{RESULT}\ndata:image/jpeg;base64,/9j/4AAQ\n"),
        format!("{RESULT}\r\ndata:image/png,x"),
        format!(" {RESULT}\n"),
        RESULT
            .to_ascii_uppercase()
            .replace("DOWNLOAD", "download")
            .replace("TR%C3%A8S%20COOL.JPG", "tr%C3%A8s%20cool.jpg")
            .replace("4A771AC1-F0B2-4A4A-9700-F2A26FA2BB67", "4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67"),
    ] {
        assert_eq!(aesgcm::read(&body).as_ref(), Ok(&shared), "{body}");
    }
    let long = aesgcm::read(&RESULT.replace('#', "#01020304")).unwrap();
    let Source::Encrypted { key, .. } = long.source else { panic!() };
    assert_eq!((key.iv().len(), hex::encode(key.expose())), (16, KEY.to_owned()));
}

#[test]
fn what_is_none_is_refused() {
    let (secret, none) = ("ab".repeat(44), Error::Malformed("aesgcm"));
    for (body, error) in [
        (String::new(), none),
        ("aesgcm".to_owned(), none),
        (GET.to_owned(), none),
        (format!("https://a.example.org/f#{secret}"), none),
        (format!("see {RESULT}"), none),
        (format!("{RESULT} nice?"), none),
        (format!("{RESULT}\nnice?"), none),
        (format!("{RESULT}\ndata:text/html,x"), none),
        (format!("{RESULT}\ndata:image/png,x\nand more"), none),
        (format!("{RESULT}\n\ndata:image/png,x"), none),
        ("aesgcm://a.example.org/f".to_owned(), none),
        (format!("aesgcm://a.example.org/f#{}", &secret[..86]), none),
        (format!("aesgcm://a.example.org/f#{secret}a"), none),
        (format!("aesgcm://a.example.org/f#{secret}abab"), none),
        (format!("aesgcm://a.example.org/f#{secret}abababababab"), none),
        (format!("aesgcm://a.example.org/f#{}zz", &secret[..86]), none),
        (format!("aesgcm://a.example.org/f#{}é", &secret[..86]), none),
        (format!("aesgcm://a.example.org/f#+{}", &secret[..87]), none),
        (format!("aesgcm://a.example.org/f#{secret}#"), none),
        (format!("aesgcm:///f#{secret}"), Error::Address(Refused::Host)),
        (format!("aesgcm://u:p@a.example.org/f#{secret}"), Error::Address(Refused::Credentials)),
        (format!("aesgcm://a.example.org/f g#{secret}"), Error::Address(Refused::Character)),
        (format!("aesgcm://0x7f.1/f#{secret}"), Error::Address(Refused::OddAddress)),
        (format!("aesgcm://a.example.org/{}#{secret}", "f".repeat(2048)), Error::Address(Refused::TooLong)),
    ] {
        assert_eq!(aesgcm::read(&body), Err(error), "{body}");
        // Most of them hold a key, nevertheless.
        assert_eq!(aesgcm::is_one(&body), body.starts_with("aesgcm:"), "{body}");
    }
}

#[test]
fn only_its_own_cipher_and_https_are_written() {
    assert_eq!(aesgcm::url(GET, &key(Cipher::Aes256Cbc)), Err(Error::Malformed("cipher")));
    assert_eq!(aesgcm::url(GET, &key(Cipher::Aes128Gcm)), Err(Error::Malformed("cipher")));
    let refused = Err(Error::Address(Refused::Scheme));
    assert_eq!(aesgcm::url(&GET.replace("https", "http"), &key(Cipher::Aes256Gcm)), refused);
}
