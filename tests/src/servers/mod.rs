//! Real servers, run as the current user, on loopback, each in a directory of its own.

mod gateway;
mod gateway_config;
pub(crate) mod loopback;
mod prosody;
mod prosody_config;
mod synapse;
mod synapse_config;

pub use gateway::Gateway;
pub use gateway_config::GatewaySettings;
pub use prosody::Prosody;
pub use prosody_config::{Component, ProsodySettings};
pub use synapse::Synapse;
