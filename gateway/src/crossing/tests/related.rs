//! Replies, corrections, retractions and reactions cross as what they are, in both directions.

use drawbridge_bridge::{Annotation, Plaintext, RemoteId};

use super::*;
use crate::xmpp::element::random_id;

pub(super) const CORRECTION: &str = "urn:xmpp:message-correct:0";
pub(super) const RETRACTION: &str = "urn:xmpp:message-retract:1";

pub(super) fn from_user(id: &str, xml: &str) -> String {
    format!("<message from='{ALICE}/phone' to='{SILENT}' type='chat' id='{id}'>{xml}</message>")
}

pub(super) fn reactions(target: &str, signs: &[&str]) -> String {
    let signs: String = signs.iter().map(|sign| format!("<reaction>{sign}</reaction>")).collect();
    format!("<reactions xmlns='urn:xmpp:reactions:0' id='{target}'>{signs}</reactions>")
}

pub(super) fn edit(target: &RemoteId, text: &str) -> Annotation {
    Annotation::Edit { target: target.clone(), text: Plaintext::new(text) }
}

pub(super) fn retract(target: &RemoteId) -> Annotation {
    Annotation::Retract { target: target.clone() }
}

pub(super) fn react(target: &RemoteId, sign: &str) -> Annotation {
    Annotation::React { target: target.clone(), key: Plaintext::new(sign) }
}

/// What the user has done, when so much has come.
pub(super) async fn contact_sees(world: &World, count: usize) -> Vec<Annotation> {
    let seen = || world.far().annotated().into_iter().map(|it| it.annotation).collect::<Vec<_>>();
    world.eventually(|_| seen().len() >= count).await;
    seen()
}

/// The user's message that the contact has got under this text.
pub(super) fn sent(world: &World, text: &str) -> RemoteId {
    world.far().received().into_iter().find(|got| got.text.expose() == text).unwrap().remote_id
}

/// The next message with something of the contact.
async fn shown(world: &mut World) -> Element {
    world.until(|stanza| stanza.name() == "message" && stanza.has_child("origin-id", ns::SID)).await
}

pub(super) fn target<'a>(stanza: &'a Element, name: &str, namespace: &str) -> Option<&'a str> {
    stanza.get_child(name, namespace).and_then(|child| child.attr("id"))
}

pub(super) fn signs(stanza: &Element) -> Vec<String> {
    stanza.get_child("reactions", ns::REACTIONS).unwrap().children().map(Element::text).collect()
}

#[tokio::test(start_paused = true)]
async fn the_users_cross_to_the_network() {
    let mut world = World::with_alice().await;
    world.takes(&message("one")).await;
    contact_has(&world, 1).await;
    let (mine, theirs) = (sent(&world, "one"), world.far().says(&silent(), "two"));
    let two = shown(&mut world).await.attr("id").unwrap().to_owned();

    let correction = |id: &str, target: &str, text: &str| {
        from_user(id, &format!("<body>{text}</body><replace xmlns='{CORRECTION}' id='{target}'/>"))
    };
    world.takes(&correction("c1", "one", "uno")).await;
    // A client may name the correction in the place of what it corrects.
    world.takes(&correction("c2", "c1", "un")).await;
    world.takes(&from_user("r1", &reactions(&two, &["+", "-"]))).await;
    world.takes(&from_user("r2", &reactions(&two, &["-", "*"]))).await;
    world.takes(&from_user("t1", &format!("<retract xmlns='{RETRACTION}' id='one'/><body>fallback</body>"))).await;
    let seen = contact_sees(&world, 7).await;
    let plus = world.far().annotated()[2].remote_id.clone();
    let expected = [
        edit(&mine, "uno"),
        edit(&mine, "un"),
        react(&theirs, "+"),
        react(&theirs, "-"),
        react(&theirs, "*"),
        retract(&plus),
        retract(&mine),
    ];
    assert_eq!(seen, expected);
    assert_eq!(contact_has(&world, 1).await, ["one"], "nothing of it was said");
}

#[tokio::test(start_paused = true)]
async fn the_contacts_cross_to_the_user() {
    let mut world = World::with_alice().await;
    let theirs = world.far().says(&silent(), "one");
    let one = shown(&mut world).await.attr("id").unwrap().to_owned();
    world.takes(&message("two")).await;
    contact_has(&world, 1).await;
    let mine = sent(&world, "two");

    world.far().annotates(&silent(), edit(&theirs, "uno"));
    let corrected = shown(&mut world).await;
    assert_eq!((body(&corrected).unwrap().as_str(), target(&corrected, "replace", CORRECTION)), ("uno", Some(&*one)));
    world.far().annotates(&silent(), edit(&theirs, "un"));
    assert_eq!(target(&shown(&mut world).await, "replace", CORRECTION), Some(&*one), "the first form, each time");

    world.far().annotates(&silent(), react(&mine, "+"));
    let reacted = shown(&mut world).await;
    assert_eq!((signs(&reacted), target(&reacted, "reactions", ns::REACTIONS)), (vec!["+".to_owned()], Some("two")));
    let minus = world.far().annotates(&silent(), react(&mine, "-"));
    assert_eq!(signs(&shown(&mut world).await), ["+", "-"]);
    world.far().annotates(&silent(), retract(&minus));
    assert_eq!(signs(&shown(&mut world).await), ["+"]);

    world.far().annotates(&silent(), retract(&theirs));
    let retracted = shown(&mut world).await;
    assert_eq!(target(&retracted, "retract", RETRACTION), Some(&*one));
    assert!(body(&retracted).is_some_and(|body| body.contains("took a message back")), "for clients that know it not");
    world.far().annotates(&silent(), retract(&theirs));
    assert!(!world.drain().await.iter().any(|stanza| stanza.name() == "message"), "once");
}

#[tokio::test(start_paused = true)]
async fn a_reply_names_its_message_and_quotes_it_for_who_needs_that() {
    let mut world = World::with_alice().await;
    let theirs = world.far().says(&silent(), "tea?\nor coffee?");
    let asked = shown(&mut world).await.attr("id").unwrap().to_owned();
    let reply = |id: &str, to: &str| {
        from_user(
            id,
            &format!(
                "<body>&gt; tea?\n&gt; or coffee?\ntea</body><reply xmlns='urn:xmpp:reply:0' to='{SILENT}' id='{to}'/>\
                 <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='20'/></fallback>"
            ),
        )
    };
    world.takes(&reply("r1", &asked)).await;
    world.takes(&reply("r2", "long ago")).await;
    assert_eq!(contact_has(&world, 2).await, ["tea", "> tea?\n> or coffee?\ntea"]);
    let got: Vec<_> = world.far().received().into_iter().map(|got| got.reply_to).collect();
    assert_eq!(got, [Some(theirs), None]);

    let mine = sent(&world, "tea");
    world.far().replies(&silent(), &mine, "good");
    let good = shown(&mut world).await;
    assert_eq!((body(&good).unwrap().as_str(), target(&good, "reply", ns::REPLY)), ("> tea\ngood", Some("r1")));
    assert_eq!(good.get_child("reply", ns::REPLY).unwrap().attr("to"), Some(ALICE));
    assert!(text(&good).contains("end='6'"), "{}", text(&good));
}

#[tokio::test(start_paused = true)]
async fn nobody_changes_what_somebody_else_has_written() {
    let mut world = World::with_alice().await;
    let theirs = world.far().says(&silent(), "one");
    let one = shown(&mut world).await.attr("id").unwrap().to_owned();
    world.takes(&message("two")).await;
    contact_has(&world, 1).await;
    let mine = sent(&world, "two");
    for (xml, refused) in [
        (format!("<body>x</body><replace xmlns='{CORRECTION}' id='{one}'/>"), "forbidden"),
        (format!("<retract xmlns='{RETRACTION}' id='{one}'/>"), "forbidden"),
        (format!("<body>x</body><replace xmlns='{CORRECTION}' id='unknown'/>"), "item-not-found"),
        (reactions("unknown", &["+"]), "item-not-found"),
    ] {
        world.takes(&from_user(&random_id(), &xml)).await;
        let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!(condition(&refusal), refused, "{xml}");
    }
    world.far().annotates(&silent(), edit(&mine, "forged"));
    world.far().annotates(&silent(), retract(&mine));
    world.far().annotates_elsewhere(&silent(), edit(&theirs, "forged"));
    world.far().annotates_elsewhere(&silent(), retract(&theirs));
    assert!(!world.drain().await.iter().any(|stanza| stanza.name() == "message"));
    assert!(world.far().annotated().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_contacts_reactions_are_as_limited_as_the_users() {
    let mut world = World::with_alice().await;
    world.takes(&message("one")).await;
    contact_has(&world, 1).await;
    let mine = sent(&world, "one");
    for odd in ["x".repeat(65), "a\nb".to_owned()] {
        world.far().annotates(&silent(), react(&mine, &odd));
    }
    for number in 0..40 {
        world.far().annotates(&silent(), react(&mine, &number.to_string()));
    }
    let shown: Vec<_> = world.drain().await.into_iter().filter(|it| it.has_child("reactions", ns::REACTIONS)).collect();
    assert_eq!((shown.len(), signs(shown.last().unwrap()).len()), (32, 32));
}

#[tokio::test(start_paused = true)]
async fn what_is_about_an_unknown_message_is_shown_by_itself() {
    let mut world = World::with_alice().await;
    let unknown = RemoteId::new("long ago");
    world.far().annotates(&silent(), edit(&unknown, "better"));
    assert_eq!(body(&shown(&mut world).await).unwrap(), "* better");
    world.far().annotates(&silent(), react(&unknown, "+"));
    assert_eq!(body(&shown(&mut world).await).unwrap(), "/me reacted with +");
    world.far().replies(&silent(), &unknown, "yes");
    assert_eq!(body(&shown(&mut world).await).unwrap(), "yes");
    world.far().annotates(&silent(), retract(&unknown));
    assert!(!world.drain().await.iter().any(|stanza| stanza.name() == "message"));
}

#[tokio::test(start_paused = true)]
async fn what_the_user_does_elsewhere_is_told_in_words() {
    let mut world = World::with_alice().await;
    let mine = world.far().writes_elsewhere(&silent(), "hello");
    assert_eq!(body(&shown(&mut world).await).unwrap(), "You: hello");
    for (annotation, words) in [
        (edit(&mine, "hallo"), "You: * hallo"),
        (react(&mine, "+"), "You reacted with + to: hello"),
        (retract(&mine), "You took a message back"),
    ] {
        world.far().annotates_elsewhere(&silent(), annotation);
        let told = shown(&mut world).await;
        assert_eq!(body(&told).unwrap(), words);
        assert!(!text(&told).contains("urn:xmpp:reactions") && !text(&told).contains("message-"), "{}", text(&told));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_decrypted_late_stands_in_the_place_of_its_notice() {
    let mut world = World::with_alice().await;
    let remote = world.far().says_undecryptable(&silent());
    let notice = shown(&mut world).await.attr("id").unwrap().to_owned();
    world.far().decrypts(&silent(), &remote, "at last");
    let late = shown(&mut world).await;
    assert_eq!((body(&late).unwrap().as_str(), target(&late, "replace", CORRECTION)), ("at last", Some(&*notice)));
    world.takes(&from_user("r1", &reactions(late.attr("id").unwrap(), &["+"]))).await;
    assert_eq!(contact_sees(&world, 1).await, [react(&remote, "+")]);
}

#[tokio::test(start_paused = true)]
async fn what_the_network_loses_the_answer_to_is_done_once() {
    let mut world = World::with_alice().await;
    let theirs = world.far().says(&silent(), "one");
    let one = shown(&mut world).await.attr("id").unwrap().to_owned();
    world.far().fail_next_send(SendError::Uncertain);
    world.takes(&from_user("r1", &reactions(&one, &["+", "-"]))).await;
    assert_eq!(contact_sees(&world, 2).await, [react(&theirs, "+"), react(&theirs, "-")]);
    world.takes(&from_user("r1", &reactions(&one, &["+", "-"]))).await;
    world.takes(&from_user("r2", &reactions(&one, &[]))).await;
    let reacted: Vec<_> = world.far().annotated().into_iter().map(|it| it.remote_id).collect();
    assert_eq!(contact_sees(&world, 4).await[2..], [retract(&reacted[0]), retract(&reacted[1])]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_shows_no_reactions_is_told_in_words() {
    let mut world = World::with_alice().await;
    world.takes(&message("tea?")).await;
    contact_has(&world, 1).await;
    let mine = sent(&world, "tea?");
    world.online_with("phone", &["urn:xmpp:receipts"]).await;
    world.far().annotates(&silent(), react(&mine, "+"));
    let told = shown(&mut world).await;
    assert_eq!(body(&told).unwrap(), "/me reacted with + to: tea?");
    assert!(!told.has_child("reactions", ns::REACTIONS));
}
