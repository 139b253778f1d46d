//! What OpenPGP certificates say: files of GnuPG as they are, and what GnuPG would not make, signed with their keys.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession_attest::{Attestation, Authorities, Error, statement};
use pgp::composed::{DetachedSignature, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Notation, Signature, SignatureType, SubpacketData, UserId};
use pgp::ser::Serialize;
use pgp::types::{Duration, PacketHeaderVersion, Password};

use SignatureType::{
    Binary, CertGeneric, CertPersona, CertPositive, CertRevocation, Key as Direct, KeyRevocation, SubkeyBinding,
    SubkeyRevocation, Text,
};
use world::*;

const UNKNOWN: &str = "no certificate that vouches for it is known";

#[test]
fn gnupg_s_files_certify_a_key() {
    assert_eq!(statement(&key(), JID), include_str!("statement.txt"));
    assert!(statement(&key(), "bob@example.org").contains(" xmpp:bob@example.org "));
    let file = format!("{ALICE}{SIGNATURE}");
    let own = Attestation::from_text(&file, &key(), JID, NOW).unwrap();
    assert_eq!(Attestation::from_text(&format!("{SIGNATURE}{ALICE}"), &key(), JID, NOW).unwrap(), own, "any order");
    let element = own.to_element(JID, NOW).unwrap();
    assert_eq!(Attestation::from_element(&element).unwrap(), own);
    for (trusted, by) in [(AUTHORITY, "Example Authority <ca@example.org> (OpenPGP "), (SELF, "(OpenPGP ")] {
        let mut authorities = Authorities::default();
        authorities.add_text(trusted).unwrap();
        let certified = authorities.certify(&own, JID, NOW).unwrap();
        assert!(
            certified.is_of(&key()) && !certified.is_of(&other_key()) && certified.by.contains(by),
            "{}",
            certified.by
        );
        assert_eq!(authorities.certify(&own, "bob@example.org", NOW), Err(Error::OtherName));
    }
    let mut given = Authorities::default();
    given.add_text(&file).unwrap();
    assert!(given.certify(&own, JID, NOW).is_ok(), "the file that Alice gives out is one that Bob can keep");
    let mut both = Authorities::default();
    both.add_text(&format!("{AUTHORITY}{SELF}")).unwrap();
    assert!(both.certify(&own, JID, NOW).is_ok());
    assert!(matches!(Authorities::default().certify(&own, JID, NOW), Err(Error::Untrusted(_))));
    assert_eq!([World::new(), World::personal()].map(|world| world.verdict().is_ok()), [true; 2]);
}

#[test]
fn who_keeps_a_friends_certificate_believes_the_friend_about_nobody_else() {
    // The authority has a JID now: it is a person, whatever it has certified.
    let ca = authority();
    for name in ["xmpp:ca@example.org", "Ca <XMPP:ca@example.org>"] {
        let word = making(CertPositive).flags(|flags| flags.set_certify(true));
        let word = word.over_user(&ca, ca.primary_key.public_key(), name);
        let user = UserId::from_str(PacketHeaderVersion::New, name).unwrap().into_signed(word);
        assert_eq!(World::new().after(|world| world.trusted.details.users.push(user)).refusal(), UNKNOWN, "{name}");
    }
    // In Bob's copy Alice has another name, and has taken this one herself since.
    let renamed = World::personal().after(|world| {
        let (alice, name) = (alice(), "xmpp:alice@old.example.org");
        let word = making(CertPositive).over_user(&alice, alice.primary_key.public_key(), name);
        world.trusted.details.users = vec![UserId::from_str(PacketHeaderVersion::New, name).unwrap().into_signed(word)];
    });
    assert_eq!(renamed.refusal(), UNKNOWN);
    // Somebody else has taken the name.
    let mallory = Attestation::from_text(include_str!("kinds/ed25519.asc"), &key(), JID, NOW).unwrap();
    let verdict = World::personal().authorities().certify(&mallory, JID, NOW);
    assert!(matches!(verdict, Err(Error::Untrusted(_))), "{verdict:?}");
}

#[test]
fn what_another_key_or_no_data_signature_says_is_nothing() {
    let statement = statement(&key(), JID);
    let signed = |making: Making, text: &str| World::new().after(|world| world.statement = making.over_statement(text));
    assert!(signed(making(Binary), &statement).verdict().is_ok());
    let with_crlf = statement.replace('\n', "\r\n");
    assert!(signed(making(Text), &with_crlf).verdict().is_ok(), "as texts are signed");
    for world in [
        signed(making(Binary), &statement.replace("alice", "bob")),
        signed(making(Binary), &with_crlf),
        signed(making(Binary).hash(HashAlgorithm::Sha1), &statement),
        signed(making(Binary).at(MADE - 1), &statement),
        signed(making(Binary).at(u32::try_from(NOW).unwrap() + 1), &statement),
        signed(making(Binary).with(SubpacketData::SignatureExpirationTime(Duration::from_secs(100))), &statement),
        signed(making(Binary).critical(notation()), &statement),
    ] {
        assert_eq!(world.refusal(), "OtherKey");
    }
    assert!(signed(making(Binary).with(notation()), &statement).verdict().is_ok(), "it need not be understood");
    let lasting = SubpacketData::SignatureExpirationTime(Duration::from_secs(YEAR));
    assert!(signed(making(Binary).with(lasting), &statement).verdict().is_ok());
}

fn notation() -> SubpacketData {
    let (name, value) = (b"only@example.org".to_vec().into(), b"on sundays".to_vec().into());
    SubpacketData::Notation(Notation { readable: true, name, value })
}

#[test]
fn a_name_counts_while_its_owner_stands_by_it() {
    let renamed = |making: Making| {
        World::new().after(|world| {
            let (own, by) = (own_word(making), certification(self::making(CertGeneric)));
            *world.user() = vec![own, by];
        })
    };
    assert!(renamed(making(CertPositive)).verdict().is_ok());
    for making in [
        making(CertPositive).hash(HashAlgorithm::Sha1),
        making(CertPositive).hash(HashAlgorithm::Sha224),
        making(CertPositive).at(MADE - 1),
        making(CertPositive).at(u32::try_from(NOW).unwrap() + 1),
        making(CertPositive).with(SubpacketData::SignatureExpirationTime(Duration::from_secs(100))),
        making(CertPositive).critical(notation()),
        making(CertRevocation),
    ] {
        assert_eq!(renamed(making).refusal(), "OtherName");
    }
    let expired = making(CertPositive).with(SubpacketData::KeyExpirationTime(Duration::from_secs(100)));
    assert_eq!(renamed(expired).refusal(), "it has expired");
    let lasting = making(CertPositive).with(SubpacketData::KeyExpirationTime(Duration::from_secs(YEAR)));
    assert!(renamed(lasting).verdict().is_ok());
    let revoked = World::new().after(|world| {
        let revocation = own_word(making(CertRevocation).hash(HashAlgorithm::Sha1));
        world.user().push(revocation);
    });
    assert_eq!(revoked.refusal(), "OtherName");
    let unsigned = World::new().after(|world| *world.user() = vec![certification(making(CertGeneric))]);
    assert_eq!(unsigned.refusal(), "OtherName", "the authority says so, and she does not");
}

#[test]
fn a_newer_word_takes_the_place_of_an_older_one() {
    let longer = |seconds| SubpacketData::KeyExpirationTime(Duration::from_secs(seconds));
    let world = |first, second| {
        World::new().after(|world| {
            let by = certification(making(CertGeneric));
            let words = [(1, first), (2, second)];
            let words = words.map(|(at, seconds)| own_word(making(CertPositive).at(MADE + at).with(longer(seconds))));
            *world.user() = words.into_iter().chain([by]).collect();
        })
    };
    assert!(world(100, YEAR).verdict().is_ok());
    assert_eq!(world(YEAR, 100).refusal(), "it has expired");
}

#[test]
fn a_revoked_or_expired_certificate_says_nothing_in_either_copy() {
    let revoke = |certificate: &mut SignedPublicKey, by: &SignedSecretKey| {
        let revocation = making(KeyRevocation).hash(HashAlgorithm::Sha1).over_key(by);
        certificate.details.revocation_signatures.push(revocation);
    };
    assert_eq!(World::new().after(|world| revoke(&mut world.certificate, &alice())).refusal(), "it is revoked");
    assert_eq!(World::personal().after(|world| revoke(&mut world.trusted, &alice())).refusal(), UNKNOWN);
    assert_eq!(World::new().after(|world| revoke(&mut world.trusted, &authority())).refusal(), UNKNOWN);
    // Anybody can say so of anybody.
    assert!(World::new().after(|world| revoke(&mut world.certificate, &authority())).verdict().is_ok());

    let expire = |by: &SignedSecretKey, at| {
        making(Direct).at(at).with(SubpacketData::KeyExpirationTime(Duration::from_secs(100))).over_key(by)
    };
    let direct =
        |at| World::new().after(|world| world.certificate.details.direct_signatures = vec![expire(&alice(), at)]);
    assert_eq!(direct(MADE + 1).refusal(), "it has expired");
    assert!(direct(MADE - 1).verdict().is_ok(), "it does not count");
    let world =
        World::new().after(|world| world.trusted.details.direct_signatures = vec![expire(&authority(), MADE + 1)]);
    assert_eq!(world.refusal(), UNKNOWN);
}

#[test]
fn an_authority_counts_for_what_it_has_certified_and_not_taken_back() {
    let certified = |signatures: Vec<Signature>| {
        World::new().after(|world| {
            world.user().truncate(1);
            world.user().extend(signatures);
        })
    };
    assert!(certified(vec![certification(making(CertGeneric))]).verdict().is_ok());
    for signatures in [
        vec![],
        vec![certification(making(CertPersona))],
        vec![certification(making(CertGeneric).hash(HashAlgorithm::Sha1))],
        vec![certification(making(CertGeneric).at(MADE - 1))],
        vec![certification(making(CertGeneric).with(SubpacketData::SignatureExpirationTime(Duration::from_secs(9))))],
        vec![certification(making(CertGeneric).with(SubpacketData::ExportableCertification(false)))],
        vec![certification(making(CertGeneric)), certification(making(CertRevocation))],
        vec![making(CertGeneric).over_user(&authority(), alice().primary_key.public_key(), "xmpp:bob@example.org")],
        vec![making(CertGeneric).over_user(&authority(), authority().primary_key.public_key(), XMPP)],
        vec![own_word(making(CertGeneric))],
    ] {
        assert_eq!(certified(signatures).refusal(), UNKNOWN);
    }
    let idle = World::new().after(|world| {
        let ca = authority();
        let word = making(CertPositive).at(MADE + 9).flags(|flags| flags.set_sign(true));
        let name = "Example Authority <ca@example.org>";
        world.trusted.details.users[0].signatures = vec![word.over_user(&ca, ca.primary_key.public_key(), name)];
    });
    assert_eq!(idle.refusal(), UNKNOWN, "it may sign, and not certify");
}

#[test]
fn a_subkey_signs_for_who_has_bound_it_for_that_and_with_its_consent() {
    let statement = statement(&key(), JID);
    let rebound = |making: Making, agrees: Option<Signature>| {
        World::new().after(|world| {
            let subkey = &mut world.certificate.public_subkeys[0];
            let making = agrees
                .into_iter()
                .fold(making, |it, embedded| it.with(SubpacketData::EmbeddedSignature(Box::new(embedded))));
            subkey.signatures = vec![making.over_subkey(&alice(), &subkey.key)];
            world.statement = self::making(Binary).at(MADE + 10).over_statement(&statement);
        })
    };
    let consent = |hash| {
        let alice = alice();
        let subkey = &alice.secret_subkeys[0].key;
        let config = making(SignatureType::KeyBinding).hash(hash).config(subkey);
        let primary = alice.primary_key.public_key();
        Some(config.sign_primary_key_binding(subkey, subkey.public_key(), &Password::empty(), primary).unwrap())
    };
    let signs = || making(SubkeyBinding).flags(|flags| flags.set_sign(true));
    let sha256 = || consent(HashAlgorithm::Sha256);
    assert!(rebound(signs(), sha256()).verdict().is_ok());
    let expires = SubpacketData::KeyExpirationTime(Duration::from_secs(100));
    for world in [
        rebound(signs(), None),
        rebound(signs(), consent(HashAlgorithm::Sha1)),
        rebound(making(SubkeyBinding).flags(|flags| flags.set_authentication(true)), sha256()),
        rebound(making(SubkeyBinding), sha256()),
        rebound(signs().with(expires), sha256()),
        rebound(signs().hash(HashAlgorithm::Sha1), sha256()),
        World::new().after(|world| world.certificate.public_subkeys.clear()),
        World::new().after(|world| {
            for subkey in &mut world.certificate.public_subkeys {
                subkey.signatures.push(making(SubkeyRevocation).over_subkey(&alice(), &subkey.key));
            }
        }),
        // GnuPG has given it three years.
        World::new().after(|world| world.now = NOW + 3 * u64::from(YEAR)),
    ] {
        assert_eq!(world.refusal(), "OtherKey");
    }
    // Her primary key certifies, and does not sign.
    let primary = World::new().after(|world| {
        let alice = alice();
        let config = making(Binary).config(&alice.primary_key);
        world.statement = config.sign(&alice.primary_key, &Password::empty(), statement.as_bytes()).unwrap();
    });
    assert_eq!(primary.refusal(), "OtherKey");
    let may = primary.after(|world| {
        let word = making(CertPositive).at(MADE + 9).flags(|flags| flags.set_sign(true));
        world.user()[0] = word.over_user(&alice(), alice().primary_key.public_key(), XMPP);
    });
    assert!(may.verdict().is_ok());
    let weakly = may.after(|world| {
        let alice = alice();
        let config = making(Binary).hash(HashAlgorithm::Sha1).config(&alice.primary_key);
        world.statement = config.sign(&alice.primary_key, &Password::empty(), statement.as_bytes()).unwrap();
    });
    assert_eq!(weakly.refusal(), "OtherKey");
}

#[test]
fn a_weak_key_or_one_of_a_kind_that_is_not_known_says_nothing() {
    let of_kind = |kind: &str| {
        let file =
            std::fs::read_to_string(format!("{}/tests/openpgp/kinds/{kind}.asc", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let attestation = Attestation::from_text(&file, &key(), JID, NOW)?;
        let mut authorities = Authorities::default();
        authorities.add_text(&file).unwrap();
        authorities.certify(&attestation, JID, NOW).map(|certified| certified.by)
    };
    for kind in ["ed25519", "nistp256", "nistp384", "nistp521", "rsa2048"] {
        assert!(of_kind(kind).is_ok_and(|by| by.starts_with(XMPP)), "{kind}");
    }
    let weak = Error::Untrusted("its key is too weak, or of a kind that is not known".to_owned());
    for kind in ["rsa1024", "dsa2048", "secp256k1"] {
        assert_eq!(of_kind(kind), Err(weak.clone()), "{kind}");
    }
    assert_eq!(of_kind("brainpoolP256r1"), Err(Error::OtherName), "the library cannot even read its own word");
    assert_eq!(of_kind("weak-subkey"), Err(Error::OtherKey));
}

#[test]
fn a_changed_octet_is_noticed_or_changes_nothing() {
    let world = World::new();
    let authorities = world.authorities();
    let text = String::from(&world.element());
    for part in
        [world.certificate.to_bytes().unwrap(), DetachedSignature::new(world.statement.clone()).to_bytes().unwrap()]
    {
        for place in (0..part.len()).step_by(7) {
            let mut changed = part.clone();
            changed[place] ^= 1;
            let changed = text.replace(&STANDARD.encode(&part), &STANDARD.encode(&changed)).parse().unwrap();
            let read = Attestation::from_element(&changed);
            // What is not signed (a User ID more, a hint whose key it was) may change; whose key it is may not.
            if let Ok(certified) = read.and_then(|read| authorities.certify(&read, JID, NOW)) {
                assert!(certified.is_of(&key()) && certified.by.starts_with("Example Authority"));
            }
        }
    }
    let other = text.replace("<keyprint>", "<keyprint>AAAA").parse().unwrap();
    assert_eq!(Attestation::from_element(&other), Err(Error::OtherKey), "of another length");
}

#[test]
fn what_is_no_openpgp_is_refused_by_what_it_is() {
    let read = |text: &str| Attestation::from_text(text, &key(), JID, NOW);
    let secret = include_str!("alice.key");
    for file in [
        ALICE.to_owned(),
        SIGNATURE.to_owned(),
        format!("{ALICE}{ALICE}"),
        format!("{ALICE}{SIGNATURE}{SIGNATURE}"),
        format!("{secret}{SIGNATURE}"),
        format!("{ALICE}{}", &SIGNATURE[..80]),
    ] {
        assert_eq!(read(&file), Err(Error::NoCertificate), "{file}");
    }
    let file = format!("{ALICE}{SIGNATURE}");
    assert_eq!(Attestation::from_text(&file, &key(), "bob@example.org", NOW), Err(Error::OtherName));
    let late = NOW + 3 * u64::from(YEAR);
    assert_eq!(Attestation::from_text(&file, &key(), JID, late), Err(Error::OtherKey));
    let mut authorities = Authorities::default();
    for file in [secret, SIGNATURE, "-----BEGIN PGP ", &ALICE[..200]] {
        assert_eq!(authorities.add_text(file), Err(Error::NoCertificate), "{file}");
    }
    assert!(authorities.is_empty());
    // Longer than a stanza.
    let long = World::new().after(|world| {
        let word = world.user()[0].clone();
        world.user().extend(std::iter::repeat_n(word, 700));
    });
    assert_eq!(long.refusal(), "NoCertificate");
}
