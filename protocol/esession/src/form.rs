//! The negotiation form: typed fields <-> jabber:x:data.

use minidom::Element;

/// A private field of form A or form B. It is covered by the MACs; implementations that do not know it ignore it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraField {
    /// The field name; a name of XEP-0116 or XEP-0155 is refused.
    pub var: String,
    /// The values, in order.
    pub values: Vec<String>,
}

/// The fields of a form that this crate does not know. To be read before the form is answered, unauthenticated as yet.
#[must_use]
pub fn extra_fields(form: &Element) -> Vec<ExtraField> {
    let _ = form;
    Vec::new()
}
