//! What a far network is to Drawbridge.
//!
//! A bridge implements [`Network`] (one per configured network), [`LoginProcess`] (one per person logging in) and
//! [`Session`] (one per login). It sees opaque ids, [`Event`]s and [`OutMessage`]s; never a JID, a stanza or the
//! database. The keeper (crate `drawbridge`) owns ids links, queues, retries and order.
//!
//! - [`network`]: what a network is called and how people log in to it.
//! - [`login`]: logging in as a state machine, driven alike by a form, an ad-hoc command, a chat or a terminal.
//! - [`session`]: a live login: events out through a [`Sink`], messages in through [`Session::send`].
//! - [`facets`]: optional abilities. To advertise is to implement.
//! - [`event`], [`message`], [`media`], [`ids`], [`caps`], [`error`], [`secret`]: the values that cross.
//! - `conformance` (feature): the suite that every bridge must pass.

pub mod caps;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod event;
pub mod facets;
pub mod ids;
pub mod login;
pub mod media;
pub mod message;
pub mod network;
pub mod secret;
pub mod session;

pub use caps::Caps;
pub use error::{Error, SendError};
pub use event::{Availability, ContactInfo, ConvInfo, ConvKind, Envelope, Event, Quote, Reference, Security, Sender};
pub use facets::{Annotate, ContactTrust, Direct, Directory, KeySharing, Media, OwnTrust, Signals, Trust, TrustStatus};
pub use ids::{ContactId, ConvId, FlowId, LoginId, Position, RemoteId, TxnId};
pub use login::{Field, FieldKind, LoginGrant, LoginInput, LoginProcess, LoginStep};
pub use media::{Attachment, Caption, FileContent, FileInfo, Handle, OutFile};
pub use message::{Annotation, OutMessage, Sent};
pub use network::{ContactName, Descriptor, LoginFlow, Network, UserRef};
pub use secret::{Plaintext, Secret};
pub use session::{Closed, Committed, EventSink, Exit, LoginRecord, Place, Session, Sink};
pub use tokio_util::sync::CancellationToken;
