//! The exact text of a form that is MACed (XEP-0116 section 9: canonical XML without namespaces).

use minidom::{Element, Node};

use crate::error::Error;
use crate::suite::Profile;

/// Elements may nest this deep in a form; three levels are in use.
const MAX_DEPTH: usize = 8;

/// The two spellings of one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Normal {
    xep: String,
    /// Of old Gajim.
    gajim: String,
}

impl Normal {
    /// Of the children of a form, leaving out the fields `identity` and `mac`, which hold what is computed over it.
    pub(crate) fn of(form: &Element) -> Result<Self, Error> {
        let write = |spelling| {
            let mut text = String::new();
            let signed = |child: &&Element| !matches!(child.attr("var"), Some("identity" | "mac"));
            for child in form.children().filter(signed) {
                write_element(child, spelling, &mut text, MAX_DEPTH)?;
            }
            Ok(text)
        };
        Ok(Self { xep: write(Spelling::Xep)?, gajim: write(Spelling::Gajim)? })
    }

    #[cfg(feature = "dangerous-test-hooks")]
    pub(crate) fn given(text: &str) -> Self {
        Self { xep: text.to_owned(), gajim: text.to_owned() }
    }

    /// As a peer of this profile MACs it.
    pub(crate) fn spelled(&self, profile: Profile) -> &str {
        match profile {
            Profile::Xep | Profile::Truncated => &self.xep,
            Profile::Gajim => &self.gajim,
        }
    }
}

/// Old Gajim writes empty elements short and keeps white space beside elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Xep,
    Gajim,
}

fn write_element(element: &Element, spelling: Spelling, text: &mut String, depth: usize) -> Result<(), Error> {
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
    if spelling == Spelling::Gajim && element.nodes().next().is_none() {
        text.push_str(" />");
        return Ok(());
    }
    text.push('>');
    // Character data beside elements is layout; in a leaf it is the value.
    let keeps_text = spelling == Spelling::Gajim || element.children().next().is_none();
    for node in element.nodes() {
        match node {
            Node::Element(child) => write_element(child, spelling, text, deeper)?,
            Node::Text(data) if keeps_text => data.chars().for_each(|c| escape_text(c, text)),
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
