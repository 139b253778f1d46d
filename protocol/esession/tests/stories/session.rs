//! Sessions as they should be.

use esession::{
    Binding, Cipher, Disclosure, Ending, Error, ExtraField, Group, Logging, Misbehaviour, Misuse, Policy, Role,
    Standing,
};

use crate::world::{Dice, End, negotiate, over_the_wire, toy};

fn real(group: Group, cipher: Cipher) -> End {
    End::new(Policy { groups: vec![group], ciphers: vec![cipher], ..Policy::default() })
}

#[test]
fn a_session_is_made_in_every_group_and_with_every_cipher() {
    for group in [Group::Modp14, Group::Modp15, Group::Modp16] {
        for cipher in [Cipher::Aes128Ctr, Cipher::Aes192Ctr, Cipher::Aes256Ctr] {
            let end = real(group, cipher);
            let (mut alice, mut bob) = negotiate(&end, &end, 1);
            assert_eq!((alice.agreed.group, alice.agreed.cipher), (group, cipher));
            assert_eq!((alice.agreed.role, bob.agreed.role), (Role::Initiator, Role::Responder));
            assert_eq!((&alice.sas, alice.sas.short.len(), alice.sas.long.len()), (&bob.sas, 5, 16));
            let c = over_the_wire(&alice.session.seal("<body>ä€🔒 &lt;3</body>").unwrap());
            assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body>ä€🔒 &lt;3</body>");
            let c = over_the_wire(&bob.session.seal("<body>and back</body>").unwrap());
            assert_eq!(alice.session.open(&c).unwrap().content.expose(), "<body>and back</body>");
        }
    }
}

#[test]
fn the_responder_takes_the_strongest_that_both_have() {
    let alice = End::new(Policy { groups: vec![Group::Modp14, Group::Modp15], ..Policy::default() });
    let bob = End::new(Policy { groups: vec![Group::Modp14, Group::Modp15, Group::Modp16], ..Policy::default() });
    let (alice, _) = negotiate(&alice, &bob, 2);
    assert_eq!((alice.agreed.group, alice.agreed.cipher), (Group::Modp15, Cipher::Aes256Ctr));
}

#[test]
fn disclosure_and_logging_are_what_the_policies_permit() {
    let asks = End::new(Policy {
        disclosure: vec![Disclosure::Never, Disclosure::Enabled],
        logging: vec![Logging::MustNot, Logging::May],
        ..toy()
    });
    let admits = End::new(Policy { disclosure: vec![Disclosure::Enabled], logging: vec![Logging::May], ..toy() });
    let (alice, bob) = negotiate(&asks, &admits, 3);
    for agreed in [alice.agreed, bob.agreed] {
        assert_eq!((agreed.disclosure, agreed.logging), (Some(Disclosure::Enabled), Some(Logging::May)));
    }
}

#[test]
fn private_fields_cross_and_unknown_ones_are_ignored() {
    let extra = |var: &str, values: &[&str]| ExtraField {
        var: var.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let questions = [extra("binding@example.org", &["one", "twö & <three>"]), extra("empty@example.org", &[])];
    let answers = [extra("answer@example.org", &["yes"])];
    let with = |extras: &[ExtraField]| End {
        binding: extras.iter().cloned().fold(Binding::default(), Binding::with),
        ..End::toy()
    };
    let (with_alice, with_bob) = negotiate(&with(&questions), &with(&answers), 4);
    assert_eq!(with_bob.agreed.peer_extras, questions);
    assert_eq!(with_alice.agreed.peer_extras, answers);

    for var in ["modp", "x-ends", "", "a\u{1}b"] {
        let alice = with(&[extra(var, &["1"])]);
        let begun = esession::Initiator::begin(&alice.policy, &alice.binding, &mut Dice(1));
        assert_eq!(begun.unwrap_err(), Error::Misuse(Misuse::ExtraField));
    }
}

#[test]
fn lengths_are_hidden_in_steps_of_64() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 7);
    let mut lengths = std::collections::BTreeSet::new();
    for length in 1..=128 {
        let content = "x".repeat(length);
        let c = alice.session.seal(&content).unwrap();
        lengths.insert(crate::world::unbase64(&c.children().next().unwrap().text()).len());
        let opened = bob.session.open(&c).unwrap();
        assert_eq!((opened.content.expose(), opened.content.is_empty()), (content.as_str(), false));
    }
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [64, 128]);
}

#[test]
fn a_confirmation_is_empty_and_counts_once() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 8);
    assert!(alice.session.is_confirmed() && !bob.session.is_confirmed());
    let c = alice.session.confirm().unwrap();
    assert_eq!(c.children().map(|child| child.name().to_owned()).collect::<Vec<_>>(), ["mac"]);
    let opened = bob.session.open(&c).unwrap();
    assert!(opened.content.is_empty() && opened.confirms && bob.session.is_confirmed());
    let opened = bob.session.open(&alice.session.seal("<body/>").unwrap()).unwrap();
    assert!(!opened.confirms);
    let opened = alice.session.open(&bob.session.seal("<body/>").unwrap()).unwrap();
    assert!(!opened.confirms, "only a responder waits for confirmation");
}

#[test]
fn termination_is_acknowledged_and_then_nothing_works() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 9);
    let late = bob.session.seal("<body>on its way</body>").unwrap();
    let c = alice.session.terminate().unwrap();
    assert_eq!(alice.session.standing(), Standing::Terminating);
    assert_eq!(alice.session.seal("<body/>").unwrap_err(), Error::Misuse(Misuse::Closed));
    assert_eq!(alice.session.terminate().unwrap_err(), Error::Misuse(Misuse::Closed));
    // what the peer sent before it knew still arrives
    assert_eq!(alice.session.open(&late).unwrap().content.expose(), "<body>on its way</body>");
    let Some(Ending::ByPeer { acknowledgement }) = bob.session.open(&c).unwrap().ending else { panic!("no ending") };
    assert_eq!(bob.session.standing(), Standing::Ended);
    let opened = alice.session.open(&acknowledgement).unwrap();
    assert!(matches!(opened.ending, Some(Ending::Acknowledged)));
    assert_eq!(alice.session.standing(), Standing::Ended);
    for session in [&mut alice.session, &mut bob.session] {
        assert_eq!(session.open(&acknowledgement).unwrap_err(), Error::Misuse(Misuse::Closed));
        assert_eq!(session.seal("<body/>").unwrap_err(), Error::Misuse(Misuse::Closed));
        assert_eq!(session.standing(), Standing::Ended, "a clean end stays one");
    }
}

#[test]
fn terminating_at_the_same_time_is_a_clean_end_for_both() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 10);
    let [a, b] = [alice.session.terminate().unwrap(), bob.session.terminate().unwrap()];
    assert!(matches!(bob.session.open(&a).unwrap().ending, Some(Ending::Acknowledged)));
    assert!(matches!(alice.session.open(&b).unwrap().ending, Some(Ending::Acknowledged)));
}

#[test]
fn a_cut_tail_is_not_a_clean_end() {
    for cut in 1..=20 {
        let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 11);
        let mut sent: Vec<_> = (0..20).map(|n| alice.session.seal(&format!("<body>{n}</body>")).unwrap()).collect();
        sent.push(alice.session.terminate().unwrap());
        sent.truncate(sent.len() - cut);
        sent.iter().for_each(|c| drop(bob.session.open(c).unwrap()));
        assert_eq!((bob.session.standing(), alice.session.standing()), (Standing::Open, Standing::Terminating));
    }
}

#[test]
fn content_that_only_speaks_about_termination_is_content() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 12);
    let notice = "<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='submit'>\
        <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field><field var='terminate'><value>1</value></field></x></feature>";
    let quoted = format!("<quote xmlns='urn:x'>{notice}</quote>");
    let escaped = format!("<body>{}</body>", notice.replace('<', "&lt;"));
    let deep = format!("{}{}", "<a>".repeat(70), notice);
    for content in [quoted, escaped, deep, notice.replace(">1<", ">0<"), notice.replace("urn:xmpp:ssn", "urn:other")] {
        let opened = bob.session.open(&alice.session.seal(&content).unwrap()).unwrap();
        assert!(opened.ending.is_none(), "{content}");
    }
    assert!(bob.session.open(&alice.session.seal(notice).unwrap()).unwrap().ending.is_some());
}

#[test]
fn keys_change_and_the_conversation_goes_on() {
    let rng = &mut Dice(13);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 13);
    assert_eq!(alice.session.rekey("", rng).unwrap_err(), Error::Misuse(Misuse::RekeyTooEarly));
    drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
    for round in 0..10 {
        let content = if round % 2 == 0 { "<body>with content</body>" } else { "" };
        let key = alice.session.rekey(content, rng).unwrap();
        assert_eq!(bob.session.open(&key).unwrap().content.expose(), content);
        let crossing = [alice.session.rekey("<a/>", rng).unwrap(), bob.session.rekey("<b/>", rng).unwrap()];
        assert_eq!(bob.session.open(&crossing[0]).unwrap().content.expose(), "<a/>");
        assert_eq!(alice.session.open(&crossing[1]).unwrap().content.expose(), "<b/>");
        for _ in 0..2 {
            let c = bob.session.seal("<body>new keys</body>").unwrap();
            assert_eq!(alice.session.open(&c).unwrap().content.expose(), "<body>new keys</body>");
            let c = alice.session.seal("<body>new keys too</body>").unwrap();
            assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body>new keys too</body>");
        }
    }
}

#[test]
fn a_key_is_not_used_beyond_its_limit() {
    let limited = End::new(Policy { max_blocks: 200, ..toy() });
    let rng = &mut Dice(14);
    let (mut alice, mut bob) = negotiate(&limited, &End::toy(), 14);
    let mut sent = 0;
    let exhausted = loop {
        match alice.session.seal("<body>four blocks</body>") {
            Ok(c) => drop(bob.session.open(&c).unwrap()),
            Err(error) => break error,
        }
        sent += 1;
    };
    assert_eq!((exhausted, sent), (Error::Misuse(Misuse::KeyExhausted), (200 - 32) / 4));
    assert!(alice.session.should_rekey());
    // still room for the end, or for going on with a new key once the other side allows one
    let key = bob.session.rekey("", rng).unwrap();
    drop(alice.session.open(&key).unwrap());
    assert!(!alice.session.should_rekey());
    drop(bob.session.open(&alice.session.seal("<body>on with new keys</body>").unwrap()).unwrap());
    assert!(matches!(
        bob.session.open(&alice.session.terminate().unwrap()).unwrap().ending,
        Some(Ending::ByPeer { .. })
    ));
}

#[test]
fn time_for_a_new_key_is_when_half_of_the_blocks_are_used_and_not_before() {
    let limited = End::new(Policy { max_blocks: 80, padding: 16, ..toy() });
    let (mut alice, mut bob) = negotiate(&limited, &limited, 15);
    for sent in 1..=41 {
        drop(bob.session.open(&alice.session.seal("one block").unwrap()).unwrap());
        let due = [&alice, &bob].map(|end| end.session.should_rekey());
        assert_eq!(due, [sent > 40; 2], "after {sent} blocks, at whom they are sent to as well");
    }
}

#[test]
fn who_goes_on_beyond_the_limit_of_a_key_is_not_followed() {
    let limited = End::new(Policy { max_blocks: 4, padding: 16, ..toy() });
    let boundless = End::new(Policy { padding: 16, ..toy() });
    let rng = &mut Dice(16);
    let (mut alice, mut bob) = negotiate(&boundless, &limited, 16);
    for _ in 0..3 {
        drop(bob.session.open(&alice.session.seal("one block").unwrap()).unwrap());
    }
    // Under a new key of Bob's it counts from the start.
    drop(alice.session.open(&bob.session.rekey("", rng).unwrap()).unwrap());
    for _ in 0..4 {
        drop(bob.session.open(&alice.session.seal("one block").unwrap()).unwrap());
    }
    let beyond = bob.session.open(&alice.session.seal("one block").unwrap()).unwrap_err();
    assert_eq!(beyond, Error::PeerMisbehaved(Misbehaviour::KeyExhausted));
    assert_eq!(bob.session.standing(), Standing::Broken);
}

#[test]
fn keys_are_worn_by_what_is_said_under_them_and_not_by_those_that_bring_new_ones() {
    let rng = &mut Dice(17);
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 17);
    let worn =
        |alice: &esession::Established, bob: &esession::Established| [alice, bob].map(|end| end.session.is_worn());
    drop(bob.session.open(&alice.session.confirm().unwrap()).unwrap());
    assert_eq!(worn(&alice, &bob), [false; 2], "the keys were shown, and no more");
    drop(bob.session.open(&alice.session.seal("words").unwrap()).unwrap());
    assert_eq!(worn(&alice, &bob), [true; 2]);
    drop(bob.session.open(&alice.session.rekey("", rng).unwrap()).unwrap());
    assert_eq!(worn(&alice, &bob), [false; 2]);
    drop(alice.session.open(&bob.session.seal("words").unwrap()).unwrap());
    assert_eq!(worn(&alice, &bob), [true; 2]);
}

#[test]
fn a_session_can_be_worked_on_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<esession::Session>();
    is_send::<esession::Established>();
    is_send::<esession::AwaitResponse>();
    is_send::<esession::AwaitIdentity>();
    is_send::<esession::AwaitCompletion>();
}

#[test]
fn a_peer_that_does_not_answer_is_not_sent_keys_without_end() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 30);
    let rng = &mut Dice(30);
    let mut under_way = vec![alice.session.confirm().unwrap()];
    while alice.session.may_rekey() {
        under_way.push(alice.session.rekey("", rng).unwrap());
        assert!(under_way.len() < 100);
    }
    assert_eq!(under_way.len(), 16, "the keys that both have, and fifteen under way");
    assert_eq!(alice.session.rekey("", rng).unwrap_err(), Error::Misuse(Misuse::RekeyTooEarly));
    for c in &under_way {
        bob.session.open(c).unwrap();
    }
    alice.session.open(&bob.session.seal("").unwrap()).unwrap();
    assert!(alice.session.may_rekey(), "he has them all");
}
