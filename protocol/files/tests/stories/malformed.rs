//! Elements with something missing, doubled, or out of measure; and names that reach too far.

use xmpp_files::egress::Refused;
use xmpp_files::{Cipher, Error, Key, Shared, Source, oob, sfs};

const URL_DATA: &str = "<url-data xmlns='http://jabber.org/protocol/url-data' target='https://a.example.org/f.png'/>";
const HASH: &str = "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>";

fn file(metadata: &str, sources: &str) -> Result<Shared, Error> {
    element(&format!("<file xmlns='urn:xmpp:file:metadata:0'>{metadata}</file><sources>{sources}</sources>"))
}

fn element(children: &str) -> Result<Shared, Error> {
    sfs::read(&format!("<file-sharing xmlns='urn:xmpp:sfs:0'>{children}</file-sharing>").parse().unwrap())
}

#[test]
fn a_file_that_lacks_something_is_refused_by_name() {
    let metadata = "<file xmlns='urn:xmpp:file:metadata:0'/>";
    let other = sfs::read(&"<file-sharing xmlns='urn:xmpp:sfs:1'/>".parse().unwrap());
    assert_eq!(other, Err(Error::Malformed("file-sharing")));
    for (children, what) in [
        (String::new(), "file"),
        (format!("<sources>{URL_DATA}</sources>"), "file"),
        (format!("<file/><sources>{URL_DATA}</sources>"), "file"),
        (format!("{metadata}{metadata}<sources>{URL_DATA}</sources>"), "file"),
        (metadata.to_owned(), "sources"),
        (format!("{metadata}<sources/>"), "sources"),
        (format!("{metadata}<sources xmlns='urn:other'>{URL_DATA}</sources>"), "sources"),
        (format!("{metadata}<sources>{URL_DATA}</sources><sources>{URL_DATA}</sources>"), "sources"),
        (format!("{metadata}<sources><url-data target='https://a.org/'/></sources>"), "sources"),
        (format!("{metadata}<sources><jinglepub xmlns='urn:xmpp:jinglepub:1'/></sources>"), "sources"),
    ] {
        assert_eq!(element(&children), Err(Error::Malformed(what)), "{children}");
    }
    for (metadata, what) in [
        ("<size>-1</size>", "size"),
        ("<size>1.5</size>", "size"),
        ("<size/>", "size"),
        ("<size>18446744073709551616</size>", "size"),
        ("<size>1</size><size>2</size>", "size"),
        ("<name>a</name><name>b</name>", "name"),
        ("<media-type>a/b</media-type><media-type>a/c</media-type>", "media-type"),
        (&HASH.repeat(2), "hash"),
        (&HASH.replace("2Xar", "2Xa"), "hash"),
        (&HASH.replace("2Xar", ""), "hash"),
        (&HASH.replace("sha-256", "sha-512"), "hash"),
        (&HASH.replace("algo", "algorithm"), "hash"),
    ] {
        assert_eq!(file(metadata, URL_DATA), Err(Error::Malformed(what)), "{metadata}");
    }
}

#[test]
fn what_is_only_shown_is_left_out_if_it_cannot_be_read() {
    let odd = "<width>1e3</width><height>-1</height><length>long</length><media-type>picture</media-type><desc> </desc>\
               <name>..</name><date>yesterday</date><thumbnail xmlns='urn:xmpp:thumbs:1' uri='https://a.org/'/>";
    let shared = file(odd, URL_DATA).unwrap();
    assert_eq!((shared.width, shared.height, shared.length, shared.media_type, shared.description), Default::default());
    assert_eq!(shared.name.as_deref(), Some("f.png"));
    for (written, read) in [
        ("Image/PNG; charset=x", Some("image/png")),
        ("image/svg+xml", Some("image/svg+xml")),
        ("image/", None),
        ("/png", None),
        ("image/p ng", None),
        ("image/png\nX-Header: a", None),
        ("a/b/c", None),
        ("text/h\u{e9}", None),
    ] {
        let shared = file(&format!("<media-type>{written}</media-type>"), URL_DATA).unwrap();
        assert_eq!(shared.media_type.as_deref(), read, "{written}");
    }
    // SHA-1 is no hash (XEP-0414); one in another namespace is none either.
    let weak = HASH.replace("sha-256", "sha-1");
    let hashes = file(&format!("{weak}{}{HASH}", HASH.replace("hashes:2", "hashes:1")), URL_DATA).unwrap().hashes;
    assert_eq!(hashes.len(), 1);
    let long = file(&format!("<desc>{}\u{e9}</desc>", "a".repeat(4095)), URL_DATA).unwrap().description.unwrap();
    assert_eq!(long, "a".repeat(4095));
}

#[test]
fn a_name_reaches_no_further_than_the_file() {
    for (written, read) in [
        ("/etc/passwd", Some("passwd")),
        ("../../private.txt", Some("private.txt")),
        ("C:\\Windows\\evil.exe", Some("evil.exe")),
        ("a/..", Some("f.png")),
        (".", Some("f.png")),
        (" \n ", Some("f.png")),
        ("a/", Some("f.png")),
        ("photo\u{202e}gnp.exe", Some("photognp.exe")),
        ("a\nb\u{7f}.txt", Some("ab.txt")),
        (".bashrc", Some(".bashrc")),
        ("tr\u{e8}s cool.jpg", Some("tr\u{e8}s cool.jpg")),
    ] {
        assert_eq!(file(&format!("<name>{written}</name>"), URL_DATA).unwrap().name.as_deref(), read, "{written:?}");
    }
    let long = file(&format!("<name>{}\u{e9}</name>", "a".repeat(254)), URL_DATA).unwrap().name.unwrap();
    assert_eq!(long, "a".repeat(254));
    for (path, read) in [
        ("a/b.png", Some("b.png")),
        ("a/..%2f..%2fb.png?c/d", Some("b.png")),
        ("a%00b.png", Some("ab.png")),
        ("", None),
        ("a/", None),
        ("%2e%2e%2f", None),
        ("a%", None),
        ("a%zz", None),
        ("a%ff", None),
    ] {
        let shared = file("", &URL_DATA.replace("f.png", path)).unwrap();
        assert_eq!(shared.name.as_deref(), read, "{path}");
    }
}

#[test]
fn an_encrypted_source_that_lacks_something_is_none() {
    let whole = format!(
        "<encrypted xmlns='urn:xmpp:esfs:0' cipher='urn:xmpp:ciphers:aes-128-gcm-nopadding:0'><key>{}</key>\
         <iv>AAAAAAAAAAAAAAAA</iv>{HASH}<sources xmlns='urn:xmpp:sfs:0'>{URL_DATA}</sources></encrypted>",
        "AAAAAAAAAAAAAAAAAAAAAA=="
    );
    let is_one = |sources: &str| file("", sources).map(|shared| matches!(shared.source, Source::Encrypted { .. }));
    assert_eq!(is_one(&whole), Ok(true));
    for (part, other) in [
        ("aes-128-gcm", "aes-256-gcm"),
        ("aes-128-gcm", "aes-128-cbc"),
        (":0'><key", ":1'><key"),
        ("cipher=", "with="),
        ("<key>AA", "<key>"),
        ("<key>", "<key/><key>"),
        ("<iv>AAAA", "<iv>"),
        ("<iv>AAAA", "<iv>!"),
        ("iv>", "vi>"),
        (HASH, &HASH.repeat(2)),
        ("<sources xmlns='urn:xmpp:sfs:0'>", "<sources>"),
        ("https:", "http:"),
        ("a.example.org", "u@a.example.org"),
    ] {
        let broken = whole.replace(part, other);
        assert_ne!(broken, whole);
        assert_eq!(is_one(&broken), Err(Error::Malformed("sources")), "{broken}");
        assert_eq!(is_one(&format!("{broken}{whole}")), Ok(true));
        assert_eq!(is_one(&format!("{broken}{}", URL_DATA.replace("target", "xml:lang='en' target"))), Ok(false));
    }
    for (cipher, secret, iv, what) in [
        (Cipher::Aes128Gcm, 32, 12, "key"),
        (Cipher::Aes256Gcm, 16, 12, "key"),
        (Cipher::Aes256Cbc, 24, 16, "key"),
        (Cipher::Aes256Cbc, 32, 12, "iv"),
        (Cipher::Aes256Gcm, 32, 32, "iv"),
        (Cipher::Aes256Gcm, 32, 0, "iv"),
    ] {
        assert_eq!(Key::new(cipher, &vec![0; secret], &vec![0; iv]).map(|_| ()), Err(Error::Malformed(what)));
    }
}

#[test]
fn the_first_address_that_may_be_used_is() {
    let at = |url: &str| URL_DATA.replace("https://a.example.org/f.png", url);
    let bad = format!("{}{}", at("file:///etc/passwd"), at("https://u@a.org/"));
    assert_eq!(file("", &bad), Err(Error::Address(Refused::Scheme)));
    assert_eq!(file("", &format!("{bad}{URL_DATA}")).unwrap().source.url(), "https://a.example.org/f.png");
    // Ten are looked at.
    let many = |bad: usize| file("", &format!("{}{URL_DATA}", at("ftp://a.org/").repeat(bad)));
    assert_eq!((many(9).is_ok(), many(10)), (true, Err(Error::Address(Refused::Scheme))));
    // Where it may be is decided when it is fetched: the user's own server is in their own network, sometimes.
    assert!(file("", &at("https://192.168.1.2:5281/f")).is_ok());
}

#[test]
fn out_of_band_data_that_is_none_is_refused() {
    let read = |xml: &str, body| oob::read(&xml.parse().unwrap(), body, false);
    let x = "<x xmlns='jabber:x:oob'><url>https://a.org/f</url></x>";
    assert!(read(x, Some("https://a.org/f")).is_ok());
    for (xml, body, error) in [
        (x.replace("oob", "data"), Some("https://a.org/f"), Error::Malformed("x")),
        (x.replace("url", "uri"), Some("https://a.org/f"), Error::Malformed("url")),
        (x.replace("</x>", "<url/></x>"), Some("https://a.org/f"), Error::Malformed("url")),
        (x.to_owned(), Some("https://a.org/g"), Error::Malformed("body")),
        (x.to_owned(), None, Error::Malformed("body")),
        (x.replace("https", "file"), Some("file://a.org/f"), Error::Address(Refused::Scheme)),
        (x.replace("https", "http"), Some("http://a.org/f"), Error::Address(Refused::Scheme)),
        (x.replace("a.org", "0x1"), Some("https://0x1/f"), Error::Address(Refused::OddAddress)),
    ] {
        assert_eq!(read(&xml, body), Err(error), "{xml}");
    }
}
