//! Short codes that somebody in between can search for are for old clients only (esessions.md, W1).

use esession::{Binding, Policy, SasMethod};

use super::*;

async fn answer(world: &mut World, resource: &str, methods: &[SasMethod]) -> Element {
    let policy = Policy { sas_methods: methods.to_vec(), ..disclosing() };
    let (_, payload) = request(&policy, &Binding::default());
    world.takes(&from_alice(resource, &payload)).await;
    world.until(|stanza| stanza.name() == "message").await
}

fn is_refused(answer: &Element) -> bool {
    answer.attr("type") == Some("error") && condition(answer) == "not-acceptable" && text(answer).contains("sas_algs")
}

#[tokio::test(start_paused = true)]
async fn a_client_that_once_had_a_better_code_is_not_let_go_back() {
    let old = [SasMethod::Sas28x5];
    let mut world = World::with_alice().await;
    assert!(!is_refused(&answer(&mut world, "phone", &old).await), "an old client");
    let mut session = session(&mut world, &Binding::between(ALICE, SILENT)).await;
    assert!(!is_refused(&answer(&mut world, "phone", &old).await), "nobody has shown keys so far");
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    sleep(Duration::from_secs(1)).await;
    world.drain().await;
    assert!(is_refused(&answer(&mut world, "phone", &old).await));
    let both = [SasMethod::Sas28x5, SasMethod::Committed28x5];
    assert!(!is_refused(&answer(&mut world, "phone", &both).await));
    assert!(!is_refused(&answer(&mut world, "gajim", &old).await), "another client of hers");
}

#[tokio::test(start_paused = true)]
async fn a_host_can_refuse_old_clients() {
    let mut world = World::with_alice_and("", "[esession]\ncommitted_codes = true").await;
    assert!(is_refused(&answer(&mut world, "phone", &[SasMethod::Sas28x5]).await));
    assert!(!is_refused(&answer(&mut world, "phone", &[SasMethod::Committed28x5]).await));
}
