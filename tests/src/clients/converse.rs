//! Converse.js, in a browser, through `tests/peer/converse.py`. It prefers the newer dialect.

use std::path::Path;

use super::{ChatAccount, Desktop, OmemoClient};
use crate::{Error, process::bound_to_us, programs, servers::Prosody};

/// A client that people use.
pub struct Converse;

impl Converse {
    /// What it is by itself.
    pub const BOTH: &'static [&'static str] = &[OmemoClient::OLDER, OmemoClient::NEWER];

    /// Starts it and waits until it has published its keys.
    pub fn start(dir: &Path, server: &Prosody, account: &ChatAccount, speaks: &[&str]) -> Result<Desktop, Error> {
        programs::installed("chromium")?;
        let mut command = bound_to_us(programs::python("omemo")?);
        command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/converse.py"));
        command.arg("--converse").arg(programs::kept("converse/dist")?);
        command.args(["--websocket", &server.websocket()]);
        command.arg("--speaks").args(speaks);
        Desktop::start(dir, account, "converse", command)
    }
}
