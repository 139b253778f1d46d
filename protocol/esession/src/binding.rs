//! What a negotiation is bound to besides its options: the names of both ends, and fields of the caller's own.

use crate::error::{Error, Misbehaviour};
use crate::established::Role;
use crate::form::{ExtraField, Form, FormWriter, encode};
use crate::primitives::{constant_time_eq, sha256};
use crate::secret::{RetainedSecret, Secret};
use crate::voucher;

/// The private field of both forms with the names.
pub(crate) const FIELD: &str = "x-ends";

/// What both ends must agree about, and what else goes into this end's first form, covered by the MACs.
#[derive(Clone, Debug, Default)]
pub struct Binding {
    ends: Option<Ends>,
    vouchers: Vec<Secret>,
    extras: Vec<ExtraField>,
}

/// Bare JIDs.
#[derive(Clone, Debug)]
struct Ends {
    own: String,
    peer: String,
}

impl Binding {
    /// Binds the negotiation to these two bare JIDs, normalized. Nothing in XEP-0116 says who talks to whom: without this,
    /// somebody in between may hand a request to another end than it was made for, or back to whoever made it.
    ///
    /// A peer that says nothing about names is not refused: see [`Agreed::bound`](crate::Agreed::bound). One that names
    /// others is.
    #[must_use]
    pub fn between(own: impl Into<String>, peer: impl Into<String>) -> Self {
        Self { ends: Some(Ends { own: own.into(), peer: peer.into() }), ..Self::default() }
    }

    /// Lets chains with a third name vouch for this session, those of them that are verified: if the peer has one of them as
    /// well, nobody needs to compare anything ([`Established::vouched`](crate::Established::vouched)). Only for a third name
    /// that may speak for the peer, such as the gateway that a contact is reached through. In four messages only, and
    /// nothing without [`Binding::between`].
    #[must_use]
    pub fn vouched_by(mut self, chains: &[RetainedSecret]) -> Self {
        if let Some(ends) = &self.ends {
            self.vouchers = voucher::vouchers(chains, [&ends.own, &ends.peer]);
        }
        self
    }

    /// Adds a private field.
    #[must_use]
    pub fn with(mut self, extra: ExtraField) -> Self {
        self.extras.push(extra);
        self
    }

    /// The private fields of this end's first form, whose nonce is `nonce`.
    pub(crate) fn write(&self, form: &mut FormWriter, own: Role, nonce: &[u8]) -> Result<(), Error> {
        form.extras(&self.extras)?;
        if let Some(ends) = &self.ends {
            form.typed(FIELD, "hidden", &[encode(&ends.digest(own, nonce))]);
        }
        Ok(())
    }

    /// What there is to announce; `None` where nothing is bound.
    pub(crate) fn vouchers(&self) -> Option<&[Secret]> {
        self.ends.as_ref().map(|_| self.vouchers.as_slice())
    }

    /// The voucher that the peer has too, by its first form.
    ///
    /// # Errors
    /// The field cannot be read.
    pub(crate) fn voucher(&self, form: &Form, peer: Role, nonce: &[u8]) -> Result<Option<&Secret>, Error> {
        Ok(voucher::find(&self.vouchers, &form.all_octets(voucher::FIELD)?, peer, nonce))
    }

    /// Whether the peer's first form names the same ends.
    ///
    /// # Errors
    /// It names others.
    pub(crate) fn check(&self, form: &Form, own: Role, nonce: &[u8]) -> Result<bool, Error> {
        let (Some(ends), Some(_)) = (&self.ends, form.field(FIELD)) else { return Ok(false) };
        let same = constant_time_eq(&form.octets(FIELD)?, &ends.digest(own, nonce));
        if same { Ok(true) } else { Err(Error::PeerMisbehaved(Misbehaviour::OtherEnds)) }
    }
}

impl Ends {
    /// SHA-256 over the ESession ID of the end that says it, the initiator's name and the responder's, each after its length
    /// (4 octets, big-endian): the same two never show the same value again.
    fn digest(&self, own: Role, nonce: &[u8]) -> Vec<u8> {
        let (initiator, responder) = match own {
            Role::Initiator => (&self.own, &self.peer),
            Role::Responder => (&self.peer, &self.own),
        };
        let parts = [FIELD.as_bytes(), nonce, initiator.as_bytes(), responder.as_bytes()];
        let lengths = parts.map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        let all: Vec<&[u8]> = lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part]).collect();
        sha256(&all).to_vec()
    }
}
