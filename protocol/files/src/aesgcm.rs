//! `aesgcm:` URLs: where an encrypted file is and its key, in one line (OMEMO media sharing, XEP-0454).

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::egress::{Refused, Target};
use crate::error::Error;
use crate::key::{Cipher, Key};
use crate::name;
use crate::shared::{Shared, Source};

const SCHEME: &str = "aesgcm://";
/// Octets of the key.
const KEY: usize = 32;

/// Whether a text begins as such a URL does: then it may hold a key, and is not to be shown or passed on as text.
#[must_use]
pub fn is_one(text: &str) -> bool {
    strip_scheme(text.trim_start()).is_some()
}

/// The file of a body that is one such URL, and nothing else but perhaps a thumbnail in a `data:` URL in the next line
/// (section 4), which is left out.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Address`]: it is something else.
pub fn read(body: &str) -> Result<Shared, Error> {
    let mut lines = body.trim().lines();
    let line = lines.next().unwrap_or_default();
    let rest = strip_scheme(line).ok_or(Error::Malformed("aesgcm"))?;
    let has_more = match lines.next() {
        Some(thumbnail) => !thumbnail.starts_with("data:image/") || lines.next().is_some(),
        None => false,
    };
    let (address, secret) = rest.split_once('#').filter(|_| !has_more).ok_or(Error::Malformed("aesgcm"))?;
    let key = read_key(secret)?;
    let target = Target::read(&format!("https://{address}"), false)?;
    let name = name::of_url(&target);
    Ok(Shared { name, ..Shared::new(Source::Encrypted { url: target.url, key, hashes: Vec::new() }) })
}

/// The URL to be written alone into an encrypted body; it holds the key.
///
/// # Errors
/// [`Error::Malformed`]: the key is of another cipher than AES-256-GCM; [`Error::Address`]: `url` is no `https:` URL.
pub fn url(url: &str, key: &Key) -> Result<Zeroizing<String>, Error> {
    if key.cipher() != Cipher::Aes256Gcm {
        return Err(Error::Malformed("cipher"));
    }
    let target = Target::read(url, false)?;
    let address = target.url.strip_prefix("https://").ok_or(Refused::Scheme)?;
    // As long as it gets: growing would leave parts of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(SCHEME.len() + address.len() + 1 + 2 * (16 + KEY)));
    text.push_str(SCHEME);
    text.push_str(address);
    text.push('#');
    for octet in key.iv().iter().chain(key.expose()) {
        let _ = write!(*text, "{octet:02x}");
    }
    Ok(text)
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// The key after its IV, in hexadecimal digits: 12 octets of IV, or 16 from Conversations of before 2020.
fn read_key(text: &str) -> Result<Key, Error> {
    let mut octets = Zeroizing::new([0; 16 + KEY]);
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || ![12 + KEY, 16 + KEY].contains(&digits.len()) {
        return Err(Error::Malformed("aesgcm"));
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (octet, [high, low]) in octets.iter_mut().zip(digits) {
        *octet = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low).ok_or(Error::Malformed("aesgcm"))?;
    }
    let (iv, secret) = octets[..digits.len()].split_at(digits.len() - KEY);
    Key::new(Cipher::Aes256Gcm, secret, iv)
}
