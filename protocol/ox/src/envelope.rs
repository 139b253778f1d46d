//! The packets of a message (RFC 9580 section 10.3), of which only one order is read: session keys, then what is
//! encrypted; in it, compressed or not, a one-pass signature, the text, and the signature. Each packet is judged before
//! the next one is parsed.

use std::io::Read;

use pgp::composed::PlainSessionKey;
use pgp::crypto::sym::SymmetricKeyAlgorithm::{AES128, AES192, AES256};
use pgp::packet::{
    CompressedData, Packet, PacketParser, PublicKeyEncryptedSessionKey, Signature, SymEncryptedProtectedData,
};
use pgp::types::{DecryptionKey, EskType, Password, PkeskVersion, Seipdv1ReadMode};

use crate::key::Key;
use crate::refusal::Refusal;

/// A message of more octets is none: in base64 it would not fit into a stanza of 512 KiB.
pub const MAX_MESSAGE: usize = 384 * 1024;
/// A text of more octets is none: as an element it would not fit into a stanza either.
pub const MAX_TEXT: usize = 512 * 1024;
/// As many packets as that are none in a message: it is for fewer keys, and nothing else comes in numbers.
pub const MAX_PACKETS: usize = 200;
/// What is encrypted may be compressed once, as GnuPG does it, and that is all.
pub const MAX_LAYERS: usize = 1;

/// A text, and who claims to have signed it.
pub(crate) struct Signed {
    pub(crate) text: Vec<u8>,
    pub(crate) signature: Signature,
}

/// What was encrypted to our key, in [`MAX_MESSAGE`] octets at most.
pub(crate) fn decrypt(key: &Key, octets: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut packets = Packets::of(octets);
    let mut session_keys = Vec::new();
    loop {
        match packets.need("encrypted data")? {
            Packet::PublicKeyEncryptedSessionKey(sealed) => {
                if sealed.version() == PkeskVersion::V3 && sealed.match_identity(key.subkey().public_key()) {
                    session_keys.push(sealed);
                }
            }
            // A passphrase: nobody has one with us, and its cost is for the sender to choose.
            Packet::SymKeyEncryptedSessionKey(_) => {}
            Packet::SymEncryptedProtectedData(data) => {
                packets.end()?;
                return open(key, &session_keys, &data);
            }
            Packet::SymEncryptedData(_) | Packet::GnupgAeadData(_) => return Err(Refusal::Unprotected),
            Packet::OnePassSignature(_) | Packet::Signature(_) | Packet::LiteralData(_) | Packet::CompressedData(_) => {
                return Err(Refusal::NotEncrypted);
            }
            _ => return Err(Refusal::Malformed("encrypted data")),
        }
    }
}

/// The text in what was encrypted.
pub(crate) fn signed(octets: &[u8]) -> Result<Signed, Refusal> {
    layer(octets, MAX_LAYERS)
}

fn open(
    key: &Key,
    session_keys: &[PublicKeyEncryptedSessionKey],
    data: &SymEncryptedProtectedData,
) -> Result<Vec<u8>, Refusal> {
    if data.version() != 1 {
        return Err(Refusal::Unprotected);
    }
    let decrypt = |sealed: &PublicKeyEncryptedSessionKey| {
        let values = sealed.values().ok()?;
        match key.subkey().decrypt(&Password::empty(), values, EskType::V3_4) {
            Ok(Ok(PlainSessionKey::V3_4 { sym_alg, ref key })) => Some((sym_alg, key.clone())),
            _ => None,
        }
    };
    // Those whose recipient is not named are tried, and may well be another's.
    let is_named = |sealed: &PublicKeyEncryptedSessionKey| sealed.id().is_ok_and(|id| !id.is_wildcard());
    let Some((cipher, session_key)) = session_keys.iter().find_map(decrypt) else {
        return Err(if session_keys.iter().any(is_named) { Refusal::Damaged } else { Refusal::OtherKey });
    };
    if !matches!(cipher, AES128 | AES192 | AES256) || session_key.len() != cipher.key_size() {
        return Err(Refusal::Damaged);
    }
    // The modification detection code is checked before anything is handed out.
    let checked = Seipdv1ReadMode::CheckFirst { max_message_size: MAX_MESSAGE };
    data.decrypt(session_key.as_ref(), Some(cipher), checked).map_err(|_| Refusal::Damaged)
}

fn layer(octets: &[u8], deeper: usize) -> Result<Signed, Refusal> {
    let mut packets = Packets::of(octets);
    match packets.need("signature")? {
        Packet::CompressedData(data) => {
            packets.end()?;
            let deeper = deeper.checked_sub(1).ok_or(Refusal::TooDeep)?;
            layer(&decompress(&data)?, deeper)
        }
        Packet::OnePassSignature(_) => {
            let text = match packets.need("text")? {
                Packet::LiteralData(data) => data.into_bytes().to_vec(),
                Packet::OnePassSignature(_) => return Err(Refusal::SignedTwice),
                Packet::CompressedData(_) => return Err(Refusal::TooDeep),
                _ => return Err(Refusal::Malformed("text")),
            };
            let Packet::Signature(signature) = packets.need("signature")? else {
                return Err(Refusal::Malformed("signature"));
            };
            match packets.next()? {
                None => Ok(Signed { text, signature }),
                Some(Packet::Signature(_)) => Err(Refusal::SignedTwice),
                Some(_) => Err(Refusal::Malformed("end")),
            }
        }
        Packet::LiteralData(_) => Err(Refusal::NotSigned),
        Packet::PublicKeyEncryptedSessionKey(_)
        | Packet::SymKeyEncryptedSessionKey(_)
        | Packet::SymEncryptedData(_)
        | Packet::SymEncryptedProtectedData(_)
        | Packet::GnupgAeadData(_) => Err(Refusal::TooDeep),
        // A signature before the text is of before one-pass signatures (PGP 2); nobody makes that.
        _ => Err(Refusal::Malformed("signature")),
    }
}

/// No more than a text and its signature may have.
fn decompress(data: &CompressedData) -> Result<Vec<u8>, Refusal> {
    let most = MAX_TEXT as u64;
    let mut octets = Vec::new();
    let reader = data.decompress().map_err(|_| Refusal::Malformed("compression"))?;
    reader.take(most + 1).read_to_end(&mut octets).map_err(|_| Refusal::Malformed("compression"))?;
    if octets.len() > MAX_TEXT { Err(Refusal::TooLarge("text")) } else { Ok(octets) }
}

/// Those that are to be ignored (RFC 9580 sections 5.8 and 5.14) left out.
struct Packets<'a> {
    parser: PacketParser<&'a [u8]>,
    count: usize,
}

impl<'a> Packets<'a> {
    fn of(octets: &'a [u8]) -> Self {
        Self { parser: PacketParser::new(octets), count: 0 }
    }

    fn next(&mut self) -> Result<Option<Packet>, Refusal> {
        loop {
            self.count += 1;
            if self.count > MAX_PACKETS {
                return Err(Refusal::TooLarge("number of packets"));
            }
            match self.parser.next() {
                None => return Ok(None),
                Some(Ok(Packet::Marker(_) | Packet::Padding(_))) => {}
                Some(packet) => return packet.map(Some).map_err(|_| Refusal::Malformed("packet")),
            }
        }
    }

    /// There has to be one.
    fn need(&mut self, what: &'static str) -> Result<Packet, Refusal> {
        self.next()?.ok_or(Refusal::Malformed(what))
    }

    /// There must be none.
    fn end(&mut self) -> Result<(), Refusal> {
        if self.next()?.is_some() { Err(Refusal::Malformed("end")) } else { Ok(()) }
    }
}
