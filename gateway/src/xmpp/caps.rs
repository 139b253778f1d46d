//! Entity capabilities (XEP-0115): one hash for everything that a disco#info answer says.

use base64::{Engine, engine::general_purpose::STANDARD};
use minidom::Element;
use sha1::{Digest, Sha1};

use super::element::{Build, element};
use super::ns;

/// The node in our caps: a URI that names the software (XEP-0115, section 4). A random UUID (RFC 9562, section 5.4) is
/// nobody's domain and needs no registry, so it stays ours wherever the project moves. People read the identity's name.
pub const NODE: &str = "urn:uuid:31d43d37-5086-441b-a0ad-00d4a3d74de7";

/// The `<c/>` child of presence for a disco#info answer of ours.
pub fn advertise(info: &Element) -> Option<Element> {
    let caps = element("c", ns::CAPS).with("hash", "sha-1").with("node", NODE);
    Some(caps.with("ver", verification(info)?))
}

/// Whether a disco#info `node` is the one we advertise for `info`.
pub fn is_own_node(node: &str, info: &Element) -> bool {
    verification(info).is_some_and(|ver| node.strip_prefix(NODE).and_then(|rest| rest.strip_prefix('#')) == Some(&ver))
}

/// The verification string of a disco#info `<query/>` (section 5.1) with SHA-1. `None` if the answer is ill-formed
/// (section 5.4: doubled identities, features or form types), or could be read in more than one way (`<` in a part):
/// such an answer may be used for the one who gave it, and must not be cached for others.
pub fn verification(info: &Element) -> Option<String> {
    let mut text = String::new();
    for part in sorted(identities(info)?)? {
        text.push_str(&part);
    }
    for part in sorted(features(info)?)? {
        text.push_str(&part);
    }
    let forms: Option<Vec<_>> = info.children().filter(|child| child.is("x", ns::DATA_FORMS)).map(form).collect();
    let mut forms: Vec<_> = forms?.into_iter().flatten().collect();
    forms.sort();
    if forms.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        return None;
    }
    for (_, part) in forms {
        text.push_str(&part);
    }
    Some(STANDARD.encode(Sha1::digest(text.as_bytes())))
}

/// `category/type/lang/name<`
fn identities(info: &Element) -> Option<Vec<String>> {
    info.children()
        .filter(|child| child.is("identity", ns::DISCO_INFO))
        .map(|identity| {
            let lang = identity.attr_ns(rxml::Namespace::xml().as_str(), "lang");
            let parts = [identity.attr("category"), identity.attr("type"), lang, identity.attr("name")];
            let parts = parts.map(Option::unwrap_or_default);
            plain(&parts.join("/"))
        })
        .collect()
}

fn features(info: &Element) -> Option<Vec<String>> {
    info.children()
        .filter(|child| child.is("feature", ns::DISCO_INFO))
        .map(|feature| plain(feature.attr("var").unwrap_or_default()))
        .collect()
}

/// Form type, and its part of the string. Forms without a hidden FORM_TYPE are left out (section 5.4, 3.6).
fn form(form: &Element) -> Option<Option<(String, String)>> {
    let mut kind = None;
    let mut fields = Vec::new();
    for field in form.children().filter(|child| child.is("field", ns::DATA_FORMS)) {
        let values: Option<Vec<_>> = field
            .children()
            .filter(|child| child.is("value", ns::DATA_FORMS))
            .map(|value| plain(&value.text()))
            .collect();
        let mut values = values?;
        let var = field.attr("var").unwrap_or_default();
        if var == "FORM_TYPE" {
            let differ = values.windows(2).any(|pair| matches!(pair, [a, b] if a != b));
            if kind.is_some() || differ {
                return None;
            }
            let hidden = field.attr("type") == Some("hidden");
            kind = values.into_iter().next().filter(|_| hidden);
            if !hidden {
                return Some(None);
            }
        } else {
            values.sort();
            fields.push((plain(var)?, values.concat()));
        }
    }
    let Some(kind) = kind else { return Some(None) };
    fields.sort();
    let fields: String = fields.into_iter().map(|(var, values)| var + values.as_str()).collect();
    Some(Some((kind.clone(), kind + fields.as_str())))
}

/// With the separator behind it. `None` if the separator is also in it: parts could be moved over the border then.
fn plain(part: &str) -> Option<String> {
    (!part.contains('<')).then(|| format!("{part}<"))
}

/// In the order of i;octet; `None` if something is there twice.
fn sorted(mut parts: Vec<String>) -> Option<Vec<String>> {
    parts.sort();
    let count = parts.len();
    parts.dedup();
    (parts.len() == count).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(xml: &str) -> Element {
        xml.parse().unwrap()
    }

    /// XEP-0115, section 5.2.
    const SIMPLE: &str = "<query xmlns='http://jabber.org/protocol/disco#info'>
        <identity category='client' name='Exodus 0.9.1' type='pc'/>
        <feature var='http://jabber.org/protocol/caps'/>
        <feature var='http://jabber.org/protocol/disco#info'/>
        <feature var='http://jabber.org/protocol/disco#items'/>
        <feature var='http://jabber.org/protocol/muc'/></query>";

    /// XEP-0115, section 5.3.
    const COMPLEX: &str = "<query xmlns='http://jabber.org/protocol/disco#info'>
        <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
        <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>
        <feature var='http://jabber.org/protocol/caps'/>
        <feature var='http://jabber.org/protocol/disco#info'/>
        <feature var='http://jabber.org/protocol/disco#items'/>
        <feature var='http://jabber.org/protocol/muc'/>
        <x xmlns='jabber:x:data' type='result'>
          <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
          <field var='ip_version'><value>ipv4</value><value>ipv6</value></field>
          <field var='os'><value>Mac</value></field>
          <field var='os_version'><value>10.5.1</value></field>
          <field var='software'><value>Psi</value></field>
          <field var='software_version'><value>0.11</value></field></x></query>";

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(verification(&parse(SIMPLE)).unwrap(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
        assert_eq!(verification(&parse(COMPLEX)).unwrap(), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
    }

    #[test]
    fn an_answer_that_can_be_read_twice_has_no_hash() {
        let doubled =
            SIMPLE.replace("protocol/muc'/>", "protocol/muc'/><feature var='http://jabber.org/protocol/muc'/>");
        assert_eq!(verification(&parse(&doubled)), None);
        let smuggled = SIMPLE.replace("protocol/caps'/>", "protocol/caps&lt;urn:xmpp:receipts'/>");
        assert_eq!(verification(&parse(&smuggled)), None);
    }
}
