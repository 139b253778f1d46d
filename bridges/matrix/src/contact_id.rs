//! Matrix user ids: what people type, the two parts, and back.

use drawbridge_bridge::{ContactId, ContactName};
use matrix_sdk::ruma::matrix_uri::MatrixId;
use matrix_sdk::ruma::{MatrixToUri, MatrixUri, OwnedUserId, UserId};

/// The whole id, sigil included, in octets (Matrix 1.18, appendices, "User identifiers").
const MAX_ID: usize = 255;

/// Reads `@bob:example.org`, `bob:example.org`, `bob%example.org`, `matrix:u/bob:example.org` and matrix.to links.
pub(crate) fn parse(text: &str) -> Option<ContactId> {
    let text = text.trim();
    let id = match text.split_once(':') {
        Some(("matrix", _)) => user_of(MatrixUri::parse(text).ok()?.id()),
        Some(("https" | "http", _)) => user_of(MatrixToUri::parse(text).ok()?.id()),
        _ if text.starts_with('@') => legal(text),
        // Rooms, aliases, events and groups have sigils of their own.
        _ if text.starts_with(['#', '!', '$', '+']) => None,
        _ => gateway_form(text).or_else(|| legal(&format!("@{text}"))),
    }?;
    Some(ContactId::new(id.as_str()))
}

/// The two parts, exactly as they are in the id. Everything between `@` and the first `:` is the name.
pub(crate) fn split(id: &ContactId) -> Option<ContactName> {
    let id = legal(id.as_str())?;
    Some(ContactName { name: id.localpart().to_owned(), server: Some(id.server_name().as_str().to_owned()) })
}

/// The inverse of [`split`].
pub(crate) fn join(name: &ContactName) -> Option<ContactId> {
    let server = name.server.as_ref()?;
    // A colon in the name would move the border between the two.
    if name.name.contains(':') {
        return None;
    }
    legal(&format!("@{}:{server}", name.name)).map(|id| ContactId::new(id.as_str()))
}

/// The id as the SDK wants it, if it is legal; historical ids (any printable ASCII) are. The SDK itself is laxer.
pub(crate) fn legal(text: &str) -> Option<OwnedUserId> {
    let id = UserId::parse(text).ok()?;
    let name = id.localpart();
    let printable = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic());
    (text.len() <= MAX_ID && printable).then_some(id)
}

fn user_of(id: &MatrixId) -> Option<OwnedUserId> {
    match id {
        MatrixId::User(id) => legal(id.as_str()),
        _ => None,
    }
}

/// `bob%example.org`, as a gateway writes it; the name may itself hold a `%`.
fn gateway_form(text: &str) -> Option<OwnedUserId> {
    let (name, server) = text.rsplit_once('%')?;
    if name.contains(':') {
        return None;
    }
    legal(&format!("@{name}:{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        parse(text).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn a_person_is_found_in_whatever_people_paste() {
        for text in [
            "@bob:matrix.org",
            "  @bob:matrix.org\n",
            "bob:matrix.org",
            "bob%matrix.org",
            "https://matrix.to/#/@bob:matrix.org",
            "https://matrix.to/#/%40bob%3Amatrix.org",
            "matrix:u/bob:matrix.org",
            "matrix:u/bob:matrix.org?action=chat",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("@bob:matrix.org"), "{text:?}");
        }
    }

    #[test]
    fn ports_and_addresses_stay_part_of_the_server() {
        assert_eq!(parsed("bob%matrix.org:8448").as_deref(), Some("@bob:matrix.org:8448"));
        assert_eq!(parsed("@bob:[::1]:8448").as_deref(), Some("@bob:[::1]:8448"));
        assert_eq!(parsed("a%b:matrix.org").as_deref(), Some("@a%b:matrix.org"));
        assert_eq!(parsed("a%b%matrix.org").as_deref(), Some("@a%b:matrix.org"));
    }

    #[test]
    fn what_is_no_person_is_refused() {
        for text in [
            "",
            "@",
            "bob",
            "@bob",
            "@:matrix.org",
            "#room:matrix.org",
            "!room:matrix.org",
            "https://matrix.to/#/#room:matrix.org",
            "matrix:r/room:matrix.org",
            "https://example.org/",
            "@b ob:matrix.org",
            "@bob:matrix.org/path",
            "@bob\u{0}:matrix.org",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert_eq!(parsed(&format!("@{}:matrix.org", "b".repeat(243))).map(|id| id.len()), Some(255));
        assert_eq!(parsed(&format!("@{}:matrix.org", "b".repeat(244))), None);
    }

    #[test]
    fn splitting_and_joining_keeps_every_legal_id() {
        let every_printable: String = ('!'..='~').filter(|c| *c != ':').collect();
        for id in [
            "@bob:matrix.org",
            "@Bob/=+_-.:matrix.org",
            "@BOB:Matrix.org:8448",
            "@a%b:[2001:db8::1]:8448",
            "@@@:127.0.0.1",
            &format!("@{every_printable}:example.org"),
        ] {
            let id = ContactId::new(id);
            let name = split(&id).unwrap_or_else(|| panic!("{id} is legal"));
            assert_eq!(join(&name), Some(id));
        }
    }

    #[test]
    fn joining_what_was_never_split_is_refused() {
        for (name, server) in
            [("a:b", Some("example.org")), ("", Some("example.org")), ("bob", None), ("bob", Some(""))]
        {
            let name = ContactName { name: name.into(), server: server.map(Into::into) };
            assert_eq!(join(&name), None, "{name:?}");
        }
    }
}
