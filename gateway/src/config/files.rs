//! `[files]`: which files cross, and where they may lie.

use jid::BareJid;
use serde::{Deserialize, Serialize};

use super::{ConfigError, limits::within, list};

/// `[files]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// Octets of the longest file that crosses; each is whole in memory on its way. 0: none does.
    pub max_size: usize,
    /// The upload service (XEP-0363), if it is not one that the user's server names.
    pub upload: Option<BareJid>,
    /// Hosts of files, as in their URLs, that may be in this host's own network: else nothing there is asked for.
    #[serde(deserialize_with = "list::deserialize")]
    pub own_hosts: Vec<String>,
}

/// What the machine must have left: one file each way, sealed and in clear.
const MOST: usize = 1024 * 1024 * 1024;

impl Default for FilesConfig {
    fn default() -> Self {
        Self { max_size: 32 * 1024 * 1024, upload: None, own_hosts: Vec::new() }
    }
}

impl FilesConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within("files.max_size", self.max_size, 0, MOST)
    }
}
