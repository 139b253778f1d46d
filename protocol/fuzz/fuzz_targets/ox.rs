#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "its stories use the rest")]

#[path = "../../esession/tests/stories/dice.rs"]
mod dice;
#[path = "../../ox/tests/stories/fuzzed.rs"]
mod fuzzed;
#[path = "../../ox/tests/stories/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::ox(data));
