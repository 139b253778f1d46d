#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "the other targets use the rest")]

#[path = "../../esession/tests/stories/dice.rs"]
mod dice;
#[path = "../../esession/tests/stories/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::c(data));
