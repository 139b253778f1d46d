//! The people of a story: each a client process of its own, told what to do and heard as JSON lines.

mod chat;
mod converse;
mod desktop;
mod foreign;
mod gajim;
mod gnupg;
mod go_sendxmpp;
mod json_lines;
mod matrix_peer;
mod omemo;
mod profanity;

pub use chat::{Chat, ChatAccount};
pub use converse::Converse;
pub use desktop::Desktop;
pub use foreign::ForeignClient;
pub use gajim::Gajim;
pub use gnupg::GnuPg;
pub use go_sendxmpp::GoSendxmpp;
pub use json_lines::JsonLines;
pub use matrix_peer::MatrixPeer;
pub use omemo::OmemoClient;
pub use profanity::Profanity;
