//! Promises about the ids of contacts.

use std::collections::HashMap;

use super::{Broken, Harness, ensure};

pub(super) async fn inverse(harness: &dyn Harness) -> Result<(), Broken> {
    let network = harness.network();
    let mut seen = HashMap::new();
    for id in harness.legal_ids() {
        let name = network.split(&id).ok_or_else(|| Broken(format!("{id} does not split")))?;
        let joined = network.join(&name);
        ensure(joined.as_ref() == Some(&id), format!("{id} splits into {name:?}, which joins to {joined:?}"))?;
        if let Some(other) = seen.insert(name, id.clone()) {
            return Err(Broken(format!("{id} and {other} split alike")));
        }
    }
    for id in harness.illegal_ids() {
        ensure(network.split(&id).is_none(), format!("\"{id}\" splits, but is no id"))?;
    }
    Ok(())
}

pub(super) async fn typed(harness: &dyn Harness) -> Result<(), Broken> {
    let network = harness.network();
    for (text, meant) in harness.typed() {
        let understood = network.parse_contact(&text);
        ensure(understood == meant, format!("\"{text}\" is understood as {understood:?}, not as {meant:?}"))?;
    }
    Ok(())
}
