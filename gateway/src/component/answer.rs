//! The errors that the link sends by itself (RFC 6120, section 8.3), for stanzas that go no further.

use minidom::Element;
use rxml::{Namespace, NcName};

use crate::xml::{CLIENT, Excess, STANZA_ERRORS};

/// No JID and no sane id is longer (RFC 7622, section 3.1).
const ADDRESS: usize = 3071;

/// For a stanza over the limits. Only of its head; `None` if no error is due.
pub(super) fn refusal(head: &Element, excess: Excess) -> Option<Element> {
    let condition = match excess {
        Excess::TooDeep => "not-acceptable",
        Excess::TooLarge => "policy-violation",
    };
    error(head, "modify", condition, Some(excess.text()))
}

/// For a stanza that found no place in the queue. `None` if no error is due.
pub(super) fn overload(stanza: &Element) -> Option<Element> {
    error(stanza, "wait", "resource-constraint", None)
}

/// RFC 6120, section 8.3.1: never for an error. Section 8.2.3: for each iq `get` and `set`. A lost presence is no
/// event that anybody would act on.
fn is_due(stanza: &Element) -> bool {
    match (stanza.name(), stanza.attr("type")) {
        ("message", kind) => kind != Some("error"),
        ("iq", kind) => matches!(kind, Some("get" | "set")),
        _ => false,
    }
}

fn error(stanza: &Element, kind: &str, condition: &str, text: Option<&str>) -> Option<Element> {
    let (from, to) = (stanza.attr("from")?, stanza.attr("to")?);
    let id = stanza.attr("id").unwrap_or_default();
    if !is_due(stanza) || [from, to, id].iter().any(|value| value.len() > ADDRESS) {
        return None;
    }
    let mut error = Element::bare("error", CLIENT);
    set(&mut error, "type", kind)?;
    error.append_child(Element::bare(condition, STANZA_ERRORS));
    if let Some(text) = text {
        error.append_child(Element::bare("text", STANZA_ERRORS)).append_text(text);
    }
    let mut answer = Element::bare(stanza.name(), CLIENT);
    set(&mut answer, "type", "error")?;
    set(&mut answer, "from", to)?;
    set(&mut answer, "to", from)?;
    if !id.is_empty() {
        set(&mut answer, "id", id)?;
    }
    answer.append_child(error);
    Some(answer)
}

/// Sets an attribute without namespace. `None` if the name is none; ours are.
pub(super) fn set(element: &mut Element, name: &str, value: &str) -> Option<()> {
    let name = NcName::try_from(name).ok()?;
    element.attrs_mut().insert(Namespace::NONE, name, value.to_owned());
    Some(())
}
