//! Every field of every form, changed in every way of a declared list: who notices, and what exactly is answered.
//!
//! `mutations.txt` has the whole table. With `MUTATIONS=write` it is written anew, to be read before it is committed.

use std::collections::BTreeMap;

use esession::{ChainOutcome, Element, RetainedSecret, Secret};

use crate::world::{End, Failure, add, base64, field, negotiate, negotiate_through, remove, set_values, toy, unbase64};

type Change = fn(&mut Element, &str);

/// What can happen to a field.
const MUTATIONS: &[(&str, Change)] = &[
    ("removed", |form, var| remove(form, var)),
    ("without values", |form, var| set_values(form, var, &[])),
    ("with an empty value", |form, var| set_values(form, var, &[""])),
    ("with a value of nobody's", |form, var| set_values(form, var, &["~"])),
    ("with a value of nobody's behind", |form, var| append(form, var, "~")),
    ("with its first value twice", |form, var| {
        let first = texts(form, var).remove(0);
        append(form, var, &first);
    }),
    ("twice", |form, var| {
        let copy = field(form, var).clone();
        form.append_child(copy);
    }),
    ("moved to the end", |form, var| {
        let moved = field(form, var).clone();
        remove(form, var);
        form.append_child(moved);
    }),
    ("in capitals", |form, var| each_value(form, var, str::to_uppercase)),
    ("in small letters", |form, var| each_value(form, var, str::to_lowercase)),
    ("with a zero before", |form, var| each_value(form, var, |text| format!("0{text}"))),
    ("with spaces around", |form, var| each_value(form, var, |text| format!(" {text} "))),
    ("with a line break inside", |form, var| each_value(form, var, |text| insert(text, "\n"))),
    ("with markup inside", |form, var| each_value(form, var, |text| insert(text, "<&\"'>"))),
    ("a hundred times as long", |form, var| each_value(form, var, |text| text.repeat(100))),
    ("without its last character", |form, var| each_value(form, var, |text| text[..text.len().max(1) - 1].to_owned())),
    ("one octet shorter", |form, var| each_octets(form, var, |octets| octets.truncate(octets.len() - 1))),
    ("one octet longer", |form, var| each_octets(form, var, |octets| octets.push(1))),
    ("with a leading zero", |form, var| each_octets(form, var, |octets| octets.insert(0, 0))),
    ("with its first bit flipped", |form, var| flip(form, var, |octets| octets.first_mut())),
    ("with its last bit flipped", |form, var| flip(form, var, |octets| octets.last_mut())),
    ("all zeros", |form, var| each_octets(form, var, |octets| octets.fill(0))),
    ("all ones", |form, var| each_octets(form, var, |octets| octets.fill(0xff))),
    ("under another name", |form, var| {
        let values = texts(form, var);
        remove(form, var);
        add(form, "y", &values.iter().map(String::as_str).collect::<Vec<_>>());
    }),
    ("required", |form, var| {
        field(form, var).append_child(Element::bare("required", "jabber:x:data"));
    }),
];

/// The values of a field, or its options.
fn texts(form: &mut Element, var: &str) -> Vec<String> {
    let value = |child: &Element| child.children().next().unwrap_or(child).text();
    field(form, var).children().map(value).collect()
}

fn insert(text: &str, what: &str) -> String {
    let (head, tail) = text.split_at(text.len() / 2);
    format!("{head}{what}{tail}")
}

fn each_value(form: &mut Element, var: &str, change: impl Fn(&str) -> String) {
    let values: Vec<_> = texts(form, var).iter().map(|text| change(text)).collect();
    set_values(form, var, &values.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Changes what the Base64 of a field stands for; fields that are something else stay as they are.
fn each_octets(form: &mut Element, var: &str, change: impl Fn(&mut Vec<u8>)) {
    use ::base64::Engine;
    let decoded = |text: &str| ::base64::engine::general_purpose::STANDARD.decode(text).ok();
    if texts(form, var).iter().all(|text| text.len() > 20 && decoded(text).is_some()) {
        each_value(form, var, |text| {
            let mut octets = unbase64(text);
            change(&mut octets);
            base64(&octets)
        });
    }
}

fn flip(form: &mut Element, var: &str, which: impl Fn(&mut Vec<u8>) -> Option<&mut u8>) {
    each_octets(form, var, |octets| {
        if let Some(octet) = which(octets) {
            *octet ^= 1;
        }
    });
}

fn append(form: &mut Element, var: &str, more: &str) {
    let mut values = texts(form, var);
    values.push(more.to_owned());
    set_values(form, var, &values.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Two ends that share a secret, and name each other.
fn ends() -> [End; 2] {
    let secrets = vec![RetainedSecret::new(1, Secret::new(&[7; 32]), true)];
    let binding = |own, peer| esession::Binding::between(own, peer).vouched_by(&secrets);
    [binding("alice@example.org", "bob@example.net"), binding("bob@example.net", "alice@example.org")]
        .map(|binding| End { secrets: secrets.clone(), binding, ..End::new(toy()) })
}

fn still_know_each_other([alice, bob]: &[End; 2]) {
    let (alice, bob) = negotiate(alice, bob, 2);
    assert_eq!((alice.chain, bob.chain), (ChainOutcome::Continued { id: 1, verified: true }, alice.chain));
}

/// Who notices at which message, and the answer.
fn outcome([alice, bob]: &[End; 2], message: u8, var: &str, change: Change) -> Option<String> {
    let mut changed = false;
    let result = negotiate_through(alice, bob, 1, |current, form| {
        if current == message {
            let before = form.clone();
            change(form, var);
            changed = *form != before;
        }
    });
    changed.then(|| match result {
        Ok(_) => "nobody minds".to_owned(),
        Err(failure) => {
            let (who, at) = match &failure {
                Failure::Bob1(_) => ("Bob", 1),
                Failure::Alice2(_) => ("Alice", 2),
                Failure::Bob3(_) => ("Bob", 3),
                Failure::Alice4(_) => ("Alice", 4),
            };
            format!("{who} at {at}: {}", failure.on_the_wire().replace(&format!(" {var}"), " {it}"))
        }
    })
}

#[test]
fn every_change_to_every_field_has_its_exact_outcome() {
    let ends = ends();
    let mut fields: Vec<(u8, String)> = Vec::new();
    negotiate_through(&ends[0], &ends[1], 1, |message, form| {
        fields.extend(form.children().filter_map(|field| Some((message, field.attr("var")?.to_owned()))));
    })
    .unwrap();
    let mut count = 0;
    let mut table: BTreeMap<(u8, usize, String), Vec<&str>> = BTreeMap::new();
    for (message, var) in &fields {
        for (number, (_, change)) in MUTATIONS.iter().enumerate() {
            let Some(outcome) = outcome(&ends, *message, var, *change) else { continue };
            table.entry((*message, number, outcome)).or_default().push(var);
            count += 1;
        }
        still_know_each_other(&ends);
    }
    let lines = table.iter().map(|((message, number, outcome), fields)| {
        format!("{message} | {} | {outcome} | {}\n", MUTATIONS[*number].0, fields.join(" "))
    });
    let found: String = lines.collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/mutations.txt");
    if std::env::var("MUTATIONS").is_ok_and(|wish| wish == "write") {
        std::fs::write(file, &found).unwrap();
    }
    let declared = std::fs::read_to_string(file).unwrap();
    let difference: Vec<_> = found
        .lines()
        .filter(|line| !declared.lines().any(|known| known == *line))
        .map(|line| format!("found {line}"))
        .chain(declared.lines().filter(|line| !found.lines().any(|new| new == *line)).map(|line| format!("not {line}")))
        .collect();
    assert!(difference.is_empty(), "{difference:#?}");
    assert!(count >= 1000, "only {count} negotiations");
}
