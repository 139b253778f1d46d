//! Certificates as they should be, and as they should not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use esession::SigningKey;
use esession_attest::{Attestation, Authorities, Error};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    OtherNameValue, SanType, date_time_ymd,
};

const JID: &str = "alice@example.org";
const NOW: u64 = 1_800_000_000;
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// The key of a fixture of the session tests, made by openssl.
const KEY: &str = include_str!("../../esession/tests/stories/keys/rsa-2048-a.b64");

fn key() -> (SigningKey, KeyPair) {
    use base64::Engine;
    let der = base64::engine::general_purpose::STANDARD.decode(KEY.trim()).unwrap();
    let pair = KeyPair::try_from(der.as_slice()).unwrap();
    (SigningKey::from_pkcs8(&der).unwrap(), pair)
}

/// An authority, or somebody that it has let be one.
struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2030, 1, 1));
    params
}

fn authority(name: &str, by: Option<&Ca>) -> Ca {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = KeyPair::generate().unwrap();
    let certificate = match by {
        None => params.self_signed(&pair),
        Some(ca) => params.signed_by(&pair, &ca.issuer),
    };
    Ca { pem: certificate.unwrap().pem(), issuer: Issuer::new(params, pair) }
}

fn xmpp_addr(jid: &str) -> SanType {
    SanType::OtherName((XMPP_ADDR.to_vec(), OtherNameValue::Utf8String(jid.to_owned())))
}

fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

/// A certificate of Alice's, after a change.
fn certificate(ca: &Ca, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = params("Alice");
    params.subject_alt_names = vec![xmpp_addr(JID)];
    change(&mut params);
    params.signed_by(&key().1, &ca.issuer).unwrap().pem()
}

fn trusting(ca: &Ca) -> Authorities {
    let mut authorities = Authorities::default();
    authorities.add_text(&ca.pem).unwrap();
    authorities
}

/// Her own file, as her client reads it.
fn of_file(pem: &str) -> Result<Attestation, Error> {
    Attestation::from_text(pem, key().0.public(), JID, NOW)
}

/// What somebody gives out who looks at nothing.
fn given_out(pem: &str) -> minidom::Element {
    let base64: String = pem.lines().map(|line| if line.starts_with('-') { " " } else { line.trim() }).collect();
    format!("<attest xmlns='urn:xmpp:attest:2'><signature>{base64}</signature></attest>").parse().unwrap()
}

/// What comes of it after it has been given out: `Ok` with who has signed it.
fn verdict(authorities: &Authorities, pem: &str, jid: &str, now: u64) -> Result<String, Error> {
    let element = given_out(pem);
    let certified = authorities.certify(&Attestation::from_element(&element)?, jid, now)?;
    assert!(certified.is_of(key().0.public()));
    Ok(certified.by)
}

fn is_untrusted(verdict: &Result<String, Error>) -> bool {
    matches!(verdict, Err(Error::Untrusted(_)))
}

#[test]
fn a_certificate_of_an_authority_names_whose_key_it_is() {
    let ca = authority("Root", None);
    for names in [vec![xmpp_addr(JID)], vec![uri("xmpp:alice@example.org")], vec![xmpp_addr("bob@x"), xmpp_addr(JID)]] {
        let pem = certificate(&ca, |params| params.subject_alt_names = names);
        assert_eq!(verdict(&trusting(&ca), &pem, JID, NOW), Ok("CN=Root".to_owned()));
    }
    // with somebody between
    let between = authority("Between", Some(&ca));
    let pem = certificate(&between, |_| {}) + &between.pem;
    assert_eq!(verdict(&trusting(&ca), &pem, JID, NOW), Ok("CN=Between".to_owned()));
}

#[test]
fn a_certificate_of_nobody_we_trust_says_nothing() {
    let (ca, other) = (authority("Root", None), authority("Root", None));
    let pem = certificate(&ca, |_| {});
    assert!(is_untrusted(&verdict(&trusting(&other), &pem, JID, NOW)), "of the same name");
    assert!(is_untrusted(&verdict(&Authorities::default(), &pem, JID, NOW)));
    let between = authority("Between", Some(&ca));
    assert!(is_untrusted(&verdict(&trusting(&ca), &certificate(&between, |_| {}), JID, NOW)), "a link is missing");
    let mut own = params("Alice");
    own.subject_alt_names = vec![xmpp_addr(JID)];
    let own = own.self_signed(&key().1).unwrap().pem();
    assert!(is_untrusted(&verdict(&trusting(&ca), &own, JID, NOW)), "her own word");
}

#[test]
fn somebody_who_is_no_authority_cannot_be_one() {
    let ca = authority("Root", None);
    let pair = KeyPair::generate().unwrap();
    let mut mallory = params("Mallory");
    mallory.subject_alt_names = vec![xmpp_addr("mallory@example.org")];
    let certificate_of_mallory = mallory.signed_by(&pair, &ca.issuer).unwrap().pem();
    let mallory = Ca { pem: certificate_of_mallory, issuer: Issuer::new(mallory, pair) };
    let pem = certificate(&mallory, |_| {}) + &mallory.pem;
    assert!(is_untrusted(&verdict(&trusting(&ca), &pem, JID, NOW)));
}

#[test]
fn it_counts_for_its_time_its_use_and_its_name_only() {
    let ca = authority("Root", None);
    let authorities = trusting(&ca);
    let pem = certificate(&ca, |_| {});
    for time in [1_700_000_000, 1_900_000_000] {
        assert!(is_untrusted(&verdict(&authorities, &pem, JID, time)), "{time}");
    }
    let server = certificate(&ca, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(is_untrusted(&verdict(&authorities, &server, JID, NOW)));
    for names in [
        vec![],
        vec![xmpp_addr("bob@example.org")],
        vec![xmpp_addr("alice@example.org/phone")],
        vec![xmpp_addr("alice@example.organisation")],
        vec![uri("xmpp:alice@example.org/phone")],
        vec![uri("xmpp:alice%40example.org")],
        vec![uri("https://alice@example.org")],
        vec![SanType::Rfc822Name(JID.try_into().unwrap())],
        vec![SanType::OtherName((vec![1, 3, 6, 1, 4], OtherNameValue::Utf8String(JID.to_owned())))],
    ] {
        let text = format!("{names:?}");
        let pem = certificate(&ca, |params| {
            params.distinguished_name.push(DnType::CommonName, JID);
            params.subject_alt_names = names;
        });
        assert_eq!(verdict(&authorities, &pem, JID, NOW), Err(Error::OtherName), "{text}");
    }
}

#[test]
fn what_is_no_certificate_is_refused_by_what_it_is() {
    use base64::Engine;
    let ca = authority("Root", None);
    let pem = certificate(&ca, |_| {});
    assert_eq!(of_file(""), Err(Error::NoCertificate));
    assert_eq!(of_file(&pem.replace('A', "!")), Err(Error::NoCertificate));
    assert_eq!(of_file(&pem.repeat(9)), Err(Error::NoCertificate), "nobody's chain is so long");
    assert_eq!(of_file(&ca.pem), Err(Error::OtherKey), "of an elliptic curve");
    let element = of_file(&pem).unwrap().to_element(JID, NOW).unwrap();
    for (from, to) in [("attest:2", "attest:1"), ("<signature>", "<signature>!"), ("signature", "seal"), ("MII", "MIJ")]
    {
        let changed = String::from(&element).replace(from, to).parse().unwrap();
        assert_eq!(Attestation::from_element(&changed), Err(Error::NoCertificate), "{to}");
    }
    let of = |count: usize| {
        let signature = element.get_child("signature", esession_attest::ATTESTATION).unwrap().text();
        let chain = format!("{signature} ").repeat(count);
        Attestation::from_element(&String::from(&element).replace(&signature, &chain).parse().unwrap())
    };
    assert!(of(8).is_ok());
    assert_eq!(of(8).unwrap(), of_file(&pem.repeat(8)).unwrap(), "all of them");
    assert_eq!(of(9), Err(Error::NoCertificate));
    let others = include_str!("../../esession/tests/stories/keys/rsa-2048-b.b64").trim();
    let others = SigningKey::from_pkcs8(&base64::engine::general_purpose::STANDARD.decode(others).unwrap()).unwrap();
    assert_eq!(Attestation::from_text(&pem, others.public(), JID, NOW), Err(Error::OtherKey));
    assert_eq!(Attestation::from_text(&pem, key().0.public(), "bob@example.org", NOW), Err(Error::OtherName));
    assert!(!trusting(&ca).is_empty());
    let mut authorities = Authorities::default();
    assert_eq!(authorities.add_text("nothing"), Err(Error::NoCertificate));
    assert_eq!(authorities.add_text(&pem.replace("MII", "MIJ")), Err(Error::NoAuthority));
    assert!(authorities.is_empty());
}

#[test]
fn a_changed_octet_is_noticed() {
    use base64::Engine;
    let ca = authority("Root", None);
    let authorities = trusting(&ca);
    let element = of_file(&certificate(&ca, |_| {})).unwrap().to_element(JID, NOW).unwrap();
    let text = element.get_child("signature", esession_attest::ATTESTATION).unwrap().text();
    let engine = base64::engine::general_purpose::STANDARD;
    let der = engine.decode(&text).unwrap();
    for place in (0..der.len()).step_by(3) {
        let mut changed = der.clone();
        changed[place] ^= 1;
        let changed = String::from(&element).replace(&text, &engine.encode(&changed)).parse().unwrap();
        let verdict = Attestation::from_element(&changed).and_then(|it| authorities.certify(&it, JID, NOW));
        assert!(verdict.is_err(), "octet {place}: {verdict:?}");
    }
}
