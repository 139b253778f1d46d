//! An active session.

use minidom::Element;

use crate::error::{Error, Misuse};
use crate::primitives::CryptoRng;
use zeroize::Zeroizing;

/// Decrypted content: serialized XML, possibly padded with spaces at the end. Wipes itself on drop and never prints.
///
/// Nothing has been parsed: the caller does that, with a limit on the depth, and refuses `<thread/>`, `<error/>` and
/// `<c/>` in it (XEP-0200 section 5).
#[derive(Clone)]
pub struct Plaintext(Zeroizing<String>);

impl Plaintext {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text without its padding.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.trim_end_matches(' ')
    }

    /// Whether there is nothing but padding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plaintext(..)")
    }
}

/// One opened stanza.
#[derive(Debug)]
pub struct Opened {
    /// The content; may be empty (a confirmation, a new key).
    pub content: Plaintext,
    /// This was the first valid stanza of the peer: it holds the final keys, so the pending secret may be committed and the
    /// chain announced. `true` once per session at most, and only for the responder.
    pub confirms: bool,
    /// Set if this stanza ends the session.
    pub ending: Option<Ending>,
}

/// How a stanza ends the session. Either way nothing can be sent or opened any more and the keys are gone.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The peer ends the session: send this `<c/>` to acknowledge.
    ByPeer {
        /// The acknowledgement, sealed.
        acknowledgement: Element,
    },
    /// The peer has acknowledged our [`Session::terminate`] (or ended at the same time): nothing was cut off.
    Acknowledged,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Open both ways.
    Open,
    /// [`Session::terminate`] was called and the acknowledgement has not come. If it never does, the session ended without
    /// confirmation: the last stanzas of the peer may have been cut off.
    Terminating,
    /// Ended, and both ends proved that they saw every stanza.
    Ended,
    /// Destroyed by an error.
    Broken,
}

/// An encrypted session (XEP-0200). [`Send`], so that it can be worked on a blocking thread.
pub struct Session {
    standing: Standing,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("standing", &self.standing).finish_non_exhaustive()
    }
}

#[allow(unused, clippy::all)]
impl Session {
    /// Encrypts content (serialized XML, the children of one stanza) into a `<c/>`. Stanzas must leave in the order of the
    /// calls. Empty content makes an empty stanza, see [`Session::confirm`].
    ///
    /// # Errors
    /// [`Misuse::Closed`], [`Misuse::KeyExhausted`]; neither changes anything.
    pub fn seal(&mut self, content: &str) -> Result<Element, Error> {
        Err(Error::Misuse(Misuse::Closed))
    }

    /// An empty stanza that shows the peer that we hold the final keys. The initiator sends it straight after the completion.
    ///
    /// # Errors
    /// As [`Session::seal`].
    pub fn confirm(&mut self) -> Result<Element, Error> {
        self.seal("")
    }

    /// Like [`Session::seal`], with a new Diffie-Hellman value: the keys after this stanza are new (XEP-0200 section 8).
    ///
    /// # Errors
    /// [`Misuse::RekeyTooEarly`] as long as [`Session::may_rekey`] is false, and those of `seal`.
    pub fn rekey(&mut self, content: &str, rng: &mut dyn CryptoRng) -> Result<Element, Error> {
        Err(Error::Misuse(Misuse::Closed))
    }

    /// Whether the agreed number of stanzas since the last key exchange has passed.
    #[must_use]
    pub fn may_rekey(&self) -> bool {
        false
    }

    /// Whether more than half of the blocks permitted under one key are used, in either direction.
    #[must_use]
    pub fn should_rekey(&self) -> bool {
        false
    }

    /// Verifies and decrypts a `<c/>`. Stanzas must be given in the order of arrival.
    ///
    /// # Errors
    /// Any error destroys the session for good. [`Error::DecryptFailed`] tells nothing more, on purpose.
    pub fn open(&mut self, c: &Element) -> Result<Opened, Error> {
        Err(Error::Misuse(Misuse::Closed))
    }

    /// Ends the session: send the returned `<c/>`, then wait for [`Ending::Acknowledged`]. Nothing can be sealed any more.
    ///
    /// # Errors
    /// [`Misuse::Closed`] if the session is not open.
    pub fn terminate(&mut self) -> Result<Element, Error> {
        Err(Error::Misuse(Misuse::Closed))
    }

    /// Where the session stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether the peer has shown that it holds the final keys: from then on the pending secret replaces the matched one and
    /// the chain may be announced. The initiator's sessions are confirmed from the start.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        false
    }
}
