//! Sessions in three messages: the keys alone say who is who (XEP-0116, section 4.7).

use esession::namespaces::{feature, negotiation_form};
use esession::{
    AwaitSignature, Binding, Credentials, Flow, Identification, Initiator, Policy, PublishedKey, Responder,
    SignedSession, SigningKey,
};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::*;
use crate::crossing::SessionCode;
use crate::secure::comparison::Comparison;
use crate::store::keys;

const PHONE: &str = "alice@example.org/phone";

/// Alice's client with its key, and the key that the gateway has for the contact.
struct Signer {
    key: SigningKey,
}

impl Signer {
    async fn new(world: &World) -> Self {
        let [own, key] = [(); 2].map(|()| SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap());
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap();
        let contacts = drawbridge_bridge::Secret::new(own.to_pkcs8().expose());
        let peer = Peer::Contact(silent()).key().to_owned();
        let set = world.keeper.store.call(move |db, sealer| keys::set_own(db, sealer, user.id, &peer, &contacts));
        set.await.unwrap();
        Self { key }
    }

    fn policy() -> Policy {
        let ways = vec![Identification::Hash, Identification::Key];
        Policy { own_identification: ways.clone(), peer_identification: vec![Identification::Key], ..disclosing() }
    }

    fn credentials(&self) -> Credentials {
        Credentials { signing_key: Some(self.key.clone()), ..Credentials::default() }
    }

    fn request() -> (esession::AwaitSignedResponse, Element) {
        let binding = Binding::between(ALICE, SILENT);
        Initiator::begin_signed(&Self::policy(), &binding, &mut UnwrapErr(SysRng)).unwrap()
    }

    /// The client asks, and the session stands.
    async fn session(&self, world: &mut World) -> SignedSession {
        let (waiting, request) = Self::request();
        world.takes(&from_alice("phone", &feature(request))).await;
        let (signed, form_a2) = waiting.handle_response(&form(world).await, &self.credentials()).unwrap();
        world.takes(&from_alice("phone", &feature(form_a2))).await;
        signed
    }

    /// The gateway has asked, and the client answers.
    fn answer(&self, form_a: &Element) -> (AwaitSignature, Element) {
        let rng = &mut UnwrapErr(SysRng);
        let binding = Binding::between(ALICE, SILENT);
        Responder::respond_signed(&Self::policy(), form_a, &binding, self.credentials(), rng).unwrap()
    }
}

/// The next form of a negotiation.
async fn form(world: &mut World) -> Element {
    let stanza = world.until(|stanza| stanza.children().any(|child| negotiation_form(child).is_some())).await;
    stanza.children().find_map(negotiation_form).unwrap().clone()
}

/// The next request of the gateway for a session, its thread, and the form.
async fn asked(world: &mut World) -> (String, Element) {
    let is_request =
        |child: &Element| negotiation_form(child).filter(|form| form.attr("type") == Some("form")).cloned();
    let stanza = world.until(|stanza| stanza.children().any(|child| is_request(child).is_some())).await;
    (stanza.get_child("thread", ns::CLIENT).unwrap().text(), stanza.children().find_map(is_request).unwrap())
}

/// Alice's client is online, and says that it speaks ESessions.
async fn online(world: &mut World) {
    world.takes(&format!("<presence from='{PHONE}' to='gw.example.org'/>")).await;
    let question = world.until(|stanza| stanza.name() == "iq" && stanza.attr("to") == Some(PHONE)).await;
    let id = question.attr("id").unwrap();
    let feature = esession::namespaces::ESESSION;
    world
        .takes(&format!(
            "<iq type='result' id='{id}' from='{PHONE}' to='gw.example.org'>
             <query xmlns='http://jabber.org/protocol/disco#info'><feature var='{feature}'/></query></iq>"
        ))
        .await;
}

async fn codes(world: &World, count: usize) -> Vec<SessionCode> {
    for _ in 0..500 {
        let codes = world.keeper.crossings.codes(&alice()).await;
        if codes.len() == count {
            return codes;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("there never were so many sessions");
}

fn in_thread(thread: &str, payload: &Element) -> String {
    from_alice("phone", payload).replacen("<thread>phone<", &format!("<thread>{thread}<"), 1)
}

#[tokio::test(start_paused = true)]
async fn between_keys_one_comparison_lasts() {
    let mut world = World::with_alice().await;
    let signer = Signer::new(&world).await;
    let mut client = signer.session(&mut world).await;
    let c = client.session.seal("<body>hello</body>").unwrap();
    world.takes(&from_alice("phone", &c)).await;
    assert_eq!(contact_has(&world, 1).await, ["hello"]);
    world.far().says(&silent(), "hello, you");
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    let opened = client.session.open(encrypted(&heard).unwrap()).unwrap();
    assert!(opened.content.expose().contains("hello, you"));

    let shown = codes(&world, 1).await;
    assert_eq!((&shown[0].comparison, shown[0].verified), (&Comparison::Keys(client.code.clone()), false));
    assert!(world.keeper.crossings.verify(&alice(), &client.code.to_uppercase()).await.unwrap().verified);
    let again = signer.session(&mut world).await;
    assert_eq!(again.code, client.code);
    assert!(codes(&world, 1).await[0].verified, "the key was verified");
    // Somebody else's is not.
    let stranger = Signer { key: SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap() };
    // That it is not known costs one negotiation.
    stranger.session(&mut world).await;
    world.until(|stanza| stanza.attr("type") == Some("error")).await;
    let other = stranger.session(&mut world).await;
    assert_ne!(other.code, client.code);
    for _ in 0..500 {
        let codes = codes(&world, 1).await;
        if codes[0].comparison == Comparison::Keys(other.code.clone()) {
            assert!(!codes[0].verified);
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the session never stood");
}

#[tokio::test(start_paused = true)]
async fn one_thing_said_without_a_session_arrives_and_is_receipted_in_the_next_one() {
    let mut world = World::with_alice().await;
    let signer = Signer::new(&world).await;
    online(&mut world).await;
    let (waiting, request) = Signer::request();
    world.takes(&from_alice("phone", &feature(request))).await;
    let single = waiting.handle_response_for_single(&form(&mut world).await, &signer.credentials()).unwrap();
    let content =
        "<body>only this</body><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='m1'/>";
    let (form_a2, c) = single.seal(content).unwrap();
    let both = format!("{}{}", text(&feature(form_a2)), text(&c));
    world
        .takes(&format!(
            "<message from='{PHONE}' to='{SILENT}' id='m1'><thread>phone</thread>{both}<body>clear</body></message>"
        ))
        .await;
    assert_eq!(contact_has(&world, 1).await, ["only this"]);
    codes(&world, 0).await;

    // The receipt needs a session, which the gateway asks for as the client does.
    let (thread, form_a) = asked(&mut world).await;
    assert_eq!(Flow::of(&form_a), Flow::ThreeMessage);
    let (waiting, form_b) = signer.answer(&form_a);
    world.takes(&in_thread(&thread, &feature(form_b))).await;
    let mut signed = waiting.handle_identity(&form(&mut world).await).unwrap();
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    let opened = signed.session.open(encrypted(&heard).unwrap()).unwrap();
    assert!(opened.content.expose().contains("<received"), "{}", opened.content.expose());
    assert!(opened.content.expose().contains("m1"));
    world.far().says(&silent(), "and back");
    let heard = world.until(|stanza| encrypted(stanza).is_some()).await;
    assert!(signed.session.open(encrypted(&heard).unwrap()).unwrap().content.expose().contains("and back"));
}

#[tokio::test(start_paused = true)]
async fn a_single_stanza_that_is_not_the_one_is_worth_nothing() {
    let mut world = World::with_alice().await;
    let signer = Signer::new(&world).await;
    let mut singles = Vec::new();
    for words in ["<body>first</body>", "<body>second</body>"] {
        let (waiting, request) = Signer::request();
        world.takes(&from_alice("phone", &feature(request))).await;
        let single = waiting.handle_response_for_single(&form(&mut world).await, &signer.credentials()).unwrap();
        singles.push(single.seal(words).unwrap());
    }
    // The gateway knows the second negotiation only; beside its form comes the other's content.
    let both = format!("{}{}", text(&feature(singles[1].0.clone())), text(&singles[0].1));
    world.takes(&format!("<message from='{PHONE}' to='{SILENT}' id='m'><thread>phone</thread>{both}</message>")).await;
    let error = world.until(|stanza| stanza.attr("type") == Some("error")).await;
    assert_eq!(condition(&error), "feature-not-implemented");
    sleep(LOOKS).await;
    assert!(world.far().received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_three_messages_no_more_is_asked_in_four() {
    let mut world = World::with_alice().await;
    let signer = Signer::new(&world).await;
    online(&mut world).await;
    let mut client = signer.session(&mut world).await;
    let c = client.session.terminate().unwrap();
    world.takes(&from_alice("phone", &c)).await;
    world.far().says(&silent(), "waits");
    for flow in [Flow::ThreeMessage, Flow::FourMessage] {
        let (thread, form_a) = asked(&mut world).await;
        assert_eq!(Flow::of(&form_a), flow);
        world
            .takes(&format!(
                "<message type='error' from='{PHONE}' to='{SILENT}'><thread>{thread}</thread><error type='cancel'>
                 <feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            ))
            .await;
        sleep(Duration::from_secs(31)).await;
        world.keeper.crossings.resume(&world.keeper, &alice()).await;
    }
}

/// The gateway asks Alice's server for what is in this node, and gets it.
async fn gives_out(world: &mut World, node: &str, payload: &str) {
    let question = world.until(|stanza| stanza.name() == "iq" && stanza.attr("to") == Some(ALICE)).await;
    assert!(text(&question).contains(node), "{}", text(&question));
    let id = question.attr("id").unwrap();
    world
        .takes(&format!(
            "<iq type='result' id='{id}' from='{ALICE}' to='{SILENT}/gateway'>
             <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'>
             <item id='current'>{payload}</item></items></pubsub></iq>"
        ))
        .await;
}

/// How the client shows who it is, in the session that it asks for next.
async fn showing(world: &mut World, signer: &Signer) -> String {
    let (waiting, request) = Signer::request();
    world.takes(&from_alice("phone", &feature(request))).await;
    let form_b = form(world).await;
    let (_, form_a2) = waiting.handle_response(&form_b, &signer.credentials()).unwrap();
    world.takes(&from_alice("phone", &feature(form_a2))).await;
    let field = form_b.children().find(|field| field.attr("var") == Some("init_pubkey")).unwrap();
    field.children().next().unwrap().text()
}

#[tokio::test(start_paused = true)]
async fn a_fingerprint_of_a_key_that_the_users_server_gives_out_is_recognised() {
    let given_out = |key: &SigningKey, jid: &str| {
        let key = PublishedKey { key: key.public().clone(), jid: jid.to_owned(), begin: 0, end: u64::from(u32::MAX) };
        text(&key.to_element().unwrap())
    };
    for (jid, then) in [(ALICE, "hash"), ("mallory@example.org", "key")] {
        let mut world = World::with_alice().await;
        Signer::new(&world).await.session(&mut world).await;
        codes(&world, 1).await;
        let second = Signer { key: SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap() };
        assert_eq!(showing(&mut world, &second).await, "hash", "others are known by then");
        gives_out(&mut world, "urn:xmpp:pubkey:2", &given_out(&second.key, jid)).await;
        sleep(Duration::from_secs(1)).await;
        world.drain().await;
        assert_eq!(showing(&mut world, &second).await, then, "{jid}");
        let verified = codes(&world, 1).await.iter().any(|code| code.verified);
        assert!(!verified, "recognised, and no more");
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_ask_gets_the_key_that_a_contact_signs_with() {
    let mut world = World::with_alice().await;
    let signer = Signer::new(&world).await;
    let signed = signer.session(&mut world).await;
    let node = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:pubkey:2'/></pubsub>";
    let direct = "<pubkey xmlns='urn:xmpp:pubkey:2'/>";
    let read = |answer: &Element| {
        let mut place = answer.children().next().unwrap();
        while place.name() != "pubkey" {
            place = place.children().next().unwrap();
        }
        PublishedKey::from_element(place).unwrap()
    };
    for question in [node, direct] {
        let key = read(&world.asks(PHONE, SILENT, "get", question).await);
        assert_eq!((&key.key, key.jid.as_str()), (&signed.peer_key, SILENT));
        let own = read(&world.asks(PHONE, "gw.example.org", "get", question).await);
        assert_eq!(own.jid, "gw.example.org");
        assert_ne!(own.key, key.key, "each has its own");
        for place in [SILENT, "gw.example.org"] {
            let refusal = world.asks("stranger@example.org/x", place, "get", question).await;
            assert_eq!(condition(&refusal), "service-unavailable");
        }
    }
}

/// A host that trusts an authority, and what that says in a certificate for this key and JID.
fn authority(dir: &std::path::Path) -> (String, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pair = rcgen::KeyPair::generate().unwrap();
    let file = dir.join("authority.pem");
    std::fs::write(&file, params.self_signed(&pair).unwrap().pem()).unwrap();
    (format!("[esession]\nauthorities = [\"{}\"]", file.display()), rcgen::Issuer::new(params, pair))
}

fn attested(key: &SigningKey, jid: &str, by: &rcgen::Issuer<'static, rcgen::KeyPair>) -> String {
    let pair = rcgen::KeyPair::try_from(key.to_pkcs8().expose()).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(format!("xmpp:{jid}").as_str().try_into().unwrap())];
    let pem = params.signed_by(&pair, by).unwrap().pem();
    let attestation = esession_attest::Attestation::from_text(&pem, key.public(), jid, 0).unwrap();
    text(&attestation.to_element(jid, 0).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_key_an_authority_certifies_need_not_be_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (config, issuer) = authority(dir.path());
    let stranger = SigningKey::generate_rsa(2048, &mut UnwrapErr(SysRng)).unwrap();
    for (jid, is_hers, verified) in [(ALICE, true, true), ("bob@example.org", true, false), (ALICE, false, false)] {
        let mut world = World::with_alice_and("", &config).await;
        let signer = Signer::new(&world).await;
        signer.session(&mut world).await;
        let attest = attested(if is_hers { &signer.key } else { &stranger }, jid, &issuer);
        gives_out(&mut world, "urn:xmpp:attest:2", &attest).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(codes(&world, 1).await[0].verified, verified, "{jid}, {is_hers}");
        // Nothing of it is remembered.
        let user = world.keeper.accounts.user(&world.keeper, &alice()).await.unwrap().unwrap().id;
        let known = world.keeper.store.call(move |db, _| keys::all(db, user)).await.unwrap();
        assert!(known.iter().all(|key| !key.verified));
    }
}
