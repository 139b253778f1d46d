//! Which networks there are. The only file that names them.

use std::sync::Arc;

use drawbridge_bridge::Network;

use crate::config::{NetworkConfig, NetworkKind};

/// The network of a kind that this program was built without.
#[derive(Debug, thiserror::Error)]
#[error("this drawbridge was built without {0}; build it with the feature of that name")]
pub struct NotBuilt(pub &'static str);

/// The far shore of a configured network.
///
/// # Errors
/// [`NotBuilt`].
pub fn build(settings: &NetworkConfig) -> Result<Arc<dyn Network>, NotBuilt> {
    match settings.kind {
        #[cfg(feature = "matrix")]
        NetworkKind::Matrix => Ok(Arc::new(drawbridge_matrix::MatrixNetwork::new())),
        #[cfg(feature = "echo")]
        NetworkKind::Echo => Ok(Arc::new(drawbridge_echo::EchoNetwork::default())),
        #[allow(unreachable_patterns, reason = "reachable when a feature is off")]
        other => Err(NotBuilt(other.word())),
    }
}

/// What the operator suggests as answer to a question of the network's login form.
pub fn suggested<'a>(settings: &'a NetworkConfig, field: &str) -> Option<&'a str> {
    match field {
        "homeserver" => settings.matrix.as_ref()?.homeserver.as_deref(),
        _ => None,
    }
}

/// The far server that people will log in to, as far as the operator has named one.
pub fn far_server(settings: &NetworkConfig) -> Option<&str> {
    settings.matrix.as_ref()?.homeserver.as_deref()
}
