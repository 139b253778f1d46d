//! What was agreed in a session changes with what is true, and with what the client asks for.

use esession::{Disclosure, Logging, Management, Policy, Proposal, Session, Terms};

use super::promises::{promised, world};
use super::*;

/// What the gateway says next in the session.
async fn opened(world: &mut World, session: &mut Session) -> esession::Opened {
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    session.open(encrypted(&heard).unwrap()).unwrap()
}

async fn proposal(world: &mut World, session: &mut Session) -> Proposal {
    match opened(world, session).await.management {
        Some(Management::Proposed(proposal)) => proposal,
        other => panic!("{other:?}"),
    }
}

async fn answers(world: &mut World, session: &mut Session, proposal: &Proposal, takes: &[Disclosure]) {
    let policy = Policy { disclosure: takes.to_vec(), ..Policy::default() };
    let (_, c) = session.answer(proposal, &policy).unwrap();
    world.takes(&from_alice("phone", &c)).await;
}

async fn far_side(world: &World, encrypted: bool) {
    world.far().set_encrypted(&silent(), encrypted);
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_far_side_is_not_encrypted_any_more_nothing_is_said_until_the_client_knows() {
    let mut world = world().await;
    let mut session = promised(&mut world, Disclosure::Never, Logging::May).await;
    far_side(&world, false).await;
    let proposal = proposal(&mut world, &mut session).await;
    assert_eq!(proposal.disclosure, [Disclosure::Enabled]);
    world.far().says(&silent(), "in clear on the far side");
    sleep(LOOKS).await;
    let meanwhile = world.drain().await;
    assert!(!meanwhile.iter().any(|stanza| encrypted(stanza).is_some()), "{meanwhile:?}");

    answers(&mut world, &mut session, &proposal, &[Disclosure::Enabled]).await;
    let heard = opened(&mut world, &mut session).await;
    assert!(heard.content.expose().contains("in clear on the far side"), "in the same session");

    // And back: the client may hear that it is better now.
    far_side(&world, true).await;
    let better = self::proposal(&mut world, &mut session).await;
    assert_eq!(better.disclosure, [Disclosure::Never]);
    answers(&mut world, &mut session, &better, &[Disclosure::Never]).await;
    far_side(&world, false).await;
    assert_eq!(self::proposal(&mut world, &mut session).await.disclosure, [Disclosure::Enabled]);
}

#[tokio::test(start_paused = true)]
async fn what_a_client_is_owed_waits_until_it_has_taken_the_truth() {
    let mut world = world().await;
    let mut session = promised(&mut world, Disclosure::Never, Logging::May).await;
    far_side(&world, false).await;
    let proposal = proposal(&mut world, &mut session).await;
    let status = session.seal("<status>at the sea</status>").unwrap();
    let presence = format!("<presence from='{ALICE}/phone' to='{SILENT}'>{}</presence>", text(&status));
    world.takes(&presence).await;
    sleep(LOOKS).await;
    assert!(!world.drain().await.iter().any(|stanza| encrypted(stanza).is_some()));
    answers(&mut world, &mut session, &proposal, &[Disclosure::Enabled]).await;
    let told = opened(&mut world, &mut session).await;
    assert!(told.content.expose().contains("your status was not passed on"), "{}", told.content.expose());
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_client_does_not_take_the_truth_ends() {
    for answer in [true, false] {
        let mut world = world().await;
        let mut session = promised(&mut world, Disclosure::Never, Logging::May).await;
        far_side(&world, false).await;
        let proposal = proposal(&mut world, &mut session).await;
        if answer {
            answers(&mut world, &mut session, &proposal, &[Disclosure::Never]).await;
        } else {
            sleep(Duration::from_secs(30) + LOOKS).await;
        }
        let ending = opened(&mut world, &mut session).await.ending;
        assert!(matches!(ending, Some(esession::Ending::ByPeer { .. })), "{ending:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_better_for_a_moment_is_not_agreed_when_it_is_worse_again() {
    let mut world = world().await;
    world.far().set_encrypted(&silent(), false);
    let mut session = promised(&mut world, Disclosure::Enabled, Logging::May).await;
    far_side(&world, true).await;
    let better = proposal(&mut world, &mut session).await;
    world.far().set_encrypted(&silent(), false);
    sleep(Duration::from_secs(1)).await;
    answers(&mut world, &mut session, &better, &[Disclosure::Never]).await;
    assert_eq!(proposal(&mut world, &mut session).await.disclosure, [Disclosure::Enabled]);
}

#[tokio::test(start_paused = true)]
async fn a_client_asks_for_what_is_true_and_gets_it_and_for_nothing_else() {
    for (encrypted, logging) in [(true, Some(Logging::MustNot)), (false, None)] {
        let mut world = world().await;
        world.far().set_encrypted(&silent(), encrypted);
        let mut session = promised(&mut world, Disclosure::Enabled, Logging::May).await;
        let terms = Terms { disclosure: None, logging: Some(Logging::MustNot) };
        let c = session.propose(Proposal::of(terms)).unwrap();
        world.takes(&from_alice("phone", &c)).await;
        let said = opened(&mut world, &mut session).await.management;
        match logging {
            Some(_) => assert_eq!(said, Some(Management::Agreed(terms))),
            None => assert_eq!(said, Some(Management::Refused)),
        }
        assert_eq!(mailbox(&world).await.is_unlogged(), logging.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_under_another_resource() {
    let mut world = world().await;
    let mut session = promised(&mut world, Disclosure::Enabled, Logging::May).await;
    let c = session.continue_as("tablet").unwrap();
    world.takes(&from_alice("phone", &c)).await;
    assert_eq!(opened(&mut world, &mut session).await.management, Some(Management::Continued("tablet".into())));
    world.far().says(&silent(), "for the tablet");
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    assert_eq!(heard.attr("to"), Some("alice@example.org/tablet"));
    assert!(session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("for the tablet"));
    let words = session.seal("<body>from the tablet</body>").unwrap();
    let stanza = from_alice("tablet", &words).replace("<thread>tablet", "<thread>phone");
    world.takes(&stanza).await;
    assert_eq!(contact_has(&world, 1).await, ["from the tablet"]);
}

fn end_in_clear() -> Element {
    stanza(
        "<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>\
         <field var='terminate'><value>1</value></field></x></feature>",
    )
}

#[tokio::test(start_paused = true)]
async fn an_end_in_clear_is_believed_of_old_gajim_only_and_leads_to_nothing_in_clear() {
    let mut world = world().await;
    let mut session = promised(&mut world, Disclosure::Enabled, Logging::May).await;
    world.takes(&from_alice("phone", &end_in_clear())).await;
    sleep(LOOKS).await;
    world.far().says(&silent(), "still here");
    assert!(opened(&mut world, &mut session).await.content.expose().contains("still here"));

    let mut gajim = gajim(&mut world).await;
    let elsewhere = from_alice("phone", &end_in_clear()).replace("<thread>phone", "<thread>other");
    world.takes(&elsewhere).await;
    world.takes(&from_alice("phone", &gajim.seal("<body>from Gajim</body>").unwrap())).await;
    assert_eq!(contact_has(&world, 1).await, ["from Gajim"], "another thread is another session");
    world.takes(&from_alice("phone", &end_in_clear())).await;
    world.far().says(&silent(), "not for the server");
    sleep(LOOKS).await;
    let sent = world.drain().await;
    assert!(!sent.iter().any(|stanza| text(stanza).contains("not for the server")), "{sent:?}");
    world.takes(&from_alice("phone", &gajim.seal("<body>late</body>").unwrap())).await;
    let refusal = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!(condition(&refusal), "not-acceptable", "that session is over");
}

/// A session with a client that goes the way of old Gajim.
async fn gajim(world: &mut World) -> Session {
    let ciphers = vec![esession::Cipher::Aes128Ctr];
    let (waiting, payload) = request(&Policy { ciphers, ..disclosing() }, &esession::Binding::default());
    let form = |stanza: &Element| stanza.children().find_map(esession::namespaces::negotiation_form).cloned();
    world.takes(&from_alice("phone", &payload)).await;
    let form_b = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    let announced = [vec![7; 32]];
    let profile = Some(esession::Profile::Gajim);
    let (waiting, form_a2) =
        esession::dangerous::identify(waiting, &form_b, &announced, esession::Credentials::default(), profile).unwrap();
    world.takes(&from_alice("phone", &esession::namespaces::feature(form_a2))).await;
    let form_b2 = form(&world.until(|stanza| form(stanza).is_some()).await).unwrap();
    waiting.handle_completion(&form_b2).unwrap().session
}
