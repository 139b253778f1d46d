//! What a process has used, from `/proc` (proc(5)).

use std::{fmt, fs, time::Duration};

use drawbridge_tests::{Error, servers::Gateway};

/// The kernel counts in hundredths of a second towards programs, on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);

/// User and system time so far.
pub(crate) fn cpu(gateway: &Gateway) -> Result<Duration, Error> {
    let stat = read(gateway, "stat")?;
    // The name in parentheses may hold anything; field 3 comes after it, utime is 14 and stime 15.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

/// Resident memory.
pub(crate) struct Memory {
    now: u64,
    peak: u64,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB resident, {} MiB at its highest", self.now / 1024, self.peak / 1024)
    }
}

/// Resident memory now and at its highest.
pub(crate) fn memory(gateway: &Gateway) -> Result<Memory, Error> {
    let status = read(gateway, "status")?;
    let kibibytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    Ok(Memory { now: kibibytes("VmRSS:"), peak: kibibytes("VmHWM:") })
}

fn read(gateway: &Gateway, file: &str) -> Result<String, Error> {
    let id = gateway.process.id().unwrap_or_default();
    let path = format!("/proc/{id}/{file}");
    fs::read_to_string(&path).map_err(|cause| Error::Io { doing: format!("reading {path}"), cause })
}
