//! The devices of an account, as it publishes them (XEP-0384 section 5.3.1; 0.3.0 section 4.3).

use std::fmt;

use minidom::Element;
use rxml::xml_ncname;

use crate::error::Error;
use crate::xml::{self, Builder, with};
use crate::{Dialect, nodes};

/// A list of more devices is no list: each of them costs a session and a key in every stanza.
pub const MAX_DEVICES: usize = 100;

/// What a device is called, within its account: a positive number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(u32);

impl DeviceId {
    /// The greatest that a new device may have: others read it into 31 bits.
    pub const MAX_NEW: u32 = i32::MAX as u32;

    /// Nothing for 0, which is no name.
    #[must_use]
    pub fn new(id: u32) -> Option<Self> {
        (id > 0).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The devices of an account, none of them twice. Names that people gave them are left out: a server could change them, and
/// nobody here shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList(Vec<DeviceId>);

impl DeviceList {
    /// Of these.
    #[must_use]
    pub fn new(devices: impl IntoIterator<Item = DeviceId>) -> Self {
        let mut list = Self::default();
        for device in devices {
            if !list.0.contains(&device) {
                list.0.push(device);
            }
        }
        list
    }

    /// In the order in which they are listed.
    pub fn iter(&self) -> impl Iterator<Item = DeviceId> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this device is in it.
    #[must_use]
    pub fn contains(&self, device: DeviceId) -> bool {
        self.0.contains(&device)
    }

    /// From the payload of the node's item. What is no device there is left out.
    ///
    /// # Errors
    /// It is another element, or a list of more than [`MAX_DEVICES`].
    pub fn read(dialect: Dialect, element: &Element) -> Result<Self, Error> {
        if !element.is(name(dialect), nodes::namespace(dialect)) {
            return Err(Error::Malformed("device list"));
        }
        let ids = xml::children(element, "device").filter_map(|device| xml::number_attribute(device, "id").ok());
        let list = Self::new(ids.filter_map(DeviceId::new));
        if list.0.len() > MAX_DEVICES { Err(Error::Malformed("number of devices")) } else { Ok(list) }
    }

    /// As the payload of the node's item.
    #[must_use]
    pub fn to_element(&self, dialect: Dialect) -> Element {
        let builder = Builder(nodes::namespace(dialect));
        let mut list = builder.element(name(dialect));
        for device in &self.0 {
            list.append_child(with(builder.element("device"), xml_ncname!("id"), device));
        }
        list
    }
}

fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Axolotl => "list",
        Dialect::Omemo2 => "devices",
    }
}
