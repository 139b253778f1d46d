//! What a session costs to negotiate: with the gateway, and between two clients on the same server.

use std::time::Duration;

use drawbridge_tests::{
    Error, Sample, Stage, World,
    clients::{Chat, ChatAccount},
};
use serde_json::{Value, json};

use crate::people::People;

/// With one group after the other, so many times each.
pub(crate) fn measure(stage: &Stage, people: &People, count: usize) -> Result<(), Error> {
    for group in ["14", "16"] {
        let (told, gateway) = negotiate(stage, &people.alices, World::BOB, group, count)?;
        let (_, client) = negotiate(stage, &people.erins, People::CAROL, group, count)?;
        println!(
            "negotiation, group {group}: {} stanzas, {} octets, {gateway:.1?}; between two clients {client:.1?} ({:.2}x)",
            told["stanzas"],
            told["bytes"],
            gateway.as_secs_f64() / client.as_secs_f64(),
        );
    }
    Ok(())
}

/// Gives the last session as it was told, and the median of the time until it stood.
fn negotiate(
    stage: &Stage,
    account: &ChatAccount,
    with: &str,
    group: &str,
    count: usize,
) -> Result<(Value, Duration), Error> {
    let account = account.with_resource(&format!("group{group}"));
    let mut client = Chat::start(stage.dir(), &account, with, &["--accept-subscriptions", "--groups", group])?;
    client.subscribe(with)?;
    let (mut times, mut told) = (Sample::default(), Value::Null);
    for _ in 0..count {
        told = client.secure()?;
        times.push(Duration::from_millis(told["milliseconds"].as_u64().unwrap_or_default()));
        client.send(&json!({ "command": "end" }))?;
        client.session("ended")?;
    }
    client.finish()?;
    Ok((told, times.median().unwrap_or_default()))
}
