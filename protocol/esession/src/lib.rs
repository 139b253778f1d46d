//! Encrypted sessions for XMPP, without input or output: XEP-0116 as four messages (the whole of XEP-0217) and as three, with
//! public keys or without, the one-way sessions of XEP-0187 to who is away, the stanza encryption of XEP-0200 with its
//! re-keying, and the retained secrets that let users compare once. Old Gajim is recognised and answered in its own way
//! ([`Profile`]).
//!
//! Every machine takes the peer's element and gives back the element to send. Time and randomness are arguments.
//! States are types: a transition consumes the machine, so an error closes it. The caller owns streams, stanzas, timers,
//! limits on size and depth, and the store of secrets.
//!
//! ```
//! use esession::{Binding, Credentials, Ending, Evidence, Initiator, Policy, Responder};
//! use getrandom::{SysRng, rand_core::UnwrapErr};
//!
//! # fn main() -> Result<(), esession::Error> {
//! let rng = &mut UnwrapErr(SysRng);
//! let policy = Policy::default();
//!
//! // Four messages; `namespaces` has the wrappers that carry them. Each end says between whom it takes them to be.
//! let (alices, bobs) = ("alice@example.org", "bob@example.net");
//! let (alice, form_a) = Initiator::begin(&policy, &Binding::between(alices, bobs), rng)?;
//! let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::between(bobs, alices), rng)?;
//! let (alice, form_a2) = alice.handle_response(&form_b, Credentials::default(), rng)?;
//! let (mut bob, form_b2) = bob.handle_identity(&form_a2, Credentials::default(), rng)?;
//! let mut alice = alice.handle_completion(&form_b2)?;
//! assert!(alice.agreed.bound && alice.agreed.hybrid);
//!
//! // Alice confirms at once: only now may Bob replace the old secret by the new one.
//! let confirmation = alice.session.confirm()?;
//! assert!(bob.session.open(&confirmation)?.confirms);
//!
//! // The users compare. The five characters of old clients prove nothing; `code` shows what does.
//! assert_eq!(alice.sas.code(), bob.sas.code());
//! assert!(!alice.new_secret.verify(Evidence::ShortCode));
//! assert!(alice.new_secret.verify(Evidence::Code));
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
//! # Public keys, and single stanzas
//! Ends that have public keys can do with three messages. The last of them may bring the only stanza there will be.
//!
//! ```
//! use esession::{Binding, Credentials, Ending, Flow, Identification, Initiator, Policy, Responder, SigningKey};
//! use getrandom::{SysRng, rand_core::UnwrapErr};
//!
//! # fn main() -> Result<(), esession::Error> {
//! let rng = &mut UnwrapErr(SysRng);
//! let policy = Policy {
//!     own_identification: vec![Identification::Key],
//!     peer_identification: vec![Identification::Key],
//!     ..Policy::default()
//! };
//! let [alices, bobs] = [SigningKey::generate_rsa(2048, rng)?, SigningKey::generate_rsa(2048, rng)?];
//! let credentials = |key: &SigningKey| Credentials { signing_key: Some(key.clone()), ..Credentials::default() };
//!
//! let (alice, form_a) = Initiator::begin_signed(&policy, &Binding::default(), rng)?;
//! assert_eq!(Flow::of(&form_a), Flow::ThreeMessage);
//! let (bob, form_b) = Responder::respond_signed(&policy, &form_a, &Binding::default(), credentials(&bobs), rng)?;
//! let alice = alice.handle_response_for_single(&form_b, &credentials(&alices))?;
//!
//! // Whether these keys are Bob's and Alice's is for the users to know: they can compare a code over both.
//! assert_eq!(&alice.peer_key, bobs.public());
//! let (code, (form_a2, c)) = (alice.code.clone(), alice.seal("<body>Only this.</body>")?);
//! let mut bob = bob.handle_identity(&form_a2)?;
//! assert_eq!((&bob.peer_key, &bob.code), (alices.public(), &code));
//! let opened = bob.session.open(&c)?;
//! assert!(opened.content.expose().starts_with("<body>Only this.</body>"));
//! assert!(matches!(opened.ending, Some(Ending::OnlyStanza)));
//! # Ok(())
//! # }
//! ```
//!
//! # Who is away
//! Options that are published while somebody is there are answered when they are not (XEP-0187).
//!
//! ```
//! use esession::{Binding, Credentials, OfflineSender, Policy, Published, Replays, SigningKey};
//! use getrandom::{SysRng, rand_core::UnwrapErr};
//!
//! # fn main() -> Result<(), esession::Error> {
//! let (rng, policy, binding) = (&mut UnwrapErr(SysRng), Policy::default(), Binding::default());
//! let [alices, bobs] = [SigningKey::generate_rsa(2048, rng)?, SigningKey::generate_rsa(2048, rng)?];
//! let (today, next_week) = (1_795_392_000, 1_795_996_800);
//! let published = Published::make(&policy, next_week, None, &[alices.clone()], rng)?;
//!
//! // Bob knows Alice's key. What he writes goes through the server as ciphertext, and waits there.
//! let bob = Credentials {
//!     signing_key: Some(bobs.clone()),
//!     known_keys: vec![alices.public().clone()],
//!     ..Credentials::default()
//! };
//! let content = "<body>See you soon.</body>";
//! let (form, c) = OfflineSender::single(&policy, published.form(), &binding, &bob, today, content, rng)?;
//!
//! // Alice is back. What has come once does not come again.
//! let mut seen = Replays::default();
//! let mut alice = published.accept(&policy, &form, &binding, &Credentials::default(), today, &mut seen)?;
//! assert_eq!(&alice.peer_key, bobs.public());
//! assert!(alice.open(&c)?.content.expose().starts_with(content));
//! # Ok(())
//! # }
//! ```
//!
//! # While it stands
//! What was agreed about disclosure and transcripts can change within a session (XEP-0155).
//!
//! ```
//! use esession::{Disclosure, Management, Policy, Proposal, Terms};
//! # use esession::{Binding, Credentials, Initiator, Responder};
//! # use getrandom::{SysRng, rand_core::UnwrapErr};
//! # fn main() -> Result<(), esession::Error> {
//! # let (rng, none) = (&mut UnwrapErr(SysRng), Credentials::default);
//! let policy = Policy { disclosure: vec![Disclosure::Never, Disclosure::Enabled], ..Policy::default() };
//! # let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng)?;
//! # let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng)?;
//! # let (alice, form_a2) = alice.handle_response(&form_b, none(), rng)?;
//! # let (mut bob, form_b2) = bob.handle_identity(&form_a2, none(), rng)?;
//! # let mut alice = alice.handle_completion(&form_b2)?;
//!
//! // Bob can promise it no more. He says nothing until Alice has taken that.
//! let enabled = Terms { disclosure: Some(Disclosure::Enabled), logging: None };
//! let c = bob.session.propose(Proposal::of(enabled))?;
//! let Some(Management::Proposed(proposal)) = alice.session.open(&c)?.management else { panic!() };
//! let (terms, c) = alice.session.answer(&proposal, &policy)?;
//! alice.agreed.adopt(terms.unwrap_or_default());
//! let Some(Management::Agreed(terms)) = bob.session.open(&c)?.management else { panic!() };
//! bob.agreed.adopt(terms);
//! assert_eq!(alice.agreed.disclosure, Some(Disclosure::Enabled));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is for
//! The page [`requirements`] goes through what XEP-0210 demands of encrypted sessions: by what each demand is met, and which
//! test fails where it is not.
//!
//! # What is left to the caller
//! * Parse [`Plaintext`] apart from the stream, with a limit on the depth; refuse `<thread/>`, `<error/>` and `<c/>` in it.
//! * Ignore every clear child beside a `<c/>` but `thread`, `error`, `amp` and hints; compare `from` with the session's.
//! * Find keys ([`PublishedKey`] is how accounts publish theirs), and trust them or not: [`Established::peer_key`] and [`SignedSession::peer_key`] say which one signed, nothing more.
//! * Ignore forms that [`AwaitResponse::expects`] and its siblings call strays, and limit half-open negotiations.
//! * Never answer an error or a broken session with clear text.

#![forbid(unsafe_code)]

mod binding;
mod choice;
mod counter;
mod credentials;
#[cfg(feature = "dangerous-test-hooks")]
#[doc(hidden)]
pub mod dangerous;
mod datetime;
mod error;
mod established;
mod form;
mod group;
mod hybrid;
mod initiator;
mod management;
pub mod namespaces;
mod normal;
mod offer;
mod offline;
mod options;
mod plaintext;
mod policy;
mod primitives;
mod public_key;
mod published_key;
mod rekey;
#[cfg(doc)]
#[doc = include_str!("requirements.md")]
pub mod requirements {}
mod responder;
mod sas;
mod schedule;
mod secret;
mod session;
mod sigma;
mod stanza;
mod suite;
mod three_message;
mod voucher;

pub use minidom::Element;
pub use rand_core;

pub use binding::Binding;
pub use credentials::Credentials;
pub use datetime::write as datetime;
pub use error::{Condition, Error, Misbehaviour, Misuse, StanzaError};
pub use established::{Agreed, Established, Role};
pub use form::{ExtraField, extra_fields};
pub use group::Group;
pub use initiator::{AwaitCompletion, AwaitResponse, Initiator};
pub use management::{Management, Proposal, Terms, ends_in_clear};
pub use offer::Flow;
pub use offline::{OfflineReceiver, OfflineSender, Published, Replays, Said};
pub use options::{Cipher, Disclosure, Hash, Identification, Logging, SasMethod, SignatureAlgorithm, StanzaKind};
pub use plaintext::Plaintext;
pub use policy::Policy;
pub use primitives::CryptoRng;
pub use public_key::{PublicKey, SigningKey};
pub use published_key::PublishedKey;
pub use responder::{AwaitIdentity, Responder};
pub use sas::Sas;
pub use secret::{ChainOutcome, Evidence, RetainedSecret, Secret};
pub use session::{Ending, Opened, Session, Standing};
pub use suite::Profile;
pub use three_message::{AwaitSignature, AwaitSignedResponse, SignedSession, SingleStanza};
