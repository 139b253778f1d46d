#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "its stories use the rest")]

#[path = "../../attest/tests/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzed::attest(data);
});
