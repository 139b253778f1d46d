//! Whose devices get keys, and recovery.

use drawbridge_bridge::*;
use matrix_sdk::ruma::UserId;

use super::people::{Alice, Person};
use super::synapse::password;
use super::{homeserver, in_talk};

#[tokio::test(flavor = "multi_thread")]
async fn recovery_vouches_for_the_device_and_a_late_key_opens_what_was_sealed() {
    let synapse = homeserver().await;
    let bob = Person::sign_in(&synapse.url(), "bob", true).await;
    let phone = Person::sign_in(&synapse.url(), "alice", true).await;
    let key = phone.client.encryption().recovery().enable().await.unwrap();

    let alice = Alice::log_in(&synapse.url(), "alice").await;
    assert!(alice.grant.notice.as_ref().unwrap().contains("recovery key"), "{:?}", alice.grant.notice);
    let running = alice.run();
    let conv = running.session.direct().unwrap().open(&ContactId::new("@bob:test.local")).await.unwrap();
    let room = bob.joins(&conv.id).await;
    let early = running.say(&conv.id, "x", "t0").await;
    assert!(matches!(early, Err(SendError::NotTrusted(_))), "{early:?}");
    // Bob's client is told that the homeserver invented our device.
    let our = running.session.trust().unwrap().status().await.unwrap().device;
    let me = UserId::parse("@alice:test.local").unwrap();
    bob.client.encryption().request_user_identity(&me).await.unwrap();
    let device = bob.client.encryption().get_device(&me, our.as_str().into()).await.unwrap().unwrap();
    device.set_local_trust(matrix_sdk::encryption::LocalTrust::BlackListed).await.unwrap();

    let id = bob.says(&room, "secret").await;
    let sealed = |e: &Envelope| matches!(e.event, Event::Undecryptable).then(|| (e.remote_id.clone(), e.version));
    let announced = alice.ledger.await_event("the sealed message", sealed).await;
    assert_eq!(announced, (Some(RemoteId::new(&id)), 0));
    assert!(alice.ledger.texts().is_empty());
    phone.hears("secret").await;

    let trust = running.session.trust().unwrap();
    let wrong = trust.recover(&Secret::new("not the key")).await;
    assert!(matches!(wrong, Err(Error::BadInput(_))), "{wrong:?}");
    assert_eq!(trust.status().await.unwrap().own, OwnTrust::Unverified);
    assert_eq!(trust.recover(&Secret::new(key)).await.unwrap().own, OwnTrust::Verified);
    let opened = alice.ledger.await_text("secret").await;
    assert_eq!((opened.remote_id, opened.version), (Some(RemoteId::new(&id)), 1));
    running.say(&conv.id, "now I can write", "t1").await.unwrap();
    bob.hears("now I can write").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_only_where_the_policy_and_the_known_identity_allow() {
    let synapse = homeserver().await;
    let (alice, running, bob, conv, _) = in_talk(&synapse.url()).await;
    let carol = Person::sign_in(&synapse.url(), "carol", false).await;
    let trust = running.session.trust().unwrap();
    let hers = running.session.direct().unwrap().open(&ContactId::new("@carol:test.local")).await.unwrap();
    let her_room = carol.joins(&hers.id).await;
    let refused = running.say(&hers.id, "to carol", "c1").await;
    assert!(
        matches!(&refused, Err(SendError::NotTrusted(text)) if text.contains("no cross-signing identity")),
        "{refused:?}"
    );
    trust.set_sharing(KeySharing::All).await;
    running.say(&hers.id, "to carol", "c1").await.unwrap();
    carol.hears("to carol").await;
    carol.says(&her_room, "from carol").await;
    let unvouched = alice.ledger.await_text("from carol").await;
    assert_eq!(unvouched.security, Security::Encrypted { verified: false });
    trust.set_sharing(KeySharing::CrossSigned).await;

    running.say(&conv.id, "before", "b1").await.unwrap();
    bob.hears("before").await;
    let handle = bob.client.encryption().reset_cross_signing().await.unwrap().unwrap();
    let user = matrix_sdk::ruma::api::client::uiaa::MatrixUserIdentifier::new("bob".into());
    let mut answer = matrix_sdk::ruma::api::client::uiaa::Password::new(
        matrix_sdk::ruma::api::client::uiaa::UserIdentifier::Matrix(user),
        password("bob"),
    );
    if let matrix_sdk::encryption::CrossSigningResetAuthType::Uiaa(uiaa) = handle.auth_type() {
        answer.session.clone_from(&uiaa.session);
    }
    handle.auth(Some(matrix_sdk::ruma::api::client::uiaa::AuthData::Password(answer))).await.unwrap();
    let notice = |e: &Envelope| {
        matches!(&e.event, Event::TrustNotice { contact: Some(c), blocks: true, .. }
        if c.as_str() == "@bob:test.local")
        .then_some(())
    };
    alice.ledger.await_event("the changed identity", notice).await;
    let refused = running.say(&conv.id, "no", "b2").await;
    assert!(matches!(&refused, Err(SendError::NotTrusted(text)) if text.contains("has changed")), "{refused:?}");
    let contact = ContactId::new("@bob:test.local");
    assert_eq!(trust.contact(&contact).await.unwrap(), ContactTrust::Changed);
    trust.accept_identity(&contact).await.unwrap();
    assert!(matches!(trust.accept_identity(&contact).await, Err(Error::NotFound)));
    running.say(&conv.id, "after", "b3").await.unwrap();
    bob.hears("after").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_recovers_as_a_key_does() {
    let synapse = homeserver().await;
    let phone = Person::sign_in(&synapse.url(), "alice", true).await;
    phone.client.encryption().recovery().enable().with_passphrase("through the looking glass").await.unwrap();

    let alice = Alice::log_in(&synapse.url(), "alice").await;
    let running = alice.run();
    let trust = running.session.trust().unwrap();
    let wrong = trust.recover(&Secret::new("down the rabbit hole")).await;
    assert!(matches!(wrong, Err(Error::BadInput(_))), "{wrong:?}");
    assert_eq!(trust.status().await.unwrap().own, OwnTrust::Unverified);
    let recovered = trust.recover(&Secret::new("through the looking glass")).await.unwrap();
    assert_eq!(recovered.own, OwnTrust::Verified);
    running.stop().await;
}
