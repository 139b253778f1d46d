//! Namespaces, and the PEP nodes that devices and their bundles are in (XEP-0384 sections 4 and 5; 0.3.0 section 4).

use crate::device_list::DeviceId;
use crate::{Dialect, xml};

/// The namespace of a dialect's elements.
#[must_use]
pub fn namespace(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Axolotl => "eu.siacs.conversations.axolotl",
        Dialect::Omemo2 => "urn:xmpp:omemo:2",
    }
}

/// The node of the device list, whose one item is `current`.
#[must_use]
pub fn devices(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Axolotl => "eu.siacs.conversations.axolotl.devicelist",
        Dialect::Omemo2 => "urn:xmpp:omemo:2:devices",
    }
}

/// Where a device's bundle is: the node, and the item's id in it; `None` is the only item there is.
#[must_use]
pub fn bundle(dialect: Dialect, device: DeviceId) -> (String, Option<String>) {
    match dialect {
        Dialect::Axolotl => (format!("{AXOLOTL_BUNDLES}{device}"), None),
        Dialect::Omemo2 => (OMEMO2_BUNDLES.to_owned(), Some(device.to_string())),
    }
}

/// What a node is about, if it is one of OMEMO's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The device list.
    Devices(Dialect),
    /// The bundle of one device, of the older dialect.
    Bundle(DeviceId),
    /// The bundles of all devices, of the newer dialect: each is an item whose id is the device's.
    Bundles,
}

impl Node {
    /// By its name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        if let Some(dialect) = Dialect::ALL.into_iter().find(|dialect| devices(*dialect) == name) {
            return Some(Self::Devices(dialect));
        }
        match name.strip_prefix(AXOLOTL_BUNDLES) {
            Some(device) => xml::number(device).and_then(DeviceId::new).map(Self::Bundle),
            None => (name == OMEMO2_BUNDLES).then_some(Self::Bundles),
        }
    }
}

const AXOLOTL_BUNDLES: &str = "eu.siacs.conversations.axolotl.bundles:";
const OMEMO2_BUNDLES: &str = "urn:xmpp:omemo:2:bundles";
