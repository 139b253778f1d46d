//! Promises about logging in.

use std::collections::BTreeSet;

use super::{Broken, Harness, broken, ensure, stage::log_in};
use crate::{Error, FlowId, LoginInput, LoginStep};

pub(super) async fn form(harness: &dyn Harness) -> Result<(), Broken> {
    let (user, network) = (harness.user(), harness.network());
    let flows = network.login_flows();
    let flow = flows.first().ok_or_else(|| Broken("there is no way to log in".into()))?;
    let mut process = network.begin_login(&user, &flow.id, harness.place()).map_err(broken("beginning to log in"))?;
    let step = process.step(LoginInput::default()).await.map_err(broken("asking for the form"))?;
    let LoginStep::Form { fields, .. } = step else {
        return Err(Broken(format!("an empty input is answered with {step:?}, not with a form")));
    };
    let names: BTreeSet<_> = fields.iter().map(|field| &field.name).collect();
    ensure(!fields.is_empty() && names.len() == fields.len(), "the form's fields do not have names of their own")?;
    for name in harness.right_input().values.keys() {
        ensure(names.contains(name), format!("the form does not ask for {name}"))?;
    }
    process.cancel().await;

    let (grant, _) = log_in(harness).await?;
    ensure(network.split(&grant.account).is_some(), "the account's id is not a legal id")
}

pub(super) async fn refusals(harness: &dyn Harness) -> Result<(), Broken> {
    let (user, network) = (harness.user(), harness.network());
    let unknown = network.begin_login(&user, &FlowId::new("no such flow"), harness.place());
    ensure(matches!(unknown, Err(Error::BadInput(_))), "an unknown flow is not refused as bad input")?;

    let flow = network.login_flows().into_iter().next().ok_or_else(|| Broken("there is no way to log in".into()))?;
    let mut process = network.begin_login(&user, &flow.id, harness.place()).map_err(broken("beginning to log in"))?;
    process.step(LoginInput::default()).await.map_err(broken("asking for the form"))?;
    for (number, wrong) in harness.wrong_inputs().into_iter().enumerate() {
        let answer = process.step(wrong).await;
        let refused = matches!(answer, Err(Error::BadInput(_) | Error::Rejected(_)));
        ensure(refused, format!("wrong input {number} is answered with {answer:?}"))?;
    }
    let step = process.step(harness.right_input()).await.map_err(broken("the right input after wrong ones"))?;
    ensure(matches!(step, LoginStep::Done(_)), "the right input after wrong ones does not log in")
}
