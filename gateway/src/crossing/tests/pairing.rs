//! A code that the host has made verifies a client that was given it, once.

use esession::namespaces::{feature, negotiation_form};
use esession::{Binding, Credentials, Established, Initiator, RetainedSecret, Secret};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::*;

const GATEWAY: &str = "gw.example.org";

/// A session of Alice's client with the gateway itself, in which it has confirmed its keys.
async fn session(world: &mut World, code: &str) -> Established {
    let rng = &mut UnwrapErr(SysRng);
    let to_gateway = |payload: &Element| from_alice("phone", payload).replacen(SILENT, GATEWAY, 1);
    let form = |stanza: &Element| stanza.children().find_map(negotiation_form).cloned();
    let pairing = RetainedSecret::new(0, Secret::new(code.replace('-', "").as_bytes()), true);
    let binding = Binding::between(ALICE, GATEWAY).vouched_by(&[pairing]);
    let (waiting, form_a) = Initiator::begin(&disclosing(), &binding, rng).unwrap();
    world.takes(&to_gateway(&feature(form_a))).await;
    let form_b = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    let (waiting, form_a2) = waiting.handle_response(&form_b, Credentials::default(), rng).unwrap();
    world.takes(&to_gateway(&feature(form_a2))).await;
    let form_b2 = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    let mut established = waiting.handle_completion(&form_b2).unwrap();
    world.takes(&to_gateway(&established.session.confirm().unwrap())).await;
    established
}

async fn is_verified(world: &World) -> bool {
    let codes = world.keeper.crossings.codes(&alice()).await;
    assert_eq!(codes.len(), 1);
    codes[0].verified
}

#[tokio::test(start_paused = true)]
async fn who_was_given_the_code_is_verified_and_nobody_after_them() {
    let mut world = World::with_alice().await;
    assert!(!session(&mut world, "acdef-acdef-acdef-acdef-acdef").await.vouched);
    assert!(!is_verified(&world).await);
    let code = world.keeper.pairings.make(&alice());
    assert!(session(&mut world, &code).await.vouched);
    assert!(is_verified(&world).await);
    assert!(world.keeper.pairings.of(&alice()).is_empty(), "it is used up");
    assert!(!session(&mut world, &code).await.vouched);
    assert!(!is_verified(&world).await);
}
