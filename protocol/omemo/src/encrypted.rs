//! The element of an encrypted stanza (XEP-0384 section 5.5.3; 0.3.0 section 4.5).

use minidom::Element;
use omemo_ratchet::{Payload, Sealed};
use rxml::xml_ncname;

use crate::device_list::DeviceId;
use crate::error::Error;
use crate::xml::{self, Builder, with};
use crate::{Dialect, nodes};

/// A stanza for more devices than this is none: a room of hundreds would not fit into a stanza.
pub const MAX_KEYS: usize = 1000;

/// What is encrypted, and its key for each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// In which dialect.
    pub dialect: Dialect,
    /// The sender's device.
    pub sender: DeviceId,
    /// For each device.
    pub keys: Vec<SealedKey>,
    /// Nothing in a message that only carries sessions on.
    pub payload: Option<Payload>,
}

/// The key of the payload, for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// The bare JID of the device's account, which the newer dialect tells and the older one does not.
    pub account: Option<String>,
    /// The device.
    pub device: DeviceId,
    /// As its session has sealed it.
    pub sealed: Sealed,
}

impl Encrypted {
    /// Which dialect an element is of, if it is an encrypted one.
    #[must_use]
    pub fn dialect_of(element: &Element) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|dialect| element.is("encrypted", nodes::namespace(*dialect)))
    }

    /// # Errors
    /// It is another element, or something in it is missing, doubled, or too much.
    pub fn read(element: &Element) -> Result<Self, Error> {
        let dialect = Self::dialect_of(element).ok_or(Error::Malformed("encrypted"))?;
        let header = xml::only(element, "header")?;
        let mut keys = Vec::new();
        match dialect {
            Dialect::Axolotl => read_keys(header, "prekey", None, &mut keys)?,
            Dialect::Omemo2 => {
                for of_account in xml::children(header, "keys") {
                    let account = of_account.attr("jid").ok_or(Error::Malformed("jid"))?;
                    read_keys(of_account, "kex", Some(account), &mut keys)?;
                }
            }
        }
        let iv = match dialect {
            Dialect::Axolotl => xml::octets(xml::only(header, "iv")?)?,
            Dialect::Omemo2 => Vec::new(),
        };
        let payload = xml::optional(element, "payload")?;
        let payload = payload.map(|payload| xml::octets(payload).map(|content| Payload { content, iv })).transpose()?;
        Ok(Self { dialect, sender: device(header, "sid")?, keys, payload })
    }

    /// The key for a device of ours.
    #[must_use]
    pub fn key_for(&self, account: &str, device: DeviceId) -> Option<&SealedKey> {
        let is_ours = |key: &&SealedKey| key.account.as_ref().is_none_or(|named| named == account);
        self.keys.iter().filter(|key| key.device == device).find(is_ours)
    }

    /// As an element of a message.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let builder = Builder(nodes::namespace(self.dialect));
        let mut header = with(builder.element("header"), xml_ncname!("sid"), &self.sender);
        match self.dialect {
            Dialect::Axolotl => {
                for key in &self.keys {
                    header.append_child(key.to_element(self.dialect));
                }
                // It is there in every message, also where there is nothing to use it for.
                let iv = self.payload.as_ref().map_or([0; 12].as_slice(), |payload| &payload.iv);
                header.append_child(builder.octets("iv", iv));
            }
            Dialect::Omemo2 => {
                let mut accounts: Vec<&str> = Vec::new();
                for account in self.keys.iter().filter_map(|key| key.account.as_deref()) {
                    if !accounts.contains(&account) {
                        accounts.push(account);
                    }
                }
                for account in accounts {
                    let mut keys = with(builder.element("keys"), xml_ncname!("jid"), account);
                    for key in self.keys.iter().filter(|key| key.account.as_deref() == Some(account)) {
                        keys.append_child(key.to_element(self.dialect));
                    }
                    header.append_child(keys);
                }
            }
        }
        let mut element = builder.element("encrypted");
        element.append_child(header);
        if let Some(payload) = &self.payload {
            element.append_child(builder.octets("payload", &payload.content));
        }
        element
    }
}

impl SealedKey {
    fn to_element(&self, dialect: Dialect) -> Element {
        let key = Builder(nodes::namespace(dialect)).octets("key", &self.sealed.octets);
        let key = with(key, xml_ncname!("rid"), &self.device);
        match (self.sealed.is_key_exchange, dialect) {
            (false, _) => key,
            (true, Dialect::Axolotl) => with(key, xml_ncname!("prekey"), "true"),
            (true, Dialect::Omemo2) => with(key, xml_ncname!("kex"), "true"),
        }
    }
}

/// The keys in an element. `exchanges` is the attribute that says of a key that it comes in a key exchange.
fn read_keys(parent: &Element, exchanges: &str, account: Option<&str>, keys: &mut Vec<SealedKey>) -> Result<(), Error> {
    for element in xml::children(parent, "key") {
        if keys.len() == MAX_KEYS {
            return Err(Error::Malformed("number of keys"));
        }
        let sealed = Sealed { octets: xml::octets(element)?, is_key_exchange: xml::is_true(element, exchanges) };
        keys.push(SealedKey { account: account.map(str::to_owned), device: device(element, "rid")?, sealed });
    }
    Ok(())
}

fn device(element: &Element, name: &'static str) -> Result<DeviceId, Error> {
    DeviceId::new(xml::number_attribute(element, name)?).ok_or(Error::Malformed(name))
}
