//! What is signed and encrypted as it should be, and not read all the same: for its content, its time, or who has
//! signed it.

use openpgp_xmpp::{Arrival, Certificate, Key, Kind, MAX_TEXT, Refusal, Remedy, Unfit, Unusable, Window, open};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureType, SubpacketData as Part};
use pgp::types::{Duration, KeyDetails};

use crate::world::*;

fn verdict(text: &str) -> Result<u64, Refusal> {
    Letter::of(text).read().map(|opened| opened.time)
}

#[test]
fn content_counts_if_it_is_whole_and_ours() {
    let whole = content();
    let missing = |what: &str| whole.replace(what, "");
    let doubled = |what: &str| whole.replace(what, &format!("{what}{what}"));
    let time = "<time stamp='2027-01-15T08:00:00Z'/>";
    let to = format!("<to jid='{BOB}'/>");
    let payload = "<payload><body xmlns='jabber:client'>Hello</body></payload>";
    assert_eq!(verdict(&whole), Ok(NOW));
    for (text, why) in [
        ("".to_owned(), Refusal::Malformed("text")),
        ("Hello".to_owned(), Refusal::Malformed("text")),
        ("<signcrypt xmlns='urn:xmpp:openpgp:1'/>".to_owned(), Refusal::Malformed("signcrypt")),
        ("<body xmlns='jabber:client'>Hello</body>".to_owned(), Refusal::Malformed("signcrypt")),
        (whole.replace("signcrypt", "sign"), Refusal::Kind(Kind::Sign)),
        (whole.replace("signcrypt", "crypt"), Refusal::Kind(Kind::Crypt)),
        (missing(&to), Refusal::Malformed("to")),
        (whole.replace(&to, "<to/>"), Refusal::Malformed("to")),
        (missing(time), Refusal::Malformed("time")),
        (doubled(time), Refusal::Malformed("time")),
        (whole.replace("2027-01-15T08:00:00Z", "now"), Refusal::Malformed("time")),
        (whole.replace("2027-01-15T08:00:00Z", "1800000000"), Refusal::Malformed("time")),
        (missing(payload), Refusal::Malformed("payload")),
        (doubled(payload), Refusal::Malformed("payload")),
        (whole.replace("<payload>", "<payload xmlns='urn:other'>"), Refusal::Malformed("payload")),
    ] {
        assert_eq!(verdict(&text), Err(why), "{text}");
    }
    // What is not UTF-8 is no text.
    let mut letter = Letter::of(&whole);
    letter.text[200] = 0xff;
    assert_eq!(letter.read(), Err(Refusal::Malformed("text")));
    // The time may be of anywhere, and padding may be missing (XEP-0373 section 3.1).
    let at = |time: &str| whole.replace("08:00:00Z", time);
    for text in [missing("<rpad>f0rm1l4n4</rpad>"), at("10:00:00.25+02:00"), at("08:00:00+0000"), at("00:30:00-0730")] {
        assert_eq!(verdict(&text), Ok(NOW), "{text}");
    }
}

#[test]
fn it_is_for_whom_it_names() {
    let to = |jids: &[&str]| {
        let to: String = jids.iter().map(|jid| format!("<to jid='{jid}'/>")).collect();
        verdict(&content_of(&to, "2027-01-15T08:00:00Z"))
    };
    let with_resource = format!("{BOB}/phone");
    for ours in [&[BOB][..], &[&with_resource], &["carol@example.org", BOB]] {
        assert_eq!(to(ours), Ok(NOW), "{ours:?}");
    }
    // Mallory has got it from Alice, and passes it on.
    for others in [&["mallory@example.org"][..], &["bob@gw.example.org"], &["gw.example.org"], &[ALICE], &[""]] {
        assert_eq!(to(others), Err(Refusal::OtherRecipient), "{others:?}");
    }
    // Signatures say it too, with some libraries.
    let named = |key: &Key| Part::IntendedRecipientFingerprint(secret(key).primary_key.fingerprint());
    assert!(Letter::of(&content()).with(named(&bob())).read().is_ok());
    assert!(Letter::of(&content()).with(named(&alice())).with(named(&bob())).read().is_ok());
    assert_eq!(Letter::of(&content()).with(named(&alice())).read(), Err(Refusal::OtherRecipient));
}

#[test]
fn it_is_of_its_time() {
    let Window { past, future } = Window::default();
    for (stamp, verdict_of_it) in [
        ("2027-01-15T08:05:00Z", Ok(NOW + future)),
        ("2027-01-15T08:05:01Z", Err(Refusal::Future(NOW + future + 1))),
        ("9999-12-31T23:59:59Z", Err(Refusal::Future(253_402_300_799))),
        ("2027-01-08T08:00:00Z", Ok(NOW - past)),
        ("2027-01-08T07:59:59Z", Err(Refusal::Old(NOW - past - 1))),
        ("1953-05-16T12:00:00Z", Err(Refusal::Old(0))),
    ] {
        assert_eq!(verdict(&content_of(&format!("<to jid='{BOB}'/>"), stamp)), verdict_of_it, "{stamp}");
    }
    // What was signed later than anybody's clock is.
    let signed = |signed| Letter { signed, ..Letter::of(&content()) }.read().map(|opened| opened.time);
    assert_eq!(signed(NOW + future), Ok(NOW));
    assert_eq!(signed(NOW + future + 1), Err(Refusal::Future(NOW + future + 1)));
    // And what was signed before there was the key, or for a time that is over.
    assert_eq!(signed(MADE - 1), Err(Refusal::OtherSigner));
    let over = Letter::of(&content()).with(Part::SignatureExpirationTime(Duration::from_secs(10)));
    assert_eq!(Letter { signed: NOW - 10, ..over }.read(), Err(Refusal::OtherSigner));
}

#[test]
fn it_is_signed_by_the_sender() {
    let mallory = key("mallory@example.org", 66);
    let signer = |key: &Key| secret(key).primary_key.clone();
    let by = |signers: Vec<_>| Letter { signers, ..Letter::of(&content()) };
    assert_eq!(by(vec![signer(&mallory)]).read(), Err(Refusal::OtherSigner));
    assert_eq!(by(vec![signer(&alice()), signer(&mallory)]).read(), Err(Refusal::SignedTwice));
    assert_eq!(by(vec![signer(&alice()), signer(&alice())]).read(), Err(Refusal::SignedTwice));
    assert_eq!(by(vec![]).read(), Err(Refusal::NotSigned));
    assert!(Letter { typ: SignatureType::Text, hash: HashAlgorithm::Sha512, ..Letter::of(&content()) }.read().is_ok());
    // Who is known to us is not yet who has sent it.
    let [alices, mallorys] = [alice(), mallory].map(|key| certificate(&key));
    let sealed =
        element(&Letter { signers: vec![signer(&key("mallory@example.org", 66))], ..Letter::of(&content()) }.sealed());
    assert_eq!(read_by(&sealed, &[alices.clone(), mallorys.clone()]), Err(Refusal::OtherSigner));
    let honest = element(&Letter::of(&content()).sealed());
    assert_eq!(read_by(&honest, &[]), Err(Refusal::OtherSigner));
    assert_eq!(read_by(&honest, &[mallorys]), Err(Refusal::OtherSigner));
    assert_eq!(
        read_by(&honest, &[certificate(&key(ALICE, 31)), alices.clone()]).unwrap().signer,
        alice().fingerprint()
    );
    // Nor is what Mallory sends in Alice's words, from an address of her own.
    let arrival = Arrival { from: "mallory@example.org", senders: &[alices], now: NOW, window: Window::default() };
    assert_eq!(open(&bob(), &honest, &arrival, |text| text.parse().ok()), Err(Refusal::OtherSigner));
}

#[test]
fn a_signer_whose_certificate_has_ceased_to_count_is_named() {
    let honest = element(&Letter::of(&content()).sealed());
    // It counted when it was read.
    let known = Certificate::read(&crate::certificates::expiring(NOW - 1), ALICE, NOW - 600).unwrap();
    let expired = Err(Refusal::Signer(alice().fingerprint(), Unfit::Expired));
    assert_eq!(read_by(&honest, std::slice::from_ref(&known)), expired);
    // Another one that counts does, and an expired one is not to blame for what it has not signed.
    assert!(read_by(&honest, &[known.clone(), certificate(&alice())]).is_ok());
    let others = Letter { signers: vec![secret(&key(ALICE, 66)).primary_key.clone()], ..Letter::of(&content()) };
    assert_eq!(read_by(&element(&others.sealed()), &[known]), Err(Refusal::OtherSigner));
    // What is revoked is not even read, at no time.
    let revoked = crate::certificates::revoked();
    assert_eq!(Certificate::read(&revoked, ALICE, NOW - 600), Err(Unusable::Unfit(Unfit::Revoked)));
}

#[test]
fn every_refusal_says_who_can_do_something() {
    let print = bob().fingerprint();
    for (refusal, remedy) in [
        (Refusal::OtherSigner, Remedy::FetchTheirs),
        (Refusal::OtherKey, Remedy::FetchOurs),
        (Refusal::Signer(print, Unfit::Expired), Remedy::RenewTheirs),
        (Refusal::Old(0), Remedy::SendAgain),
        (Refusal::Future(0), Remedy::SendAgain),
        (Refusal::Damaged, Remedy::Nothing),
        (Refusal::NotSigned, Remedy::Nothing),
    ] {
        assert_eq!(refusal.remedy(), remedy, "{refusal}");
    }
    let signer = Refusal::Signer(print, Unfit::Expired).to_string();
    assert_eq!(signer, format!("signed by the certificate {print}, which is not used: it has expired"));
}

#[test]
fn nobody_parses_what_is_not_signed_or_too_long() {
    let arrival = Arrival { from: ALICE, senders: &[certificate(&alice())], now: NOW, window: Window::default() };
    let asked = |octets: &[u8]| {
        let mut asked = false;
        let verdict = open(&bob(), &element(octets), &arrival, |text| {
            asked = true;
            text.parse().ok()
        });
        (asked, verdict.err())
    };
    let mallorys = Letter { signers: vec![secret(&key(ALICE, 66)).primary_key.clone()], ..Letter::of(&content()) };
    assert_eq!(asked(&mallorys.sealed()), (false, Some(Refusal::OtherSigner)));
    assert_eq!(asked(&Letter::of(&content()).sealed()), (true, None));
    // What is compressed may come to more than a message.
    let long = |length| {
        let mut zipped = Vec::new();
        let text = Letter::of(&"x".repeat(length)).packets();
        let mut encoder = flate2::write::DeflateEncoder::new(&mut zipped, flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &text).unwrap();
        encoder.finish().unwrap();
        let packet = packet(8, &[&[1], zipped.as_slice()].concat());
        asked(&encrypted(&packet, pgp::crypto::sym::SymmetricKeyAlgorithm::AES128))
    };
    assert_eq!(long(MAX_TEXT - 1000), (true, Some(Refusal::Malformed("text"))));
    assert_eq!(long(MAX_TEXT), (false, Some(Refusal::TooLarge("text"))));
    let around = Letter::of(&"x".repeat(100_000)).packets().len() - 100_000;
    assert!(long(MAX_TEXT - around).0);
    assert_eq!(long(MAX_TEXT - around + 1), (false, Some(Refusal::TooLarge("text"))));
}
