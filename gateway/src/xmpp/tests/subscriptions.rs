//! Adding and removing contacts.

use drawbridge_bridge::ContactId;
use minidom::Element;

use super::world::{World, presence_of, presences, text};

const BOB: &str = "bob%far@gw.example.org";

async fn sends(world: &mut World, kind: &str, to: &str) -> Vec<Element> {
    world.takes(&format!("<presence type='{kind}' from='alice@example.org' to='{to}'/>")).await;
    world.drain().await
}

async fn with_bob() -> World {
    let world = World::with_alice().await;
    world.add_far_contact("bob@far");
    world
}

fn bob() -> ContactId {
    ContactId::new("bob@far")
}

#[tokio::test]
async fn subscribing_to_a_contact_opens_a_conversation_with_them() {
    let mut world = with_bob().await;
    let answers = presences(&sends(&mut world, "subscribe", BOB).await);
    // The contact's presence on the network may be told before and after.
    let (shown, said): (Vec<_>, Vec<_>) = answers.into_iter().partition(|presence| presence.starts_with("available "));
    assert_eq!(said, [format!("subscribed {BOB}"), format!("subscribe {BOB}")]);
    assert!(shown.contains(&format!("available {BOB}/drawbridge")), "{shown:?}");
    let row = world.row("bob@far").await.unwrap();
    assert!(row.conv.is_some() && row.subscription.subscribed && row.subscription.asked);
    assert!(world.far().conversation(&bob()).is_some());
}

#[tokio::test]
async fn nobody_plays_ping_pong_with_us() {
    let mut world = with_bob().await;
    sends(&mut world, "subscribe", BOB).await;
    for _ in 0..3 {
        assert!(presences(&sends(&mut world, "subscribed", BOB).await).is_empty());
        // Converse acknowledges by a further subscribe
        let answers = presences(&sends(&mut world, "subscribe", BOB).await);
        assert_eq!(answers, [format!("subscribed {BOB}"), format!("available {BOB}/drawbridge")]);
    }
    assert!(world.row("bob@far").await.unwrap().subscription.granted);
    let mut asked = 0;
    for _ in 0..3 {
        let answers = presences(&sends(&mut world, "subscribe", "gw.example.org").await);
        assert_eq!(answers[..2], ["subscribed gw.example.org", "available gw.example.org/drawbridge"]);
        asked += answers.len() - 2;
    }
    assert_eq!(asked, 0, "the gateway asked at registration");
}

#[tokio::test]
async fn whoever_does_not_exist_is_not_added() {
    let mut world = World::with_alice().await;
    let answers = sends(&mut world, "subscribe", "nobody%nowhere@gw.example.org").await;
    assert_eq!(presences(&answers), ["unsubscribed nobody%nowhere@gw.example.org"]);
    let words = answers.iter().find(|stanza| stanza.name() == "message").expect("no words");
    assert!(text(words).contains("nobody@nowhere could not be added: there is no such person"), "{}", text(words));
    assert!(world.row("nobody@nowhere").await.is_none());
}

#[tokio::test]
async fn an_invitation_is_a_request_and_a_yes_accepts_it() {
    for yes in ["subscribed", "subscribe"] {
        let mut world = with_bob().await;
        world.far().invites(&bob());
        let request = world.until(|stanza| presence_of(stanza).as_deref() == Some(&format!("subscribe {BOB}"))).await;
        assert_eq!(request.attr("to"), Some("alice@example.org"));
        assert!(world.row("bob@far").await.unwrap().invite);
        sends(&mut world, yes, BOB).await;
        let row = world.row("bob@far").await.unwrap();
        assert!(!row.invite && row.conv.is_some(), "{yes}");
    }
}

#[tokio::test]
async fn an_invitation_can_be_declined() {
    let mut world = with_bob().await;
    world.far().invites(&bob());
    world.until(|stanza| presence_of(stanza).as_deref() == Some(&format!("subscribe {BOB}"))).await;
    sends(&mut world, "unsubscribed", BOB).await;
    let row = world.row("bob@far").await.unwrap();
    assert!(row.conv.is_none() && !row.subscription.asked, "a later invitation may ask again");
}

#[tokio::test]
async fn only_taking_a_contact_out_of_the_roster_leaves_the_conversation() {
    let mut world = with_bob().await;
    sends(&mut world, "subscribe", BOB).await;
    sends(&mut world, "subscribed", BOB).await;
    let answers = presences(&sends(&mut world, "unsubscribe", BOB).await);
    assert_eq!(answers, [format!("unavailable {BOB}/drawbridge"), format!("unsubscribed {BOB}")]);
    assert!(world.row("bob@far").await.unwrap().conv.is_some(), "half of a removal");
    sends(&mut world, "unsubscribed", BOB).await;
    let row = world.row("bob@far").await.unwrap();
    assert!(row.conv.is_none(), "the whole of it");
    assert_eq!(row.subscription, Default::default());
}
