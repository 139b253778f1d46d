//! What others bring into our tree: only under the licences, from the sources and without the crates that `.deny.toml`
//! says. cargo-deny checks the same and more, where it is installed.

use std::{collections::HashSet, fs, path::Path, process::Command};

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The quoted words of a list in `.deny.toml`, without the key `crate` of its tables.
fn list(key: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(".deny.toml")).unwrap();
    let (_, rest) = text.split_once(&format!("\n{key} = [")).unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    list.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// The packages that are really built on Linux, tests included.
fn packages() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let built: HashSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    let all = metadata["packages"].as_array().unwrap().clone();
    all.into_iter().filter(|package| built.contains(package["id"].as_str().unwrap())).collect()
}

/// Whether an SPDX expression can be met: the alternatives of `OR`, each all of its `AND`s.
fn allowed(expression: &str, licences: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    // Groups first: a group in brackets that is met reads as a licence that we allow.
    if let Some(close) = expression.find(')') {
        let open = expression[..close].rfind('(').unwrap();
        let met = allowed(&expression[open + 1..close], licences);
        let word = if met { licences[0].as_str() } else { "none" };
        return allowed(&format!("{}{word}{}", &expression[..open], &expression[close + 1..]), licences);
    }
    let known = |one: &str| licences.iter().any(|licence| licence == one.trim().trim_end_matches('+'));
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(known))
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let licences = ["MIT".to_owned(), "ISC".to_owned(), "MPL-2.0".to_owned()];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND ISC", true),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MIT) AND AGPL-3.0", false),
        ("Apache-2.0/MIT", true),
        ("MPL-2.0+", true),
        ("", false),
    ] {
        assert_eq!(allowed(expression, &licences), met, "{expression:?}");
    }
}

#[test]
fn every_crate_has_a_licence_that_we_allow() {
    let licences = list("allow");
    assert!(licences.contains(&"MIT".to_owned()), "{licences:?}");
    let refused: Vec<_> = packages()
        .into_iter()
        .filter(|package| !allowed(package["license"].as_str().unwrap_or_default(), &licences))
        .map(|package| format!("{} ({})", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn no_crate_is_banned_or_from_elsewhere() {
    let banned = list("deny");
    assert!(banned.contains(&"openssl-sys".to_owned()), "{banned:?}");
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.iter().any(|one| one == name), "{name} is banned");
        assert!(
            package["source"].is_null() || package["source"] == CRATES_IO,
            "{name} comes from {}",
            package["source"]
        );
    }
}
