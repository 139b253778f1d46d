//! What keeps the daemon's memory off the disk, as far as a program without privilege can see to it. Swap and the
//! tracing of processes are the host's: `drawbridge doctor` looks at them, `deploy/drawbridge.service` shuts them off.

use std::{fs, io};

/// Which parts of our memory a core dump holds; unlike `RLIMIT_CORE`, it holds for dumps that go to a program as well.
const CORE_DUMP_FILTER: &str = "/proc/self/coredump_filter";

/// From here on a core dump of this process holds none of its memory (core(5)).
///
/// # Errors
/// The system's, where there is no such thing.
pub fn keep_out_of_core_dumps() -> io::Result<()> {
    fs::write(CORE_DUMP_FILTER, "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_dumped() {
        keep_out_of_core_dumps().unwrap();
        let filter = fs::read_to_string(CORE_DUMP_FILTER).unwrap();
        assert_eq!(u32::from_str_radix(filter.trim(), 16), Ok(0));
    }
}
