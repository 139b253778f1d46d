//! Answers and refusals (RFC 6120, section 8.3), made in this one place.

use jid::Jid;
use minidom::Element;
use rxml::{Namespace, xml_ncname};

use super::element::{Build, element};
use super::ns;

/// A stanza error's defined condition (RFC 6120, section 8.3.3), with its usual type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The stanza is not what its protocol says.
    BadRequest,
    /// It contradicts what is there.
    Conflict,
    /// We do not do this.
    FeatureNotImplemented,
    /// The sender may not do this.
    Forbidden,
    /// Who or what it is meant for has gone for good.
    Gone,
    /// Our fault.
    InternalServerError,
    /// There is no such thing.
    ItemNotFound,
    /// An address that cannot be one.
    JidMalformed,
    /// Understood, and not good enough.
    NotAcceptable,
    /// Nobody may do this.
    NotAllowed,
    /// The credentials are wrong.
    NotAuthorized,
    /// Against the rules of this host.
    PolicyViolation,
    /// Not there at the moment.
    RecipientUnavailable,
    /// The sender must register first.
    RegistrationRequired,
    /// The far server does not exist.
    RemoteServerNotFound,
    /// The far server does not answer.
    RemoteServerTimeout,
    /// The far server did not answer in time, and it is given up. The same condition as before, of the type that says so.
    GivenUp,
    /// Too much at the moment.
    ResourceConstraint,
    /// We do not serve this.
    ServiceUnavailable,
    /// Out of turn.
    UnexpectedRequest,
}

impl Condition {
    /// Element name, error type, and the number that clients from before RFC 3920 read (XEP-0086; Profanity 0.18
    /// still does for `item-not-found`).
    fn on_wire(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", "modify", "400"),
            Self::Conflict => ("conflict", "cancel", "409"),
            Self::FeatureNotImplemented => ("feature-not-implemented", "cancel", "501"),
            Self::Forbidden => ("forbidden", "auth", "403"),
            Self::Gone => ("gone", "cancel", "302"),
            Self::InternalServerError => ("internal-server-error", "wait", "500"),
            Self::ItemNotFound => ("item-not-found", "cancel", "404"),
            Self::JidMalformed => ("jid-malformed", "modify", "400"),
            Self::NotAcceptable => ("not-acceptable", "modify", "406"),
            Self::NotAllowed => ("not-allowed", "cancel", "405"),
            Self::NotAuthorized => ("not-authorized", "auth", "401"),
            Self::PolicyViolation => ("policy-violation", "modify", "405"),
            Self::RecipientUnavailable => ("recipient-unavailable", "wait", "404"),
            Self::RegistrationRequired => ("registration-required", "auth", "407"),
            Self::RemoteServerNotFound => ("remote-server-not-found", "cancel", "404"),
            Self::RemoteServerTimeout => ("remote-server-timeout", "wait", "504"),
            Self::GivenUp => ("remote-server-timeout", "cancel", "504"),
            Self::ResourceConstraint => ("resource-constraint", "wait", "500"),
            Self::ServiceUnavailable => ("service-unavailable", "cancel", "503"),
            Self::UnexpectedRequest => ("unexpected-request", "wait", "400"),
        }
    }
}

/// The `<error/>` child.
pub fn error(condition: Condition, text: &str) -> Element {
    let (name, kind, code) = condition.on_wire();
    let mut error =
        element("error", ns::CLIENT).with("type", kind).with("code", code).with_child(element(name, ns::STANZA_ERRORS));
    if !text.is_empty() {
        let mut words = element("text", ns::STANZA_ERRORS).with_text(text);
        words.set_attr(Namespace::xml().clone(), xml_ncname!("lang").to_owned(), "en");
        error.append_child(words);
    }
    error
}

/// An empty `result` for an iq request.
pub fn answer(iq: &Element) -> Element {
    turned(iq).with("type", "result")
}

/// An error for any stanza; `text` is for people and may be empty. `None` where an answer is forbidden: to an error,
/// to a `result` (RFC 6120, section 8.3.1), to a stanza without sender.
pub fn refuse(stanza: &Element, condition: Condition, text: &str) -> Option<Element> {
    if matches!(stanza.attr("type"), Some("error" | "result")) || stanza.attr("from").is_none() {
        return None;
    }
    Some(refusal(stanza, condition, text))
}

/// An error for an iq `get` or `set`, which always gets an answer.
pub fn refusal(request: &Element, condition: Condition, text: &str) -> Element {
    turned(request).with("type", "error").with_child(error(condition, text))
}

/// The error condition's name and text in an answer of type `error`.
pub fn reason(answer: &Element) -> (String, Option<String>) {
    let error = answer.get_child("error", ns::CLIENT);
    let name = error
        .and_then(|error| error.children().find(|child| child.has_ns(ns::STANZA_ERRORS) && child.name() != "text"))
        .map_or_else(|| "undefined-condition".to_owned(), |child| child.name().to_owned());
    let text = error.and_then(|error| error.get_child("text", ns::STANZA_ERRORS)).map(Element::text);
    (name, text)
}

/// The same kind of stanza back: addresses swapped, id kept.
pub fn turned(stanza: &Element) -> Element {
    let valid = |name| stanza.attr(name).filter(|jid| Jid::new(jid).is_ok());
    element(stanza.name(), ns::CLIENT)
        .with_some("from", valid("to"))
        .with_some("to", valid("from"))
        .with_some("id", stanza.attr("id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str) -> Element {
        element("iq", ns::CLIENT)
            .with("type", kind)
            .with("id", "<'1'>")
            .with("from", "alice@example.org/a")
            .with("to", "gw.example.org")
    }

    #[test]
    fn a_refusal_goes_back_to_who_asked_with_the_same_id() {
        let refusal = refuse(&request("get"), Condition::ItemNotFound, "no such person").unwrap();
        assert_eq!(refusal.attr("to"), Some("alice@example.org/a"));
        assert_eq!(refusal.attr("from"), Some("gw.example.org"));
        assert_eq!(refusal.attr("id"), Some("<'1'>"));
        assert_eq!(refusal.attr("type"), Some("error"));
        assert_eq!(reason(&refusal), ("item-not-found".to_owned(), Some("no such person".to_owned())));
        assert_eq!(refusal.get_child("error", ns::CLIENT).unwrap().attr("code"), Some("404"));
    }

    #[test]
    fn errors_and_results_are_never_answered() {
        assert!(refuse(&request("error"), Condition::BadRequest, "").is_none());
        assert!(refuse(&request("result"), Condition::BadRequest, "").is_none());
    }

    #[test]
    fn the_payload_is_not_echoed() {
        let loaded = request("set").with_child(element("query", "jabber:iq:register").with_text("password"));
        let refusal = refuse(&loaded, Condition::Forbidden, "").unwrap();
        assert_eq!(refusal.children().count(), 1);
    }
}
