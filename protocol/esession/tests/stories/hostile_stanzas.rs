//! `<c/>` elements that somebody has touched.

use esession::{Element, Error, Misbehaviour, Standing};
use rxml::xml_ncname;

use crate::world::{Dice, End, negotiate, over_the_wire};

const NS: &str = "http://www.xmpp.org/extensions/xep-0200.html#ns";

fn sealed() -> (esession::Session, esession::Session, Element) {
    let (mut alice, bob) = negotiate(&End::toy(), &End::toy(), 1);
    let c = alice.session.seal("<body>Hello</body>").unwrap();
    (alice.session, bob.session, c)
}

fn text_of(c: &Element, name: &str) -> String {
    c.children().find(|child| child.name() == name).unwrap().text()
}

/// Each of these is refused, not ignored, and ends the session.
#[test]
fn whatever_could_mean_something_is_refused() {
    let (_, _, c) = sealed();
    let (data, mac) = (text_of(&c, "data"), text_of(&c, "mac"));
    let plain = format!("<data>{data}</data><mac>{mac}</mac>");
    let of = |inside: String| format!("<c xmlns='{NS}'>{inside}</c>");
    for (name, c, error) in [
        ("another name", format!("<d xmlns='{NS}'>{plain}</d>"), Error::Malformed("c")),
        ("another namespace", format!("<c xmlns='urn:x'>{plain}</c>"), Error::Malformed("c")),
        ("an attribute", format!("<c xmlns='{NS}' id='1'>{plain}</c>"), Error::Malformed("c")),
        ("an attribute inside", of(plain.replace("<data>", "<data id='1'>")), Error::Malformed("c")),
        ("xml:lang inside", of(plain.replace("<data>", "<data xml:lang='en'>")), Error::Malformed("c")),
        ("a child inside a child", of(plain.replace("</data>", "<x/></data>")), Error::Malformed("c")),
        ("an unknown child", of(format!("{plain}<body>hi</body>")), Error::Malformed("c")),
        ("a child of another namespace", of(format!("{plain}<data xmlns='urn:x'>AAAA</data>")), Error::Malformed("c")),
        ("text", of(format!("{plain}hi")), Error::Malformed("c")),
        ("data twice", of(format!("<data>{data}</data>{plain}")), Error::Malformed("c")),
        ("mac twice", of(format!("{plain}<mac>{mac}</mac>")), Error::Malformed("c")),
        ("no mac", of(format!("<data>{data}</data>")), Error::Malformed("mac")),
        ("nothing", of(String::new()), Error::Malformed("mac")),
        ("data not Base64", of(plain.replace(&data, "%%%%")), Error::Malformed("c")),
        (
            "white space in Base64",
            of(plain.replace(&data, &format!("{} {}", &data[..4], &data[4..]))),
            Error::Malformed("c"),
        ),
        ("new is 0", of(format!("{plain}<new>0</new>")), Error::PeerMisbehaved(Misbehaviour::BadNewCount)),
        ("new has a zero", of(format!("{plain}<new>01</new>")), Error::PeerMisbehaved(Misbehaviour::BadNewCount)),
        ("new has a sign", of(format!("{plain}<new>+1</new>")), Error::PeerMisbehaved(Misbehaviour::BadNewCount)),
        ("new is empty", of(format!("{plain}<new/>")), Error::PeerMisbehaved(Misbehaviour::BadNewCount)),
        (
            "new is huge",
            of(format!("{plain}<new>99999999999999999999</new>")),
            Error::PeerMisbehaved(Misbehaviour::BadNewCount),
        ),
        ("new out of nothing", of(format!("{plain}<new>1</new>")), Error::PeerMisbehaved(Misbehaviour::BadNewCount)),
        ("an added old", of(format!("{plain}<old>AAAA</old>")), Error::DecryptFailed),
        ("an added key", of(format!("{plain}<key>Ag==</key>")), Error::DecryptFailed),
        ("no data", of(format!("<mac>{mac}</mac>")), Error::DecryptFailed),
        ("a short mac", of(plain.replace(&mac, "AAAA")), Error::DecryptFailed),
        ("an empty mac", of(format!("<data>{data}</data><mac/>")), Error::DecryptFailed),
    ] {
        let (_, mut bob, _) = sealed();
        assert_eq!(bob.open(&c.parse().unwrap()).unwrap_err(), error, "{name}");
        assert_eq!(bob.standing(), Standing::Broken, "{name}");
        let (_, _, good) = sealed();
        assert_eq!(bob.open(&good).unwrap_err(), Error::Misuse(esession::Misuse::Closed), "{name}: it stays destroyed");
    }
}

/// What servers do to what they forward changes nothing (A38).
#[test]
fn white_space_prefixes_and_rewritten_namespaces_do_no_harm() {
    let (_, _, c) = sealed();
    let (data, mac) = (text_of(&c, "data"), text_of(&c, "mac"));
    for c in [
        format!("<c xmlns='{NS}'>\n  <data>{data}</data>\n  <mac>{mac}</mac>\n</c>"),
        format!("<c xmlns='{NS}'><data>\n{data}\n</data><mac> {mac} </mac></c>"),
        format!("<c xmlns='{NS}'><data> {data}</data><mac>{mac} </mac></c>"),
        format!("<c xmlns='{NS}'><data>{data}\n</data><mac>\n{mac}</mac></c>"),
        format!("<p:c xmlns:p='{NS}'><p:data>{data}</p:data><p:mac>{mac}</p:mac></p:c>"),
        format!("<c xmlns='{NS}'><data xmlns='jabber:client'>{data}</data><mac xmlns='jabber:client'>{mac}</mac></c>"),
        format!("<c xmlns='{NS}'><mac>{mac}</mac><data>{data}</data></c>"),
    ] {
        let (_, mut bob, _) = sealed();
        assert_eq!(bob.open(&c.parse().unwrap()).unwrap().content.expose(), "<body>Hello</body>", "{c}");
    }
}

#[test]
fn every_flipped_octet_is_noticed() {
    let (_, _, c) = sealed();
    for part in ["data", "mac"] {
        let octets = crate::world::unbase64(&text_of(&c, part));
        for place in 0..octets.len() {
            for bit in [0x01, 0x80] {
                let mut flipped = octets.clone();
                flipped[place] ^= bit;
                let text = String::from(&c).replace(&text_of(&c, part), &crate::world::base64(&flipped));
                let (_, mut bob, _) = sealed();
                assert_eq!(bob.open(&text.parse().unwrap()).unwrap_err(), Error::DecryptFailed, "{part} {place}");
            }
        }
    }
}

#[test]
fn flipped_keys_and_published_keys_are_noticed() {
    let rng = &mut Dice(2);
    let make = |rng: &mut Dice| {
        let (mut alice, bob) = negotiate(&End::toy(), &End::toy(), 2);
        let warm_up = alice.session.confirm().unwrap();
        (alice.session.rekey("<body/>", rng).unwrap(), warm_up, bob.session)
    };
    let (c, warm_up, mut bob) = make(rng);
    drop(bob.open(&warm_up).unwrap());
    let key = text_of(&c, "key");
    let other = crate::world::base64(&[4]);
    let text = String::from(&c).replace(&key, &other);
    assert_eq!(bob.open(&text.parse().unwrap()).unwrap_err(), Error::DecryptFailed);

    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 3);
    let c = esession::dangerous::seal(&mut alice.session, "<body/>", None, &[vec![7; 32]]).unwrap();
    let text = String::from(&c).replace(&crate::world::base64(&[7; 32]), &crate::world::base64(&[8; 32]));
    assert_eq!(bob.session.open(&text.parse().unwrap()).unwrap_err(), Error::DecryptFailed);
}

#[test]
fn a_stanza_of_another_session_or_direction_is_noticed() {
    let (_, mut bob, _) = sealed();
    let (mut elsewhere, _) = negotiate(&End::toy(), &End::toy(), 99);
    assert_eq!(bob.open(&elsewhere.session.seal("<body/>").unwrap()).unwrap_err(), Error::DecryptFailed);
    let (mut alice, _, c) = sealed();
    assert_eq!(alice.open(&c).unwrap_err(), Error::DecryptFailed, "reflected");
}

#[test]
fn octets_that_are_no_text_end_the_session() {
    // an authentic stanza: the peer itself encrypted something that is not UTF-8
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 4);
    let state = esession::dangerous::state(&alice.session).unwrap();
    let c = alice.session.seal("<body>Hello</body>").unwrap();
    let mut data = crate::world::unbase64(&text_of(&c, "data"));
    data[0] ^= 0xff;
    let data = crate::world::base64(&data);
    let content = format!("<data>{data}</data>");
    let mac = esession::dangerous::hmac(
        esession::Hash::Sha256,
        &state.sending.1,
        &[content.as_bytes(), &state.sending_counter.to_be_bytes()],
    );
    let text = format!("<c xmlns='{NS}'>{content}<mac>{}</mac></c>", crate::world::base64(&mac));
    assert_eq!(bob.session.open(&text.parse().unwrap()).unwrap_err(), Error::DecryptFailed);
}

#[test]
fn the_wrappers_are_recognised() {
    use esession::namespaces::{feature, init, is_encrypted, negotiation_form};
    let (_, form_a) =
        esession::Initiator::begin(&crate::world::toy(), &esession::Binding::default(), &mut Dice(5)).unwrap();
    for wrapped in [feature(form_a.clone()), init(form_a.clone())] {
        assert_eq!(negotiation_form(&over_the_wire(&wrapped)), Some(&form_a));
    }
    let other = Element::builder("x", "jabber:x:data").attr(xml_ncname!("type").to_owned(), "form").build();
    assert_eq!(negotiation_form(&feature(other)), None);
    // Another type of form, and another field with our type in it.
    for (changed, into) in [("urn:xmpp:ssn", "urn:xmpp:other"), ("FORM_TYPE", "another")] {
        let other: Element = String::from(&form_a).replacen(changed, into, 1).parse().unwrap();
        assert_eq!(negotiation_form(&feature(other)), None);
    }
    assert_eq!(negotiation_form(&form_a), None);
    let (_, _, c) = sealed();
    assert!(is_encrypted(&c) && !is_encrypted(&form_a));
}
