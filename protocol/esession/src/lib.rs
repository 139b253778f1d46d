//! Encrypted sessions for XMPP, without input or output: XEP-0116 as four messages (the whole of XEP-0217), the stanza
//! encryption of XEP-0200 with its re-keying, and the retained secrets that let users compare once.
//!
//! Every machine takes the peer's element and gives back the element to send. Time and randomness are arguments.
//! States are types: a transition consumes the machine, so an error closes it. The caller owns streams, stanzas, timers,
//! limits on size and depth, and the store of secrets.
//!
//! ```
//! use esession::{Ending, Evidence, Initiator, Policy, Responder};
//! use getrandom::{SysRng, rand_core::UnwrapErr};
//!
//! # fn main() -> Result<(), esession::Error> {
//! let rng = &mut UnwrapErr(SysRng);
//! let policy = Policy::default();
//!
//! // Four messages; `namespaces` has the wrappers that carry them.
//! let (alice, form_a) = Initiator::begin(&policy, &[], rng)?;
//! let (bob, form_b) = Responder::respond(&policy, &form_a, &[], rng)?;
//! let (alice, form_a2) = alice.handle_response(&form_b, &[], None, rng)?;
//! let (mut bob, form_b2) = bob.handle_identity(&form_a2, &[], None, rng)?;
//! let mut alice = alice.handle_completion(&form_b2)?;
//!
//! // Alice confirms at once: only now may Bob replace the old secret by the new one.
//! let confirmation = alice.session.confirm()?;
//! assert!(bob.session.open(&confirmation)?.confirms);
//!
//! // The users compare. The five characters of old clients prove nothing, the sixteen do.
//! assert_eq!(alice.sas, bob.sas);
//! assert!(!alice.new_secret.verify(Evidence::ShortCode));
//! assert!(alice.new_secret.verify(Evidence::LongCode));
//!
//! // The children of one stanza go into one `<c/>`.
//! let c = alice.session.seal("<body>Hello, Bob!</body>")?;
//! let opened = bob.session.open(&c)?;
//! assert_eq!(opened.content.expose(), "<body>Hello, Bob!</body>");
//!
//! // The end is authenticated, so nobody can cut off the last words unseen.
//! let c = bob.session.terminate()?;
//! let Some(Ending::ByPeer { acknowledgement }) = alice.session.open(&c)?.ending else { panic!() };
//! assert!(matches!(bob.session.open(&acknowledgement)?.ending, Some(Ending::Acknowledged)));
//! # Ok(())
//! # }
//! ```
//!
//! # What is left to the caller
//! * Parse [`Plaintext`] apart from the stream, with a limit on the depth; refuse `<thread/>`, `<error/>` and `<c/>` in it.
//! * Ignore every clear child beside a `<c/>` but `thread`, `error`, `amp` and hints; compare `from` with the session's.
//! * Ignore forms that [`AwaitResponse::expects`] and its siblings call strays, and limit half-open negotiations.
//! * Never answer an error or a broken session with clear text.

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
mod suite;
mod termination;

pub use minidom::Element;
pub use rand_core;

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
