//! Data forms, read for people and filled in by name (XEP-0004), and the plain fields of XEP-0077.

use std::collections::BTreeMap;

use minidom::Element;
use minidom::rxml::xml_ncname;

use crate::command::Values;
use crate::event::{Field, Form};
use crate::stanza::{child_text, text};

/// The namespace of data forms.
pub(crate) const DATA_FORMS: &str = "jabber:x:data";
/// The namespace of registration.
pub(crate) const REGISTER: &str = "jabber:iq:register";

/// Reads an `<x/>`.
pub(crate) fn read(x: &Element) -> Form {
    let texts = |name: &str| x.children().filter(|child| child.is(name, DATA_FORMS)).map(Element::text).collect();
    let fields = x.children().filter(|child| child.is("field", DATA_FORMS)).map(read_field);
    Form { title: child_text(x, "title", DATA_FORMS), instructions: texts("instructions"), fields: fields.collect() }
}

/// Reads the plain fields of a `<query xmlns='jabber:iq:register'/>` that holds no data form.
pub(crate) fn read_plain(query: &Element) -> Form {
    let plain = |child: &&Element| child.has_ns(REGISTER) && !matches!(child.name(), "instructions" | "registered");
    let fields = query.children().filter(plain).map(|child| {
        let kind = if child.name() == "password" { "text-private" } else { "text-single" };
        let values = Some(child.text()).filter(|value| !value.is_empty()).into_iter().collect();
        Field { var: child.name().to_owned(), kind: kind.to_owned(), required: true, values, ..Field::default() }
    });
    let instructions = child_text(query, "instructions", REGISTER).into_iter().collect();
    Form { title: None, instructions, fields: fields.collect() }
}

/// The `<x type='submit'/>` for a form: what was given, what the form had as values otherwise, and hidden fields as they were.
pub(crate) fn fill(form: &Form, given: &BTreeMap<String, Values>) -> Element {
    let known = form.fields.iter().filter(|field| field.kind != "fixed" && !field.var.is_empty()).map(|field| {
        let values = given.get(&field.var).map_or_else(|| field.values.clone(), Values::to_strings);
        (field.var.as_str(), values)
    });
    let is_new = |var: &str| !form.fields.iter().any(|field| field.var == var);
    let new = given.iter().filter(|(var, _)| is_new(var)).map(|(var, values)| (var.as_str(), values.to_strings()));
    let fields = known.chain(new).filter(|(_, values)| !values.is_empty()).map(|(var, values)| {
        let values = values.iter().map(|value| text("value", DATA_FORMS, value));
        Element::builder("field", DATA_FORMS).attr(xml_ncname!("var").to_owned(), var).append_all(values).build()
    });
    Element::builder("x", DATA_FORMS).attr(xml_ncname!("type").to_owned(), "submit").append_all(fields).build()
}

fn read_field(field: &Element) -> Field {
    let values = |parent: &Element| -> Vec<String> {
        parent.children().filter(|child| child.is("value", DATA_FORMS)).map(Element::text).collect()
    };
    let options = field.children().filter(|child| child.is("option", DATA_FORMS)).flat_map(values);
    Field {
        var: field.attr("var").unwrap_or_default().to_owned(),
        kind: field.attr("type").unwrap_or("text-single").to_owned(),
        label: field.attr("label").map(str::to_owned),
        required: field.has_child("required", DATA_FORMS),
        values: values(field),
        options: options.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner::parse_element;
    use crate::stanza::serialize;

    const FORM: &str = "<x xmlns='jabber:x:data' type='form'><title>Log in</title>\
        <field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>\
        <field type='fixed'><value>Your server sees this.</value></field>\
        <field var='homeserver' type='text-single' label='Server'><value>matrix.org</value><required/></field>\
        <field var='password' type='text-private'><required/></field></x>";

    #[test]
    fn a_form_is_filled_in_by_name_and_keeps_what_is_hidden() {
        let form = read(&parse_element(FORM).unwrap());
        assert_eq!(form.title.as_deref(), Some("Log in"));
        assert!(form.fields[2].required && form.fields[2].label.as_deref() == Some("Server"));
        let given = [("password".to_owned(), Values::One("s3cret".to_owned()))];
        let filled = serialize(&fill(&form, &given.into())).unwrap();
        assert_eq!(
            filled,
            "<x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>jabber:iq:register</value></field>\
             <field var='homeserver'><value>matrix.org</value></field>\
             <field var='password'><value>s3cret</value></field></x>"
                .replace('\'', if filled.contains('\'') { "'" } else { "\"" })
        );
    }
}
