//! Names of files: what others call one must not reach further than it.

use crate::egress::Target;

/// Octets of the longest name that file systems take.
const MAX_NAME: usize = 255;

/// A name that is one component of a path and shows what it is; nothing if nothing is left (XEP-0446 section 3).
pub(crate) fn clean(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    // Characters that turn the direction hide an extension.
    let is_shown = |c: &char| {
        !c.is_control() && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown: String = last.chars().filter(is_shown).collect();
    let name = shorten(shown.trim(), MAX_NAME).trim_end();
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// What a URL calls a file: the last component of its path.
pub(crate) fn of_url(target: &Target) -> Option<String> {
    let path = target.path.split('?').next().unwrap_or_default();
    let component = path.rsplit('/').next().unwrap_or_default();
    clean(&decode(component)?)
}

/// The beginning of a text, of at most so many octets.
pub(crate) fn shorten(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Without percent-encoding (RFC 3986 section 2.1), if it is text then.
fn decode(component: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(component.len());
    let mut rest = component.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digits = [char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?];
        octets.push(u8::try_from(digits[0] * 16 + digits[1]).ok()?);
    }
    String::from_utf8(octets).ok()
}
