//! Every field of every form, changed in every way of a declared list: who notices, and what exactly is answered.
//!
//! The tables are beside this file: `mutations.txt` has four messages, `mutations-three.txt` has three, `mutations-offline.txt`
//! what is published and what is left. With `MUTATIONS=write` they are written anew, to be read before they are committed.

use std::collections::BTreeMap;

use esession::{Binding, ChainOutcome, Element, Replays, RetainedSecret, Secret};

use crate::world::{
    End, Failure, add, base64, field, negotiate, negotiate_through, on_the_wire, over_the_wire, remove, set_values,
    toy, unbase64,
};
use crate::{offline, three_message};

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

/// Changes a form on its way; it gets the number of the message.
type Meddle<'a> = &'a mut dyn FnMut(u8, &mut Element);

/// Changes every field of every message of an exchange in every way, and compares who notices and what is answered with the
/// table. `exchange` says so in words, or gives `Ok` if nobody minds; it looks itself whether anything is left behind.
fn check(table: &str, least: usize, exchange: &dyn Fn(Meddle<'_>) -> Result<(), String>) {
    let mut fields: Vec<(u8, String)> = Vec::new();
    exchange(&mut |message, form| {
        fields.extend(form.children().filter_map(|field| Some((message, field.attr("var")?.to_owned()))));
    })
    .unwrap();
    let mut count = 0;
    let mut found: BTreeMap<(u8, usize, String), Vec<&str>> = BTreeMap::new();
    for (message, var) in &fields {
        for (number, (_, change)) in MUTATIONS.iter().enumerate() {
            let mut changed = false;
            let result = exchange(&mut |current, form| {
                if current == *message {
                    let before = form.clone();
                    change(form, var);
                    changed = *form != before;
                }
            });
            if changed {
                let outcome = result.map_or_else(|error| error, |()| "nobody minds".to_owned());
                let outcome = outcome.replace(&format!(" {var}"), " {it}").replace(&format!("\"{var}\""), "{it}");
                found.entry((*message, number, outcome)).or_default().push(var);
                count += 1;
            }
        }
    }
    let lines = found.iter().map(|((message, number, outcome), fields)| {
        format!("{message} | {} | {outcome} | {}\n", MUTATIONS[*number].0, fields.join(" "))
    });
    let found: String = lines.collect();
    let file = format!("{}/tests/stories/{table}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("MUTATIONS").is_ok_and(|wish| wish == "write") {
        std::fs::write(&file, &found).unwrap();
    }
    let declared = std::fs::read_to_string(&file).unwrap();
    let difference: Vec<_> = found
        .lines()
        .filter(|line| !declared.lines().any(|known| known == *line))
        .map(|line| format!("found {line}"))
        .chain(declared.lines().filter(|line| !found.lines().any(|new| new == *line)).map(|line| format!("not {line}")))
        .collect();
    assert!(difference.is_empty(), "{difference:#?}");
    assert!(count >= least, "only {count} exchanges");
}

/// Two ends that share a secret, and name each other.
fn ends() -> [End; 2] {
    let secrets = vec![RetainedSecret::new(1, Secret::new(&[7; 32]), true)];
    let binding = |own, peer| Binding::between(own, peer).vouched_by(&secrets);
    [binding("alice@example.org", "bob@example.net"), binding("bob@example.net", "alice@example.org")]
        .map(|binding| End { secrets: secrets.clone(), binding, ..End::new(toy()) })
}

/// The same with keys, and no secret.
fn signers() -> [End; 2] {
    let [mut alice, mut bob] = three_message::pair();
    alice.binding = Binding::between("alice@example.org", "bob@example.net");
    bob.binding = Binding::between("bob@example.net", "alice@example.org");
    [alice, bob]
}

#[test]
fn every_change_to_every_field_has_its_exact_outcome() {
    let [alice, bob] = ends();
    check("mutations.txt", 1000, &|meddle| {
        let failure = negotiate_through(&alice, &bob, 1, meddle).err();
        let (again, _) = negotiate(&alice, &bob, 2);
        assert_eq!(again.chain, ChainOutcome::Continued { id: 1, verified: true }, "they still know each other");
        let Some(failure) = failure else { return Ok(()) };
        let at = match &failure {
            Failure::Bob1(_) => "Bob at 1",
            Failure::Alice2(_) => "Alice at 2",
            Failure::Bob3(_) => "Bob at 3",
            Failure::Alice4(_) => "Alice at 4",
        };
        Err(format!("{at}: {}", failure.on_the_wire()))
    });
}

#[test]
fn so_it_has_in_three_messages() {
    let signers = signers();
    check("mutations-three.txt", 500, &|meddle| {
        let Err((message, error)) = three_message::negotiate_through(&signers, meddle) else { return Ok(()) };
        let who = if message == 2 { "Alice" } else { "Bob" };
        Err(format!("{who} at {message}: {}", on_the_wire(error.to_stanza_error())))
    });
}

/// Message 1 is what Alice has published, 2 is what Bob leaves for her.
#[test]
fn so_it_has_in_what_is_published_and_left() {
    let [alice, bob] = signers();
    let published = offline::published(&alice);
    check("mutations-offline.txt", 500, &|meddle| {
        let mut options = published.form().clone();
        meddle(1, &mut options);
        let (_, mut form) =
            offline::begin(&bob, &options, 2).map_err(|error| format!("Bob leaves nothing: {error:?}"))?;
        meddle(2, &mut form);
        let mut seen = Replays::default();
        let read = offline::accept(&alice, &published, &over_the_wire(&form), &mut seen);
        assert_eq!(seen.marks().count() > 0, read.is_ok(), "what is refused may come again unchanged");
        read.map(drop).map_err(|error| format!("Alice reads nothing: {error:?}"))
    });
}
