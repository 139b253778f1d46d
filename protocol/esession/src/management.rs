//! What the ends say about their session inside it (XEP-0155 sections 5 to 7, XEP-0116 section 6): that it ends, that other
//! terms shall hold, that it goes on under another resource. Only there a MAC proves who says so.

use minidom::Element;

use crate::error::Error;
use crate::form::{Form, FormWriter};
use crate::namespaces::{DATA_FORMS, FEATURE_NEG, SESSION_FORM, feature};
use crate::options::{Disclosure, Logging};
use crate::policy::Policy;

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

/// Whether a form outside any encryption ends a session, as old Gajim does ([`Profile::Gajim`](crate::Profile::Gajim)). Anybody
/// on the way can write it, so it is a hint at most: that such a peer has no session any more. It proves nothing, it is for
/// no other peer, and it is no reason to say anything in clear.
#[must_use]
pub fn ends_in_clear(form: &Element) -> bool {
    matches!(Notice::of(form), Some(Notice::Terminate))
}

/// What can be agreed anew while a session stands. `None` is what stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Who else may read.
    pub disclosure: Option<Disclosure>,
    /// Whether transcripts are kept.
    pub logging: Option<Logging>,
}

/// Terms that one end would have instead of those that hold (XEP-0155 section 6): options, of which the other end takes one
/// each. What is not listed stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Who else may read.
    pub disclosure: Vec<Disclosure>,
    /// Whether transcripts are kept.
    pub logging: Vec<Logging>,
    /// It insists on something that is nothing to propose, or on options that nobody knows.
    is_strange: bool,
}

impl Proposal {
    /// Proposes exactly these.
    #[must_use]
    pub fn of(terms: Terms) -> Self {
        let Terms { disclosure, logging } = terms;
        Self { disclosure: disclosure.into_iter().collect(), logging: logging.into_iter().collect(), is_strange: false }
    }

    /// What the policy takes of it; `None` if it takes none of the options of a field.
    #[must_use]
    pub fn choose(&self, policy: &Policy) -> Option<Terms> {
        if self.is_strange {
            return None;
        }
        let disclosure = choose(&policy.disclosure, &self.disclosure)?;
        Some(Terms { disclosure, logging: choose(&policy.logging, &self.logging)? })
    }

    /// Whether an answer takes one of the options in each field, and nothing else.
    pub(crate) fn admits(&self, terms: Terms) -> bool {
        is_chosen(&self.disclosure, terms.disclosure) && is_chosen(&self.logging, terms.logging)
    }

    fn read(form: &Form) -> Self {
        let disclosure = options(form, "disclosure", Disclosure::from_name);
        let logging = options(form, "logging", Logging::from_name);
        let mut others = form.fields.iter().filter(|field| field.required).map(|field| field.var.as_str());
        let insists = others.any(|var| !["FORM_TYPE", "renegotiate", "disclosure", "logging"].contains(&var));
        let is_strange = insists || disclosure.is_none() || logging.is_none() || form.field("accept").is_some();
        Self { disclosure: disclosure.unwrap_or_default(), logging: logging.unwrap_or_default(), is_strange }
    }

    /// The content of the stanza that makes it.
    pub(crate) fn to_content(&self) -> String {
        let mut form = FormWriter::new("form");
        form.typed("renegotiate", "boolean", &["1"]);
        for (var, names) in [
            ("disclosure", self.disclosure.iter().map(|option| option.name()).collect::<Vec<_>>()),
            ("logging", self.logging.iter().map(|option| option.name()).collect()),
        ] {
            if !names.is_empty() {
                form.options(var, "list-single", &names);
            }
        }
        content(&form)
    }
}

/// What the peer has said about the session, other than that it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Management {
    /// It would have other terms: see [`Session::answer`](crate::Session::answer).
    Proposed(Proposal),
    /// It takes what was proposed: these terms hold now, see [`Agreed::adopt`](crate::Agreed::adopt).
    Agreed(Terms),
    /// It does not: what was agreed before goes on.
    Refused,
    /// It would go on under this resource of its account, see [`Session::let_continue`](crate::Session::let_continue).
    Continues(String),
    /// It lets us go on under this resource.
    Continued(String),
}

/// The content of the stanza that answers a proposal.
pub(crate) fn answer(terms: Option<Terms>) -> String {
    let mut form = FormWriter::new("submit");
    form.field("renegotiate", if terms.is_some() { "1" } else { "0" });
    let terms = terms.unwrap_or_default();
    if let Some(disclosure) = terms.disclosure {
        form.field("disclosure", disclosure.name());
    }
    if let Some(logging) = terms.logging {
        form.field("logging", logging.name());
    }
    content(&form)
}

/// The content of the stanza that goes on under another resource (`submit`), or lets the peer do so (`result`).
pub(crate) fn continues(kind: &str, resource: &str) -> String {
    let mut form = FormWriter::new(kind);
    form.field("continue", resource);
    content(&form)
}

fn content(form: &FormWriter) -> String {
    String::from(&feature(form.element().clone()))
}

/// The options of a field that we know; none if there is no such field, `None` if we know none of those in it.
fn options<T>(form: &Form, var: &str, from_name: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let Some(field) = form.field(var) else { return Some(Vec::new()) };
    let known: Vec<_> = field.values.iter().filter_map(|value| from_name(value)).collect();
    (!known.is_empty()).then_some(known)
}

/// The first of ours that is among the options, `None` if none is; nothing where there is nothing to choose.
#[allow(clippy::option_option, reason = "that nothing fits is another thing than that nothing is asked")]
fn choose<T: Copy + PartialEq>(ours: &[T], options: &[T]) -> Option<Option<T>> {
    if options.is_empty() { Some(None) } else { ours.iter().copied().find(|value| options.contains(value)).map(Some) }
}

fn is_chosen<T: PartialEq>(options: &[T], chosen: Option<T>) -> bool {
    chosen.map_or(options.is_empty(), |chosen| options.contains(&chosen))
}

/// What decrypted content says about the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Terminate,
    Acknowledge,
    Manage(Management),
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
    Notice::of(root.get_child("feature", FEATURE_NEG)?.get_child("x", DATA_FORMS)?)
}

impl Notice {
    fn of(x: &Element) -> Option<Self> {
        let form = Form::collect(x).ok().filter(|form| form.one("FORM_TYPE") == Ok(SESSION_FORM))?;
        let (kind, says) = (x.attr("type")?, |var| form.flag(var) == Ok(true));
        let resource = || form.one("continue").ok().map(str::to_owned);
        match kind {
            "submit" if says("terminate") => Some(Self::Terminate),
            "result" if says("terminate") => Some(Self::Acknowledge),
            "form" if says("renegotiate") => Some(Self::Manage(Management::Proposed(Proposal::read(&form)))),
            "submit" if says("renegotiate") => Some(Self::Manage(accepted(&form))),
            "submit" if form.field("renegotiate").is_some() => Some(Self::Manage(Management::Refused)),
            "submit" => resource().map(|resource| Self::Manage(Management::Continues(resource))),
            "result" => resource().map(|resource| Self::Manage(Management::Continued(resource))),
            _ => None,
        }
    }
}

/// What cannot be read is no agreement.
fn accepted(form: &Form) -> Management {
    let disclosure = options(form, "disclosure", Disclosure::from_name);
    let logging = options(form, "logging", Logging::from_name);
    match (disclosure.as_deref(), logging.as_deref()) {
        (Some(disclosure @ ([] | [_])), Some(logging @ ([] | [_]))) => {
            Management::Agreed(Terms { disclosure: disclosure.first().copied(), logging: logging.first().copied() })
        }
        _ => Management::Refused,
    }
}
