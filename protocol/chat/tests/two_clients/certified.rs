//! Keys that an authority certifies, for who trusts it to know people.

use esession::Identification;
use esession_attest::{ATTESTATION, Attestation, Authorities, statement};
use esession_chat::SecretBook;
use pgp::composed::{ArmorOptions, Deserializable, DetachedSignature, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, OtherNameValue, SanType};

use crate::world::{End, START, World};
use crate::{book, send};

/// An authority with its root.
fn authority() -> (Authorities, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = KeyPair::generate().unwrap();
    let mut authorities = Authorities::default();
    authorities.add_text(&params.self_signed(&pair).unwrap().pem()).unwrap();
    (authorities, Issuer::new(params, pair))
}

fn certificate(of: &SecretBook, jid: &str, by: &Issuer<'static, KeyPair>) -> Attestation {
    let key = of.keys().own().unwrap();
    let pair = KeyPair::try_from(key.to_pkcs8().expose()).unwrap();
    let mut params = CertificateParams::default();
    let xmpp_addr = vec![1, 3, 6, 1, 5, 5, 7, 8, 5];
    params.subject_alt_names = vec![SanType::OtherName((xmpp_addr, OtherNameValue::Utf8String(jid.to_owned())))];
    let pem = params.signed_by(&pair, by).unwrap().pem();
    Attestation::from_text(&pem, key.public(), jid, 0).unwrap()
}

#[test]
fn who_trusts_the_authority_of_the_peer_need_not_compare() {
    for flow in [true, false] {
        let (authorities, issuer) = authority();
        let books = [book(), book()];
        let bobs = certificate(&books[1], "bob@example.org", &issuer);
        let mut world = if flow { World::signing(books, &[Identification::Key]) } else { World::of(books) };
        world.certify(End::Bob, &bobs);
        world.trust(End::Alice, &authorities);
        world.tell(End::Alice, send("hello"));
        world.settle();
        let keys = world.keys(End::Alice);
        assert!(keys.verified && keys.certified_by.is_some(), "{keys:?}");
        assert!(!world.keys(End::Bob).verified, "he trusts nobody");
        // It lasts as long as the certificate: what is remembered is not verified.
        assert!(world.saved(End::Alice).keys().standings(&"bob@example.org".parse().unwrap())[0].1.name() == "known");
    }
}

#[test]
fn a_certificate_of_another_key_name_or_authority_verifies_nobody() {
    let ((authorities, issuer), (_, other_issuer)) = (authority(), authority());
    let books = [book(), book()];
    let stranger = book();
    for wrong in [
        certificate(&stranger, "bob@example.org", &issuer),
        certificate(&books[1], "carol@example.org", &issuer),
        certificate(&books[1], "bob@example.org", &other_issuer),
    ] {
        let mut world = World::signing(books.clone(), &[Identification::Key]);
        world.certify(End::Bob, &wrong);
        world.trust(End::Alice, &authorities);
        world.tell(End::Alice, send("hello"));
        world.settle();
        let keys = world.keys(End::Alice);
        assert!(!keys.verified && keys.certified_by.is_none(), "{keys:?}");
    }
}

/// Alice's OpenPGP certificate, and what it has signed about this key of hers, a day before the story.
fn openpgp(of: &SecretBook) -> Attestation {
    const JID: &str = "alice@example.org";
    let key = of.keys().own().unwrap();
    let secret = include_str!("../../../attest/tests/openpgp/alice.key");
    let (secret, _) = SignedSecretKey::from_string(secret).unwrap();
    let subkey = &secret.secret_subkeys[0].key;
    let mut config = SignatureConfig::v4(SignatureType::Binary, subkey.algorithm(), HashAlgorithm::Sha256);
    let at = Timestamp::from_secs(u32::try_from(START).unwrap() - 86_400);
    config.hashed_subpackets = vec![Subpacket::regular(SubpacketData::SignatureCreationTime(at)).unwrap()];
    let signature = config.sign(subkey, &Password::empty(), statement(key.public(), JID).as_bytes()).unwrap();
    let signature = DetachedSignature::new(signature).to_armored_string(ArmorOptions::default()).unwrap();
    let certificate = include_str!("../../../attest/tests/openpgp/alice.asc");
    Attestation::from_text(&format!("{certificate}{signature}"), key.public(), JID, START).unwrap()
}

#[test]
fn an_openpgp_certificate_does_it_for_who_trusts_it_or_who_certified_it() {
    let authority = include_str!("../../../attest/tests/openpgp/authority.asc");
    let alices_own = include_str!("../../../attest/tests/openpgp/self.asc");
    let somebody_elses = include_str!("../../../attest/tests/openpgp/kinds/ed25519.asc");
    for (trusted, verified) in [(authority, true), (alices_own, true), (somebody_elses, false)] {
        let books = [book(), book()];
        let alices = openpgp(&books[0]);
        let mut authorities = Authorities::default();
        authorities.add_text(trusted).unwrap();
        let mut world = World::signing(books, &[Identification::Key]);
        world.certify(End::Alice, &alices);
        world.trust(End::Bob, &authorities);
        world.tell(End::Alice, send("hello"));
        world.settle();
        let keys = world.keys(End::Bob);
        assert_eq!((keys.verified, keys.certified_by.is_some()), (verified, verified), "{keys:?}");
    }
}

#[test]
fn nobody_is_asked_for_certificates_by_who_trusts_no_authority() {
    let mut world = World::signing([book(), book()], &[Identification::Key]);
    world.tell(End::Alice, send("hello"));
    world.settle();
    assert!(world.on_the_wire(ATTESTATION).is_empty());
}
