//! Clients of one user that protect the same conversation in different ways: each is answered as it has written last.

use ::omemo::Dialect;
use openpgp_xmpp::nodes::OPENPGP;

use super::openpgp::Client;
use super::phone::*;
use super::*;
use crate::store::deliveries;

/// What goes out until nothing more does, to a server that takes everything.
async fn out(world: &mut World, phones: &mut [Phone], client: Option<&Client>) -> Vec<Element> {
    let mut sent = Vec::new();
    for _ in 0..6 {
        sleep(Duration::from_secs(1)).await;
        for stanza in world.drain().await {
            if stanza.has_child("ping", ns::PING) {
                let [id, to] = ["id", "from"].map(|name| stanza.attr(name).unwrap());
                world.takes(&format!("<iq type='result' from='example.org' to='{to}' id='{id}'/>")).await;
                continue;
            }
            let answered = match client {
                Some(client) if text(&stanza).contains(OPENPGP) => client.answers(world, &stanza).await,
                _ => answers(world, phones, &stanza).await,
            };
            if !answered {
                sent.push(stanza);
            }
        }
    }
    sent
}

async fn waiting(world: &World) -> i64 {
    let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
    world.keeper.store.call(move |db, _| deliveries::count(db, user)).await.unwrap()
}

/// A telephone with OMEMO and a computer with a session.
async fn telephone_and_computer(dialect: Dialect) -> (World, [Phone; 1], esession::Session) {
    let (mut world, mut phones) = acquainted(dialect).await;
    let said = stanza_with("m2", &[phones[0].seal(Some("from the tablet"))], "").replace("/phone'", "/tablet'");
    world.takes(&said).await;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.seal("<body>from the computer</body>").unwrap())).await;
    for stanza in out(&mut world, &mut phones, None).await {
        phones[0].open(&stanza);
        encrypted(&stanza).map(|c| session.open(c).unwrap());
    }
    (world, phones, session)
}

/// A laptop with OpenPGP that has said something.
async fn laptop(world: &mut World, phones: &mut [Phone]) -> Client {
    let client = Client::meet(world).await;
    let sealed = text(&client.seal("from the laptop"));
    world
        .takes(&format!(
            "<message from='{ALICE}/laptop' to='{SILENT}' id='p1' type='chat'>{sealed}<body>fallback</body></message>"
        ))
        .await;
    out(world, phones, Some(&client)).await;
    client
}

fn said_by_omemo(phones: &mut [Phone; 1], sent: &[Element], words: &str) -> usize {
    sent.iter().filter_map(|stanza| phones[0].open(stanza).flatten()).filter(|said| said.contains(words)).count()
}

#[tokio::test(start_paused = true)]
async fn omemo_and_a_session_carry_everything_once_each() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones, mut session) = telephone_and_computer(dialect).await;
        for round in 0..3 {
            // Whoever has spoken last.
            let said = if round % 2 == 0 {
                stanza_with(&format!("o{round}"), &[phones[0].seal(Some("by OMEMO"))], "")
                    .replace("/phone'", "/tablet'")
            } else {
                from_alice("phone", &session.seal("<body>in a session</body>").unwrap())
            };
            world.takes(&said).await;
            out(&mut world, &mut phones, None).await;
            let words = format!("for both {round}");
            world.far().says(&silent(), &words);
            let sent = out(&mut world, &mut phones, None).await;
            assert_eq!(said_by_omemo(&mut phones, &sent, &words), 1, "{sent:?}");
            let sealed: Vec<_> = sent.iter().filter(|stanza| encrypted(stanza).is_some()).collect();
            assert_eq!((sealed.len(), sealed[0].attr("to")), (1, Some("alice@example.org/phone")), "{sent:?}");
            assert!(session.open(encrypted(sealed[0]).unwrap()).unwrap().content.expose().contains(&words));
            assert_eq!(waiting(&world).await, 1, "the session's client has not said that it has it");
            let id = sealed[0].attr("id").unwrap();
            let received = session.seal(&format!("<received xmlns='urn:xmpp:receipts' id='{id}'/>")).unwrap();
            world.takes(&from_alice("phone", &received)).await;
            out(&mut world, &mut phones, None).await;
            assert_eq!(waiting(&world).await, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_session_has_not_carried_does_not_come_twice_by_omemo() {
    let (mut world, mut phones, _) = telephone_and_computer(Dialect::Omemo2).await;
    world.far().says(&silent(), "for both");
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "for both"), 1, "{sent:?}");
    let lost = sent.iter().find(|stanza| encrypted(stanza).is_some()).unwrap();
    let thread = text(lost.get_child("thread", ns::CLIENT).unwrap());
    world
        .takes(&format!(
            "<message type='error' from='alice@example.org/phone' to='{SILENT}/drawbridge' id='{}'>{thread}<error type='cancel'>
             <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
            lost.attr("id").unwrap()
        ))
        .await;
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "for both"), 0, "{sent:?}");
    assert_eq!(waiting(&world).await, 0, "a device of hers has it");
}

/// After a restart of the gateway nobody has a session, and one of the clients would not see what goes out before it has.
#[tokio::test(start_paused = true)]
async fn for_a_client_that_is_about_to_have_a_session_the_others_wait() {
    let (mut world, mut phones, mut session) = telephone_and_computer(Dialect::Axolotl).await;
    world.online_with("phone", &[ns::ESESSION, ns::RECEIPTS]).await;
    world.takes(&from_alice("phone", &session.terminate().unwrap())).await;
    out(&mut world, &mut phones, None).await;
    world.far().says(&silent(), "for both");
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "for both"), 0, "{sent:?}");
    let invited =
        |stanza: &Element| stanza.children().any(|child| esession::namespaces::negotiation_form(child).is_some());
    assert!(sent.iter().any(invited), "{sent:?}");
    // It does not want one.
    let thread = text(sent.iter().find(|it| invited(it)).unwrap().get_child("thread", ns::CLIENT).unwrap());
    world
        .takes(&format!(
            "<message type='error' from='alice@example.org/phone' to='{SILENT}/drawbridge'>{thread}<error type='cancel'>
             <feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ))
        .await;
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "for both"), 1, "{sent:?}");
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_stanza_carries_what_is_sealed_by_omemo_and_by_openpgp() {
    for dialect in Dialect::ALL {
        let (mut world, mut phones) = acquainted(dialect).await;
        let client = laptop(&mut world, &mut phones).await;
        assert_eq!(contact_has(&world, 2).await, ["hello", "from the laptop"]);
        world.far().says(&silent(), "for both");
        let sent = out(&mut world, &mut phones, Some(&client)).await;
        let sent: Vec<_> = sent.iter().filter(|stanza| stanza.name() == "message").collect();
        let [one] = sent.as_slice() else { panic!("{sent:?}") };
        assert!(phones[0].open(one).flatten().unwrap().contains("for both"));
        assert_eq!(client.open(one).as_deref(), Some("for both"));
        assert!(body(one).unwrap().contains("OMEMO and OpenPGP"), "{}", text(one));
        assert_eq!(waiting(&world).await, 0);
        // Who goes over leaves the other behind.
        let over = stanza_with("m3", &[phones[0].seal(Some("gone over"))], "").replace("/phone'", "/laptop'");
        world.takes(&over).await;
        out(&mut world, &mut phones, Some(&client)).await;
        world.far().says(&silent(), "for one");
        let sent = out(&mut world, &mut phones, Some(&client)).await;
        assert_eq!(said_by_omemo(&mut phones, &sent, "for one"), 1);
        assert!(!sent.iter().any(|stanza| client.open(stanza).is_some()), "{sent:?}");
    }
}

/// Else a server could add a device of its own, and be answered beside the session that was compared.
#[tokio::test(start_paused = true)]
async fn who_has_compared_the_codes_of_a_session_trusts_no_device_blindly() {
    let (mut world, mut phones, _session) = telephone_and_computer(Dialect::Omemo2).await;
    let code = world.keeper.crossings.codes(&alice()).await.remove(0);
    assert!(world.keeper.crossings.verify(&alice(), &code.comparison.code()).await.is_some());
    let refused = stanza_with("m3", &[phones[0].seal(Some("I am Alice"))], "").replace("/phone'", "/tablet'");
    world.takes(&refused).await;
    let sent = out(&mut world, &mut phones, None).await;
    let refusal = sent.iter().find(|stanza| stanza.attr("type") == Some("error")).unwrap();
    assert!(text(refusal).contains("not trusted"), "{}", text(refusal));
    world.far().says(&silent(), "for one");
    let sent = out(&mut world, &mut phones, None).await;
    assert!(sent.iter().any(|stanza| encrypted(stanza).is_some()), "{sent:?}");
    assert_eq!(said_by_omemo(&mut phones, &sent, "for one"), 0, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn devices_hear_of_the_first_client_with_a_session() {
    let (mut world, mut phones) = acquainted(Dialect::Omemo2).await;
    let said = stanza_with("m2", &[phones[0].seal(Some("from the tablet"))], "").replace("/phone'", "/tablet'");
    world.takes(&said).await;
    out(&mut world, &mut phones, None).await;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.confirm().unwrap())).await;
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "has begun its first encrypted session"), 1, "{sent:?}");
}

/// Else the server would end the link for it, or it would wait for ever, and all that comes after.
#[tokio::test(start_paused = true)]
async fn whatever_a_contact_writes_fits_into_a_stanza() {
    let (mut world, mut phones) = acquainted(Dialect::Axolotl).await;
    let client = laptop(&mut world, &mut phones).await;
    let most = world.keeper.config.limits.max_stanza;
    for (words, missing) in
        [("&".repeat(65_536), Some(58_983)), ("x".repeat(32_768), None), ("after it".to_owned(), None)]
    {
        world.far().says(&silent(), &words);
        let sent = out(&mut world, &mut phones, Some(&client)).await;
        assert!(sent.iter().all(|stanza| text(stanza).len() <= most), "{}", words.len());
        let heard = sent.iter().find_map(|stanza| phones[0].open(stanza).flatten()).unwrap();
        let note = missing.map(|missing| format!("[{missing} more characters do not fit"));
        assert!(note.map_or_else(|| heard == words, |note| heard.contains(&note)), "{}", &heard[heard.len() - 80..]);
        assert!(sent.iter().any(|stanza| client.open(stanza).is_some()));
    }
    world.far().says(&silent(), &"<".repeat(65_536));
    assert!(out(&mut world, &mut phones, Some(&client)).await.iter().all(|stanza| text(stanza).len() <= most));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_holds_the_others_up_once() {
    let (mut world, mut phones, mut session) = telephone_and_computer(Dialect::Omemo2).await;
    world.online_with("phone", &[ns::ESESSION, ns::RECEIPTS]).await;
    world.takes(&from_alice("phone", &session.terminate().unwrap())).await;
    out(&mut world, &mut phones, None).await;
    let patience = world.keeper.config.limits.negotiation_timeout + LOOKS;
    for (words, waits) in [("one", true), ("two", false)] {
        world.far().says(&silent(), words);
        let sent = out(&mut world, &mut phones, None).await;
        assert_eq!(said_by_omemo(&mut phones, &sent, words), usize::from(!waits), "{sent:?}");
        if waits {
            sleep(patience).await;
            let sent = out(&mut world, &mut phones, None).await;
            assert_eq!(said_by_omemo(&mut phones, &sent, words), 1, "{sent:?}");
        }
    }
    // It is not forgotten either: after a while it is asked again.
    sleep(Duration::from_secs(300)).await;
    world.far().says(&silent(), "three");
    let sent = out(&mut world, &mut phones, None).await;
    let invited =
        |stanza: &Element| stanza.children().any(|child| esession::namespaces::negotiation_form(child).is_some());
    assert!(sent.iter().any(invited), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_of_one_device_ends_nothing_that_a_session_owes() {
    let (mut world, mut phones, mut session) = telephone_and_computer(Dialect::Omemo2).await;
    world.far().says(&silent(), "for both");
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "for both"), 1);
    let sealed = sent.iter().find(|stanza| encrypted(stanza).is_some()).unwrap();
    session.open(encrypted(sealed).unwrap()).unwrap();
    let received = format!("<received xmlns='urn:xmpp:receipts' id='{}'/>", sealed.attr("id").unwrap());
    let by_omemo = phones[0].seal_content(&received);
    world.takes(&stanza_with("r1", &[by_omemo], "").replace("/phone'", "/tablet'")).await;
    out(&mut world, &mut phones, None).await;
    assert_eq!(waiting(&world).await, 1);
    // Old clients send theirs in clear.
    world.takes(&format!("<message from='{ALICE}/phone' to='{SILENT}'>{received}</message>")).await;
    out(&mut world, &mut phones, None).await;
    assert_eq!(waiting(&world).await, 0);
}

/// A device that a server has added must not be the only one that hears of itself.
#[tokio::test(start_paused = true)]
async fn of_a_new_device_every_client_is_told_in_its_own_way() {
    let mut world = World::with_alice().await;
    world.has_no_devices = false;
    let mut session = session(&mut world, &esession::Binding::between(ALICE, SILENT)).await;
    world.takes(&from_alice("phone", &session.seal("<body>in a session</body>").unwrap())).await;
    let mut rogue = [Phone::new(Dialect::Omemo2, 7)];
    out(&mut world, &mut rogue, None).await.iter().filter_map(encrypted).for_each(|c| drop(session.open(c).unwrap()));
    rogue[0].meet(&mut world).await;
    let said = stanza_with("m2", &[rogue[0].seal(Some("I am Alice"))], "").replace("/phone'", "/rogue'");
    world.takes(&said).await;
    let sent = out(&mut world, &mut rogue, None).await;
    let told = sent.iter().filter_map(encrypted).map(|c| session.open(c).unwrap().content.expose().to_owned());
    assert!(told.collect::<String>().contains("number 7"), "{sent:?}");
}

/// A server keeps what is sealed by keys.
#[tokio::test(start_paused = true)]
async fn what_must_not_be_stored_goes_in_sessions_alone() {
    let mut world = promises::world().await;
    world.has_no_devices = false;
    let mut phones = [Phone::new(Dialect::Omemo2, 7)];
    phones[0].meet(&mut world).await;
    let said = stanza_with("m1", &[phones[0].seal(Some("hello"))], "").replace("/phone'", "/tablet'");
    world.takes(&said).await;
    out(&mut world, &mut phones, None).await;
    let mut session = promises::promised(&mut world, esession::Disclosure::Enabled, esession::Logging::MustNot).await;
    world.takes(&from_alice("phone", &session.seal("<body>between us</body>").unwrap())).await;
    let sent = out(&mut world, &mut phones, None).await;
    sent.iter().filter_map(encrypted).for_each(|c| drop(session.open(c).unwrap()));
    world.far().says(&silent(), "never written");
    let sent = out(&mut world, &mut phones, None).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "never written"), 0, "{sent:?}");
    let said: String =
        sent.iter().filter_map(encrypted).map(|c| session.open(c).unwrap().content.expose().to_owned()).collect();
    assert!(said.contains("never written"), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_does_not_say_that_it_has_taken_is_not_sent_again() {
    let (mut world, mut phones) = acquainted(Dialect::Omemo2).await;
    world.far().says(&silent(), "once");
    // Nobody answers the question that is sent behind it.
    let sent = settle(&mut world, &mut phones).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "once"), 1);
    sleep(Duration::from_secs(200)).await;
    let sent = settle(&mut world, &mut phones).await;
    assert_eq!(said_by_omemo(&mut phones, &sent, "once"), 0, "{sent:?}");
}
