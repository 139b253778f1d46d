//! The names on the wire, and the thin wrappers around a negotiation form (XEP-0116 section 4, XEP-0200 section 2).

use minidom::Element;

/// The disco#info feature of XEP-0116; an entity that lists it can be invited to an ESession.
pub const ESESSION: &str = "http://www.xmpp.org/extensions/xep-0116.html#ns";
/// Wraps the responder's completion form in an `<init/>` element.
pub const ESESSION_INIT: &str = "http://www.xmpp.org/extensions/xep-0116.html#ns-init";
/// The node with options for those who may see when this end is there (XEP-0187 section 3.2); those for everybody are in
/// the node [`ESESSION`].
pub const OFFLINE: &str = "http://www.xmpp.org/extensions/xep-0187.html#ns";
/// The `<c/>` element of an encrypted stanza (XEP-0200).
pub const ENCRYPTED: &str = "http://www.xmpp.org/extensions/xep-0200.html#ns";
/// The `<feature/>` element around the first three forms (XEP-0020).
pub const FEATURE_NEG: &str = "http://jabber.org/protocol/feature-neg";
/// Data forms (XEP-0004).
pub const DATA_FORMS: &str = "jabber:x:data";
/// The FORM_TYPE of every negotiation form, and the disco feature of XEP-0155.
pub const SESSION_FORM: &str = "urn:xmpp:ssn";
/// XML signatures: the elements of public keys.
pub const XML_SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Public keys as accounts publish them: the node, and the elements in it (XEP-0189).
pub const PUBLIC_KEY: &str = "urn:xmpp:pubkey:2";
/// Stanza error conditions (RFC 6120 section 8.3.3).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// Wraps form A, form B or form A2 (messages 1 to 3) for a `<message/>`.
#[must_use]
pub fn feature(form: Element) -> Element {
    Element::builder("feature", FEATURE_NEG).append(form).build()
}

/// Wraps form B2 (message 4) for a `<message/>`.
#[must_use]
pub fn init(form: Element) -> Element {
    Element::builder("init", ESESSION_INIT).append(form).build()
}

/// The negotiation form in one child of a message, if that child is a `<feature/>` or an `<init/>` that holds one.
///
/// `type='form'` starts a negotiation, `submit` is form B, `result` is form A2 in a `<feature/>` and form B2 in an `<init/>`.
#[must_use]
pub fn negotiation_form(payload: &Element) -> Option<&Element> {
    if !payload.is("feature", FEATURE_NEG) && !payload.is("init", ESESSION_INIT) {
        return None;
    }
    let form = payload.get_child("x", DATA_FORMS)?;
    let session = form.children().any(|field| {
        field.attr("var") == Some("FORM_TYPE") && field.children().any(|value| value.text().trim() == SESSION_FORM)
    });
    session.then_some(form)
}

/// Whether one child of a stanza is encrypted content.
#[must_use]
pub fn is_encrypted(payload: &Element) -> bool {
    payload.is("c", ENCRYPTED)
}
