//! What any octets may do: nothing. The target of `../fuzz` calls this; here the corpus that it found is played again.

use omemo_ratchet::{
    Bundle, Device, Dialect, Error, IdentityKey, KeyExchange, PERIOD, Payload, Prekey, Prekeys, PublicKey, Sealed,
    Session, SignedPrekey,
};

use crate::world::{End, acquainted, rng, seed};

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

/// Any octets, as everything that comes from outside; and changes of a genuine message or bundle, which the first octets
/// say.
pub(crate) fn ratchet(data: &[u8]) {
    let Some(([choice, at, bits], octets)) = data.split_first_chunk::<3>() else { return };
    let dialect = if choice & 1 == 0 { Dialect::Axolotl } else { Dialect::Omemo2 };
    match choice {
        // These were octets of the fuzzer's alone with an IV of 15, which other choices have too.
        0xf0 | 0xf1 => return prekeys(dialect, *at, octets),
        0xf2 | 0xf3 => return bundle(dialect, usize::from(*at), u32::from(*bits), octets),
        _ => {}
    }
    if let Ok(device) = Device::from_state(octets) {
        assert_eq!(device.to_state().as_slice(), octets);
    }
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

/// Any octets as stored prekeys: what is read is what was written, and can be handed out and found.
fn prekeys(dialect: Dialect, periods: u8, octets: &[u8]) {
    let Ok(mut prekeys) = Prekeys::from_state(octets) else { return };
    assert_eq!(prekeys.to_state().as_slice(), octets);
    let [mut alice, bob, _] = ENDS.with(|ends| ends[usize::from(dialect == Dialect::Omemo2)].clone());
    seed(3);
    prekeys.rotate(u64::from(periods) * PERIOD, &mut rng());
    let bundle = prekeys.hand_out(dialect, &bob.identity, &mut rng());
    assert_eq!(bundle.verify(dialect), Ok(()));
    let mut names = bundle.prekeys.iter().map(|prekey| prekey.id).chain([bundle.signed_prekey.id]);
    assert!(names.all(|name| i32::try_from(name).is_ok_and(i32::is_positive)));
    assert_eq!(Prekeys::from_state(&prekeys.to_state()).as_ref(), Ok(&prekeys));
    alice.begin(&bundle);
    let exchange = KeyExchange::read(dialect, &alice.seal("hello").octets).unwrap();
    assert!(prekeys.find(&exchange).is_some());
    prekeys.used(exchange.prekey);
    assert_eq!(prekeys.find(&exchange), None);
}

/// Any octets over those of Bob's bundle, from some place on, and a session with the prekey of some name.
fn bundle(dialect: Dialect, at: usize, prekey: u32, octets: &[u8]) {
    let [mut alice, mut bob, _] = ENDS.with(|ends| ends[usize::from(dialect == Dialect::Omemo2)].clone());
    seed(4);
    let genuine = bob.bundle();
    let mut written = write(&genuine);
    written.resize(written.len().max(at + octets.len()), 0);
    written[at..at + octets.len()].copy_from_slice(octets);
    let Some(bundle) = read(dialect, &written) else { return };

    let begun = Session::initiate(dialect, &alice.identity, &bundle, prekey, &mut rng());
    if bundle.verify(dialect).is_err() {
        assert_eq!(begun, Err(Error::BadSignature));
        return;
    }
    let Ok(session) = begun else { return };
    assert_eq!(session.peer(), &bundle.identity);
    let chosen = bundle.prekeys.iter().find(|known| known.id == prekey).unwrap();
    let identity = bundle.identity.curve().unwrap();
    for key in [&identity, &bundle.signed_prekey.key, &chosen.key] {
        // 0 and 1, however the highest bit is.
        let [first, middle @ .., last] = key.0;
        assert!(first > 1 || middle != [0; 30] || last & 0x7f != 0, "everybody knows what is agreed with it");
    }
    let is_bobs = genuine.prekeys.contains(chosen);
    if identity == genuine.identity.curve().unwrap() {
        assert_eq!(bundle.signed_prekey.key, genuine.signed_prekey.key, "Bob has not signed another");
    }
    let before = bob.device.clone();
    alice.device.begin(session);
    match bob.open(&alice.seal("genuine")) {
        Ok(text) => assert_eq!(text, "genuine"),
        Err(_) => {
            let is_whole = bundle.identity == genuine.identity && bundle.signed_prekey == genuine.signed_prekey;
            assert!(!(is_whole && is_bobs));
            assert_eq!(bob.device, before);
        }
    }
}

/// The identity; the signed prekey's name, key and signature; and names and keys of the others.
fn write(bundle: &Bundle) -> Vec<u8> {
    let Bundle { identity: IdentityKey::Curve(PublicKey(identity)) | IdentityKey::Edwards(identity), .. } = bundle;
    let SignedPrekey { id, key, signature } = &bundle.signed_prekey;
    let mut octets = [&identity[..], &id.to_be_bytes(), &key.0, signature].concat();
    for Prekey { id, key } in &bundle.prekeys {
        octets.extend([&id.to_be_bytes()[..], &key.0].concat());
    }
    octets
}

fn read(dialect: Dialect, octets: &[u8]) -> Option<Bundle> {
    let (identity, octets) = octets.split_first_chunk::<32>()?;
    let (id, octets) = octets.split_first_chunk()?;
    let (key, octets) = octets.split_first_chunk()?;
    let (signature, octets) = octets.split_first_chunk()?;
    let identity = match dialect {
        Dialect::Axolotl => IdentityKey::Curve(PublicKey(*identity)),
        Dialect::Omemo2 => IdentityKey::Edwards(*identity),
    };
    let signed_prekey = SignedPrekey { id: u32::from_be_bytes(*id), key: PublicKey(*key), signature: *signature };
    let prekeys = octets.as_chunks::<36>().0.iter().filter_map(|octets| {
        let (id, key) = octets.split_first_chunk()?;
        Some(Prekey { id: u32::from_be_bytes(*id), key: PublicKey(key.try_into().ok()?) })
    });
    Some(Bundle { identity, signed_prekey, prekeys: prekeys.collect() })
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
