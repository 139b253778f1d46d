//! Alice, a user with a client, and Bob, a contact whose key is ours; and letters that no client would write.

use std::sync::LazyLock;

use minidom::Element;
use openpgp_xmpp::{Arrival, Certificate, Key, Opened, Refusal, Window, open};
use pgp::composed::{Deserializable, RawSessionKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{
    LiteralData, OnePassSignature, PacketHeader, PacketTrait, PublicKeyEncryptedSessionKey, SecretKey, SignatureConfig,
    SignatureType, Subpacket, SubpacketData, SymEncryptedProtectedData,
};
use pgp::types::{KeyDetails, KeyId, Password, Tag, Timestamp};

use crate::dice::Dice;

pub(crate) const ALICE: &str = "alice@example.org";
pub(crate) const BOB: &str = "bob%matrix.org@gw.example.org";
/// 2027-01-15T08:00:00Z.
pub(crate) const NOW: u64 = 1_800_000_000;
/// Keys are older.
pub(crate) const MADE: u64 = NOW - 30 * 86_400;

impl rand_core_06::RngCore for Dice {
    fn next_u32(&mut self) -> u32 {
        rand_core::Rng::next_u32(self)
    }
    fn next_u64(&mut self) -> u64 {
        rand_core::Rng::next_u64(self)
    }
    fn fill_bytes(&mut self, octets: &mut [u8]) {
        rand_core::Rng::fill_bytes(self, octets);
    }
    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), rand_core_06::Error> {
        rand_core::Rng::fill_bytes(self, octets);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Dice {}

pub(crate) fn key(jid: &str, seed: u64) -> Key {
    Key::generate(jid, MADE, &mut Dice(seed)).unwrap()
}

/// Made once, and read often.
static MADE_KEYS: LazyLock<[zeroize::Zeroizing<Vec<u8>>; 2]> =
    LazyLock::new(|| [key(ALICE, 1), key(BOB, 2)].map(|key| key.octets().unwrap()));

pub(crate) fn alice() -> Key {
    Key::read(&MADE_KEYS[0]).unwrap()
}

pub(crate) fn bob() -> Key {
    Key::read(&MADE_KEYS[1]).unwrap()
}

pub(crate) fn certificate(key: &Key) -> Certificate {
    Certificate::read(&key.public_octets(), key.jid(), NOW).unwrap()
}

/// What a key really is, to sign with it what we would not.
pub(crate) fn secret(key: &Key) -> SignedSecretKey {
    SignedSecretKey::from_bytes(key.octets().unwrap().as_slice()).unwrap()
}

pub(crate) fn body(text: &str) -> Element {
    Element::builder("body", "jabber:client").append(text).build()
}

/// A whole `<signcrypt/>` for Bob.
pub(crate) fn content() -> String {
    content_of(&format!("<to jid='{BOB}'/>"), "2027-01-15T08:00:00Z")
}

pub(crate) fn content_of(to: &str, stamp: &str) -> String {
    format!(
        "<signcrypt xmlns='urn:xmpp:openpgp:0'>{to}<time stamp='{stamp}'/><rpad>f0rm1l4n4</rpad>\
         <payload><body xmlns='jabber:client'>Hello</body></payload></signcrypt>"
    )
}

pub(crate) fn element(octets: &[u8]) -> Element {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(octets);
    Element::builder("openpgp", "urn:xmpp:openpgp:0").append(text).build()
}

/// What Bob makes of a message of Alice's, now.
pub(crate) fn read(octets: &[u8]) -> Result<Opened, Refusal> {
    read_by(&element(octets), &[certificate(&alice())])
}

pub(crate) fn read_by(element: &Element, senders: &[Certificate]) -> Result<Opened, Refusal> {
    let arrival = Arrival { from: ALICE, senders, now: NOW, window: Window::default() };
    open(&bob(), element, &arrival, |text| text.parse().ok())
}

/// How a message is to be signed and encrypted: as it should be, unless a story changes it.
pub(crate) struct Letter {
    pub(crate) text: Vec<u8>,
    pub(crate) signers: Vec<SecretKey>,
    pub(crate) typ: SignatureType,
    pub(crate) hash: HashAlgorithm,
    pub(crate) signed: u64,
    pub(crate) parts: Vec<Subpacket>,
    pub(crate) cipher: SymmetricKeyAlgorithm,
}

impl Letter {
    pub(crate) fn of(text: &str) -> Self {
        Self {
            text: text.as_bytes().to_vec(),
            signers: vec![secret(&alice()).primary_key.clone()],
            typ: SignatureType::Binary,
            hash: HashAlgorithm::Sha256,
            signed: NOW,
            parts: Vec::new(),
            cipher: SymmetricKeyAlgorithm::AES256,
        }
    }

    pub(crate) fn with(mut self, part: SubpacketData) -> Self {
        self.parts.push(Subpacket::critical(part).unwrap());
        self
    }

    /// One-pass signatures, the text, and the signatures in the order that closes them.
    pub(crate) fn packets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for (at, signer) in self.signers.iter().enumerate() {
            let mut before = OnePassSignature::v3(self.typ, self.hash, signer.algorithm(), signer.legacy_key_id());
            if at + 1 < self.signers.len() {
                before.set_is_nested();
            }
            before.to_writer_with_header(&mut octets).unwrap();
        }
        literal(&self.text).to_writer_with_header(&mut octets).unwrap();
        for signer in self.signers.iter().rev() {
            self.signature(signer).to_writer_with_header(&mut octets).unwrap();
        }
        octets
    }

    fn signature(&self, signer: &SecretKey) -> pgp::packet::Signature {
        let mut config = SignatureConfig::v4(self.typ, signer.algorithm(), self.hash);
        let created = SubpacketData::SignatureCreationTime(Timestamp::from_secs(self.signed.try_into().unwrap()));
        config.hashed_subpackets = vec![Subpacket::regular(created).unwrap()];
        config.hashed_subpackets.extend(self.parts.clone());
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(signer.legacy_key_id())).unwrap()];
        config.sign(signer, &Password::empty(), self.text.as_slice()).unwrap()
    }

    pub(crate) fn sealed(&self) -> Vec<u8> {
        encrypted(&self.packets(), self.cipher)
    }

    /// What Bob makes of it.
    pub(crate) fn read(&self) -> Result<Opened, Refusal> {
        read(&self.sealed())
    }
}

pub(crate) fn literal(text: &[u8]) -> LiteralData {
    let octets = [&[b'b', 0, 0, 0, 0, 0], text].concat();
    let header = PacketHeader::new_fixed(Tag::LiteralData, octets.len().try_into().unwrap());
    LiteralData::try_from_reader(header, octets.as_slice()).unwrap()
}

pub(crate) const SESSION_KEY: [u8; 32] = [7; 32];

/// To Bob, with integrity protection.
pub(crate) fn encrypted(packets: &[u8], cipher: SymmetricKeyAlgorithm) -> Vec<u8> {
    let key = &SESSION_KEY[..cipher.key_size()];
    let protected = SymEncryptedProtectedData::encrypt_seipdv1(Dice(4), cipher, key, packets).unwrap();
    [session_key(&bob(), cipher), whole(&protected)].concat()
}

/// The session key for this key.
pub(crate) fn session_key(key: &Key, cipher: SymmetricKeyAlgorithm) -> Vec<u8> {
    let subkey = secret(key).secret_subkeys[0].key.public_key().clone();
    let session_key = RawSessionKey::from(&SESSION_KEY[..cipher.key_size()]);
    let sealed = PublicKeyEncryptedSessionKey::from_session_key_v3(Dice(3), &session_key, cipher, &subkey);
    whole(&sealed.unwrap())
}

/// A session key for this key that says it is for another one.
pub(crate) fn renamed(mut session_key: Vec<u8>, id: KeyId) -> Vec<u8> {
    // After a header of two octets and the version (RFC 9580 section 5.1.1).
    session_key[3..11].copy_from_slice(id.as_ref());
    session_key
}

/// A packet with its header.
pub(crate) fn whole(packet: &impl PacketTrait) -> Vec<u8> {
    let mut octets = Vec::new();
    packet.to_writer_with_header(&mut octets).unwrap();
    octets
}

/// A packet of this kind with these octets (RFC 9580 section 4.2.1).
pub(crate) fn packet(tag: u8, octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).unwrap().to_be_bytes();
    [&[0xc0 | tag, 0xff], &length[..], octets].concat()
}
