//! The host: its clock, and the libraries in this program.

use std::fs;
use std::time::{Duration, SystemTime};

use super::Finding;
use crate::config::Config;

/// Before this program was written: 2026-01-01.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);

/// A clock may be set back this much without harm.
const SLACK: Duration = Duration::from_secs(60);

/// SQLite without the write-ahead log's corruption race.
pub(super) fn sqlite() -> Finding {
    let version = rusqlite::version();
    if rusqlite::version_number() < 3_051_003 {
        return Finding::fault(
            format!("SQLite {version} can corrupt its write-ahead log"),
            "build drawbridge with its own SQLite (the rusqlite feature bundled), 3.51.3 or newer",
        );
    }
    Finding::Well(format!("SQLite {version}"))
}

/// Whether the clock can be right: not before this program was written, nor before the database's last change.
pub(super) fn clock(config: &Config) -> Finding {
    let changed = fs::metadata(config.database()).and_then(|file| file.modified()).ok();
    clock_at(SystemTime::now(), changed)
}

/// Whether others could get at the memory of a program, through the disk or directly.
pub(super) fn memory() -> Vec<Finding> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    [swap(&read("/proc/swaps")), tracing(&read("/proc/sys/kernel/yama/ptrace_scope"))].into_iter().flatten().collect()
}

/// From the text of /proc/swaps: a header, then a line for each place. zram is memory.
pub(super) fn swap(places: &str) -> Option<Finding> {
    let place =
        places.lines().skip(1).filter_map(|line| line.split_whitespace().next()).find(|p| !p.contains("zram"))?;
    let fix = "MemorySwapMax=0 in its unit, as deploy/drawbridge.service has it; or encrypt the swap, or switch it off";
    Some(Finding::doubtful(format!("what is in memory may be written to the disk, to the swap {place}"), fix))
}

/// From the text of ptrace_scope, where the kernel has it.
pub(super) fn tracing(scope: &str) -> Option<Finding> {
    let fix = "sysctl kernel.yama.ptrace_scope=1; or a user of its own, as deploy/drawbridge.service has it";
    (scope.trim() == "0")
        .then(|| Finding::doubtful("every program of the same user can read the memory of drawbridge", fix))
}

pub(super) fn clock_at(now: SystemTime, database: Option<SystemTime>) -> Finding {
    let fix = "set the clock, best by a time service (timedatectl set-ntp true)";
    if now < SystemTime::UNIX_EPOCH + EARLIEST {
        return Finding::fault("the clock of this host is years behind", fix);
    }
    if database.is_some_and(|changed| changed > now + SLACK) {
        return Finding::fault("the clock of this host is behind: the database was changed in the future", fix);
    }
    Finding::Well("the clock can be right".into())
}
