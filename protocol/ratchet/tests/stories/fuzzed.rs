//! What any octets may do: nothing. The target of `../fuzz` calls this; here the corpus that it found is played again.

use omemo_ratchet::{Device, Dialect, Payload, Sealed};

use crate::world::{End, acquainted, seed};

thread_local! {
    static ENDS: [[End; 3]; 2] = Dialect::ALL.map(ends);
}

/// Two that know each other, and one that has begun a session with the second.
fn ends(dialect: Dialect) -> [End; 3] {
    seed(1);
    let [alice, bob] = acquainted(dialect);
    let mut new = End::new(dialect);
    new.begin(&bob.bundle());
    [alice, bob, new]
}

/// Any octets, as everything that comes from outside; and changes of a genuine message, which the first octets say.
pub(crate) fn ratchet(data: &[u8]) {
    let Some(([choice, at, bits], octets)) = data.split_first_chunk::<3>() else { return };
    let dialect = if choice & 1 == 0 { Dialect::Axolotl } else { Dialect::Omemo2 };
    drop(Device::from_state(octets));
    let _ = dialect.read_identity(octets);
    let payload = Payload { content: octets.to_vec(), iv: vec![0; usize::from(choice >> 4)] };
    assert!(payload.open(dialect, &[7; 48][..if choice & 2 == 0 { 32 } else { 48 }]).is_err());

    let [mut alice, mut bob, mut new] = ENDS.with(|ends| ends[usize::from(choice & 1)].clone());
    seed(2);
    let sealed = match choice >> 2 & 3 {
        // Octets of the fuzzer's alone.
        0 => Sealed { octets: octets.to_vec(), is_key_exchange: false },
        1 => Sealed { octets: octets.to_vec(), is_key_exchange: true },
        // In the middle of a genuine message, or of a key exchange.
        exchange => {
            let mut genuine = if exchange == 3 { new.seal("genuine") } else { alice.seal("genuine") };
            let at = usize::from(*at) % genuine.octets.len();
            let end = (at + usize::from(bits % 8)).min(genuine.octets.len());
            genuine.octets.splice(at..end, octets.iter().copied());
            genuine
        }
    };
    let before = bob.device.clone();
    match bob.open(&sealed) {
        // Put together again, or changed where a key exchange is not covered.
        Ok(text) => assert_eq!(text, "genuine"),
        Err(_) => assert_eq!(bob.device, before),
    }
    assert_eq!(bob.open(&alice.seal("still here")).as_deref(), Ok("still here"));
}

#[test]
fn what_the_fuzzer_found_does_nothing() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/ratchet");
    let mut played = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        ratchet(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 50, "{played}");
}
