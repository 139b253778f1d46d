//! Encryption at rest: AES-256-GCM under keys derived from one master key (HKDF-SHA-256, RFC 5869).

use hkdf::Hkdf;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Error, Result};
use drawbridge_bridge::Secret;

/// Length of the master key in octets.
pub const KEY_LEN: usize = 32;

/// Seals and opens values. What it is for (`purpose`) is authenticated, so a value cannot move to another column.
pub struct Sealer {
    values: LessSafeKey,
    master: Zeroizing<[u8; KEY_LEN]>,
    random: SystemRandom,
}

impl Sealer {
    /// From the master key.
    ///
    /// # Errors
    /// [`Error::Seal`] if the key cannot be used.
    pub fn new(master: Zeroizing<[u8; KEY_LEN]>) -> Result<Self> {
        let key = derive(&master, b"drawbridge values v1")?;
        let values = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| Error::Seal)?);
        Ok(Self { values, master, random: SystemRandom::new() })
    }

    /// From a master key as the configuration has it.
    ///
    /// # Errors
    /// [`Error::Seal`] if it is not [`KEY_LEN`] octets.
    pub fn of(master: &Secret) -> Result<Self> {
        Self::new(Zeroizing::new(master.expose().try_into().map_err(|_| Error::Seal)?))
    }

    /// Nonce, ciphertext and tag of a value.
    ///
    /// # Errors
    /// [`Error::Seal`] if the value cannot be encoded or randomness fails.
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> Result<Vec<u8>> {
        let clear = Zeroizing::new(serde_json::to_vec(value).map_err(|_| Error::Seal)?);
        self.seal_octets(purpose, &clear)
    }

    /// The same of octets as they are.
    ///
    /// # Errors
    /// [`Error::Seal`] if randomness fails.
    pub fn seal_octets(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| Error::Seal)?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(clear.len() + 16));
        sealed.extend_from_slice(clear);
        self.values
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut Append(&mut sealed),
            )
            .map_err(|_| Error::Seal)?;
        Ok([&nonce[..], &sealed[..]].concat())
    }

    /// The value again.
    ///
    /// # Errors
    /// [`Error::Seal`] for another key, another purpose, or changed octets.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &[u8]) -> Result<T> {
        serde_json::from_slice(&self.open_octets(purpose, sealed)?).map_err(|_| Error::Seal)
    }

    /// The octets again.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub fn open_octets(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Error::Seal)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Seal)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .values
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body)
            .map(|clear| clear.len())
            .map_err(|_| Error::Seal)?;
        body.truncate(length);
        Ok(body)
    }

    /// The key of a login's own files: 32 octets, the same at every start.
    ///
    /// # Errors
    /// [`Error::Seal`] never in practice: the length is fixed.
    pub fn login_key(&self, login: &str) -> Result<Secret> {
        Ok(Secret::new(derive(&self.master, format!("drawbridge login {login}").as_bytes())?.to_vec()))
    }
}

fn derive(master: &[u8; KEY_LEN], info: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    Hkdf::<Sha256>::new(None, master).expand(info, &mut *key).map_err(|_| Error::Seal)?;
    Ok(key)
}

/// `Zeroizing<Vec>` as ring wants it.
struct Append<'a>(&'a mut Vec<u8>);

impl AsMut<[u8]> for Append<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0
    }
}

impl AsRef<[u8]> for Append<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl<'b> Extend<&'b u8> for Append<'_> {
    fn extend<I: IntoIterator<Item = &'b u8>>(&mut self, octets: I) {
        self.0.extend(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(fill: u8) -> Sealer {
        Sealer::new(Zeroizing::new([fill; KEY_LEN])).unwrap()
    }

    #[test]
    fn a_value_opens_with_its_key_and_purpose_only() {
        let sealed = sealer(1).seal("outbox", &"canary").unwrap();
        assert_eq!(sealer(1).open::<String>("outbox", &sealed).unwrap(), "canary");
        assert!(matches!(sealer(2).open::<String>("outbox", &sealed), Err(Error::Seal)));
        assert!(matches!(sealer(1).open::<String>("inbox", &sealed), Err(Error::Seal)));
        let mut bent = sealed.clone();
        bent[20] ^= 1;
        assert!(matches!(sealer(1).open::<String>("outbox", &bent), Err(Error::Seal)));
        assert!(matches!(sealer(1).open::<String>("outbox", &sealed[..5]), Err(Error::Seal)));
        assert!(!sealed.windows(6).any(|w| w == b"canary"));
    }

    #[test]
    fn each_login_has_a_key_of_its_own() {
        let keys = sealer(1);
        assert_ne!(keys.login_key("a").unwrap().expose(), keys.login_key("b").unwrap().expose());
        assert_eq!(keys.login_key("a").unwrap().expose().len(), KEY_LEN);
    }
}
