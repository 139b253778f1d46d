//! Raw XML events to elements, one tree for each child of the document's root.
//!
//! The root is a stream, or the wrapper of a fragment. Depth, octets and memory are counted before anything is built;
//! a child that goes over the limit is let go at once, and only its end is looked for. rxml's own namespace resolution
//! is not used, because its time is quadratic in the depth.

use minidom::Element;
use rxml::parser::RawQName;
use rxml::{AttrMap, RawEvent};

use super::namespaces::{Scope, Scopes};
use super::{Excess, Limits};

/// A skipped child of more octets than this is taken for an attack by the server itself.
const FLOOD: usize = 16 * 1024 * 1024;
/// Memory that trees may take, as a multiple of the wire limit.
const MEMORY_FACTOR: usize = 8;
/// What an element, and an attribute, take in memory besides their text (rounded up).
const ELEMENT: usize = 256;
const ATTRIBUTE: usize = 128;
/// The longest JID (RFC 7622, section 3.1), and the longest `id` worth answering.
const ADDRESS: usize = 3071;

/// What came to an end in the document.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// The root's start tag, without children.
    Root(Element),
    /// A whole child.
    Child(Element),
    /// A child over the limits, skipped to its end. Of the head, at least `from`, `to`, `id` and `type` are there, if they were sane.
    Refused(Element, Excess),
    /// Text between the children.
    Text(String),
    /// The root's end tag.
    End,
}

/// Why a document cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// Not well-formed, or XML that XMPP forbids.
    Xml(rxml::Error),
    /// A child without end.
    Flood,
}

/// Which part of the document the limits hold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// For each child: a stream.
    EachChild,
    /// For all children together: a fragment.
    Whole,
}

/// The parser's state between two events.
pub(crate) struct Forest {
    limits: Limits,
    measure: Measure,
    scopes: Scopes,
    /// Open elements of the document, the root included.
    depth: usize,
    octets: usize,
    memory: usize,
    /// The start tag that is being read.
    head: Option<Head>,
    /// The elements below the root that are being built.
    open: Vec<Element>,
    /// Set while a child is skipped.
    excess: Option<Excess>,
    /// The head of the child that is skipped.
    skipped: Option<Element>,
}

struct Head {
    name: RawQName,
    scope: Scope,
    attributes: Vec<(RawQName, String)>,
}

impl Forest {
    pub(crate) fn new(limits: Limits, measure: Measure) -> Self {
        Self {
            limits,
            measure,
            scopes: Scopes::default(),
            depth: 0,
            octets: 0,
            memory: 0,
            head: None,
            open: Vec::new(),
            excess: None,
            skipped: None,
        }
    }

    /// Takes one event of a parser without namespace support.
    pub(crate) fn feed(&mut self, event: RawEvent) -> Result<Option<Parsed>, Fault> {
        self.count(&event)?;
        match event {
            RawEvent::XmlDeclaration(..) => Ok(None),
            RawEvent::ElementHeadOpen(_, name) => {
                self.begin_head(name);
                Ok(None)
            }
            RawEvent::Attribute(_, name, value) => self.take_attribute(name, value).map(|()| None).map_err(Fault::Xml),
            RawEvent::ElementHeadClose(_) => self.end_head().map_err(Fault::Xml),
            RawEvent::Text(_, text) => Ok(self.take_text(text)),
            RawEvent::ElementFoot(_) => Ok(self.end_element()),
        }
    }

    /// Why the child that is being read will be refused, as soon as it is known.
    pub(crate) fn excess(&self) -> Option<Excess> {
        self.excess
    }

    fn count(&mut self, event: &RawEvent) -> Result<(), Fault> {
        let begins_child = self.depth == 1 && matches!(event, RawEvent::ElementHeadOpen(..));
        if begins_child && self.measure == Measure::EachChild {
            self.octets = 0;
            self.memory = 0;
        }
        if begins_child || self.depth > 1 {
            self.octets = self.octets.saturating_add(event.metrics().len());
        }
        if self.octets > FLOOD {
            return Err(Fault::Flood);
        }
        if self.octets > self.limits.max_stanza {
            self.refuse(Excess::TooLarge);
        }
        Ok(())
    }

    fn charge(&mut self, memory: usize) {
        self.memory = self.memory.saturating_add(memory);
        if self.memory > self.limits.max_stanza.saturating_mul(MEMORY_FACTOR) {
            self.refuse(Excess::TooLarge);
        }
    }

    /// Lets the tree go, but for the head of the child.
    fn refuse(&mut self, excess: Excess) {
        if self.depth < 2 && self.measure == Measure::EachChild {
            return; // the stream's own header: the parser's token limit is enough
        }
        self.excess.get_or_insert(excess);
        if self.skipped.is_none() && !self.open.is_empty() {
            let mut head = self.open.swap_remove(0);
            head.take_nodes();
            self.skipped = Some(head);
            self.open.clear();
            self.head = None;
            self.scopes.truncate(1);
        }
    }

    fn begin_head(&mut self, name: RawQName) {
        self.depth += 1;
        if self.depth - 1 > self.limits.max_depth {
            self.refuse(Excess::TooDeep);
        }
        if self.skipped.is_none() {
            self.head = Some(Head { name, scope: Scope::default(), attributes: Vec::new() });
        }
    }

    fn take_attribute(&mut self, name: RawQName, value: String) -> Result<(), rxml::Error> {
        let refused = self.excess.is_some();
        let Some(head) = &mut self.head else { return Ok(()) };
        match (&name.0, name.1.as_str()) {
            (Some(prefix), _) if prefix == "xmlns" => head.scope.declare(name.1, &value)?,
            (None, "xmlns") => head.scope.declare_default(&value)?,
            (None, "from" | "to" | "id" | "type") if value.len() <= ADDRESS => head.attributes.push((name, value)),
            _ if refused => {}
            _ => head.attributes.push((name, value)),
        }
        self.charge(ATTRIBUTE);
        Ok(())
    }

    fn end_head(&mut self) -> Result<Option<Parsed>, rxml::Error> {
        let Some(head) = self.head.take() else { return Ok(None) };
        self.scopes.push(head.scope);
        let namespace = self.scopes.of_element(head.name.0.as_ref())?;
        let mut memory = ELEMENT + namespace.as_str().len();
        let mut attributes = AttrMap::new();
        for ((prefix, name), value) in head.attributes {
            let of = self.scopes.of_attribute(prefix.as_ref())?;
            memory = memory.saturating_add(of.as_str().len());
            if attributes.insert(of, name, value).is_some() {
                return Err(rxml::Error::DuplicateAttribute);
            }
        }
        let mut element = Element::bare(head.name.1.as_str(), namespace.as_str());
        *element.attrs_mut() = attributes;
        if self.depth == 1 {
            return Ok(Some(Parsed::Root(element)));
        }
        if self.excess.is_some() {
            self.skipped = Some(element);
            self.scopes.truncate(1);
            return Ok(None);
        }
        self.open.push(element);
        self.charge(memory);
        Ok(None)
    }

    fn take_text(&mut self, text: String) -> Option<Parsed> {
        if self.depth == 1 {
            return Some(Parsed::Text(text));
        }
        if let Some(element) = self.open.last_mut() {
            element.append_text(text);
        }
        None
    }

    fn end_element(&mut self) -> Option<Parsed> {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            return Some(Parsed::End);
        }
        if self.excess.is_some() {
            return if self.depth == 1 { self.end_skipped() } else { None };
        }
        self.scopes.pop();
        let done = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => {
                parent.append_child(done);
                None
            }
            None => Some(Parsed::Child(done)),
        }
    }

    fn end_skipped(&mut self) -> Option<Parsed> {
        self.head = None;
        Some(Parsed::Refused(self.skipped.take()?, self.excess.take()?))
    }
}
