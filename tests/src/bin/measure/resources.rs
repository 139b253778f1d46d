//! What a process has used, from `/proc` (proc(5)).

use std::{fmt, fs, time::Duration};

use drawbridge_tests::{Error, servers::Gateway};

/// The kernel counts in hundredths of a second towards programs, on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);

/// What this process has used.
pub(crate) struct Own {
    pub(crate) cpu: Duration,
    pub(crate) memory: Memory,
}

/// What this process has used so far.
pub(crate) fn own() -> Result<Own, Error> {
    let id = std::process::id();
    Ok(Own { cpu: cpu_of(id)?, memory: memory_of(id)? })
}

/// User and system time so far.
pub(crate) fn cpu(gateway: &Gateway) -> Result<Duration, Error> {
    cpu_of(gateway.process.id().unwrap_or_default())
}

fn cpu_of(id: u32) -> Result<Duration, Error> {
    let stat = read(id, "stat")?;
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
    memory_of(gateway.process.id().unwrap_or_default())
}

fn memory_of(id: u32) -> Result<Memory, Error> {
    let status = read(id, "status")?;
    let kibibytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    Ok(Memory { now: kibibytes("VmRSS:"), peak: kibibytes("VmHWM:") })
}

fn read(id: u32, file: &str) -> Result<String, Error> {
    let path = format!("/proc/{id}/{file}");
    fs::read_to_string(&path).map_err(|cause| Error::Io { doing: format!("reading {path}"), cause })
}
