//! A code that the host has made verifies a client that was given it, once.

use esession::{Binding, Credentials, Error, Established, RetainedSecret, Secret};
use jid::BareJid;

use super::*;
use crate::secure::pairing::Way;

const GATEWAY: &str = "gw.example.org";

/// A session of Alice's client with the gateway itself, in which it has confirmed its keys.
async fn session(world: &mut World, binding: &Binding, credentials: Credentials) -> Result<Established, Error> {
    let mut established = negotiated(world, GATEWAY, disclosing(), binding, credentials).await?;
    let confirmation = from_alice("phone", &established.session.confirm().unwrap());
    world.takes(&confirmation.replacen(SILENT, GATEWAY, 1)).await;
    Ok(established)
}

async fn with_code(world: &mut World, code: &str) -> Established {
    let pairing = RetainedSecret::new(0, Secret::new(code.replace('-', "").as_bytes()), true);
    let binding = Binding::between(ALICE, GATEWAY).vouched_by(&[pairing]);
    session(world, &binding, Credentials::default()).await.unwrap()
}

/// As a client does that knows nothing of what we add to the documents.
async fn with_password(world: &mut World, password: Option<&str>) -> Result<Established, Error> {
    session(world, &Binding::default(), secret(password)).await
}

fn secret(password: Option<&str>) -> Credentials {
    let other_secret = password.map(|password| Secret::new(password.as_bytes()));
    Credentials { other_secret, ..Credentials::default() }
}

async fn is_verified(world: &World) -> bool {
    let codes = world.keeper.crossings.codes(&alice()).await;
    assert_eq!(codes.len(), 1);
    codes[0].verified
}

#[tokio::test(start_paused = true)]
async fn who_was_given_the_code_is_verified_and_nobody_after_them() {
    let mut world = World::with_alice().await;
    assert!(!with_code(&mut world, "acdef-acdef-acdef-acdef-acdef").await.vouched);
    assert!(!is_verified(&world).await);
    let code = world.keeper.pairings.make(&alice(), Way::Code);
    assert!(with_code(&mut world, &code).await.vouched);
    assert!(is_verified(&world).await);
    assert!(world.keeper.pairings.vouchers(&alice()).is_empty(), "it is used up");
    assert!(!with_code(&mut world, &code).await.vouched);
    assert!(!is_verified(&world).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_only_a_place_for_passwords_is_verified_by_one() {
    let mut world = World::with_alice().await;
    let gateway = BareJid::new(GATEWAY).unwrap();
    let password = world.keeper.pairings.make(&alice(), Way::Password(gateway.clone()));
    for wrong in [None, Some("acdefacdefacdefacdefacdef")] {
        let refused = with_password(&mut world, wrong).await.map(|_| ());
        assert_eq!(refused.unwrap_err(), Error::DecryptFailed, "the client itself sees that it is another one");
    }
    assert!(world.keeper.pairings.password(&alice(), &gateway).is_some(), "nobody has used it");
    assert!(with_password(&mut world, Some(&password)).await.unwrap().agreed.password);
    assert!(is_verified(&world).await);
    assert!(world.keeper.pairings.password(&alice(), &gateway).is_none());
    assert!(!with_password(&mut world, None).await.unwrap().agreed.password);
    assert!(!is_verified(&world).await, "somebody who has neither the password nor what came of it");
}

#[tokio::test(start_paused = true)]
async fn a_password_for_a_contact_is_in_nobody_elses_way_and_counts_once_it_is_shown() {
    let mut world = World::with_alice().await;
    let contact = BareJid::new(SILENT).unwrap();
    let password = world.keeper.pairings.make(&alice(), Way::Password(contact.clone()));
    assert!(!with_password(&mut world, None).await.unwrap().agreed.password, "with the gateway");
    let credentials = secret(Some(&password));
    let mut alices =
        negotiated(&mut world, SILENT, disclosing(), &Binding::default(), credentials).await.unwrap().session;
    world.far().says(&silent(), "for her only");
    sleep(Duration::from_secs(2)).await;
    // Whoever guessed wrong has got this far as well, and cannot show it.
    let sent = world.drain().await;
    assert!(!sent.iter().any(|stanza| encrypted(stanza).is_some()), "{sent:?}");
    assert!(world.keeper.pairings.password(&alice(), &contact).is_some());
    let codes = world.keeper.crossings.codes(&alice()).await;
    assert!(codes.iter().all(|code| !code.verified), "two sessions, neither of them verified");

    world.takes(&from_alice("phone", &alices.confirm().unwrap())).await;
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    assert!(alices.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("for her only"));
    assert!(world.keeper.pairings.password(&alice(), &contact).is_none());
    let codes = world.keeper.crossings.codes(&alice()).await;
    assert_eq!(codes.iter().filter(|code| code.verified).count(), 1);
}
