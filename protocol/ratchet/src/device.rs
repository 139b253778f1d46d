//! All sessions with one device: the one in force, and older ones that may still hear something.
//!
//! Both ends may begin at once, or one may have lost a session that the other still speaks in.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::keys::{Identity, KeyPair};
use crate::primitives::CryptoRng;
use crate::session::{Sealed, Session};
use crate::wire::KeyExchange;

/// So many sessions are kept with a device, with the one in force.
pub const MAX_SESSIONS: usize = 5;

/// The sessions with one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// The one in force first.
    pub(crate) sessions: VecDeque<Session>,
}

/// What a key exchange has brought.
#[derive(Debug)]
pub struct Begun {
    /// The message that came with it.
    pub text: Zeroizing<Vec<u8>>,
    /// The prekey that is used up, if the session is new.
    pub used: Option<u32>,
}

impl Device {
    /// The session in force.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.sessions.front()
    }

    /// Puts a session in force that we have begun.
    pub fn begin(&mut self, session: Session) {
        self.sessions.push_front(session);
        self.sessions.truncate(MAX_SESSIONS);
    }

    /// Seals in the session in force.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Exhausted`].
    pub fn seal(&mut self, text: &[u8]) -> Result<Sealed, Error> {
        self.sessions.front_mut().ok_or(Error::NoSession)?.seal(text)
    }

    /// Opens a message in whichever session it belongs to, and puts that in force: the peer speaks in it.
    ///
    /// # Errors
    /// [`Error::NoSession`]; those of [`Session::open`]. Nothing has changed then.
    pub fn open(&mut self, octets: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut refusal = Error::NoSession;
        for at in 0..self.sessions.len() {
            let Some(session) = self.sessions.get_mut(at) else { break };
            match session.open(octets, rng) {
                Ok(text) => {
                    self.put_in_force(at);
                    return Ok(text);
                }
                // Of all reasons the one that is not for want of the right session.
                Err(error @ (Error::Replayed | Error::TooManySkipped | Error::Malformed(_))) => refusal = error,
                Err(error) if refusal == Error::NoSession => refusal = error,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// Opens the message of a key exchange: in the session that it began, or in a new one, which is in force from then on.
    /// `prekeys` gives the signed prekey and the prekey that it names.
    ///
    /// # Errors
    /// [`Error::UnknownPrekey`]; those of [`Session::accept`]. Nothing has changed then.
    pub fn open_exchange(
        &mut self,
        dialect: Dialect,
        own: &Identity,
        exchange: &KeyExchange,
        prekeys: impl FnOnce(&KeyExchange) -> Option<[KeyPair; 2]>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Begun, Error> {
        if let Some(at) = self.sessions.iter().position(|session| session.is_begun_by(exchange)) {
            let session = self.sessions.get_mut(at).ok_or(Error::NoSession)?;
            let text = session.open(&exchange.message, rng)?;
            self.put_in_force(at);
            return Ok(Begun { text, used: None });
        }
        let [signed_prekey, prekey] = prekeys(exchange).ok_or(Error::UnknownPrekey)?;
        let (session, text) = Session::accept(dialect, own, exchange, [&signed_prekey, &prekey], rng)?;
        self.begin(session);
        Ok(Begun { text, used: Some(exchange.prekey) })
    }

    fn put_in_force(&mut self, at: usize) {
        if let Some(session) = self.sessions.remove(at) {
            self.sessions.push_front(session);
        }
    }
}
