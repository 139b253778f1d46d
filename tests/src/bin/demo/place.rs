//! The directory that one demo at a time has for itself.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use crate::failure::{Failure, while_doing};

/// Says that a directory is a demo's, and is locked while one runs. The kernel frees the lock when the demo dies,
/// however it dies.
const LOCK: &str = "drawbridge-demo.lock";
/// What lies here is of the last demo, and goes with the next.
const RUN: &str = "run";
/// The gateway's socket lies deepest, and a socket's path has room for 107 octets.
const SOCKET: &str = "run/gateway/data/control.sock";
const LONGEST: usize = 107;

/// The place of the running demo.
pub(crate) struct Place {
    dir: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the directory, makes it when it is missing, and clears away what an earlier demo left there.
    pub(crate) fn take(state: &Path) -> Result<Self, Failure> {
        let name = state.display();
        fs::create_dir_all(state).map_err(while_doing(format!("making {name}")))?;
        let state = fs::canonicalize(state).map_err(while_doing(format!("finding {name}")))?;
        if state.join(SOCKET).as_os_str().len() > LONGEST {
            return stopped(format!("{name} is too long a path for a socket. Give a shorter one with --state."));
        }
        let mut entries = fs::read_dir(&state).map_err(while_doing(format!("reading {name}")))?;
        if !state.join(LOCK).exists() && entries.next().is_some() {
            return stopped(format!("{name} holds something else. Give a directory of its own with --state."));
        }
        let lock = File::create(state.join(LOCK)).map_err(while_doing(format!("locking {name}")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return stopped(format!(
                    "another demo runs in {name}. End it with Ctrl-C, or give this one another directory with --state."
                ));
            }
            Err(TryLockError::Error(error)) => return Err(while_doing(format!("locking {name}"))(error)),
        }
        let dir = state.join(RUN);
        clear(&dir)?;
        fs::create_dir(&dir).map_err(while_doing(format!("making {}", dir.display())))?;
        Ok(Self { dir, _lock: lock })
    }

    /// Where everything of this demo lies.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of Prosody, Synapse, the gateway, or the people.
    pub(crate) fn of(&self, whose: &str) -> PathBuf {
        self.dir.join(whose)
    }
}

/// `$XDG_STATE_HOME/drawbridge-demo`, or below `~/.local/state`.
pub(crate) fn usual() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(env::temp_dir).join("drawbridge-demo")
}

fn clear(dir: &Path) -> Result<(), Failure> {
    // Children of a demo that was killed die with it, but may write a last file meanwhile.
    for _ in 0..20 {
        if !dir.exists() || fs::remove_dir_all(dir).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
    stopped(format!("{} of an earlier demo cannot be removed. Remove it by hand.", dir.display()))
}

fn stopped<T>(why: String) -> Result<T, Failure> {
    Err(Failure::Stopped(why))
}
