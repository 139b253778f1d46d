//! Alice's side of the four-message negotiation (XEP-0116 section 4).

use minidom::Element;

use crate::error::{Error, Misuse};
use crate::established::Established;
use crate::form::ExtraField;
use crate::policy::Policy;
use crate::primitives::CryptoRng;
use crate::secret::{RetainedSecret, Secret};

/// Alice, who asks for a session.
#[derive(Debug)]
pub struct Initiator;

/// Alice after message 1: form A is out.
#[derive(Debug)]
pub struct AwaitResponse(());

/// Alice after message 3: form A2 is out.
#[derive(Debug)]
pub struct AwaitCompletion(());

#[allow(unused, clippy::all)]
impl Initiator {
    /// Message 1: form A, to be wrapped by [`crate::namespaces::feature`]. One exponentiation per offered group.
    ///
    /// # Errors
    /// [`Misuse::Policy`], [`Misuse::ExtraField`].
    pub fn begin(policy: &Policy, extras: &[ExtraField], rng: &mut dyn CryptoRng) -> Result<(AwaitResponse, Element), Error> {
        Err(Error::Misuse(Misuse::Policy))
    }
}

#[allow(unused, clippy::all)]
impl AwaitResponse {
    /// Whether form B answers this request. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b: &Element) -> bool {
        false
    }

    /// Message 2 -> 3: checks form B, makes form A2, to be wrapped by [`crate::namespaces::feature`].
    ///
    /// `secrets` are all unexpired retained secrets of the peer, confirmed and pending, the best first: eight are announced.
    /// `oss` is the other shared secret of this session, if there is one.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_response(
        self,
        form_b: &Element,
        secrets: &[RetainedSecret],
        oss: Option<&Secret>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitCompletion, Element), Error> {
        Err(Error::Misuse(Misuse::Policy))
    }
}

#[allow(unused, clippy::all)]
impl AwaitCompletion {
    /// Whether form B2 completes this negotiation. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_b2: &Element) -> bool {
        false
    }

    /// Message 4: verifies Bob. The session is confirmed; [`crate::Session::confirm`] should be sent at once.
    ///
    /// # Errors
    /// Each closes the negotiation; no retained secret may be touched then.
    pub fn handle_completion(self, form_b2: &Element) -> Result<Established, Error> {
        Err(Error::Misuse(Misuse::Policy))
    }
}
