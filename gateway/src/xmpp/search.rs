//! Finding people on the network (XEP-0055), by its data form or by the old `<nick/>` field.

use std::sync::Arc;

use drawbridge_bridge::{ContactInfo, Error};
use jid::BareJid;
use minidom::Element;

use super::element::{Build, element};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::keeper::{Keeper, Peer};

/// People in one answer.
const LIMIT: usize = 50;
/// The one field.
const TEXT: &str = "nick";

/// Answers a request of a registered user.
pub async fn handle(keeper: &Arc<Keeper>, user: &BareJid, iq: &Element) -> Element {
    let Some(query) = iq.get_child("query", ns::SEARCH).filter(|_| iq.attr("type") == Some("set")) else {
        return ask(keeper, iq);
    };
    let Some(text) = wanted(query) else {
        return refusal(iq, Condition::NotAcceptable, "enter a name or an id to search for");
    };
    let Some(session) = keeper.accounts.session(user) else {
        return refusal(iq, Condition::RecipientUnavailable, "you are not logged in at the moment");
    };
    let Some(directory) = session.directory() else {
        return refusal(iq, Condition::FeatureNotImplemented, "this network cannot be searched");
    };
    match directory.search(&text, LIMIT).await {
        Ok(people) => {
            let plain = !query.has_child("x", ns::DATA_FORMS);
            answer(iq).with_child(results(keeper, &people, plain))
        }
        Err(Error::NotFound) => answer(iq).with_child(results(keeper, &[], false)),
        Err(Error::Transient { reason, .. }) => refusal(iq, Condition::RemoteServerTimeout, &reason),
        Err(error) => refusal(iq, Condition::NotAcceptable, &error.to_string()),
    }
}

fn ask(keeper: &Keeper, iq: &Element) -> Element {
    let words = format!("Find people on {} by name or id", keeper.network.descriptor().name);
    let form = element("x", ns::DATA_FORMS)
        .with("type", "form")
        .with_child(element("title", ns::DATA_FORMS).with_text(&words))
        .with_child(field("FORM_TYPE", "hidden", ns::SEARCH))
        .with_child(
            element("field", ns::DATA_FORMS)
                .with("var", TEXT)
                .with("type", "text-single")
                .with("label", "Name or id")
                .with_child(element("required", ns::DATA_FORMS)),
        );
    let query = element("query", ns::SEARCH)
        .with_child(element("instructions", ns::SEARCH).with_text(&words))
        .with_child(element(TEXT, ns::SEARCH))
        .with_child(form);
    answer(iq).with_child(query)
}

fn wanted(query: &Element) -> Option<String> {
    let submitted = query.get_child("x", ns::DATA_FORMS).and_then(|form| {
        let field = form.children().find(|field| field.attr("var") == Some(TEXT))?;
        field.get_child("value", ns::DATA_FORMS).map(Element::text)
    });
    let text = submitted.or_else(|| query.get_child(TEXT, ns::SEARCH).map(Element::text))?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// As asked: a form for a form, items for fields.
fn results(keeper: &Keeper, people: &[ContactInfo], plain: bool) -> Element {
    let found = people.iter().filter_map(|person| {
        let jid = keeper.jid(&Peer::Contact(person.id.clone()))?;
        Some((jid, person.name.as_deref().unwrap_or(person.id.as_str()), person.id.as_str()))
    });
    if plain {
        let items = found.map(|(jid, name, _)| {
            element("item", ns::SEARCH).with("jid", jid.as_str()).with_child(element(TEXT, ns::SEARCH).with_text(name))
        });
        return element("query", ns::SEARCH).with_children(items);
    }
    let column = |var: &str, kind: &str, label: &str| {
        element("field", ns::DATA_FORMS).with("var", var).with("type", kind).with("label", label)
    };
    let reported = element("reported", ns::DATA_FORMS)
        .with_child(column("jid", "jid-single", "Address"))
        .with_child(column(TEXT, "text-single", "Name"))
        .with_child(column("id", "text-single", "Id"));
    let items = found.map(|(jid, name, id)| {
        element("item", ns::DATA_FORMS)
            .with_child(field("jid", "jid-single", jid.as_str()))
            .with_child(field(TEXT, "text-single", name))
            .with_child(field("id", "text-single", id))
    });
    let form = element("x", ns::DATA_FORMS)
        .with("type", "result")
        .with_child(field("FORM_TYPE", "hidden", ns::SEARCH))
        .with_child(reported)
        .with_children(items);
    element("query", ns::SEARCH).with_child(form)
}

fn field(var: &str, kind: &str, value: &str) -> Element {
    let value = element("value", ns::DATA_FORMS).with_text(value);
    element("field", ns::DATA_FORMS).with("var", var).with("type", kind).with_child(value)
}
