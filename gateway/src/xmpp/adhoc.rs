//! The gateway's commands as forms (XEP-0050, XEP-0004).

use std::sync::Arc;

use drawbridge_bridge::Secret;
use jid::BareJid;
use minidom::Element;

use super::element::{Build, element, sender};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::commands::{Answers, Asker, Door, Failure, Form, Kind, Output, Question, Stepped, find, offered};
use crate::keeper::Keeper;

/// Answers a `<command/>` to the gateway.
pub async fn handle(keeper: &Arc<Keeper>, iq: &Element) -> Element {
    let Some((command, from)) = iq.get_child("command", ns::COMMANDS).zip(sender(iq)) else {
        return refusal(iq, Condition::BadRequest, "");
    };
    let asker = Asker { keeper: keeper.clone(), jid: from.to_bare(), door: Door::Form };
    let node = command.attr("node").unwrap_or_default();
    let Some(known) = find(node) else {
        return refusal(iq, Condition::ItemNotFound, "There is no such command.");
    };
    let desk = &keeper.accounts.desk;
    let unknown_session = || wrong(iq, "bad-sessionid", "This command is over. Please begin it again.");
    match (command.attr("action").unwrap_or("execute"), command.attr("sessionid")) {
        ("execute", None) => show(iq, node, &desk.begin(&asker, known).await),
        ("cancel", Some(id)) => match desk.cancel(&asker, id).await {
            true => answer(iq).with_child(frame(node, id, "canceled")),
            false => unknown_session(),
        },
        ("execute" | "next" | "complete", Some(id)) => match desk.go_on(&asker, id, submitted(command)).await {
            Some(stepped) => show(iq, node, &stepped),
            None => unknown_session(),
        },
        ("prev" | "cancel" | "next" | "complete", _) => wrong(iq, "bad-action", "That is not possible here."),
        _ => wrong(iq, "malformed-action", "That is not an action."),
    }
}

/// The commands that `who` may use now, as node and name (for disco#items of the node
/// `http://jabber.org/protocol/commands`).
pub async fn items(keeper: &Arc<Keeper>, who: &BareJid) -> Vec<(&'static str, &'static str)> {
    match offered(keeper, who).await {
        Ok(commands) => commands.into_iter().map(|command| (command.node, command.title)).collect(),
        Err(error) => {
            tracing::error!(%error, "the commands cannot be listed");
            Vec::new()
        }
    }
}

/// What was entered into a form, whatever its type attributes say.
pub(super) fn submitted(parent: &Element) -> Answers {
    let mut answers = Answers::default();
    let Some(form) = parent.get_child("x", ns::DATA_FORMS) else { return answers };
    for field in form.children().filter(|child| child.is("field", ns::DATA_FORMS)) {
        let value = field.get_child("value", ns::DATA_FORMS).map(Element::text);
        if let Some((name, value)) = field.attr("var").zip(value) {
            answers.values.insert(name.to_owned(), Secret::new(value));
        }
    }
    answers
}

/// A form to fill in. `form_type` names its purpose (XEP-0068).
pub(super) fn data_form(title: &str, form: &Form, form_type: Option<&str>) -> Element {
    let hidden = form_type.map(|kind| {
        let value = element("value", ns::DATA_FORMS).with_text(kind);
        element("field", ns::DATA_FORMS).with("type", "hidden").with("var", "FORM_TYPE").with_child(value)
    });
    element("x", ns::DATA_FORMS)
        .with("type", "form")
        .with_child(element("title", ns::DATA_FORMS).with_text(title))
        .with_child(element("instructions", ns::DATA_FORMS).with_text(&form.instructions))
        .with_children(hidden)
        .with_children(form.questions.iter().map(field))
}

fn field(question: &Question) -> Element {
    let (kind, options) = match &question.kind {
        Kind::Text => ("text-single", &[][..]),
        Kind::Hidden => ("text-private", &[][..]),
        Kind::OneOf(choices) => ("list-single", choices.as_slice()),
    };
    let value = |text: &str| element("value", ns::DATA_FORMS).with_text(text);
    element("field", ns::DATA_FORMS)
        .with("type", kind)
        .with("var", &question.name)
        .with("label", &question.label)
        .with_children(question.required.then(|| element("required", ns::DATA_FORMS)))
        .with_children(question.default.as_deref().map(value))
        .with_children(options.iter().map(|choice| {
            let option = element("option", ns::DATA_FORMS).with("label", &choice.label);
            option.with_child(value(&choice.value))
        }))
}

/// What came of a step.
fn show(iq: &Element, node: &str, stepped: &Stepped) -> Element {
    let title = find(node).map_or(node, |command| command.title);
    let form = stepped.form.as_ref().map(|form| data_form(title, form, None));
    let command = match &stepped.result {
        Ok(Output::Form(_)) => executing(node, &stepped.id).with_children(form),
        Ok(Output::Show(text)) => executing(node, &stepped.id).with_child(note("info", text)),
        Ok(Output::Done(text)) => frame(node, &stepped.id, "completed").with_child(note("info", text)),
        Err(failure) if stepped.open => {
            executing(node, &stepped.id).with_children(form).with_child(note("error", &failure.to_string()))
        }
        Err(Failure::NotAllowed(text)) => return refusal(iq, Condition::Forbidden, text),
        Err(failure) => frame(node, &stepped.id, "completed").with_child(note("error", &failure.to_string())),
    };
    answer(iq).with_child(command)
}

fn frame(node: &str, id: &str, status: &str) -> Element {
    element("command", ns::COMMANDS).with("node", node).with("sessionid", id).with("status", status)
}

/// Both ways to go on lead to the next step: nobody knows before whether it is the last.
fn executing(node: &str, id: &str) -> Element {
    let actions = element("actions", ns::COMMANDS).with("execute", "complete");
    frame(node, id, "executing")
        .with_child(actions.with_child(element("next", ns::COMMANDS)).with_child(element("complete", ns::COMMANDS)))
}

fn note(kind: &str, text: &str) -> Element {
    element("note", ns::COMMANDS).with("type", kind).with_text(text)
}

/// A bad request with the protocol's own condition (XEP-0050, section 4.7).
fn wrong(iq: &Element, condition: &str, text: &str) -> Element {
    let mut refusal = refusal(iq, Condition::BadRequest, text);
    if let Some(error) = refusal.get_child_mut("error", ns::CLIENT) {
        error.append_child(element(condition, ns::COMMANDS));
    }
    refusal
}
