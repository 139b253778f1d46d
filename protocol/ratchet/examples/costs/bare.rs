//! The primitives that a message must have, and nothing else.

use std::hint::black_box;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes256};
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{AesGcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use omemo_ratchet::{Dialect, Error};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};

/// The length of a message without its MAC, about.
const MESSAGE: usize = 110;

/// With the keys of nobody.
pub(crate) struct Bare {
    dialect: Dialect,
    text: Vec<u8>,
    /// The key of a payload, as it is sealed for each device.
    key: Vec<u8>,
    content: Vec<u8>,
    sealed: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(dialect: Dialect, text: &[u8]) -> Self {
        let key = vec![7; if dialect == Dialect::Axolotl { 32 } else { 48 }];
        let (content, sealed) = (cbc(text), cbc(&key));
        Self { dialect, text: text.to_vec(), key, content, sealed }
    }

    pub(crate) fn seals(&self, devices: usize) -> Result<(), Error> {
        match self.dialect {
            Dialect::Axolotl => gcm(&self.text),
            Dialect::Omemo2 => {
                hkdf::<80>();
                hmac(&cbc(&self.text));
            }
        }
        for _ in 0..devices {
            self.chain();
            cbc(&self.key);
        }
        Ok(())
    }

    pub(crate) fn opens(&self, devices: usize) -> Result<(), Error> {
        for _ in 0..devices {
            self.chain();
            cbc_back(&self.sealed);
            match self.dialect {
                Dialect::Axolotl => gcm(&self.text),
                Dialect::Omemo2 => {
                    hkdf::<80>();
                    hmac(&self.content);
                    cbc_back(&self.content);
                }
            }
        }
        Ok(())
    }

    /// A step of a chain, the keys of a message, and its MAC.
    fn chain(&self) {
        hmac(&[1]);
        hmac(&[2]);
        hkdf::<80>();
        hmac(&[7; MESSAGE]);
    }

    /// So many times: one end takes a step, and reads the message that it came with.
    pub(crate) fn turns(&self, ends: usize) -> Result<(), Error> {
        for _ in 0..ends {
            agree();
            public();
            agree();
            hkdf::<64>();
            hkdf::<64>();
            for _ in 0..2 {
                self.chain();
            }
            cbc(&self.key);
            cbc_back(&self.sealed);
        }
        Ok(())
    }

    /// A session by a bundle, whose signature is left out, and the same at the other end, with a first message.
    pub(crate) fn begins(&self) -> Result<(), Error> {
        for _ in 0..2 {
            (0..4).for_each(|_| agree());
            hkdf::<32>();
        }
        // Two keys of who begins, and the one of who answers; the agreements of three chains.
        (0..3).for_each(|_| public());
        (0..3).for_each(|_| agree());
        (0..3).for_each(|_| hkdf::<64>());
        self.seals(1)?;
        self.opens(1)
    }

    pub(crate) fn publics(&self, count: usize) -> Result<(), Error> {
        (0..count).for_each(|_| public());
        Ok(())
    }
}

fn agree() {
    black_box(StaticSecret::from(black_box([7; 32])).diffie_hellman(&PublicKey::from([9; 32])));
}

fn public() {
    black_box(PublicKey::from(&StaticSecret::from(black_box([7; 32]))));
}

fn hkdf<const N: usize>() {
    let mut octets = [0; N];
    let _ = Hkdf::<Sha256>::new(Some(&[0; 32]), &black_box([7; 32])).expand(b"OMEMO Message Key Material", &mut octets);
    black_box(octets);
}

fn hmac(text: &[u8]) {
    if let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(&black_box([7; 32])) {
        mac.update(text);
        black_box(mac.finalize().into_bytes());
    }
}

fn cbc(text: &[u8]) -> Vec<u8> {
    black_box(
        cbc::Encryptor::<Aes256>::new(&black_box([7; 32]).into(), &[7; 16].into()).encrypt_padded_vec::<Pkcs7>(text),
    )
}

fn cbc_back(text: &[u8]) {
    let cipher = cbc::Decryptor::<Aes256>::new(&black_box([7; 32]).into(), &[7; 16].into());
    let _ = black_box(cipher.decrypt_padded_vec::<Pkcs7>(text));
}

fn gcm(text: &[u8]) {
    let (cipher, mut text) = (AesGcm::<Aes128, U12>::new(&black_box([7; 16]).into()), text.to_vec());
    let _ = black_box(cipher.encrypt_inout_detached(&Nonce::from([7; 12]), &[], InOutBuf::from(text.as_mut_slice())));
}
