//! Alice, who gives out a certificate, and Bob, who trusts somebody; and signatures to be made in the place of theirs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esession::{Hash, PublicKey, SigningKey};
use esession_attest::{Attestation, Authorities, Error};
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey as Primary, Signature, SignatureConfig, SignatureType, UserId};
use pgp::packet::{Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, PacketHeaderVersion, Password, Tag, Timestamp};

pub(crate) const JID: &str = "alice@example.org";
pub(crate) const XMPP: &str = "xmpp:alice@example.org";
/// GnuPG's files are of 2026-06-01; it is 2027.
pub(crate) const MADE: u32 = 1_780_272_000;
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const YEAR: u32 = 31_536_000;

pub(crate) const ALICE: &str = include_str!("alice.asc");
pub(crate) const SELF: &str = include_str!("self.asc");
pub(crate) const SIGNATURE: &str = include_str!("alice.sig");
pub(crate) const AUTHORITY: &str = include_str!("authority.asc");

pub(crate) fn key() -> PublicKey {
    public(include_str!("../../../esession/tests/stories/keys/rsa-2048-a.b64"))
}

pub(crate) fn other_key() -> PublicKey {
    public(include_str!("../../../esession/tests/stories/keys/rsa-2048-b.b64"))
}

pub(crate) fn public(fixture: &str) -> PublicKey {
    let der = STANDARD.decode(fixture.trim()).unwrap();
    SigningKey::from_pkcs8(&der).unwrap().public().clone()
}

pub(crate) fn secret(armored: &str) -> SignedSecretKey {
    SignedSecretKey::from_string(armored).unwrap().0
}

pub(crate) fn alice() -> SignedSecretKey {
    secret(include_str!("alice.key"))
}

pub(crate) fn authority() -> SignedSecretKey {
    secret(include_str!("authority.key"))
}

/// What Alice gives out, and whom Bob trusts; a story changes one of them.
pub(crate) struct World {
    pub(crate) certificate: SignedPublicKey,
    pub(crate) statement: Signature,
    pub(crate) trusted: SignedPublicKey,
    pub(crate) now: u64,
}

impl World {
    /// Bob trusts the authority.
    pub(crate) fn new() -> Self {
        let certificate = SignedPublicKey::from_string(ALICE).unwrap().0;
        let statement = DetachedSignature::from_string(SIGNATURE).unwrap().0.signature;
        Self { certificate, statement, trusted: SignedPublicKey::from_string(AUTHORITY).unwrap().0, now: NOW }
    }

    /// Bob trusts Alice's own certificate.
    pub(crate) fn personal() -> Self {
        Self { trusted: SignedPublicKey::from_string(SELF).unwrap().0, ..Self::new() }
    }

    pub(crate) fn after(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn element(&self) -> minidom::Element {
        let parts = [self.certificate.to_bytes(), DetachedSignature::new(self.statement.clone()).to_bytes()];
        let parts = parts.map(|part| STANDARD.encode(part.unwrap())).join("\n");
        let print = STANDARD.encode(key().fingerprint(Hash::Sha256));
        let text = format!("<keyprint>{print}</keyprint><signature>{parts}</signature>");
        format!("<attest xmlns='urn:xmpp:attest:2'>{text}</attest>").parse().unwrap()
    }

    pub(crate) fn authorities(&self) -> Authorities {
        let mut authorities = Authorities::default();
        authorities.add_text(&self.trusted.to_armored_string(Default::default()).unwrap()).unwrap();
        authorities
    }

    pub(crate) fn verdict(&self) -> Result<String, Error> {
        let attestation = Attestation::from_element(&self.element())?;
        let certified = self.authorities().certify(&attestation, JID, self.now)?;
        assert!(certified.is_of(&key()));
        Ok(certified.by)
    }

    /// Why it does not count.
    pub(crate) fn refusal(&self) -> String {
        match self.verdict() {
            Err(Error::Untrusted(why)) => why,
            Err(other) => format!("{other:?}"),
            Ok(by) => format!("certified by {by}"),
        }
    }

    /// The signatures of a User ID of Alice.
    pub(crate) fn user(&mut self) -> &mut Vec<Signature> {
        &mut self.certificate.details.users.iter_mut().find(|user| user.id.as_str() == Some(XMPP)).unwrap().signatures
    }
}

/// A signature to be: of a time, with a hash, and with what is in it.
pub(crate) struct Making {
    pub(crate) typ: SignatureType,
    pub(crate) at: u32,
    pub(crate) hash: HashAlgorithm,
    pub(crate) parts: Vec<Subpacket>,
}

pub(crate) fn making(typ: SignatureType) -> Making {
    Making { typ, at: MADE + 1, hash: HashAlgorithm::Sha256, parts: Vec::new() }
}

impl Making {
    pub(crate) fn at(self, at: u32) -> Self {
        Self { at, ..self }
    }

    pub(crate) fn hash(self, hash: HashAlgorithm) -> Self {
        Self { hash, ..self }
    }

    pub(crate) fn with(mut self, data: SubpacketData) -> Self {
        self.parts.push(Subpacket::regular(data).unwrap());
        self
    }

    pub(crate) fn critical(mut self, data: SubpacketData) -> Self {
        self.parts.push(Subpacket::critical(data).unwrap());
        self
    }

    pub(crate) fn flags(self, set: impl FnOnce(&mut KeyFlags)) -> Self {
        let mut flags = KeyFlags::default();
        set(&mut flags);
        self.with(SubpacketData::KeyFlags(flags))
    }

    pub(crate) fn config(self, key: &impl KeyDetails) -> SignatureConfig {
        let mut config = SignatureConfig::v4(self.typ, key.algorithm(), self.hash);
        let created = SubpacketData::SignatureCreationTime(Timestamp::from_secs(self.at));
        config.hashed_subpackets = vec![Subpacket::regular(created).unwrap()];
        config.hashed_subpackets.extend(self.parts);
        config
    }

    /// By this key, over a User ID of this certificate.
    pub(crate) fn over_user(self, by: &SignedSecretKey, of: &Primary, user: &str) -> Signature {
        let config = self.config(&by.primary_key);
        let user = UserId::from_str(PacketHeaderVersion::New, user).unwrap();
        config.sign_certification_third_party(&by.primary_key, &Password::empty(), of, Tag::UserId, &user).unwrap()
    }

    pub(crate) fn over_key(self, by: &SignedSecretKey) -> Signature {
        let config = self.config(&by.primary_key);
        config.sign_key(&by.primary_key, &Password::empty(), by.primary_key.public_key()).unwrap()
    }

    pub(crate) fn over_subkey(self, by: &SignedSecretKey, subkey: &pgp::packet::PublicSubkey) -> Signature {
        let config = self.config(&by.primary_key);
        let primary = by.primary_key.public_key();
        config.sign_subkey_binding(&by.primary_key, primary, &Password::empty(), subkey).unwrap()
    }

    pub(crate) fn over_statement(self, of: &str) -> Signature {
        let alice = alice();
        let subkey = &alice.secret_subkeys[0].key;
        self.config(subkey).sign(subkey, &Password::empty(), of.as_bytes()).unwrap()
    }
}

/// Alice's word that she has this name.
pub(crate) fn own_word(making: Making) -> Signature {
    let alice = alice();
    making.flags(|flags| flags.set_certify(true)).over_user(&alice, alice.primary_key.public_key(), XMPP)
}

/// The authority's word for it.
pub(crate) fn certification(making: Making) -> Signature {
    making.over_user(&authority(), alice().primary_key.public_key(), XMPP)
}
