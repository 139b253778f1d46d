//! Nothing secret is printed, and the wire shows nothing of the content.

use esession::{RetainedSecret, Secret};

use crate::world::{Dice, End, negotiate, negotiate_through};

#[test]
fn debug_prints_no_secret() {
    let secret = RetainedSecret::new(1, Secret::new(b"QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"), true);
    assert_eq!(format!("{:?}", secret.value()), "Secret(..)");
    let printed = format!("{secret:?}");
    assert!(!printed.contains("81, 81") && !printed.contains("QQ"), "{printed}");

    let rng = &mut Dice(1);
    let policy = crate::world::toy();
    let (alice, form_a) = esession::Initiator::begin(&policy, &esession::Binding::default(), rng).unwrap();
    assert_eq!(format!("{alice:?}"), "AwaitResponse(..)");
    let (bob, form_b) = esession::Responder::respond(&policy, &form_a, &esession::Binding::default(), rng).unwrap();
    assert_eq!(format!("{bob:?}"), "AwaitIdentity(..)");
    let (alice, _) = alice.handle_response(&form_b, esession::Credentials::default(), rng).unwrap();
    assert_eq!(format!("{alice:?}"), "AwaitCompletion(..)");

    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 2);
    assert_eq!(format!("{:?}", alice.session), "Session { standing: Open, .. }");
    assert_eq!(format!("{:?}", alice.sas), "Sas(..)");
    let opened = bob.session.open(&alice.session.seal("<body>canary</body>").unwrap()).unwrap();
    let printed = format!("{opened:?} {alice:?} {bob:?}");
    assert!(!printed.contains("canary") && printed.contains("Plaintext(..)"), "{printed}");
    assert!(!printed.contains(&alice.sas.short) && !printed.contains(&alice.sas.long));
}

#[test]
fn the_wire_shows_neither_content_nor_secret() {
    let secret = RetainedSecret::new(1, Secret::new(b"QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"), true);
    let end = End { secrets: vec![secret.clone()], oss: Some(Secret::new(b"correct horse")), ..End::toy() };
    let mut wire = String::new();
    let (mut alice, _) = negotiate_through(&end, &end, 3, |_, form| wire.push_str(&String::from(&*form))).unwrap();
    wire.push_str(&String::from(&alice.session.seal("<body>canary</body>").unwrap()));
    for canary in ["canary", "body", "correct horse", "QQQQ", &alice.sas.short, &alice.sas.long] {
        assert!(!wire.contains(canary), "{canary}");
    }
    for octets in [secret.value().expose(), alice.new_secret.value().expose(), b"correct horse", b"<body>canary"] {
        assert!(!wire.contains(crate::world::base64(octets).trim_end_matches('=')));
    }
}

#[test]
fn two_sessions_have_no_value_in_common() {
    let secret = RetainedSecret::new(1, Secret::new(&[3; 32]), true);
    let end = End { secrets: vec![secret], ..End::toy() };
    let values = |seed| {
        let mut values = std::collections::BTreeSet::new();
        negotiate_through(&end, &end, seed, |message, form| {
            let fields = form.children().filter(|field| {
                // srshash is HMAC(SRS, constant): the protocol makes it repeat while the secret does (W13)
                // and the names of methods are everybody's
                !(message == 4 && field.attr("var") == Some("srshash")) && field.attr("var") != Some("sas_algs")
            });
            values.extend(
                fields.flat_map(esession::Element::children).map(esession::Element::text).filter(|v| v.len() > 12),
            );
        })
        .unwrap();
        values
    };
    assert_eq!(values(4).intersection(&values(5)).collect::<Vec<_>>(), Vec::<&String>::new());
}
