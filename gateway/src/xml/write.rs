//! Elements to text. Whatever is in a tree, the text is well-formed XML 1.0, and no server that reads it closes the stream.

use minidom::{Element, Node};
use rxml::{XMLNS_XML, XMLNS_XMLNS};

use super::CLIENT;

/// Writes elements one after the other, as children of something in `jabber:client`.
///
/// Characters that XML 1.0 has no way to write become U+FFFD. Comments and processing instructions cannot occur.
/// Names that are not plain ASCII names are repaired (elements) or left out (attributes): they cannot come from
/// anybody but us.
pub fn serialize(elements: &[Element]) -> String {
    let mut text = String::new();
    for element in elements {
        write_element(element, CLIENT, &mut text);
    }
    text
}

fn write_element(element: &Element, inherited: &str, out: &mut String) {
    let namespace = element.ns();
    let (prefix, namespace) = match namespace.as_str() {
        XMLNS_XML => ("xml:", inherited),
        XMLNS_XMLNS => ("", ""),
        other => ("", other),
    };
    let name = element_name(element.name());
    out.extend(["<", prefix, &name]);
    if namespace != inherited {
        write_attribute("xmlns", namespace, out);
    }
    write_attributes(element, out);
    let mut nodes = element.nodes().peekable();
    if nodes.peek().is_none() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for node in nodes {
        match node {
            Node::Element(child) => write_element(child, namespace, out),
            Node::Text(text) => write_text(text, out),
        }
    }
    out.extend(["</", prefix, &name, ">"]);
}

fn write_attributes(element: &Element, out: &mut String) {
    let mut foreign = 0_usize;
    for ((namespace, name), value) in element.attrs() {
        if !is_plain_name(name) || &**name == "xmlns" {
            continue;
        }
        match namespace.as_str() {
            "" => write_attribute(name, value, out),
            XMLNS_XML => write_attribute(&format!("xml:{name}"), value, out),
            XMLNS_XMLNS => {}
            other => {
                write_attribute(&format!("xmlns:n{foreign}"), other, out);
                write_attribute(&format!("n{foreign}:{name}"), value, out);
                foreign += 1;
            }
        }
    }
}

fn write_attribute(name: &str, value: &str, out: &mut String) {
    out.extend([" ", name, "='"]);
    for c in value.chars() {
        match c {
            '\t' => out.push_str("&#9;"), // a parser makes a space of it otherwise (XML 1.0, section 3.3.3)
            '\n' => out.push_str("&#10;"),
            _ => write_char(c, out),
        }
    }
    out.push('\'');
}

fn write_text(text: &str, out: &mut String) {
    for c in text.chars() {
        write_char(c, out);
    }
}

/// How many octets a character of a text takes.
pub fn width(c: char) -> usize {
    let mut written = String::new();
    write_char(c, &mut written);
    written.len()
}

fn write_char(c: char, out: &mut String) {
    match c {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '\'' => out.push_str("&apos;"),
        '"' => out.push_str("&quot;"),
        '\r' => out.push_str("&#13;"), // a parser makes a line feed of it otherwise (XML 1.0, section 2.11)
        _ if is_xml_char(c) => out.push(c),
        _ => out.push(char::REPLACEMENT_CHARACTER),
    }
}

/// XML 1.0, section 2.2, production 2.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn element_name(name: &str) -> String {
    if is_plain_name(name) {
        return name.to_owned();
    }
    let mut plain: String = name.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
    if !is_plain_name(&plain) {
        plain.insert(0, '_');
    }
    plain
}

/// A name without colon, in the part of XML that the fourth and the fifth edition agree upon.
fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}
