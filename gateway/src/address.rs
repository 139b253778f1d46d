//! A contact's id and its JID, one to one (XEP-0100, section 5.1; the escaping of XEP-0106, widened to every octet).
//!
//! `@Bob:example.org` is `\42ob%example.org@gateway`: name and server are escaped apart and joined by `%`, which the
//! escaping keeps out of both. Every octet that a server might fold, map or refuse in a localpart is escaped, so that
//! two ids never meet in one JID, whatever normalization it goes through. What XEP-0106 escapes comes out as there.

use drawbridge_bridge::ContactName;
use jid::{BareJid, DomainRef};

/// The longest localpart (RFC 7622, section 3.3), in octets.
const LOCALPART: usize = 1023;
/// XEP-0106, section 4.2: an escaped localpart neither begins nor ends with `\20`. There, a space is written as an
/// octet that UTF-8 never has.
const EDGE_SPACE: u8 = 0xff;

/// From far ids to JIDs.
pub struct Address;

impl Address {
    /// The JID of a contact at the gateway's domain; `None` if a part is empty or the JID would be too long.
    pub fn of(name: &ContactName, domain: &DomainRef) -> Option<BareJid> {
        domain.with_node_str(&localpart(name)?).ok()
    }
}

/// The contact that a localpart stands for; `None` unless it is exactly what [`Address::of`] writes.
pub fn contact_name(local: &str) -> Option<ContactName> {
    let name = match local.split_once('%') {
        Some((name, server)) => ContactName { name: decode(name)?, server: Some(decode(server)?) },
        None => ContactName { name: decode(local)?, server: None },
    };
    (localpart(&name)? == local).then_some(name)
}

/// What somebody typed, if the localpart is a typed id that a client escaped by XEP-0106: `\40bob\3aexample.org` is
/// `@bob:example.org`. `None` if nothing was escaped, or not as XEP-0106 says. For looking up, never for identity.
pub fn typed(local: &str) -> Option<String> {
    if !local.contains('\\') || local.starts_with("\\20") || local.ends_with("\\20") {
        return None;
    }
    let mut parts = local.split('\\');
    let mut text = parts.next()?.to_owned();
    let mut escaped = false;
    for part in parts {
        match part.get(..2).and_then(escaped_by_xep_0106) {
            Some(c) => {
                escaped = true;
                text.push(c);
                text.push_str(part.get(2..)?);
            }
            None => text.extend(["\\", part]),
        }
    }
    escaped.then_some(text)
}

fn escaped_by_xep_0106(hex: &str) -> Option<char> {
    const ESCAPED: &str = " \"&'/:<>@\\";
    let octet = u8::from_str_radix(hex, 16).ok()?;
    ESCAPED.chars().find(|c| *c as u32 == u32::from(octet))
}

fn localpart(name: &ContactName) -> Option<String> {
    let mut raw = name.name.clone().into_bytes();
    let joint = raw.len();
    if let Some(server) = &name.server {
        raw.extend_from_slice(server.as_bytes());
    }
    let some_part_is_empty = joint == 0 || (name.server.is_some() && raw.len() == joint);
    if some_part_is_empty || raw.len() > LOCALPART {
        return None;
    }
    for edge in [0, raw.len() - 1] {
        raw.get_mut(edge).filter(|octet| **octet == b' ').into_iter().for_each(|octet| *octet = EDGE_SPACE);
    }
    let mut local = String::with_capacity(raw.len() * 3);
    for (place, octet) in raw.into_iter().enumerate() {
        if name.server.is_some() && place == joint {
            local.push('%');
        }
        encode(octet, &mut local);
    }
    (local.len() <= LOCALPART).then_some(local)
}

/// Writes one octet: itself if every normalization of a localpart (nodeprep, PRECIS UsernameCaseMapped) leaves it.
fn encode(octet: u8, local: &mut String) {
    match octet {
        b'"' | b'%' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@' | b'\\' | b'A'..=b'Z' => escape(octet, local),
        0x21..=0x7e => local.push(char::from(octet)),
        _ => escape(octet, local),
    }
}

fn escape(octet: u8, local: &mut String) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    local.extend(['\\', digit(octet >> 4), digit(octet & 0xf)]);
}

fn decode(part: &str) -> Option<String> {
    let mut raw = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes().iter();
    while let Some(octet) = rest.next() {
        raw.push(match octet {
            b'\\' => {
                let (high, low) = (hex_digit(*rest.next()?)?, hex_digit(*rest.next()?)?);
                match high << 4 | low {
                    EDGE_SPACE => b' ',
                    octet => octet,
                }
            }
            octet => *octet,
        });
    }
    String::from_utf8(raw).ok()
}

fn hex_digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
