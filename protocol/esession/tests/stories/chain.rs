//! Retained secrets: the chain that lets users compare once, and the two attacks on it (esessions W1 and W2).

use esession::{
    Binding, ChainOutcome, Credentials, Element, Error, Evidence, Hash, Initiator, Policy, Responder, RetainedSecret,
    SasMethod, Secret, dangerous, extra_fields,
};

use crate::world::{
    Dice, End, Failure, base64, field, negotiate, negotiate_through, over_the_wire, set_values, toy, unbase64, value,
};

fn secret(id: u64, octet: u8, verified: bool) -> RetainedSecret {
    RetainedSecret::new(id, Secret::new(&[octet; 32]), verified)
}

fn end(secrets: &[RetainedSecret]) -> End {
    End { secrets: secrets.to_vec(), ..End::toy() }
}

#[test]
fn one_comparison_covers_every_later_session() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 1);
    assert_eq!((alice.chain, bob.chain), (ChainOutcome::New, ChainOutcome::New));
    assert!(!alice.new_secret.is_verified());
    assert_eq!(alice.sas.long, bob.sas.long);
    assert!(alice.new_secret.verify(Evidence::Code) && bob.new_secret.verify(Evidence::Code));
    for round in 2..6 {
        (alice.new_secret.id, bob.new_secret.id) = (round, round + 100);
        (alice, bob) = negotiate(&end(&[alice.new_secret]), &end(&[bob.new_secret]), round);
        assert_eq!(alice.chain, ChainOutcome::Continued { id: round, verified: true });
        assert_eq!(bob.chain, ChainOutcome::Continued { id: round + 100, verified: true });
        assert!(alice.new_secret.is_verified() && bob.new_secret.is_verified());
        assert_eq!(alice.new_secret.value().expose(), bob.new_secret.value().expose());
    }
}

#[test]
fn the_right_one_is_found_among_many_and_the_number_does_not_show() {
    for count in 0..=8 {
        let secrets: Vec<_> = (0..count).map(|n| secret(u64::from(n), n, n == 3)).collect();
        let mut announced = 0;
        let (alice, bob) = negotiate_through(&end(&secrets), &end(&[secret(77, 3, false)]), 10, |message, form| {
            if message == 3 {
                announced = field(form, "rshashes").children().count();
            }
        })
        .unwrap();
        assert_eq!(announced, 8);
        if count > 3 {
            assert_eq!(alice.chain, ChainOutcome::Continued { id: 3, verified: true });
            assert_eq!(bob.chain, ChainOutcome::Continued { id: 77, verified: false });
        } else {
            assert_eq!(bob.chain, ChainOutcome::Lost { was_verified: false });
        }
    }
}

#[test]
fn the_place_of_the_real_hash_is_random() {
    let mut places = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let known = secret(1, 9, true);
        let mut forms = Vec::new();
        negotiate_through(&end(std::slice::from_ref(&known)), &End::toy(), seed, |_, form| forms.push(form.clone()))
            .unwrap();
        let nonce = unbase64(&value(&forms[0], "my_nonce"));
        let real = base64(&dangerous::secret_hashes(&known, &nonce).0);
        places.insert(field(&mut forms[2], "rshashes").children().position(|hash| hash.text() == real).unwrap());
    }
    assert_eq!(places.len(), 8);
}

#[test]
fn a_lost_chain_is_visible_at_both_ends() {
    let (alice, bob) = negotiate(&end(&[secret(1, 1, true)]), &end(&[secret(2, 2, false)]), 20);
    assert_eq!(alice.chain, ChainOutcome::Lost { was_verified: true });
    assert_eq!(bob.chain, ChainOutcome::Lost { was_verified: false });
    assert!(!alice.new_secret.is_verified() && !bob.new_secret.is_verified());
}

/// W1: five characters that a man in the middle can grind never verify anybody.
#[test]
fn the_short_code_alone_never_verifies() {
    let (mut alice, _) = negotiate(&End::toy(), &End::toy(), 30);
    assert!(!alice.new_secret.verify(Evidence::ShortCode));
    assert!(!alice.new_secret.is_verified());
    assert!(alice.new_secret.derive("label", b"context").is_none());
    assert!(alice.new_secret.verify(Evidence::Code));
    assert!(alice.new_secret.verify(Evidence::ShortCode), "and it takes nothing away either");
}

/// W1: a man in the middle grinds the random `rshashes` until a prefix of the short code is the same on both legs (two
/// of the five characters here, to be quick). The long code covers committed values only and still differs.
#[test]
fn grinding_the_short_code_does_not_move_the_long_one() {
    let policy = Policy { sas_methods: vec![SasMethod::Sas28x5], ..toy() };
    let rng = &mut Dice(31);
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let (mallory_a, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng).unwrap();
    let (alice, form_a2) = alice.handle_response(&form_b, Credentials::default(), rng).unwrap();
    drop(mallory_a.handle_identity(&form_a2, Credentials::default(), rng).unwrap());

    let (nonce, private) = ([7; 16], [0xaa; 40]);
    let (mallory_b, form_m) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    drop(mallory_b);
    // Mallory's own request with an exponent he knows, so that he can make message 3 again and again
    let e = dangerous::power(esession::Group::Toy, &[2], &private).unwrap();
    let mut form_m = form_m;
    let commitment = base64(&dangerous::sha256(dangerous::mpi(&e)));
    set_values(&mut form_m, "dhhashes", &[&commitment]);
    let (_bob, form_b) = dangerous::respond(&policy, &form_m, &nonce, 1 << 126, &[0xbb; 40]).unwrap();
    let same_short = (0..20_000_u32).find_map(|filler| {
        let again = dangerous::await_response(&policy, &form_m, &[(esession::Group::Toy, private.to_vec())]);
        let filler = dangerous::sha256(&filler.to_be_bytes());
        let (state, _) = dangerous::identify(again.unwrap(), &form_b, &[filler], Credentials::default(), None).unwrap();
        (state.sas().short[..2] == alice.sas().short[..2]).then(|| state.sas().clone())
    });
    let ground = same_short.expect("the short code can be ground");
    assert_ne!(ground.long, alice.sas().long);
}

#[test]
fn committed_codes_do_not_depend_on_what_is_revealed_last() {
    let sas = |method, m_a: &[u8], e: &[u8]| dangerous::sas(method, m_a, "form A", "form B", e);
    for method in [SasMethod::Sas28x5, SasMethod::Committed28x5] {
        assert_eq!(sas(method, b"one", b"e").long, sas(method, b"two", b"e").long);
        assert_ne!(sas(method, b"one", b"e").long, sas(method, b"one", b"f").long);
        assert_ne!(sas(method, b"one", b"e").short, sas(method, b"one", b"e").long[..5]);
    }
    let [old, ours] = [SasMethod::Sas28x5, SasMethod::Committed28x5]
        .map(|method| move |m_a: &'static [u8], e: &'static [u8]| dangerous::sas(method, m_a, "form A", "form B", e));
    assert_ne!(old(b"one", b"e").short, old(b"two", b"e").short);
    assert_eq!(ours(b"one", b"e").short, ours(b"two", b"e").short);
    assert_ne!(ours(b"one", b"e").short, ours(b"one", b"f").short);
    // what counts: five characters of ours, or sixteen
    assert_eq!((ours(b"one", b"e").code().len(), old(b"one", b"e").code().len()), (5, 19));
}

/// Both ends list ours first; an old client gets its own, and then only the long code counts.
#[test]
fn the_committed_code_is_taken_where_both_know_it() {
    let old = End::new(Policy { sas_methods: vec![SasMethod::Sas28x5], ..toy() });
    for (alice, bob, method) in [
        (End::toy(), End::toy(), SasMethod::Committed28x5),
        (old.clone(), End::toy(), SasMethod::Sas28x5),
        (End::toy(), old, SasMethod::Sas28x5),
    ] {
        let (alice, bob) = negotiate(&alice, &bob, 1);
        assert_eq!((alice.sas.method, &alice.sas), (method, &bob.sas));
    }
}

/// W1 against ours: whatever Mallory puts into message 3, it stays the same.
#[test]
fn the_committed_code_cannot_be_ground() {
    let rng = &mut Dice(31);
    let policy = toy();
    let private = [0xaa; 40];
    let (_, mut form_m) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let e = dangerous::power(esession::Group::Toy, &[2], &private).unwrap();
    let commitment = base64(&dangerous::sha256(dangerous::mpi(&e)));
    set_values(&mut form_m, "dhhashes", &[&commitment]);
    let (_, form_b) = dangerous::respond(&policy, &form_m, &[7; 16], 1 << 126, &[0xbb; 40]).unwrap();
    let codes: std::collections::BTreeSet<String> = (0..200_u32)
        .map(|filler| {
            let keys = [(esession::Group::Toy, private.to_vec())];
            let again = dangerous::await_response(&policy, &form_m, &keys).unwrap();
            let filler = dangerous::sha256(&filler.to_be_bytes());
            let none = Credentials::default();
            let (state, _) = dangerous::identify(again, &form_b, &[filler], none, None).unwrap();
            state.sas().code()
        })
        .collect();
    assert_eq!(codes.len(), 1);
}

/// W2: Mallory copies Alice's N_A into a request of his own and pastes her `rshashes`. Bob finds the secret, but nobody
/// ever shows him the final keys: he commits nothing, and the next session of Alice and Bob finds the chain unbroken.
#[test]
fn pasted_hashes_do_not_break_the_chain() {
    let shared = secret(1, 42, true);
    let policy = toy();
    let rng = &mut Dice(40);
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let (mallory_to_alice, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng).unwrap();
    let (alice, form_a2) =
        alice.handle_response(&form_b, Credentials::secrets(std::slice::from_ref(&shared)), rng).unwrap();
    drop(mallory_to_alice);

    // Mallory's own leg to Bob, with Alice's ID and her hashes
    let private = [0xcc; 40];
    let (_, mut form_m) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let e = dangerous::power(esession::Group::Toy, &[2], &private).unwrap();
    set_values(&mut form_m, "dhhashes", &[&base64(&dangerous::sha256(dangerous::mpi(&e)))]);
    set_values(&mut form_m, "my_nonce", &[&value(&form_a, "my_nonce")]);
    let (bob, form_b) = Responder::respond(&policy, &form_m, &Binding::default(), rng).unwrap();
    let mallory = dangerous::await_response(&policy, &form_m, &[(esession::Group::Toy, private.to_vec())]).unwrap();
    let mut hashes = form_a2.clone();
    let pasted: Vec<_> = field(&mut hashes, "rshashes").children().map(|hash| unbase64(&hash.text())).collect();
    let (mallory, form_m2) = dangerous::identify(mallory, &form_b, &pasted, Credentials::default(), None).unwrap();
    let (mut bob, form_b2) =
        bob.handle_identity(&form_m2, Credentials::secrets(std::slice::from_ref(&shared)), rng).unwrap();
    assert_eq!(bob.chain, ChainOutcome::Continued { id: 1, verified: true }, "Bob has found the secret");

    // Mallory cannot finish, so the session is never confirmed and the pending secret never replaces the shared one
    assert_eq!(mallory.handle_completion(&form_b2).unwrap_err(), Error::DecryptFailed);
    assert!(!bob.session.is_confirmed());
    let forged: Element =
        "<c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'><mac>AAAA</mac></c>".parse().unwrap();
    assert_eq!(bob.session.open(&forged).unwrap_err(), Error::DecryptFailed);
    assert!(!bob.session.is_confirmed());
    // relaying Bob's srshash to Alice does not help either: she verifies before she touches anything
    let mut relayed = form_b2.clone();
    set_values(&mut relayed, "nonce", &[&value(&form_a, "my_nonce")]);
    assert_eq!(alice.handle_completion(&relayed).unwrap_err(), Error::DecryptFailed);

    let mut pending = bob.new_secret;
    pending.id = 2;
    let (alice, bob) = negotiate(&end(std::slice::from_ref(&shared)), &end(&[pending, shared.clone()]), 41);
    assert_eq!(alice.chain, ChainOutcome::Continued { id: 1, verified: true });
    assert_eq!(bob.chain, ChainOutcome::Continued { id: 1, verified: true });
}

/// The link breaks after message 4: Alice has committed the new secret, Bob has it pending. Both are found.
#[test]
fn a_pending_secret_is_as_good_as_the_confirmed_one() {
    let shared = secret(1, 5, true);
    let (mut alice, mut bob) = negotiate(&end(std::slice::from_ref(&shared)), &end(std::slice::from_ref(&shared)), 50);
    assert!(alice.session.is_confirmed() && !bob.session.is_confirmed());
    (alice.new_secret.id, bob.new_secret.id) = (2, 2);
    let (alice, bob) = negotiate(&end(&[alice.new_secret]), &end(&[shared, bob.new_secret]), 51);
    assert_eq!(alice.chain, ChainOutcome::Continued { id: 2, verified: true });
    assert_eq!(bob.chain, ChainOutcome::Continued { id: 2, verified: true });
}

/// Message 4 is lost: only Bob knows the new secret, and Alice still has the old one. Both are searched.
#[test]
fn a_lost_last_message_loses_nothing() {
    let shared = secret(1, 6, true);
    let rng = &mut Dice(52);
    let policy = toy();
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng).unwrap();
    let (_, form_a2) =
        alice.handle_response(&form_b, Credentials::secrets(std::slice::from_ref(&shared)), rng).unwrap();
    let (mut bob, _) = bob.handle_identity(&form_a2, Credentials::secrets(std::slice::from_ref(&shared)), rng).unwrap();
    bob.new_secret.id = 2;
    let (alice, bob) = negotiate(&end(std::slice::from_ref(&shared)), &end(&[bob.new_secret, shared]), 53);
    assert_eq!(alice.chain, ChainOutcome::Continued { id: 1, verified: true });
    assert_eq!(bob.chain, ChainOutcome::Continued { id: 1, verified: true });
}

#[test]
fn a_damaged_srshash_is_noticed() {
    let shared = secret(1, 7, true);
    let ends = [end(std::slice::from_ref(&shared)), end(std::slice::from_ref(&shared))];
    let failed = negotiate_through(&ends[0], &ends[1], 54, |message, form| {
        if message == 4 {
            set_values(form, "srshash", &[&base64(&[0; 32])]);
        }
    });
    assert_eq!(failed.unwrap_err(), Failure::Alice4(Error::DecryptFailed));
}

/// The gateway's "verify once": a verified chain with one JID vouches for sessions with others.
#[test]
fn a_verified_chain_gives_other_shared_secrets() {
    let (mut alice, mut bob) = negotiate(&End::toy(), &End::toy(), 60);
    alice.new_secret.verify(Evidence::Code);
    bob.new_secret.verify(Evidence::Code);
    let of = |secret: &RetainedSecret, label: &str, context: &[u8]| secret.derive(label, context).unwrap();
    let for_contact = of(&alice.new_secret, "contact", b"bob%matrix.org@example");
    assert_eq!(for_contact.expose(), of(&bob.new_secret, "contact", b"bob%matrix.org@example").expose());
    assert_ne!(for_contact.expose(), of(&bob.new_secret, "contact", b"eve%matrix.org@example").expose());
    assert_ne!(of(&alice.new_secret, "ab", b"c").expose(), of(&alice.new_secret, "a", b"bc").expose());
    let with = || End { oss: Some(for_contact.clone()), ..End::toy() };
    let (mut contact, _) = negotiate(&with(), &with(), 61);
    assert!(contact.new_secret.verify(Evidence::OtherSecret));
}

/// The extra fields can be read before the form is answered, so that they can say which secret to use.
#[test]
fn extra_fields_are_readable_before_the_answer() {
    let extra = esession::ExtraField { var: "binding@example.org".into(), values: vec!["v1".into()] };
    let binding = Binding::default().with(extra.clone());
    let (_, form_a) = Initiator::begin(&toy(), &binding, &mut Dice(70)).unwrap();
    assert_eq!(extra_fields(&over_the_wire(&form_a)), [extra]);
}

#[test]
fn the_long_code_is_shown_in_groups_of_four() {
    let (alice, _) = negotiate(&End::toy(), &End::toy(), 1);
    let shown = format!("{:#}", alice.sas);
    assert_eq!(shown.split('-').map(str::len).collect::<Vec<_>>(), [4; 4]);
    assert_eq!((shown.replace('-', ""), format!("{}", alice.sas)), (alice.sas.long.clone(), alice.sas.short.clone()));
}

/// A hint that is noise looks like one that is not, with each hash.
#[test]
fn whatever_hints_at_a_secret_has_the_length_of_the_hash_and_comes_once() {
    for (hash, length) in [(Hash::Sha256, 32), (Hash::Whirlpool, 64)] {
        let end = End::new(Policy { hashes: vec![hash], ..toy() });
        let mut hints = Vec::new();
        drop(negotiate_through(&end, &end, 3, |number, form| {
            for var in ["rshashes", "srshash"] {
                let field = form.children().find(|field| field.attr("var") == Some(var));
                let values = field.into_iter().flat_map(Element::children).map(|value| unbase64(&value.text()));
                hints.extend(values.map(|value| (number, value)));
            }
        }));
        assert_eq!(hints.iter().filter(|(number, _)| *number == 3).count(), 8);
        assert_eq!(hints.iter().filter(|(number, _)| *number == 4).count(), 1);
        assert!(hints.iter().all(|(_, value)| value.len() == length), "{hints:?}");
        assert_eq!(hints.into_iter().map(|(_, value)| value).collect::<std::collections::BTreeSet<_>>().len(), 9);
    }
}

#[test]
fn a_secret_that_is_announced_twice_is_found() {
    let (known, rng) = ([secret(1, 1, true)], &mut Dice(9));
    let with = || Credentials::secrets(&known);
    let (alice, form_a) = Initiator::begin(&toy(), &Binding::default(), rng).unwrap();
    let (bob, form_b) = Responder::respond(&toy(), &form_a, &Binding::default(), rng).unwrap();
    let (hint, _) = dangerous::secret_hashes(&known[0], &unbase64(&value(&form_a, "my_nonce")));
    let (_, form_a2) = dangerous::identify(alice, &form_b, &[hint.clone(), hint], with(), None).unwrap();
    let (bob, _) = bob.handle_identity(&form_a2, with(), rng).unwrap();
    assert_eq!(bob.chain, ChainOutcome::Continued { id: 1, verified: true });
}
