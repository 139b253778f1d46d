//! Encrypted sessions for XMPP: XEP-0116, 0200 and 0217, without input or output.
//!
//! Every machine takes the peer's element and gives back the element to send. Time and randomness are arguments;
//! an error closes the machine that returned it. The caller owns streams, stanzas, timers and the store of secrets.

#![forbid(unsafe_code)]

mod choice;
mod counter;
#[cfg(feature = "dangerous-test-hooks")]
#[doc(hidden)]
pub mod dangerous;
mod error;
mod established;
mod form;
mod group;
mod initiator;
pub mod namespaces;
mod normal;
mod offer;
mod options;
mod plaintext;
mod policy;
mod primitives;
mod rekey;
mod responder;
mod sas;
mod schedule;
mod secret;
mod session;
mod sigma;
mod stanza;
mod termination;

pub use error::{Condition, Error, Misbehaviour, Misuse, StanzaError};
pub use established::{Agreed, Established, Role};
pub use form::{ExtraField, extra_fields};
pub use group::Group;
pub use initiator::{AwaitCompletion, AwaitResponse, Initiator};
pub use options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, StanzaKind};
pub use plaintext::Plaintext;
pub use policy::Policy;
pub use primitives::CryptoRng;
pub use responder::{AwaitIdentity, Responder};
pub use sas::Sas;
pub use secret::{ChainOutcome, Evidence, RetainedSecret, Secret};
pub use session::{Ending, Opened, Session, Standing};
