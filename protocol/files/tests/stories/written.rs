//! What others read of us: the elements as they are, and that what is written is read again.

use minidom::Element;
use proptest::prelude::*;
use xmpp_files::{Algorithm, Cipher, Disposition, Hash, Shared, Source, aesgcm, read, to_children, to_message};

use crate::world::{URL, clear, encrypted, key, parts};

/// Written, sent as text, and read.
fn read_again(shared: &Shared) -> Option<Shared> {
    let (body, children) = to_message(shared);
    let sent: String = children.iter().map(String::from).collect();
    let (children, _) = parts(&sent);
    read(&children.iter().collect::<Vec<_>>(), body.as_ref().map(|body| body.as_str()), false)
}

fn xml(children: &[Element]) -> String {
    children.iter().map(String::from).collect()
}

fn summit(source: Source) -> Shared {
    Shared {
        name: Some("summit.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        size: Some(3),
        description: Some("Photo".to_owned()),
        width: Some(4096),
        height: Some(2160),
        length: None,
        hashes: vec![Hash::of(Algorithm::Sha256, b"abc")],
        caption: None,
        disposition: Some(Disposition::Inline),
        ..Shared::new(source)
    }
}

#[test]
fn a_file_in_clear_is_what_all_clients_know() {
    let shared = summit(clear().source);
    let (body, children) = to_message(&shared);
    assert_eq!(body.unwrap().as_str(), URL);
    let file = "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'>\
         <media-type>image/jpeg</media-type><name>summit.jpg</name><size>3</size><width>4096</width>\
         <height>2160</height><desc>Photo</desc><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>\
         ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\
         </hash></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' \
         target='https://download.montague.lit/\
         4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg'/></sources></file-sharing>";
    let beside = format!(
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>\
         <x xmlns='jabber:x:oob'><url>{URL}</url></x>"
    );
    assert_eq!(xml(&children), format!("{file}{beside}"));
    assert_eq!(xml(&to_children(&shared)), file);
    // With words, those that know no files see a link after them.
    let (body, children) = to_message(&Shared { caption: Some("\u{1f4f7} see".to_owned()), ..shared });
    assert_eq!(body.unwrap().as_str(), format!("\u{1f4f7} see\n{URL}"));
    let end = 5 + 1 + URL.len();
    let beside =
        format!("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body end='{end}' start='5'/></fallback>");
    assert_eq!(xml(&children), format!("{file}{beside}"));
}

#[test]
fn an_encrypted_file_carries_its_key_and_a_body_for_older_clients() {
    let source = encrypted(key(Cipher::Aes256Gcm)).source;
    let (body, children) = to_message(&summit(source.clone()));
    assert_eq!(body.unwrap(), aesgcm::url(URL, &key(Cipher::Aes256Gcm)).unwrap());
    let written = xml(&children);
    let expected = "<sources><encrypted xmlns='urn:xmpp:esfs:0' cipher='urn:xmpp:ciphers:aes-256-gcm-nopadding:0'>\
         <key>BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=</key><iv>CQkJCQkJCQkJCQkJ</iv>\
         <sources xmlns='urn:xmpp:sfs:0'><url-data xmlns='http://jabber.org/protocol/url-data' \
         target='https://download.montague.lit/\
         4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg'/></sources></encrypted></sources>";
    assert!(written.contains(expected), "{written}");
    assert!(written.ends_with("for='urn:xmpp:sfs:0'><body/></fallback>"), "{written}");
    // Words and keys do not go together; and other ciphers have no such URL.
    let (body, children) = to_message(&Shared { caption: Some("see".to_owned()), ..summit(source) });
    assert_eq!((body.unwrap().as_str(), children.len()), ("see", 1));
    assert_eq!(to_message(&encrypted(key(Cipher::Aes256Cbc))).0, None);
}

fn any_file() -> impl Strategy<Value = Shared> {
    let text = || proptest::option::of("[a-zé<&>\u{1f4f7}]{1,8}( [a-z]{1,5})?");
    let hashes = || {
        proptest::sample::subsequence(Algorithm::ALL.to_vec(), 0..=5).prop_map(|algorithms| {
            algorithms.into_iter().map(|algorithm| Hash::of(algorithm, b"abc")).collect::<Vec<_>>()
        })
    };
    let source =
        (proptest::option::of(proptest::sample::select(&Cipher::ALL[..])), hashes()).prop_map(|(cipher, hashes)| {
            match cipher {
                None => clear().source,
                Some(cipher) => Source::Encrypted { url: URL.to_owned(), key: key(cipher), hashes },
            }
        });
    let media_type = proptest::option::of("[a-z]{1,5}/[a-z+.]{1,5}");
    let disposition = proptest::sample::select(vec![None, Some(Disposition::Inline), Some(Disposition::Attachment)]);
    let numbers = (any::<Option<u64>>(), any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u64>>());
    let told = (text(), media_type, text(), text(), disposition, hashes());
    (source, numbers, told).prop_map(|(source, (size, width, height, length), told)| {
        let (name, media_type, description, caption, disposition, hashes) = told;
        // A file without a name has that of its address.
        let name = name.or(Some("summit.jpg".to_owned()));
        Shared { source, name, media_type, size, description, width, height, length, hashes, caption, disposition }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(shared in any_file()) {
        prop_assert!(read_again(&shared) == Some(shared.clone()), "{}", xml(&to_children(&shared)));
        // Alone, it is the same without words.
        let children = to_children(&shared);
        let alone = read(&children.iter().collect::<Vec<_>>(), None, false);
        prop_assert_eq!(alone, Some(Shared { caption: None, ..shared }));
    }

    #[test]
    fn an_aesgcm_url_is_read_again(secret: [u8; 32], iv: [u8; 16], long: bool) {
        let key = xmpp_files::Key::new(Cipher::Aes256Gcm, &secret, &iv[..if long { 16 } else { 12 }]).unwrap();
        let read = aesgcm::read(&aesgcm::url(URL, &key).unwrap()).unwrap();
        prop_assert_eq!(read, Shared { name: Some("summit.jpg".to_owned()), ..encrypted(key) });
    }
}
