//! Contacts' names and pictures.

use drawbridge_bridge::event::Avatar;
use drawbridge_bridge::*;

use super::{homeserver, in_talk};

/// 120 points on a side.
const PICTURE: &[u8] = include_bytes!("bob.png");

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_shown_with_name_and_picture_and_their_changes_come() {
    let synapse = homeserver().await;
    let (alice, running, bob, ..) = in_talk(&synapse.url()).await;
    let contact = ContactId::new("@bob:test.local");
    let before = running.session.contact(&contact).await.unwrap();
    assert_eq!((before.name.as_deref(), &before.avatar), (Some("bob"), &None));

    bob.client.account().upload_avatar(&"image/png".parse().unwrap(), PICTURE.to_vec()).await.unwrap();
    let pictured = |e: &Envelope| match &e.event {
        Event::ContactUpsert(info) if info.id == contact => info.avatar.clone(),
        _ => None,
    };
    let Avatar { media_type, octets } = alice.ledger.await_event("the picture", pictured).await;
    assert_eq!(media_type, "image/png");
    assert!(octets.starts_with(b"\x89PNG"), "the octets of a picture");
    assert_eq!(running.session.contact(&contact).await.unwrap().avatar, Some(Avatar { media_type, octets }));

    // What is no picture is shown to nobody, whatever its owner calls it.
    let script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    bob.client.account().upload_avatar(&"image/png".parse().unwrap(), script).await.unwrap();
    bob.client.account().set_display_name(Some("Bob the Builder")).await.unwrap();
    let renamed = |e: &Envelope| match &e.event {
        Event::ContactUpsert(info) if info.name.as_deref() == Some("Bob the Builder") => Some(info.clone()),
        _ => None,
    };
    assert_eq!(alice.ledger.await_event("the new name", renamed).await.avatar, None);
    running.stop().await;
}
