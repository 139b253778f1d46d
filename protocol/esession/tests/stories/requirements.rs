//! Requirements of XEP-0210 that no other story shows, and the page that says where each one is met.

use esession::{Binding, Credentials, Error, Initiator, Responder, dangerous};

use crate::world::{Dice, End, negotiate, over_the_wire, toy, unbase64};

#[test]
fn the_page_names_stories_that_exist() {
    let page = include_str!("../../src/requirements.md");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories");
    let mut count = 0;
    for name in page.split('`').filter(|name| name.contains("::")) {
        let (file, test) = name.split_once("::").unwrap();
        let source = std::fs::read_to_string(format!("{dir}/{file}.rs")).unwrap();
        assert!(source.contains(&format!("fn {test}(")), "{name}");
        count += 1;
    }
    assert!(count > 30, "{count}");
}

/// Everything that either end has in memory, after new keys of both, and all that was on the wire before.
#[test]
fn keys_of_today_do_not_open_what_was_said_before() {
    let rng = &mut Dice(1);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 1);
    let (alice, bob) = (&mut alice.session, &mut bob.session);
    let counter = dangerous::state(alice).unwrap().sending_counter;
    let said = alice.seal("<body>long ago</body>").unwrap();
    drop(bob.open(&said).unwrap());
    let opens = |states: [&esession::Session; 2]| {
        let data = unbase64(&said.children().next().unwrap().text());
        states.map(|session| dangerous::state(session).unwrap()).iter().any(|state| {
            let ciphers = state.sets.iter().map(|set| &set.0).chain([&state.sending.0]);
            let words = |key| dangerous::keystream(esession::Cipher::Aes256Ctr, key, counter, &data);
            ciphers.into_iter().any(|key| words(key).starts_with(b"<body>"))
        })
    };
    assert!(opens([alice, bob]), "today they do");
    drop(bob.open(&alice.rekey("", rng).unwrap()).unwrap());
    drop(alice.open(&bob.rekey("", rng).unwrap()).unwrap());
    drop(bob.open(&alice.seal("").unwrap()).unwrap());
    assert!(!opens([alice, bob]));
}

/// Each of the four messages of an earlier negotiation, given to both ends once more.
#[test]
fn an_old_negotiation_leads_nowhere() {
    let (policy, rng) = (toy(), &mut Dice(2));
    let none = Credentials::default;
    let (alice, old_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let (bob, old_b) = Responder::respond(&policy, &old_a, &Binding::default(), rng).unwrap();
    let (_, old_a2) = alice.handle_response(&old_b, none(), rng).unwrap();
    let (mut old, old_b2) = bob.handle_identity(&old_a2, none(), rng).unwrap();
    let said = old.session.seal("<body/>").unwrap();

    let (bob, form_b) = Responder::respond(&policy, &old_a, &Binding::default(), rng).unwrap();
    assert!(!bob.expects(&old_a2));
    assert_eq!(bob.handle_identity(&old_a2, none(), rng).unwrap_err(), Error::Stray);
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    assert!(!alice.expects(&old_b) && !alice.expects(&form_b));
    let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng).unwrap();
    let (alice, form_a2) = alice.handle_response(&form_b, none(), rng).unwrap();
    assert!(!alice.expects(&old_b2));
    let (_, form_b2) = bob.handle_identity(&form_a2, none(), rng).unwrap();
    let mut alice = alice.handle_completion(&form_b2).unwrap();
    assert_eq!(alice.session.open(&said).unwrap_err(), Error::DecryptFailed);
}

#[test]
fn content_of_every_kind_of_stanza_crosses_unchanged() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 3);
    for content in [
        "<body>plain</body><body xml:lang='de'>Grüße, 日本 &amp; &lt;3 🔒</body><active xmlns='urn:x'/>",
        "<show>dnd</show><status>in a meeting</status><priority>-1</priority>",
        "<query xmlns='jabber:iq:version'><name>x</name></query>",
        "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
        "<a:b xmlns:a='urn:a' a:c='&quot;'><![CDATA[<not an element>]]></a:b>",
        "no element at all",
        " ",
    ] {
        let c = over_the_wire(&alice.session.seal(content).unwrap());
        // What is added behind are spaces (XEP-0200 section 4).
        assert_eq!(bob.session.open(&c).unwrap().content.expose().trim_end(), content.trim_end());
    }
    assert_eq!(alice.agreed.stanzas, bob.agreed.stanzas);
    assert_eq!(alice.agreed.stanzas.len(), 3, "messages, presence, iq");
}
