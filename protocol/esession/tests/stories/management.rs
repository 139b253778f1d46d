//! What is said about a session inside it: other terms, another resource.

use esession::{Disclosure, Established, Logging, Management, Policy, Proposal, Session, Terms};

use crate::world::{End, negotiate, over_the_wire, toy};

const ENABLED: Terms = Terms { disclosure: Some(Disclosure::Enabled), logging: None };
const UNLOGGED: Terms = Terms { disclosure: None, logging: Some(Logging::MustNot) };

/// Both would say anything, and have said the best.
fn candid() -> Policy {
    Policy {
        disclosure: vec![Disclosure::Never, Disclosure::Enabled],
        logging: vec![Logging::May, Logging::MustNot],
        ..toy()
    }
}

fn pair(seed: u64) -> (Established, Established) {
    let end = End::new(candid());
    negotiate(&end, &end, seed)
}

fn hear(session: &mut Session, c: &esession::Element) -> Option<Management> {
    session.open(&over_the_wire(c)).unwrap().management
}

fn says(content: &str) -> Option<Management> {
    let (mut alice, mut bob) = pair(77);
    let c = alice.session.seal(content).unwrap();
    hear(&mut bob.session, &c)
}

/// A proposal in the manner of XEP-0155, with these fields.
fn form(kind: &str, fields: &str) -> String {
    format!(
        "<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='{kind}'>\
         <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>{fields}</x></feature>"
    )
}

#[test]
fn other_terms_hold_once_both_have_said_so() {
    let (mut alice, mut bob) = pair(1);
    assert_eq!(alice.agreed.disclosure, Some(Disclosure::Never));
    let c = bob.session.propose(Proposal::of(ENABLED)).unwrap();
    let Some(Management::Proposed(proposal)) = hear(&mut alice.session, &c) else { panic!() };
    let (terms, c) = alice.session.answer(&proposal, &candid()).unwrap();
    assert_eq!(terms, Some(ENABLED));
    assert_eq!(hear(&mut bob.session, &c), Some(Management::Agreed(ENABLED)));
    for agreed in [&mut alice.agreed, &mut bob.agreed] {
        agreed.adopt(ENABLED);
        assert_eq!((agreed.disclosure, agreed.logging), (Some(Disclosure::Enabled), Some(Logging::May)));
    }
    let c = alice.session.seal("<body>on we go</body>").unwrap();
    assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body>on we go</body>");
}

#[test]
fn what_the_policy_does_not_permit_is_refused_and_the_session_goes_on() {
    let (mut alice, mut bob) = pair(2);
    let c = alice.session.propose(Proposal::of(ENABLED)).unwrap();
    let Some(Management::Proposed(proposal)) = hear(&mut bob.session, &c) else { panic!() };
    let strict = Policy { disclosure: vec![Disclosure::Never], ..candid() };
    let (terms, c) = bob.session.answer(&proposal, &strict).unwrap();
    assert_eq!(terms, None);
    assert_eq!(hear(&mut alice.session, &c), Some(Management::Refused));
    let c = alice.session.seal("<body>as before</body>").unwrap();
    assert_eq!(bob.session.open(&c).unwrap().content.expose(), "<body>as before</body>");
}

#[test]
fn an_answer_counts_once_and_only_if_it_was_asked_for_and_takes_what_was_offered() {
    let (mut alice, mut bob) = pair(3);
    let unasked = bob
        .session
        .seal(&form(
            "submit",
            "<field var='renegotiate'><value>1</value></field>\
        <field var='disclosure'><value>enabled</value></field>",
        ))
        .unwrap();
    assert_eq!(hear(&mut alice.session, &unasked), None);

    let fields = |disclosure: &str, logging: &str| {
        form("submit", &format!("<field var='renegotiate'><value>1</value></field>{disclosure}{logging}"))
    };
    let [never, enabled, logged] = ["disclosure'><value>never", "disclosure'><value>enabled", "logging'><value>may"]
        .map(|field| format!("<field var='{field}</value></field>"));
    let strange = "<field var='disclosure'><value>sometimes</value></field>";
    let both = "<field var='disclosure'><value>never</value><value>enabled</value></field>";
    for (answer, expected) in [
        (fields(&enabled, ""), Management::Agreed(ENABLED)),
        (fields(&never, ""), Management::Refused),
        (fields(&enabled, &logged), Management::Refused),
        (fields("", ""), Management::Refused),
        (fields(strange, ""), Management::Refused),
        (fields(both, ""), Management::Refused),
        (form("submit", "<field var='renegotiate'><value>0</value></field>"), Management::Refused),
    ] {
        let c = alice.session.propose(Proposal::of(ENABLED)).unwrap();
        bob.session.open(&over_the_wire(&c)).unwrap();
        let c = bob.session.seal(&answer).unwrap();
        assert_eq!(hear(&mut alice.session, &c), Some(expected), "{answer}");
        let c = bob.session.seal(&answer).unwrap();
        assert_eq!(hear(&mut alice.session, &c), None, "twice: {answer}");
    }
}

#[test]
fn where_two_proposals_cross_both_ends_come_to_the_terms_of_the_initiator() {
    let (mut alice, mut bob) = pair(4);
    let [from_alice, from_bob] = [(&mut alice, UNLOGGED), (&mut bob, ENABLED)]
        .map(|(end, terms)| end.session.propose(Proposal::of(terms)).unwrap());
    let Some(Management::Proposed(of_bob)) = hear(&mut alice.session, &from_bob) else { panic!() };
    let Some(Management::Proposed(of_alice)) = hear(&mut bob.session, &from_alice) else { panic!() };
    let (at_alice, to_bob) = alice.session.answer(&of_bob, &candid()).unwrap();
    let (at_bob, to_alice) = bob.session.answer(&of_alice, &candid()).unwrap();
    assert_eq!((at_alice, at_bob), (None, Some(UNLOGGED)));
    assert_eq!(hear(&mut alice.session, &to_alice), Some(Management::Agreed(UNLOGGED)));
    assert_eq!(hear(&mut bob.session, &to_bob), Some(Management::Refused));
}

#[test]
fn who_insists_on_something_else_is_refused_it() {
    let renegotiate = "<field var='renegotiate' type='boolean'><value>1</value><required/></field>";
    let logging = "<field var='logging' type='list-single'><value>mustnot</value><option><value>may</value></option>\
                   <required/></field>";
    let chosen = |fields: &str| match says(&form("form", &format!("{renegotiate}{fields}"))) {
        Some(Management::Proposed(proposal)) => proposal.choose(&candid()),
        other => panic!("{other:?}"),
    };
    // the example of XEP-0155: the bare value is what its author would like, the option what there is to choose
    assert_eq!(chosen(logging), Some(Terms { disclosure: None, logging: Some(Logging::May) }));
    assert_eq!(chosen("<field var='language'><value>en</value></field>"), Some(Terms::default()));
    for strange in [
        "<field var='modp'><option><value>1</value></option><required/></field>",
        "<field var='logging'><option><value>perhaps</value></option></field>",
        "<field var='disclosure'/>",
        "<field var='accept'><value>1</value></field>",
    ] {
        assert_eq!(chosen(strange), None, "{strange}");
    }
    assert_eq!(says(&form("form", "<field var='logging'><value>may</value></field>")), None);
    assert_eq!(says(&form("form", &renegotiate.replace('1', "2"))), None);
    assert_eq!(says(&form("form", renegotiate).replace("urn:xmpp:ssn", "urn:xmpp:other")), None);
}

#[test]
fn what_is_long_or_deep_is_content_and_not_looked_into() {
    let moves = form("submit", "<field var='continue'><value>PDA</value></field>");
    let short = 4096 - moves.len() - "<body></body>".len();
    let with = |body: usize| format!("<body>{}</body>{moves}", "x".repeat(body));
    assert_eq!(says(&with(short)), Some(Management::Continues("PDA".into())));
    assert_eq!(says(&with(short + 1)), None);
    let tags = 64 - moves.matches('<').count();
    assert_eq!(says(&("<br/>".repeat(tags) + &moves)), Some(Management::Continues("PDA".into())));
    assert_eq!(says(&("<br/>".repeat(tags + 1) + &moves)), None);
}

#[test]
fn a_session_goes_on_under_another_resource_when_the_peer_lets_it() {
    let (mut alice, mut bob) = pair(5);
    let c = alice.session.continue_as("PDA & <co>").unwrap();
    assert_eq!(hear(&mut bob.session, &c), Some(Management::Continues("PDA & <co>".into())));
    let other = bob.session.let_continue("elsewhere").unwrap();
    assert_eq!(hear(&mut alice.session, &other), None);
    for expected in [Some(Management::Continued("PDA & <co>".into())), None] {
        let c = bob.session.let_continue("PDA & <co>").unwrap();
        assert_eq!(hear(&mut alice.session, &c), expected);
    }
}

#[test]
fn nothing_is_agreed_while_the_session_ends() {
    let (mut alice, mut bob) = pair(6);
    let proposal = bob.session.propose(Proposal::of(ENABLED)).unwrap();
    alice.session.terminate().unwrap();
    assert_eq!(hear(&mut alice.session, &proposal), None);
    assert!(alice.session.propose(Proposal::of(ENABLED)).is_err());
    assert!(alice.session.continue_as("PDA").is_err());
}
