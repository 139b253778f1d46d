//! Messages as they come, and files.

use minidom::Element;
use xmpp_files::{Cipher, Key, Shared, Source, read};

pub(crate) const URL: &str = "https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg";

/// What a message of these children shares.
pub(crate) fn message(children: &str) -> Option<Shared> {
    let (children, body) = parts(children);
    read(&children.iter().collect::<Vec<_>>(), body.as_deref(), false)
}

/// The children of a message, and its body.
pub(crate) fn parts(children: &str) -> (Vec<Element>, Option<String>) {
    let message: Element = format!("<message xmlns='jabber:client'>{children}</message>").parse().unwrap();
    let body = message.get_child("body", "jabber:client").map(Element::text);
    (message.children().cloned().collect(), body)
}

pub(crate) fn clear() -> Shared {
    Shared::new(Source::Clear { url: URL.to_owned() })
}

pub(crate) fn key(cipher: Cipher) -> Key {
    let (secret, iv) = match cipher {
        Cipher::Aes128Gcm => (16, 12),
        Cipher::Aes256Gcm => (32, 12),
        Cipher::Aes256Cbc => (32, 16),
    };
    Key::new(cipher, &vec![7; secret], &vec![9; iv]).unwrap()
}

pub(crate) fn encrypted(key: Key) -> Shared {
    Shared::new(Source::Encrypted { url: URL.to_owned(), key, hashes: Vec::new() })
}
