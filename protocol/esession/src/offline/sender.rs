//! Bob, who writes to Alice while she is away.

use minidom::Element;

use super::Options;
use crate::binding::Binding;
use crate::credentials::Credentials;
use crate::error::{Error, Misuse};
use crate::established::Agreed;
use crate::policy::Policy;
use crate::primitives::CryptoRng;
use crate::public_key::PublicKey;
use crate::responder::Draw;
use crate::session::Session;
use crate::three_message::AwaitSignature;

/// A session in which this end speaks, and hears nothing.
#[derive(Debug)]
pub struct OfflineSender {
    /// What was chosen from the options.
    pub agreed: Agreed,
    /// The key of Alice that has signed the options.
    pub peer_key: PublicKey,
    /// Where she said that only one resource of hers can read it.
    pub match_resource: Option<String>,
    session: Session,
}

impl OfflineSender {
    /// Makes a session from what the peer has published, and the form to go into an [`crate::namespaces::init`] beside the
    /// first `<c/>`. `credentials` has this end's signing key and the keys of the peer that are trusted: one of them must
    /// have signed. `now` in seconds since 1970. Two exponentiations.
    ///
    /// # Errors
    /// [`Error::Expired`], [`Error::UnknownKey`] if no trusted key has signed, or that nothing fits the policy. Nothing is to
    /// be sent then, and least of all in clear.
    pub fn begin(
        policy: &Policy,
        options: &Element,
        binding: &Binding,
        credentials: &Credentials,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Element), Error> {
        Self::write(policy, options, binding, credentials, now, false, rng)
    }

    /// The same for one stanza: the form, and the `<c/>` that must go out beside it. Nothing can be said behind it.
    ///
    /// # Errors
    /// As [`OfflineSender::begin`].
    pub fn single(
        policy: &Policy,
        options: &Element,
        binding: &Binding,
        credentials: &Credentials,
        now: u64,
        content: &str,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Element, Element), Error> {
        let (sender, form) = Self::write(policy, options, binding, credentials, now, true, rng)?;
        Ok((form, sender.session.seal_only(content)?))
    }

    /// Encrypts the content of the next stanza, as [`Session::seal`].
    ///
    /// # Errors
    /// [`Misuse::KeyExhausted`].
    pub fn seal(&mut self, content: &str) -> Result<Element, Error> {
        self.session.seal(content)
    }

    /// Ends the session, as soon as Alice is there to talk to. She acknowledges nothing.
    ///
    /// # Errors
    /// As [`Session::terminate`].
    pub fn terminate(mut self) -> Result<Element, Error> {
        self.session.terminate()
    }

    fn write(
        policy: &Policy,
        options: &Element,
        binding: &Binding,
        credentials: &Credentials,
        now: u64,
        terminate: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Element), Error> {
        policy.check()?;
        let read = Options::read(options)?;
        if read.expires <= now {
            return Err(Error::Expired);
        }
        let peer_key = read.signer(&credentials.known_keys).ok_or(Error::UnknownKey)?.clone();
        if credentials.signing_key.is_none() {
            return Err(Error::Misuse(Misuse::SigningKey));
        }
        let draw = |choice: &_, share| Draw::new(choice, share, rng);
        let (signed, form) = AwaitSignature::sign(policy, read.offer, binding, credentials.clone(), terminate, draw)?;
        let (session, agreed) = signed.into_session();
        Ok((Self { agreed, peer_key, match_resource: read.match_resource, session }, form))
    }
}
