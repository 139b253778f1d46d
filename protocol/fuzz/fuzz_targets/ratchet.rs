#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "its stories use the rest")]

#[path = "../../esession/tests/stories/dice.rs"]
mod dice;
#[path = "../../ratchet/tests/stories/fuzzed.rs"]
mod fuzzed;
#[path = "../../ratchet/tests/stories/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::ratchet(data));
