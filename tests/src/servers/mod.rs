//! Real servers, run as the current user, on loopback, each in a directory of its own.

mod authority;
mod ejabberd;
mod ejabberd_config;
mod gateway;
mod gateway_config;
pub(crate) mod loopback;
mod prosody;
mod prosody_config;
mod synapse;
mod synapse_config;
mod xmpp_server;

pub use authority::Authority;
pub use ejabberd::Ejabberd;
pub use gateway::Gateway;
pub use gateway_config::GatewaySettings;
pub use prosody::Prosody;
pub use prosody_config::ProsodySettings;
pub use synapse::Synapse;
pub use xmpp_server::{Component, XmppServer};
