//! Registration (XEP-0077): the `login` command as one form, with a data form and, for older clients, plain fields.

use std::sync::Arc;

use drawbridge_bridge::Secret;
use minidom::Element;

use super::adhoc::{data_form, submitted};
use super::element::{Build, element, sender};
use super::error::{Condition, answer, refusal};
use super::ns;
use crate::accounts::AccountError;
use crate::commands::{Answers, Asker, Door, Failure, Form, Output, Running, find};
use crate::keeper::Keeper;

/// The fields that this protocol had before data forms (XEP-0077, section 14.1).
const PLAIN: [&str; 2] = ["username", "password"];

/// Answers a `jabber:iq:register` request to the gateway. May take as long as the network takes to log somebody in.
pub async fn handle(keeper: &Arc<Keeper>, iq: &Element) -> Element {
    let Some(from) = sender(iq) else {
        return refusal(iq, Condition::BadRequest, "");
    };
    let asker = Asker { keeper: keeper.clone(), jid: from.to_bare(), door: Door::Form };
    let request = iq.clone();
    // A task of its own, so that nothing is left half done if the caller gives up.
    let answered = tokio::spawn(async move { serve(&asker, &request).await }).await;
    match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err((condition, text))) => refusal(iq, condition, &text),
        Err(_) => refusal(iq, Condition::InternalServerError, ""),
    }
}

type Refusal = (Condition, String);

async fn serve(asker: &Asker, iq: &Element) -> Result<Element, Refusal> {
    let query = iq.get_child("query", ns::REGISTER).ok_or((Condition::BadRequest, String::new()))?;
    match iq.attr("type") {
        Some("get") => offer(asker, iq).await,
        _ if query.has_child("remove", ns::REGISTER) => remove(asker, iq).await,
        _ => register(asker, iq, query).await,
    }
}

/// What to enter (section 3.1).
async fn offer(asker: &Asker, iq: &Element) -> Result<Element, Refusal> {
    let registered = asker.keeper.accounts.user(&asker.keeper, &asker.jid).await.map_err(AccountError::Store);
    let registered = registered.map_err(|error| refused(&error.into()))?.is_some();
    let mut query =
        element("query", ns::REGISTER).with_children(registered.then(|| element("registered", ns::REGISTER)));
    let (form, mut login) = match ask(asker).await {
        Ok(asked) => asked,
        // Logged in, or not allowed any more: there is nothing to fill in, but a registration to remove.
        Err(failure) if registered => {
            query.append_child(element("instructions", ns::REGISTER).with_text(&failure.to_string()));
            return Ok(answer(iq).with_child(query));
        }
        Err(failure) => return Err(refused(&failure)),
    };
    login.cancel().await;
    let plain = PLAIN.iter().filter(|name| form.questions.iter().any(|question| question.name == **name));
    query = query
        .with_child(element("instructions", ns::REGISTER).with_text(&form.instructions))
        .with_children(plain.map(|name| element(name, ns::REGISTER)))
        .with_child(data_form(&title(asker), &form, Some(ns::REGISTER)));
    Ok(answer(iq).with_child(query))
}

async fn register(asker: &Asker, iq: &Element, query: &Element) -> Result<Element, Refusal> {
    if query.get_child("x", ns::DATA_FORMS).is_some_and(|form| form.attr("type") == Some("cancel")) {
        return Ok(answer(iq));
    }
    let (_, mut login) = ask(asker).await.map_err(|failure| refused(&failure))?;
    let result = login.step(asker, entered(query)).await;
    login.cancel().await;
    match result {
        Ok(Output::Done(_)) => Ok(answer(iq)),
        Ok(Output::Form(_) | Output::Show(_)) => {
            let text = "This account asks for more than a form can carry. Use the command login instead: as a command \
                        of this gateway, or written to it in a chat.";
            Err((Condition::NotAcceptable, text.into()))
        }
        Err(failure) => Err(refused(&failure)),
    }
}

/// Section 3.2.
async fn remove(asker: &Asker, iq: &Element) -> Result<Element, Refusal> {
    match asker.keeper.accounts.unregister(&asker.keeper, &asker.jid).await {
        Ok(_) => Ok(answer(iq)),
        Err(AccountError::NotRegistered) => Err((Condition::RegistrationRequired, "You are not registered.".into())),
        Err(error) => Err(refused(&error.into())),
    }
}

/// A login that waits for its first form to be filled in.
async fn ask(asker: &Asker) -> Result<(Form, Running), Failure> {
    let mut login = Running::new(find("login").ok_or(Failure::Broken)?);
    match login.step(asker, Answers::default()).await? {
        Output::Form(form) => Ok((form, login)),
        Output::Show(_) | Output::Done(_) => {
            login.cancel().await;
            Err(Failure::Refused("Use the command login of this gateway, or write login to it in a chat.".into()))
        }
    }
}

/// From the data form, or the plain fields where there is none.
fn entered(query: &Element) -> Answers {
    if query.has_child("x", ns::DATA_FORMS) {
        return submitted(query);
    }
    let fields = query.children().filter(|child| child.has_ns(ns::REGISTER));
    Answers { values: fields.map(|field| (field.name().to_owned(), Secret::new(field.text()))).collect() }
}

fn title(asker: &Asker) -> String {
    format!("Log in to {}", asker.network())
}

fn refused(failure: &Failure) -> Refusal {
    let condition = match failure {
        Failure::Again(_) => Condition::NotAcceptable,
        Failure::Later(_) => Condition::RemoteServerTimeout,
        Failure::NotAllowed(_) => Condition::Forbidden,
        Failure::Refused(_) => Condition::Conflict,
        Failure::Broken => Condition::InternalServerError,
    };
    (condition, failure.to_string())
}
