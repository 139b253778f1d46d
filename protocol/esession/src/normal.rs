//! The exact text of a form that is MACed (XEP-0116 section 9: canonical XML without namespaces).

use minidom::{Element, Node};

use crate::error::Error;

/// Elements may nest this deep in a form; three levels are in use.
const MAX_DEPTH: usize = 8;

/// Normalizes the children of a form, leaving out the fields `identity` and `mac`, which hold what is computed over it.
pub(crate) fn normalize(form: &Element) -> Result<String, Error> {
    let mut text = String::new();
    let signed = |child: &&Element| !matches!(child.attr("var"), Some("identity" | "mac"));
    for child in form.children().filter(signed) {
        write_element(child, &mut text, MAX_DEPTH)?;
    }
    Ok(text)
}

fn write_element(element: &Element, text: &mut String, depth: usize) -> Result<(), Error> {
    let deeper = depth.checked_sub(1).ok_or(Error::Malformed("form"))?;
    text.push('<');
    text.push_str(element.name());
    let mut attributes: Vec<(&str, &str)> =
        element.attrs().iter().map(|((_, name), value)| (name.as_str(), value.as_str())).collect();
    attributes.sort_unstable();
    for (name, value) in attributes {
        text.push(' ');
        text.push_str(name);
        text.push_str("=\"");
        value.chars().for_each(|c| escape_attribute(c, text));
        text.push('"');
    }
    text.push('>');
    // Character data beside elements is layout; in a leaf it is the value.
    let is_leaf = element.children().next().is_none();
    for node in element.nodes() {
        match node {
            Node::Element(child) => write_element(child, text, deeper)?,
            Node::Text(data) if is_leaf => data.chars().for_each(|c| escape_text(c, text)),
            Node::Text(_) => {}
        }
    }
    text.push_str("</");
    text.push_str(element.name());
    text.push('>');
    Ok(())
}

fn escape_attribute(c: char, text: &mut String) {
    match c {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '"' => text.push_str("&quot;"),
        '\t' => text.push_str("&#x9;"),
        '\n' => text.push_str("&#xA;"),
        '\r' => text.push_str("&#xD;"),
        c => text.push(c),
    }
}

fn escape_text(c: char, text: &mut String) {
    match c {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '\r' => text.push_str("&#xD;"),
        c => text.push(c),
    }
}
