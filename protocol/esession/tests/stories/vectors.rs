//! The published vectors, through the same code as `examples/check_vectors`.

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/check_vectors/main.rs"]
mod check_vectors;

use check_vectors::Verdict;

fn verdict(text: &str) -> Result<(), String> {
    match check_vectors::check(text) {
        Verdict::Passed => Ok(()),
        Verdict::Failed(difference) => Err(difference),
        Verdict::Skipped(reason) => Err(format!("skipped: {reason}")),
    }
}

#[test]
fn every_vector_of_the_folder_passes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let outcome = verdict(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(outcome, Ok(()), "{}", path.display());
        checked += 1;
    }
    assert_eq!(checked, 21);
}

/// The checker itself must not be fooled.
#[test]
fn a_changed_vector_fails_and_the_difference_is_named() {
    let text = include_str!("../../vectors/spec-modp14-aes128-ctr-none-none-srs-4msg-oss.json");
    let original: serde_json::Value = serde_json::from_str(text).unwrap();
    for path in
        ["/values/K_final", "/values/Bob/M", "/inputs/SRS", "/inputs/C_A", "/stanzas/6/rekey_priv", "/stanzas/18/mac"]
    {
        let mut vector = original.clone();
        let value = vector.pointer_mut(path).unwrap();
        let flipped = value.as_str().unwrap().replacen('e', "f", 1);
        *value = flipped.into();
        let difference = verdict(&vector.to_string()).unwrap_err();
        assert!(difference.contains("differs") || difference.contains("message"), "{path}: {difference}");
    }
}
