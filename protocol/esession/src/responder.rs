//! Bob's side of the four-message negotiation (XEP-0116 section 4).

use minidom::Element;

use crate::error::{Error, Misuse};
use crate::established::Established;
use crate::form::ExtraField;
use crate::policy::Policy;
use crate::primitives::CryptoRng;
use crate::secret::{RetainedSecret, Secret};

/// Bob, who is asked for a session.
#[derive(Debug)]
pub struct Responder;

/// Bob after message 2: form B is out.
#[derive(Debug)]
pub struct AwaitIdentity(());

#[allow(unused, clippy::all)]
impl Responder {
    /// Message 1 -> 2: checks form A against the policy, then makes form B, to be wrapped by [`crate::namespaces::feature`].
    /// The extra fields of form A can be read before with [`crate::extra_fields`]. One exponentiation.
    ///
    /// # Errors
    /// See [`Error::to_stanza_error`]; nothing is computed before the options are accepted.
    pub fn respond(
        policy: &Policy,
        form_a: &Element,
        extras: &[ExtraField],
        rng: &mut dyn CryptoRng,
    ) -> Result<(AwaitIdentity, Element), Error> {
        Err(Error::Misuse(Misuse::Policy))
    }
}

#[allow(unused, clippy::all)]
impl AwaitIdentity {
    /// Whether form A2 continues this negotiation. If not it is a stray: ignore it and keep the machine.
    #[must_use]
    pub fn expects(&self, form_a2: &Element) -> bool {
        false
    }

    /// Message 3 -> 4: verifies Alice, makes form B2, to be wrapped by [`crate::namespaces::init`]. One exponentiation.
    ///
    /// `secrets` are all unexpired retained secrets of the peer, confirmed and pending. The session is not confirmed yet:
    /// the pending secret and [`Established::chain`] count from the stanza with [`crate::Opened::confirms`] on.
    ///
    /// # Errors
    /// Each closes the negotiation; see [`Error::to_stanza_error`].
    pub fn handle_identity(
        self,
        form_a2: &Element,
        secrets: &[RetainedSecret],
        oss: Option<&Secret>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Established, Element), Error> {
        Err(Error::Misuse(Misuse::Policy))
    }
}
