//! The data policy (XEP-0504): what this gateway does with what passes through it. Every word of it must be true.

use drawbridge_bridge::Descriptor;
use minidom::Element;

use super::element::{Build, element};
use super::ns;

/// The form of the gateway itself. Message ids are kept after delivery to recognize duplicates, content is not;
/// undelivered messages wait for as long as the login exists, hence `infinite`.
pub fn of_gateway(network: &Descriptor) -> Element {
    let name = network.name;
    let info = [
        "Messages are decrypted on this host and encrypted again for the other side. Their text is in the memory of \
         this process for as long as that takes, and whoever controls this host can read it there."
            .to_owned(),
        "A message that waits to be delivered lies encrypted in this host's database until it is delivered or the \
         login is removed. Nothing is archived. Contact lists, names, pictures, ids and times are stored in clear."
            .to_owned(),
        format!(
            "The {name} login, with the keys of its {name} device, is stored encrypted under a key that lies on this \
             host. Unregistering signs the device out and deletes everything."
        ),
        "The form and the ad-hoc commands send the password through your XMPP server, which can read it. A chat \
         with this gateway inside an encrypted session, or the command line of the host, avoids that."
            .to_owned(),
    ];
    form(ns::DATA_POLICY)
        .with_child(field("auth_data", "list-single", ["plain"]))
        .with_child(field("data_retention", "text-single", ["infinite"]))
        .with_child(field("data_deletion", "boolean", ["true"]))
        .with_child(field("encryption_at_rest", "boolean", ["true"]))
        .with_child(field("full_erasure", "boolean", ["true"]))
        .with_child(field("access_policy", "list-multi", ["admins"]))
        .with_child(field("extra_info", "text-multi", info.iter().map(String::as_str)))
}

/// The form of the network behind it: what is sent there is up to each conversation, and what is kept is up to it.
pub fn of_network(network: &Descriptor) -> Element {
    let name = network.name;
    let info = format!(
        "{name} servers keep the history of conversations. New direct conversations are end-to-end encrypted where \
         {name} can; others are not, and the gateway says so."
    );
    form(&format!("urn:xmpp:data-policy:identity:gateway:{}:0", network.gateway_type))
        .with_child(field("data_retention", "text-single", ["unknown"]))
        .with_child(field("extra_info", "text-multi", [info.as_str()]))
}

fn form(kind: &str) -> Element {
    element("x", ns::DATA_FORMS).with("type", "result").with_child(field("FORM_TYPE", "hidden", [kind]))
}

fn field<'a>(var: &str, kind: &str, values: impl IntoIterator<Item = &'a str>) -> Element {
    let values = values.into_iter().map(|value| element("value", ns::DATA_FORMS).with_text(value));
    element("field", ns::DATA_FORMS).with("var", var).with("type", kind).with_children(values)
}
