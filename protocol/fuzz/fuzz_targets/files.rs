#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "its stories use the rest")]

#[path = "../../files/tests/stories/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::files(data));
