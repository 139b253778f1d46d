//! The end of a session, said inside it (XEP-0116 section 6): only a MAC on each side proves that nothing was cut off.

use minidom::Element;

use crate::error::Error;
use crate::namespaces::{DATA_FORMS, FEATURE_NEG, SESSION_FORM};

/// Ends the session.
pub(crate) const TERMINATE: &str = "<feature xmlns='http://jabber.org/protocol/feature-neg'>\
    <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>\
    <field var='terminate'><value>1</value></field></x></feature>";

/// Acknowledges the end.
pub(crate) const ACKNOWLEDGE: &str = "<feature xmlns='http://jabber.org/protocol/feature-neg'>\
    <x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>\
    <field var='terminate'><value>1</value></field></x></feature>";

/// A notice outside any encryption.
pub(crate) fn in_clear(notice: &str) -> Result<Element, Error> {
    notice.parse().map_err(|_| Error::Malformed("termination"))
}

/// What decrypted content says about the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Terminate,
    Acknowledge,
}

/// A notice is short and flat. Longer content is not parsed here at all: that is the caller's job, with a depth limit.
const MAX_LENGTH: usize = 4096;
const MAX_TAGS: usize = 64;

/// Finds a notice among the top-level elements of decrypted content.
pub(crate) fn find_notice(content: &str) -> Option<Notice> {
    let candidate = content.len() <= MAX_LENGTH
        && content.contains(FEATURE_NEG)
        && content.bytes().filter(|octet| *octet == b'<').count() <= MAX_TAGS;
    if !candidate {
        return None;
    }
    let root: Element = format!("<content xmlns='jabber:client'>{content}</content>").parse().ok()?;
    let form = root.get_child("feature", FEATURE_NEG)?.get_child("x", DATA_FORMS)?;
    let value = |var: &str| {
        let field = form.children().find(|field| field.attr("var") == Some(var))?;
        Some(field.children().find(|child| child.name() == "value")?.text().trim().to_owned())
    };
    if value("FORM_TYPE")? != SESSION_FORM || !matches!(value("terminate")?.as_str(), "1" | "true") {
        return None;
    }
    match form.attr("type") {
        Some("submit") => Some(Notice::Terminate),
        Some("result") => Some(Notice::Acknowledge),
        _ => None,
    }
}
