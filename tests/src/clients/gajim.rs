//! Gajim, on a screen that nobody sees, through `tests/peer/gajim_client.py`, with one of its plugins: OMEMO in the older dialect,
//! or OpenPGP.

use std::path::Path;

use super::{ChatAccount, Desktop};
use crate::{Error, process::bound_to_us, programs};

/// Debian's, which has Gajim's modules; the first one on the `PATH` may be another.
const PYTHON: &str = "/usr/bin/python3";

/// A client that people use.
pub struct Gajim;

impl Gajim {
    /// Starts it with OMEMO and waits until it is online.
    pub fn start(dir: &Path, account: &ChatAccount) -> Result<Desktop, Error> {
        Self::start_with("OMEMO", dir, account)
    }

    /// The same with OpenPGP, for which it makes a key when it is first used.
    pub fn start_with_openpgp(dir: &Path, account: &ChatAccount) -> Result<Desktop, Error> {
        Self::start_with("OpenPGP", dir, account)
    }

    fn start_with(protection: &str, dir: &Path, account: &ChatAccount) -> Result<Desktop, Error> {
        for program in ["gajim", "Xvfb"] {
            programs::installed(program)?;
        }
        let mut command = bound_to_us(PYTHON);
        command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/gajim_client.py"));
        command.args(["--port", &account.port.to_string(), "--protection", protection]);
        Desktop::start(dir, account, "gajim", command)
    }
}
