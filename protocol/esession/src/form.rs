//! The negotiation form: named fields <-> `jabber:x:data` (XEP-0155 section 4, XEP-0116 section 4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use rxml::xml_ncname;

use crate::binding;
use crate::error::{Error, Misuse};
use crate::hybrid;
use crate::namespaces::{DATA_FORMS, SESSION_FORM};
use crate::options::Hash;
use crate::voucher;

/// A private field of form A or form B. It is covered by the MACs; implementations that do not know it ignore it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraField {
    /// The field name; a name of XEP-0116 or XEP-0155 is refused.
    pub var: String,
    /// The values, in order.
    pub values: Vec<String>,
}

/// The fields of a form that this crate does not know. To be read before the form is answered, unauthenticated as yet.
#[must_use]
pub fn extra_fields(form: &Element) -> Vec<ExtraField> {
    Form::collect(form).map(|form| form.extras()).unwrap_or_default()
}

impl ExtraField {
    /// Refuses names of the protocol and control characters, which do not survive an XMPP server unchanged.
    fn check(&self) -> Result<(), Error> {
        let odd = |text: &str| text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
        let bad =
            self.var.is_empty() || is_known(&self.var) || odd(&self.var) || self.values.iter().any(|value| odd(value));
        if bad { Err(Error::Misuse(Misuse::ExtraField)) } else { Ok(()) }
    }
}

/// The names of XEP-0116, 0155, 0187 and 0217, and the private ones of this crate. What is not among them is an extra field.
fn is_known(var: &str) -> bool {
    const KNOWN: &str = " FORM_TYPE accept compress continue counter crypt_algs dhhashes dhkeys disclosure expires hash_algs \
        identity init_pubkey language logging mac match_resource modp multisession my_nonce nonce otr presence reason \
        rekey_freq renegotiate resp_pubkey rshashes sas_algs security sign_algs signs srshash stanzas terminate ver ";
    [binding::FIELD, hybrid::FIELD, voucher::FIELD].contains(&var)
        || KNOWN.split_ascii_whitespace().any(|known| known == var)
}

/// A form as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) var: String,
    pub(crate) required: bool,
    /// What there is to choose from, or what was chosen.
    pub(crate) values: Vec<String>,
}

impl Form {
    /// Reads a form of the given type (`form`, `submit`, `result`).
    pub(crate) fn read(x: &Element, kind: &str) -> Result<Self, Error> {
        if !x.is("x", DATA_FORMS) {
            return Err(Error::Malformed("form"));
        }
        match x.attr("type") {
            Some("cancel") => return Err(Error::Declined),
            Some(found) if found == kind => {}
            _ => return Err(Error::Malformed("form type")),
        }
        let form = Self::collect(x)?;
        if form.one("FORM_TYPE")? == SESSION_FORM { Ok(form) } else { Err(Error::BadField("FORM_TYPE".into())) }
    }

    pub(crate) fn collect(x: &Element) -> Result<Self, Error> {
        let mut fields: Vec<Field> = Vec::new();
        for element in x.children().filter(|child| child.name() == "field") {
            let Some(var) = element.attr("var") else { continue };
            if fields.iter().any(|field| field.var == var) {
                return Err(Error::BadField(var.into()));
            }
            fields.push(Field::collect(var, element));
        }
        Ok(Self { fields })
    }

    pub(crate) fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }

    /// The only value of a field.
    pub(crate) fn one(&self, var: &str) -> Result<&str, Error> {
        self.field(var).and_then(Field::only).ok_or_else(|| Error::BadField(var.into()))
    }

    /// The only value of a field, from Base64.
    pub(crate) fn octets(&self, var: &str) -> Result<Vec<u8>, Error> {
        decode(self.one(var)?).ok_or_else(|| Error::BadField(var.into()))
    }

    /// All values of a field, from Base64.
    pub(crate) fn all_octets(&self, var: &str) -> Result<Vec<Vec<u8>>, Error> {
        let values = self.field(var).map(|field| field.values.as_slice()).unwrap_or_default();
        values.iter().map(|value| decode(value).ok_or_else(|| Error::BadField(var.into()))).collect()
    }

    /// The `mac` field: as many octets as the hash has.
    pub(crate) fn mac(&self, hash: Hash) -> Result<Vec<u8>, Error> {
        let mac = self.octets("mac")?;
        if mac.len() == hash.length() { Ok(mac) } else { Err(Error::BadField("mac".into())) }
    }

    /// The boolean field `accept`.
    pub(crate) fn check_accepted(&self) -> Result<(), Error> {
        self.one("accept")?;
        if self.flag("accept")? { Ok(()) } else { Err(Error::Declined) }
    }

    /// A boolean field (XEP-0004 section 3.3: 1 or true, 0 or false); false if it is not there.
    pub(crate) fn flag(&self, var: &str) -> Result<bool, Error> {
        match self.field(var).map(Field::only) {
            None | Some(Some("0" | "false")) => Ok(false),
            Some(Some("1" | "true")) => Ok(true),
            Some(_) => Err(Error::BadField(var.into())),
        }
    }

    /// Whether the form answers ours: it echoes our ESession ID, or it declines without any.
    pub(crate) fn check_addressed(&self, own_nonce: &[u8]) -> Result<(), Error> {
        match self.field("nonce") {
            None if self.check_accepted() == Err(Error::Declined) => Err(Error::Declined),
            Some(_) if self.octets("nonce").is_ok_and(|echo| echo == own_nonce) => Ok(()),
            _ => Err(Error::Stray),
        }
    }

    /// The same for a form that has not been read yet: whether a machine should look at it at all.
    pub(crate) fn is_addressed(x: &Element, kind: &str, own_nonce: &[u8]) -> bool {
        let addressed = Self::read(x, kind).and_then(|form| form.check_addressed(own_nonce));
        matches!(addressed, Ok(()) | Err(Error::Declined))
    }

    pub(crate) fn extras(&self) -> Vec<ExtraField> {
        let extra = self.fields.iter().filter(|field| !is_known(&field.var));
        extra.map(|field| ExtraField { var: field.var.clone(), values: field.values.clone() }).collect()
    }

    /// Required fields whose meaning is not implemented here (XEP-0155 section 4).
    pub(crate) fn unknown_required(&self) -> Vec<String> {
        let understood = |var: &str| {
            let ignored =
                matches!(var, "continue" | "language" | "multisession" | "presence" | "reason" | "renegotiate");
            is_known(var) && !ignored
        };
        self.fields.iter().filter(|f| f.required && !understood(&f.var)).map(|f| f.var.clone()).collect()
    }
}

impl Field {
    fn collect(var: &str, element: &Element) -> Self {
        let value =
            |parent: &Element| parent.children().find(|c| c.name() == "value").map(|c| c.text().trim().to_owned());
        let is_list = matches!(element.attr("type"), Some("list-single" | "list-multi"));
        let mut values: Vec<String> = element.children().filter(|c| c.name() == "option").filter_map(value).collect();
        // In a list with options a bare value is only the default; elsewhere it is the value.
        if !is_list || values.is_empty() {
            let bare = element.children().filter(|child| child.name() == "value");
            values = bare.map(|child| child.text().trim().to_owned()).collect();
        }
        let required = element.children().any(|child| child.name() == "required");
        Self { var: var.to_owned(), required, values }
    }

    /// The value, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&str> {
        match self.values.as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }
}

/// Standard Base64 with padding, nothing else; trimmed before.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(crate) fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// A form in the making. Fields keep the order of the calls.
pub(crate) struct FormWriter {
    x: Element,
}

impl FormWriter {
    /// A form of the given type, with its FORM_TYPE.
    pub(crate) fn new(kind: &str) -> Self {
        let mut form = Self { x: Element::builder("x", DATA_FORMS).attr(xml_ncname!("type").to_owned(), kind).build() };
        match kind {
            "form" => form.typed("FORM_TYPE", "hidden", &[SESSION_FORM]),
            _ => form.field("FORM_TYPE", SESSION_FORM),
        }
        form
    }

    /// A field with one value and no type, as submit and result forms have it.
    pub(crate) fn field(&mut self, var: &str, value: impl AsRef<str>) {
        let field = Element::builder("field", DATA_FORMS).attr(xml_ncname!("var").to_owned(), var);
        self.x.append_child(field.append(leaf(value.as_ref())).build());
    }

    /// A field with values and a type.
    pub(crate) fn typed(&mut self, var: &str, kind: &str, values: &[impl AsRef<str>]) {
        let values = values.iter().map(|value| leaf(value.as_ref()));
        self.x.append_child(typed_field(var, kind).append_all(values).build());
    }

    /// A field with several values and no type.
    pub(crate) fn values(&mut self, var: &str, values: &[impl AsRef<str>]) {
        let field = Element::builder("field", DATA_FORMS).attr(xml_ncname!("var").to_owned(), var);
        self.x.append_child(field.append_all(values.iter().map(|value| leaf(value.as_ref()))).build());
    }

    /// A list to choose from.
    pub(crate) fn options(&mut self, var: &str, kind: &str, options: &[&str]) {
        let options = options.iter().map(|value| Element::builder("option", DATA_FORMS).append(leaf(value)).build());
        self.x.append_child(typed_field(var, kind).append_all(options).build());
    }

    /// The caller's own fields.
    pub(crate) fn extras(&mut self, extras: &[ExtraField]) -> Result<(), Error> {
        for extra in extras {
            extra.check()?;
            self.typed(&extra.var, "hidden", &extra.values);
        }
        Ok(())
    }

    /// The form so far.
    pub(crate) fn element(&self) -> &Element {
        &self.x
    }

    /// Appends the proof of identity over the normalized form and finishes.
    pub(crate) fn finish_with_proof(mut self, identity: &[u8], mac: &[u8]) -> Element {
        self.field("identity", encode(identity));
        self.field("mac", encode(mac));
        self.x
    }
}

fn typed_field(var: &str, kind: &str) -> minidom::ElementBuilder {
    let field = Element::builder("field", DATA_FORMS).attr(xml_ncname!("type").to_owned(), kind);
    field.attr(xml_ncname!("var").to_owned(), var)
}

fn leaf(value: &str) -> Element {
    Element::builder("value", DATA_FORMS).append(value).build()
}
