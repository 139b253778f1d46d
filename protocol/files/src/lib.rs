//! How files are shared in XMPP chats: Stateless file sharing (XEP-0447) with its encryption (XEP-0448), OMEMO media
//! sharing (`aesgcm:` URLs, XEP-0454), and out of band data (XEP-0066). Sans-IO: no socket, no disk, no clock, no
//! randomness of its own.
//!
//! [`read`] says what a message shares, [`Shared::open`] makes the file of what was fetched, [`encrypt`] and
//! [`to_message`] are the way back. [`egress`] decides where one may connect to fetch it.
//!
//! The reader belongs into what was decrypted: what lies beside an encrypted content was written by a server, for all
//! one knows.

pub mod aesgcm;
pub mod egress;
mod error;
mod fallback;
mod hash;
mod key;
mod metadata;
mod name;
pub mod oob;
mod primitives;
mod reading;
mod sealing;
pub mod sfs;
mod shared;
mod writing;
mod xml;

pub use error::Error;
pub use hash::{Algorithm, Hash};
pub use key::{Cipher, Key};
pub use primitives::CryptoRng;
pub use reading::{read, read_all};
pub use sealing::{Plaintext, encrypt};
pub use shared::{Disposition, Shared, Source};
pub use writing::{to_children, to_message};
