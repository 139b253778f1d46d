//! Bundles as elements (XEP-0384 section 5.3.2; 0.3.0 section 4.4).

use minidom::Element;
use omemo_ratchet::{Bundle, Prekey, SignedPrekey};
use rxml::{NcNameStr, xml_ncname};

use crate::error::Error;
use crate::xml::{self, Builder, with};
use crate::{Dialect, nodes};

/// More prekeys than anybody publishes.
const MAX_PREKEYS: usize = 1000;

/// From the payload of an item. Prekeys that are none are left out.
///
/// # Errors
/// It is another element, or lacks something; a key of it is none.
pub fn read(dialect: Dialect, element: &Element) -> Result<Bundle, Error> {
    let names = Names::of(dialect);
    if !element.is("bundle", nodes::namespace(dialect)) {
        return Err(Error::Malformed("bundle"));
    }
    let signed = xml::only(element, names.signed_prekey)?;
    let signature = xml::octets(xml::only(element, names.signature)?)?;
    let signed_prekey = SignedPrekey {
        id: xml::number_attribute(signed, names.signed_prekey_id)?,
        key: dialect.read_key(&xml::octets(signed)?)?,
        signature: signature.try_into().map_err(|_| Error::Malformed(names.signature))?,
    };
    let prekey = |element: &Element| {
        let key = dialect.read_key(&xml::octets(element)?)?;
        Ok::<_, Error>(Prekey { id: xml::number_attribute(element, names.prekey_id)?, key })
    };
    let prekeys =
        xml::children(xml::only(element, "prekeys")?, names.prekey).filter_map(|element| prekey(element).ok());
    let prekeys: Vec<_> = prekeys.take(MAX_PREKEYS).collect();
    let identity = dialect.read_identity(&xml::octets(xml::only(element, names.identity)?)?)?;
    Ok(Bundle { identity, signed_prekey, prekeys })
}

/// As the payload of an item.
#[must_use]
pub fn to_element(dialect: Dialect, bundle: &Bundle) -> Element {
    let (names, builder) = (Names::of(dialect), Builder(nodes::namespace(dialect)));
    let Bundle { identity, signed_prekey, prekeys } = bundle;
    let signed = builder.octets(names.signed_prekey, &dialect.write_key(&signed_prekey.key));
    let mut list = builder.element("prekeys");
    for Prekey { id, key } in prekeys {
        let prekey = builder.octets(names.prekey, &dialect.write_key(key));
        list.append_child(with(prekey, names.prekey_attribute, id));
    }
    let mut element = builder.element("bundle");
    element.append_child(with(signed, names.signed_prekey_attribute, &signed_prekey.id));
    element.append_child(builder.octets(names.signature, &signed_prekey.signature));
    element.append_child(builder.octets(names.identity, &identity.encoded()));
    element.append_child(list);
    element
}

/// What a dialect calls the parts.
struct Names {
    signed_prekey: &'static str,
    signed_prekey_id: &'static str,
    signed_prekey_attribute: &'static NcNameStr,
    signature: &'static str,
    identity: &'static str,
    prekey: &'static str,
    prekey_id: &'static str,
    prekey_attribute: &'static NcNameStr,
}

impl Names {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Axolotl => Self {
                signed_prekey: "signedPreKeyPublic",
                signed_prekey_id: "signedPreKeyId",
                signed_prekey_attribute: xml_ncname!("signedPreKeyId"),
                signature: "signedPreKeySignature",
                identity: "identityKey",
                prekey: "preKeyPublic",
                prekey_id: "preKeyId",
                prekey_attribute: xml_ncname!("preKeyId"),
            },
            Dialect::Omemo2 => Self {
                signed_prekey: "spk",
                signed_prekey_id: "id",
                signed_prekey_attribute: xml_ncname!("id"),
                signature: "spks",
                identity: "ik",
                prekey: "pk",
                prekey_id: "id",
                prekey_attribute: xml_ncname!("id"),
            },
        }
    }
}
