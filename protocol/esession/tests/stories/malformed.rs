//! Forms that cannot be read: what exactly is answered.

use esession::{Element, Error};

use crate::world::{End, Failure, add, base64, negotiate_through, remove, set_values};

type Edit = fn(&mut Element);

fn retyped(form: &mut Element, kind: &str) {
    let text = String::from(&*form);
    let found = form.attr("type").unwrap();
    *form = text
        .replacen(&format!("type=\"{found}\""), &format!("type=\"{kind}\""), 1)
        .replacen(&format!("type='{found}'"), &format!("type='{kind}'"), 1)
        .parse()
        .unwrap();
    assert_eq!(form.attr("type"), Some(kind));
}

fn nested(form: &mut Element) {
    let mut deep = Element::bare("a", "jabber:x:data");
    for _ in 0..30 {
        deep = Element::builder("a", "jabber:x:data").append(deep).build();
    }
    form.append_child(deep);
}

fn required(form: &mut Element, var: &str) {
    add(form, var, &["1"]);
    let field = form.children_mut().last().unwrap();
    field.append_child(Element::bare("required", "jabber:x:data"));
}

/// Message, what is done to it, what is answered.
const TABLE: &[(u8, &str, Edit, &str)] = &[
    (1, "another element", |f| *f = Element::bare("y", "jabber:x:data"), "not-acceptable"),
    (1, "another namespace", |f| *f = Element::bare("x", "jabber:y:data"), "not-acceptable"),
    (1, "no type", |f| *f = Element::bare("x", "jabber:x:data"), "not-acceptable"),
    (1, "type submit", |f| retyped(f, "submit"), "not-acceptable"),
    (1, "type cancel", |f| retyped(f, "cancel"), "silence"),
    (1, "nested too deep", nested, "not-acceptable"),
    (1, "no FORM_TYPE", |f| remove(f, "FORM_TYPE"), "not-acceptable FORM_TYPE"),
    (1, "another FORM_TYPE", |f| set_values(f, "FORM_TYPE", &["urn:other"]), "not-acceptable FORM_TYPE"),
    (1, "no accept", |f| remove(f, "accept"), "not-acceptable accept"),
    (1, "a field twice", |f| add(f, "modp", &["14"]), "not-acceptable modp"),
    (1, "no modp", |f| remove(f, "modp"), "not-acceptable dhhashes"),
    (1, "no crypt_algs", |f| remove(f, "crypt_algs"), "not-acceptable crypt_algs"),
    (1, "no hash_algs", |f| remove(f, "hash_algs"), "not-acceptable hash_algs"),
    (1, "no ver", |f| remove(f, "ver"), "not-acceptable ver"),
    (1, "no security", |f| remove(f, "security"), "not-acceptable security"),
    (1, "no sas_algs", |f| remove(f, "sas_algs"), "not-acceptable sas_algs"),
    (1, "no stanzas", |f| remove(f, "stanzas"), "not-acceptable stanzas"),
    (
        1,
        "several at fault",
        |f| {
            remove(f, "ver");
            set_values(f, "crypt_algs", &["none"]);
        },
        "not-acceptable crypt_algs ver",
    ),
    (1, "no my_nonce", |f| remove(f, "my_nonce"), "not-acceptable my_nonce"),
    (1, "my_nonce too short", |f| set_values(f, "my_nonce", &[&base64(&[1; 7])]), "not-acceptable my_nonce"),
    (1, "my_nonce too long", |f| set_values(f, "my_nonce", &[&base64(&[1; 65])]), "not-acceptable my_nonce"),
    (1, "my_nonce not Base64", |f| set_values(f, "my_nonce", &["!!!!"]), "not-acceptable my_nonce"),
    (
        1,
        "my_nonce without padding",
        |f| set_values(f, "my_nonce", &["AAAAAAAAAAAAAAAAAAAAAA"]),
        "not-acceptable my_nonce",
    ),
    (
        1,
        "my_nonce with white space",
        |f| set_values(f, "my_nonce", &["AAAA AAAAAAAAAAAAAAAAAA=="]),
        "not-acceptable my_nonce",
    ),
    (
        1,
        "my_nonce with stray bits",
        |f| set_values(f, "my_nonce", &["AAAAAAAAAAAAAAAAAAAAAB=="]),
        "not-acceptable my_nonce",
    ),
    (1, "my_nonce twice", |f| set_values(f, "my_nonce", &["AAAAAAAAAAA=", "AAAAAAAAAAA="]), "not-acceptable my_nonce"),
    (1, "too few hashes", |f| set_values(f, "dhhashes", &[]), "not-acceptable dhhashes"),
    (
        1,
        "too many hashes",
        |f| set_values(f, "dhhashes", &[&base64(&[1; 32]), &base64(&[2; 32])]),
        "not-acceptable dhhashes",
    ),
    (1, "a short hash", |f| set_values(f, "dhhashes", &[&base64(&[1; 31])]), "not-acceptable dhhashes"),
    (1, "a hash that is not Base64", |f| set_values(f, "dhhashes", &["?"]), "not-acceptable dhhashes"),
    (
        1,
        "a three-message request",
        |f| {
            remove(f, "dhhashes");
            add(f, "dhkeys", &["Ag=="]);
        },
        "feature-not-implemented dhkeys",
    ),
    (1, "a required field of 0155", |f| required(f, "multisession"), "feature-not-implemented multisession"),
    (1, "a required unknown field", |f| required(f, "x@y"), "feature-not-implemented x@y"),
    (2, "type form", |f| retyped(f, "form"), "not-acceptable"),
    (2, "another nonce", |f| set_values(f, "nonce", &[&base64(&[1; 16])]), "silence"),
    (2, "no nonce", |f| remove(f, "nonce"), "silence"),
    (2, "an empty counter", |f| set_values(f, "counter", &[""]), "not-acceptable counter"),
    (2, "a long counter", |f| set_values(f, "counter", &[&base64(&[1; 17])]), "not-acceptable counter"),
    (2, "two values of d", |f| set_values(f, "dhkeys", &["Ag==", "BA=="]), "not-acceptable dhkeys"),
    (2, "d not Base64", |f| set_values(f, "dhkeys", &["Ag"]), "not-acceptable dhkeys"),
    (2, "type cancel", |f| retyped(f, "cancel"), "silence"),
    (3, "type submit", |f| retyped(f, "submit"), "not-acceptable"),
    (3, "another nonce", |f| set_values(f, "nonce", &[&base64(&[1; 16])]), "silence"),
    (3, "declined", |f| set_values(f, "accept", &["0"]), "silence"),
    (3, "no identity", |f| remove(f, "identity"), "not-acceptable identity"),
    (3, "identity not Base64", |f| set_values(f, "identity", &["="]), "not-acceptable identity"),
    (3, "no mac", |f| remove(f, "mac"), "not-acceptable mac"),
    (3, "a short mac", |f| set_values(f, "mac", &[&base64(&[1; 16])]), "not-acceptable mac"),
    (3, "a wrong mac", |f| set_values(f, "mac", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (3, "a wrong identity", |f| set_values(f, "identity", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (3, "an empty identity", |f| set_values(f, "identity", &[""]), "feature-not-implemented"),
    (3, "a long identity", |f| set_values(f, "identity", &[&base64(&[1; 4000])]), "feature-not-implemented"),
    (3, "rshashes not Base64", |f| set_values(f, "rshashes", &["#"]), "not-acceptable rshashes"),
    (3, "other rshashes", |f| set_values(f, "rshashes", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (3, "no rshashes", |f| remove(f, "rshashes"), "feature-not-implemented"),
    (3, "no dhkeys", |f| remove(f, "dhkeys"), "not-acceptable dhkeys"),
    (4, "type form", |f| retyped(f, "form"), "not-acceptable"),
    (4, "another nonce", |f| set_values(f, "nonce", &[&base64(&[1; 16])]), "silence"),
    (4, "no srshash", |f| remove(f, "srshash"), "not-acceptable srshash"),
    (4, "another srshash", |f| set_values(f, "srshash", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (4, "a wrong mac", |f| set_values(f, "mac", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (4, "a wrong identity", |f| set_values(f, "identity", &[&base64(&[1; 32])]), "feature-not-implemented"),
    (4, "no identity", |f| remove(f, "identity"), "not-acceptable identity"),
];

#[test]
fn each_malformed_form_gets_its_exact_answer() {
    for (message, name, edit, answer) in TABLE {
        let failed = negotiate_through(&End::toy(), &End::toy(), 1, |current, form| {
            if current == *message {
                edit(form);
            }
        });
        let failed = failed.map(drop).expect_err(name);
        let noticed = match failed {
            Failure::Bob1(_) => 1,
            Failure::Alice2(_) => 2,
            Failure::Bob3(_) => 3,
            Failure::Alice4(_) => 4,
        };
        assert_eq!((noticed, failed.on_the_wire().as_str()), (*message, *answer), "message {message}: {name}");
    }
}

/// A stray can be recognised before it costs the machine.
#[test]
fn strays_are_recognised_without_harm() {
    let rng = &mut crate::world::Dice(2);
    let policy = crate::world::toy();
    let (alice, form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    let (bob, form_b) = esession::Responder::respond(&policy, &form_a, &esession::Binding::default(), rng).unwrap();
    let mut stray = form_b.clone();
    set_values(&mut stray, "nonce", &[&base64(&[9; 16])]);
    assert!(alice.expects(&form_b) && !alice.expects(&stray) && !alice.expects(&form_a));
    let (alice, form_a2) = alice.handle_response(&form_b, esession::Credentials::default(), rng).unwrap();
    let mut stray = form_a2.clone();
    set_values(&mut stray, "nonce", &[&base64(&[9; 16])]);
    assert!(bob.expects(&form_a2) && !bob.expects(&stray));
    assert_eq!(Error::Stray.to_stanza_error(), None);
    let (_, form_b2) = bob.handle_identity(&form_a2, esession::Credentials::default(), rng).unwrap();
    assert!(alice.expects(&form_b2) && !alice.expects(&stray));
}

/// A refusal is an answer, with our ESession ID or without any; a refusal of something else is not.
#[test]
fn refusals_are_recognised() {
    let rng = &mut crate::world::Dice(4);
    let policy = crate::world::toy();
    let (alice, form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    let refusal = esession::Responder::decline(&form_a).unwrap();
    let mut bare = refusal.clone();
    remove(&mut bare, "nonce");
    let mut elsewhere = refusal.clone();
    set_values(&mut elsewhere, "nonce", &[&base64(&[9; 16])]);
    let mut nothing = bare.clone();
    remove(&mut nothing, "accept");
    assert!(alice.expects(&refusal) && alice.expects(&bare));
    assert!(!alice.expects(&elsewhere) && !alice.expects(&nothing));
    assert_eq!(alice.handle_response(&bare, esession::Credentials::default(), rng).unwrap_err(), Error::Declined);
    let (alice, form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    let refusal = esession::Responder::decline(&form_a).unwrap();
    assert_eq!(alice.handle_response(&refusal, esession::Credentials::default(), rng).unwrap_err(), Error::Declined);
}

/// Old requests say otr instead of logging (0217), fix values in hidden fields, and leave most of the rest out.
#[test]
fn a_request_in_the_manner_of_0217_is_understood() {
    for (otr, policy, answer) in
        [("true", esession::Logging::MustNot, "true"), ("false", esession::Logging::May, "false")]
    {
        let rng = &mut crate::world::Dice(3);
        let hash = base64(&[5; 32]);
        let mut form_a: Element = "<x xmlns='jabber:x:data' type='form'/>".parse().unwrap();
        for (var, value) in [
            ("FORM_TYPE", "urn:xmpp:ssn"),
            ("accept", "true"),
            ("otr", otr),
            ("security", "e2e"),
            ("modp", "toy"),
            ("crypt_algs", "aes128-ctr"),
            ("hash_algs", "sha256"),
            ("compress", "none"),
            ("stanzas", "message"),
            ("init_pubkey", "none"),
            ("resp_pubkey", "none"),
            ("ver", "1.0"),
            ("rekey_freq", "4294967295"),
            ("sas_algs", "sas28x5"),
            ("my_nonce", "VQgDL2xT3Fc="),
            ("dhhashes", hash.as_str()),
        ] {
            add(&mut form_a, var, &[value]);
        }
        let policy = esession::Policy { logging: vec![policy], ..crate::world::toy() };
        let (_, form_b) = esession::Responder::respond(&policy, &form_a, &esession::Binding::default(), rng).unwrap();
        assert_eq!(crate::world::value(&form_b, "otr"), answer);
        assert_eq!(crate::world::value(&form_b, "rekey_freq"), "4294967295");
        assert!(form_b.children().all(|field| !matches!(field.attr("var"), Some("logging" | "disclosure"))));
    }
}

#[test]
fn the_error_element_names_condition_and_fields() {
    let error = Error::PeerIncompatible(vec!["modp".into(), "ver".into()]).to_stanza_error().unwrap();
    let element = error.to_element("jabber:client");
    assert_eq!((element.name(), element.attr("type")), ("error", Some("cancel")));
    assert!(element.has_child("not-acceptable", "urn:ietf:params:xml:ns:xmpp-stanzas"));
    let feature = element.get_child("feature", "http://jabber.org/protocol/feature-neg").unwrap();
    let fields: Vec<_> = feature.children().filter_map(|field| field.attr("var")).collect();
    assert_eq!(fields, ["modp", "ver"]);
    let silent = Error::DecryptFailed.to_stanza_error().unwrap().to_element("jabber:component:accept");
    assert_eq!(silent.children().count(), 1, "no detail");
}

/// `otr` is what `logging` was called once, and `dhkeys` belongs to the other flow.
#[test]
fn what_a_request_says_in_two_ways_is_answered_in_one() {
    let (policy, rng) = (crate::world::toy(), &mut crate::world::Dice(5));
    let (_, mut form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    add(&mut form_a, "otr", &["false"]);
    add(&mut form_a, "dhkeys", &["AgM="]);
    assert_eq!(esession::Flow::of(&form_a), esession::Flow::FourMessage);
    let (_, form_b) = esession::Responder::respond(&policy, &form_a, &esession::Binding::default(), rng).unwrap();
    let answers = |var: &str| form_b.children().filter(|field| field.attr("var") == Some(var)).count();
    assert_eq!(["logging", "otr", "dhkeys", "dhhashes"].map(answers), [1, 0, 1, 0]);
    remove(&mut form_a, "dhhashes");
    remove(&mut form_a, "dhkeys");
    assert_eq!(esession::Flow::of(&form_a), esession::Flow::FourMessage, "that machine says what is missing");
}

/// In a list with options a bare value is the default only; without, and elsewhere, it is the value (0217 fixes values so).
#[test]
fn a_value_counts_where_no_options_do() {
    let (policy, rng) = (crate::world::toy(), &mut crate::world::Dice(6));
    let (_, form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    let (option, value) = ("<option><value>md5</value></option>", "<value>sha256</value>");
    for (kind, inner, fine) in [
        ("list-single", format!("{option}{value}"), false),
        ("list-single", value.to_owned(), true),
        ("hidden", format!("{option}{value}"), true),
        ("hidden", option.to_owned(), false),
    ] {
        let field = format!("<field xmlns='jabber:x:data' type='{kind}' var='hash_algs'>{inner}</field>");
        let mut form_a = form_a.clone();
        remove(&mut form_a, "hash_algs");
        form_a.append_child(field.parse().unwrap());
        let answer = esession::Responder::respond(&policy, &form_a, &esession::Binding::default(), rng).map(drop);
        let refusal = Err(Error::PeerIncompatible(vec!["hash_algs".into()]));
        assert_eq!(answer, if fine { Ok(()) } else { refusal }, "{kind} {inner}");
    }
}
