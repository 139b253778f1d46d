//! Namespace declarations in force (Namespaces in XML 1.0), for parsing.

use std::collections::BTreeMap;

use rxml::error::ErrorContext;
use rxml::{Error, Namespace, NcName, XMLNS_XMLNS};

use super::CLIENT;

/// The declarations of one start tag.
#[derive(Default)]
pub(super) struct Scope {
    default: Option<Namespace<'static>>,
    prefixes: BTreeMap<NcName, Namespace<'static>>,
}

impl Scope {
    /// Takes `xmlns='name'`.
    pub(super) fn declare_default(&mut self, name: &str) -> Result<(), Error> {
        match self.default.replace(canonical(name)?) {
            Some(_) => Err(Error::DuplicateAttribute),
            None => Ok(()),
        }
    }

    /// Takes `xmlns:prefix='name'`.
    pub(super) fn declare(&mut self, prefix: NcName, name: &str) -> Result<(), Error> {
        if prefix == "xmlns" {
            return Err(Error::ReservedNamespacePrefix);
        }
        match self.prefixes.insert(prefix, canonical(name)?) {
            Some(_) => Err(Error::DuplicateAttribute),
            None => Ok(()),
        }
    }
}

/// The scopes of all open elements, outermost first.
#[derive(Default)]
pub(super) struct Scopes(Vec<Scope>);

impl Scopes {
    pub(super) fn push(&mut self, scope: Scope) {
        self.0.push(scope);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// Forgets all but the outermost `kept` scopes.
    pub(super) fn truncate(&mut self, kept: usize) {
        self.0.truncate(kept);
    }

    /// The namespace of an element with this prefix.
    pub(super) fn of_element(&self, prefix: Option<&NcName>) -> Result<Namespace<'static>, Error> {
        match prefix {
            Some(prefix) => self.of_prefix(prefix, ErrorContext::Name),
            None => {
                let nearest = self.0.iter().rev().find_map(|scope| scope.default.as_ref());
                Ok(nearest.cloned().unwrap_or(Namespace::NONE))
            }
        }
    }

    /// The namespace of an attribute with this prefix. The default declaration does not apply to attributes.
    pub(super) fn of_attribute(&self, prefix: Option<&NcName>) -> Result<Namespace<'static>, Error> {
        match prefix {
            Some(prefix) => self.of_prefix(prefix, ErrorContext::AttributeName),
            None => Ok(Namespace::NONE),
        }
    }

    fn of_prefix(&self, prefix: &NcName, place: ErrorContext) -> Result<Namespace<'static>, Error> {
        if prefix == "xml" {
            return Ok(Namespace::xml().clone());
        }
        let nearest = self.0.iter().rev().find_map(|scope| scope.prefixes.get(prefix));
        nearest.cloned().ok_or(Error::UndeclaredNamespacePrefix(Some(place)))
    }
}

/// The name used in this process. The three names that streams give to stanzas become one, so that nothing hides
/// behind another (XEP-0114, section 3: `jabber:component:accept` is equivalent to `jabber:client`).
fn canonical(name: &str) -> Result<Namespace<'static>, Error> {
    match name {
        XMLNS_XMLNS => Err(Error::ReservedNamespaceName),
        "jabber:component:accept" | "jabber:server" => Ok(Namespace::from(CLIENT.to_owned())),
        other => Ok(Namespace::from(other.to_owned())),
    }
}
