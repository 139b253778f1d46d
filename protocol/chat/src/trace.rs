//! Stanzas as they are on the wire, for people to read: everything but passwords.

use minidom::Element;

use crate::inner;
use crate::stanza::serialize;

/// What stands in the place of a password.
const HIDDEN: &str = "(hidden)";
/// Parts of a login that hold passwords or proofs of them (RFC 6120 section 6).
const LOGIN: [&str; 6] = ["auth", "response", "challenge", "success", "authenticate", "abort"];

/// The text to show for an element on the wire.
pub(crate) fn presentable(octets: &[u8]) -> String {
    let xml = String::from_utf8_lossy(octets);
    let name = element_name(&xml);
    if LOGIN.contains(&name) {
        return format!("<{name}>{HIDDEN}</{name}>");
    }
    if !mentions_password(&xml) {
        return xml.into_owned();
    }
    let redacted = inner::parse_element(&xml).ok().and_then(|mut element| {
        hide(&mut element);
        serialize(&element)
    });
    redacted.unwrap_or_else(|| format!("<{name}>{HIDDEN}</{name}>"))
}

/// The name at the beginning of a serialized element, with its prefix.
pub(crate) fn element_name(xml: &str) -> &str {
    let end = |c: char| c.is_whitespace() || c == '>' || c == '/';
    xml.strip_prefix('<').and_then(|xml| xml.split(end).next()).unwrap_or_default()
}

fn mentions_password(xml: &str) -> bool {
    let xml = xml.to_ascii_lowercase();
    ["password", "text-private", "passphrase", "recovery", "secret", "token"].iter().any(|word| xml.contains(word))
}

/// Hides `<password/>` elements, private fields, and fields whose names sound like passwords.
fn hide(element: &mut Element) {
    let is_password = element.name() == "password"
        || (element.name() == "field"
            && (element.attr("type") == Some("text-private") || element.attr("var").is_some_and(mentions_password)));
    if is_password {
        replace_texts(element);
    } else {
        element.children_mut().for_each(hide);
    }
}

fn replace_texts(element: &mut Element) {
    element.texts_mut().for_each(|text| HIDDEN.clone_into(text));
    element.children_mut().for_each(replace_texts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shows_that_it_happens_and_nothing_else() {
        let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHMzY3JldA==</auth>";
        assert_eq!(presentable(auth.as_bytes()), "<auth>(hidden)</auth>");
    }

    #[test]
    fn passwords_in_forms_are_hidden() {
        let forms = [
            "<iq><query xmlns='jabber:iq:register'><username>bob</username><password>s3cret</password></query></iq>",
            "<iq><x xmlns='jabber:x:data'><field var='password'><value>s3cret</value></field></x></iq>",
            "<iq><x xmlns='jabber:x:data'><field type='text-private' var='a'><value>s3cret</value></field></x></iq>",
            "<iq><x xmlns='jabber:x:data'><field var='Recovery_Key'><value>s3cret</value></field></x></iq>",
            "<iq><p:x xmlns='jabber:x:data'>password s3cret</p:x></iq>",
        ];
        for form in forms {
            let shown = presentable(form.as_bytes());
            assert!(!shown.contains("s3cret") && shown.contains(HIDDEN), "{shown}");
        }
        assert!(presentable(forms[0].as_bytes()).contains("bob"));
    }

    #[test]
    fn everything_else_is_shown_as_it_is() {
        let stanza = "<message  to=\"bob\"><body>hello</body></message>";
        assert_eq!(presentable(stanza.as_bytes()), stanza);
    }
}
