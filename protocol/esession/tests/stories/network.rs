//! Two ends with a network between them that drops, doubles, swaps and corrupts.

use esession::{Element, Error, Group, Misuse, Policy, Session, Standing};
use proptest::prelude::*;

use crate::world::{Dice, End, base64, negotiate, negotiate_through, over_the_wire, unbase64};

#[derive(Clone, Debug)]
enum Step {
    /// Somebody sends; `true` is Alice.
    Send(bool),
    Rekey(bool),
    /// The oldest stanza towards that end arrives.
    Deliver(bool),
    Attack(bool, Attack),
}

#[derive(Clone, Debug)]
enum Attack {
    Drop,
    Double,
    Swap,
    Flip(usize),
    Reflect,
    Replay,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<bool>().prop_map(Step::Send),
        2 => any::<bool>().prop_map(Step::Rekey),
        8 => any::<bool>().prop_map(Step::Deliver),
        1 => (any::<bool>(), attack()).prop_map(|(towards, attack)| Step::Attack(towards, attack)),
    ]
}

fn attack() -> impl Strategy<Value = Attack> {
    prop_oneof![
        Just(Attack::Drop),
        Just(Attack::Double),
        Just(Attack::Swap),
        any::<usize>().prop_map(Attack::Flip),
        Just(Attack::Reflect),
        Just(Attack::Replay),
    ]
}

/// One direction: what was sent, what is under way, and what was delivered.
#[derive(Default)]
struct Line {
    sent: Vec<String>,
    under_way: Vec<Element>,
    delivered: usize,
    last: Option<Element>,
    deaths: usize,
}

impl Line {
    fn send(&mut self, from: &mut Session, to: &Session, rekey: bool, rng: &mut Dice) {
        let content = format!("<body>{}</body>", self.sent.len());
        let c = if rekey && from.may_rekey() { from.rekey(&content, rng) } else { from.seal(&content) };
        match c {
            Ok(c) => {
                crate::repudiation::nobody_takes_what_is_published(&c, [from, to]);
                self.sent.push(content);
                self.under_way.push(over_the_wire(&c));
            }
            Err(error) => assert_eq!(error, Error::Misuse(Misuse::Closed)),
        }
    }

    /// The property: only what was sent comes out, once and in order; the first lie ends the session, once.
    fn deliver(&mut self, to: &mut Session) {
        if self.under_way.is_empty() {
            return;
        }
        let c = self.under_way.remove(0);
        let before = to.standing();
        match to.open(&c) {
            Ok(opened) => {
                assert_eq!(before, Standing::Open);
                assert_eq!(Some(opened.content.expose()), self.sent.get(self.delivered).map(String::as_str));
                self.delivered += 1;
            }
            Err(Error::Misuse(Misuse::Closed)) => assert_eq!(before, Standing::Broken),
            Err(_) => {
                self.deaths += 1;
                assert_eq!((before, to.standing()), (Standing::Open, Standing::Broken));
                assert!(esession::dangerous::state(to).is_none());
            }
        }
        self.last = Some(c);
    }
}

fn corrupt(c: &Element, place: usize) -> Element {
    let part = if place.is_multiple_of(3) { "mac" } else { "data" };
    let text = c.children().find(|child| child.name() == part).unwrap().text();
    let mut octets = unbase64(&text);
    let place = place % octets.len();
    octets[place] ^= 1 << (place % 8);
    String::from(c).replace(&text, &base64(&octets)).parse().unwrap()
}

fn play(end: &End, steps: &[Step]) {
    let rng = &mut Dice(1);
    let (alice, bob) = negotiate(end, end, 7);
    let (mut alice, mut bob) = (alice.session, bob.session);
    let [mut to_bob, mut to_alice] = [Line::default(), Line::default()];
    let mut attacked = [false, false];
    for step in steps {
        match step {
            Step::Send(true) => to_bob.send(&mut alice, &bob, false, rng),
            Step::Send(false) => to_alice.send(&mut bob, &alice, false, rng),
            Step::Rekey(true) => to_bob.send(&mut alice, &bob, true, rng),
            Step::Rekey(false) => to_alice.send(&mut bob, &alice, true, rng),
            Step::Deliver(true) => to_alice.deliver(&mut alice),
            Step::Deliver(false) => to_bob.deliver(&mut bob),
            Step::Attack(towards_alice, attack) => {
                let (line, other) = if *towards_alice { (&mut to_alice, &to_bob) } else { (&mut to_bob, &to_alice) };
                let reflected = other.under_way.first().or(other.last.as_ref()).cloned();
                let happened = apply(attack, line, reflected);
                attacked[usize::from(*towards_alice)] |= happened;
            }
        }
    }
    while !to_bob.under_way.is_empty() {
        to_bob.deliver(&mut bob);
    }
    while !to_alice.under_way.is_empty() {
        to_alice.deliver(&mut alice);
    }
    for (line, session, attacked) in [(&to_bob, &bob, attacked[0]), (&to_alice, &alice, attacked[1])] {
        assert!(line.deaths <= 1, "a session dies once");
        if !attacked {
            assert_eq!((line.delivered, line.deaths), (line.sent.len(), 0), "no harm without an attack");
            assert_eq!(session.standing(), Standing::Open);
        }
    }
}

fn apply(attack: &Attack, line: &mut Line, reflected: Option<Element>) -> bool {
    match attack {
        Attack::Drop if !line.under_way.is_empty() => drop(line.under_way.remove(0)),
        Attack::Double if !line.under_way.is_empty() => line.under_way.insert(0, line.under_way[0].clone()),
        Attack::Swap if line.under_way.len() > 1 => line.under_way.swap(0, 1),
        Attack::Flip(place) if !line.under_way.is_empty() => line.under_way[0] = corrupt(&line.under_way[0], *place),
        Attack::Replay if line.last.is_some() => line.under_way.insert(0, line.last.clone().unwrap()),
        Attack::Reflect if reflected.is_some() => line.under_way.insert(0, reflected.unwrap()),
        _ => return false,
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_forged_comes_out_and_a_session_dies_once(steps in prop::collection::vec(step(), 1..80)) {
        play(&End::toy(), &steps);
    }

    #[test]
    fn any_change_to_any_form_is_noticed_by_somebody(message in 1_u8..=4, place in any::<usize>(), bit in 0_u32..7) {
        let mut changed = false;
        let outcome = negotiate_through(&End::toy(), &End::toy(), 3, |current, form| {
            if current == message {
                let original = String::from(&*form);
                let mut octets = original.clone().into_bytes();
                let place = place % octets.len();
                octets[place] ^= 1 << bit;
                // what is no XML any more never arrives
                if let Some(edited) = String::from_utf8(octets).ok().and_then(|text| text.parse::<Element>().ok()) {
                    let normal = |form| esession::dangerous::normalize(form, esession::Profile::Xep);
                    let same = normal(&edited) == normal(form);
                    let proofs = |form: &Element| ["identity", "mac"].map(|var| {
                        form.children().find(|field| field.attr("var") == Some(var)).map(Element::text)
                    });
                    changed = !same || proofs(&edited) != proofs(form);
                    *form = edited;
                }
            }
        });
        prop_assert!(!changed || outcome.is_err());
    }
}

/// Long conversations, with an attack now and then: a session that dies is followed by another.
#[test]
fn a_million_steps_without_a_forged_word() {
    let end = End::new(Policy { hybrid: false, ..crate::world::toy() });
    let (mut total, mut seed) = (0_usize, 0);
    while total < 1_000_000 {
        seed += 1;
        let dice = &mut Dice(seed);
        let mut below = |end: u64| Rng::next_u64(dice) % end;
        let length = 200 + usize::try_from(below(3000)).unwrap();
        let steps: Vec<Step> = (0..length)
            .map(|_| {
                let alice = below(2) == 0;
                match below(2000) {
                    0 => Step::Attack(alice, Attack::Drop),
                    1 => Step::Attack(alice, Attack::Double),
                    2 => Step::Attack(alice, Attack::Swap),
                    3 => Step::Attack(alice, Attack::Flip(usize::try_from(below(1 << 20)).unwrap())),
                    4 => Step::Attack(alice, Attack::Reflect),
                    5 => Step::Attack(alice, Attack::Replay),
                    6..100 => Step::Rekey(alice),
                    100..900 => Step::Send(alice),
                    _ => Step::Deliver(alice),
                }
            })
            .collect();
        total += steps.len();
        play(&end, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_in_a_real_group(steps in prop::collection::vec(step(), 1..40)) {
        play(&End::new(Policy { groups: vec![Group::Modp14], rekey_freq: 1, ..Policy::default() }), &steps);
    }
}
