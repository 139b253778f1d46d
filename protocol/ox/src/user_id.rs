//! What a JID is called in a User ID.

use std::fmt::Write;

use esession_attest::standing::user_id;

/// The names of a bare JID: as XEP-0373 section 7.5 shows it, which most clients compare with, and as the IRI that it
/// says it is (RFC 5122 section 2.2), which Gajim compares with. For most users they are the same, for contacts, with a
/// `%` in their JIDs, they are not. Names are made and compared, never decoded.
pub(crate) fn names(jid: &str) -> Vec<String> {
    let mut names = vec![user_id(jid)];
    if let Some(iri) = iri(jid).map(|iri| user_id(&iri)).filter(|iri| !names.contains(iri)) {
        names.push(iri);
    }
    names
}

/// The JID with what may not stand in the local part of an IRI as octets; nothing if it has none.
fn iri(jid: &str) -> Option<String> {
    let (local, domain) = jid.split_once('@')?;
    let mut iri = String::new();
    for c in local.chars() {
        if c.is_ascii_alphanumeric() || "-._~!$()*+,;=".contains(c) || c >= '\u{a0}' {
            iri.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|octet| {
                let _ = write!(iri, "%{octet:02X}");
            });
        }
    }
    Some(format!("{iri}@{domain}"))
}
