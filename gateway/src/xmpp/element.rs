//! Building elements by chaining, and reading the addresses of stanzas.

use jid::Jid;
use minidom::Element;
use rxml::{Namespace, NcName};

use super::ns;

/// Chained building of a [`Element`].
pub trait Build: Sized {
    /// With an attribute. `name` is one of our own words; what cannot be a name is left out.
    fn with(self, name: &str, value: impl Into<String>) -> Self;
    /// With an attribute, if there is a value.
    fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self;
    /// With one more child.
    fn with_child(self, child: Element) -> Self;
    /// With more children.
    fn with_children(self, children: impl IntoIterator<Item = Element>) -> Self;
    /// With more text.
    fn with_text(self, text: &str) -> Self;
    /// Without the first child of this name.
    fn without(self, name: &str, namespace: &str) -> Self;
}

impl Build for Element {
    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Ok(name) = NcName::try_from(name) {
            self.set_attr(Namespace::NONE, name, value.into());
        }
        self
    }

    fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn with_child(mut self, child: Element) -> Self {
        self.append_child(child);
        self
    }

    fn with_children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        for child in children {
            self.append_child(child);
        }
        self
    }

    fn with_text(mut self, text: &str) -> Self {
        self.append_text_node(text);
        self
    }

    fn without(mut self, name: &str, namespace: &str) -> Self {
        self.remove_child(name, namespace);
        self
    }
}

/// An empty element.
pub fn element(name: &str, namespace: &str) -> Element {
    Element::bare(name, namespace)
}

/// An empty stanza (`iq`, `message`, `presence`) with addresses.
pub fn stanza(name: &str, from: &Jid, to: &Jid) -> Element {
    element(name, ns::CLIENT).with("from", from.as_str()).with("to", to.as_str())
}

/// A stanza's `from`, if it is a JID.
pub fn sender(stanza: &Element) -> Option<Jid> {
    Jid::new(stanza.attr("from")?).ok()
}

/// A stanza's `to`, if it is a JID.
pub fn recipient(stanza: &Element) -> Option<Jid> {
    Jid::new(stanza.attr("to")?).ok()
}

/// A random id: 128 bits, so nobody guesses it.
pub fn random_id() -> String {
    use base64::Engine;
    let mut octets = [0; 16];
    if getrandom::fill(&mut octets).is_err() {
        tracing::error!("the system's random source fails");
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets)
}
