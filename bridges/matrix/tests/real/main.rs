//! The bridge against a real Synapse; each test starts its own, on loopback. `tests/setup` installs Synapse.

#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::panic, clippy::large_futures, reason = "a test fails by panicking")]

mod conformance;
mod delivery;
mod faults;
mod https;
mod logins;
mod people;
mod profiles;
mod rooms;
mod speed;
mod synapse;
mod talk;
mod trust;

use drawbridge_bridge::{ContactId, ConvInfo, Event};
use people::{Alice, Person, Running};
use synapse::Synapse;

/// Alice's running login and Bob's client, in an encrypted direct chat.
async fn in_talk(homeserver: &str) -> (Alice, Running, Person, ConvInfo, matrix_sdk::Room) {
    let bob = Person::sign_in(homeserver, "bob", true).await;
    let alice = Alice::log_in(homeserver, "alice").await;
    let running = alice.run();
    let conv = running.session.direct().unwrap().open(&ContactId::new("@bob:test.local")).await.unwrap();
    let room = bob.joins(&conv.id).await;
    // Until the join has come, Bob is only invited.
    alice
        .ledger
        .await_event("the conversation", |e| matches!(&e.event, Event::ConvUpsert(i) if i.id == conv.id).then_some(()))
        .await;
    (alice, running, bob, conv, room)
}

async fn homeserver() -> Synapse {
    drawbridge_matrix::MatrixNetwork::new();
    let synapse = Synapse::start().await;
    for name in ["alice", "bob", "carol"] {
        synapse.user(name).await;
    }
    synapse
}
