//! Sessions with who is not there (XEP-0187).

use esession::{
    Binding, Credentials, Element, Error, Identification, Misbehaviour, Misuse, OfflineReceiver, OfflineSender, Policy,
    Published, Replays, Secret, StanzaKind,
};

use minidom::rxml::{Namespace, xml_ncname};

use crate::public_keys::{ends, rsa_keys};
use crate::world::{Dice, End, add, base64, field, over_the_wire, remove, set_values, unbase64, value};

const NOW: u64 = 1_795_392_000;
const LATER: u64 = NOW + 3600;

fn pair() -> [End; 2] {
    ends(&[Identification::Key], &[Identification::Key])
}

pub(crate) fn published(alice: &End) -> Published {
    Published::make(&alice.policy, LATER, None, &[alice.signing_key.clone().unwrap()], &mut Dice(1)).unwrap()
}

pub(crate) fn begin(bob: &End, options: &Element, seed: u64) -> Result<(OfflineSender, Element), Error> {
    let options = over_the_wire(options);
    OfflineSender::begin(&bob.policy, &options, &bob.binding, &bob.credentials(), NOW, &mut Dice(seed))
}

fn single(bob: &End, options: &Element, seed: u64, content: &str) -> (Element, Element) {
    let credentials = bob.credentials();
    OfflineSender::single(&bob.policy, options, &bob.binding, &credentials, NOW, content, &mut Dice(seed)).unwrap()
}

pub(crate) fn accept(
    alice: &End,
    published: &Published,
    form: &Element,
    seen: &mut Replays,
) -> Result<OfflineReceiver, Error> {
    published.accept(&alice.policy, &over_the_wire(form), &alice.binding, &alice.credentials(), NOW, seen)
}

#[test]
fn who_is_away_reads_in_order_what_was_written_meanwhile() {
    let [alice_key, bob_key] = rsa_keys();
    let [mut alice, mut bob] = pair();
    alice.binding = Binding::between("alice@example.org", "bob@example.net");
    bob.binding = Binding::between("bob@example.net", "alice@example.org");
    let published = published(&alice);
    let (mut sender, form) = begin(&bob, published.form(), 2).unwrap();
    assert_eq!((&sender.peer_key, sender.match_resource.as_deref()), (alice_key.public(), None));
    assert!(sender.agreed.hybrid);
    let said = ["<body>one</body>", "<body>two</body>"].map(|content| sender.seal(content).unwrap());
    let end = sender.terminate().unwrap();

    // She comes back with what she has stored.
    let back = Published::restore(over_the_wire(published.form()), Secret::new(published.seed().expose()));
    assert!(back.expects(&form) && back.expires() == Some(LATER));
    let other = Published::make(&alice.policy, LATER, None, &[alice.signing_key.clone().unwrap()], &mut Dice(7));
    assert!(!other.unwrap().expects(&form), "it is for other options");
    let mut alice = accept(&alice, &back, &form, &mut Replays::default()).unwrap();
    assert_eq!(&alice.peer_key, bob_key.public());
    assert!(alice.agreed.bound && alice.agreed.hybrid);
    for (c, content) in said.iter().zip(["<body>one</body>", "<body>two</body>"]) {
        let said = alice.open(&over_the_wire(c)).unwrap();
        assert_eq!((said.content.expose().trim_end(), said.is_last), (content, false));
    }
    let said = alice.open(&end).unwrap();
    assert_eq!((said.content.expose(), said.is_last), ("", true));
    assert_eq!(alice.open(&end).unwrap_err(), Error::Misuse(Misuse::Closed));
}

#[test]
fn a_single_stanza_needs_no_session() {
    for hybrid in [true, false] {
        let [alice, mut bob] = pair();
        bob.policy.hybrid = hybrid;
        let published = published(&alice);
        let (form, c) = single(&bob, published.form(), 2, "<body>only this</body>");
        let mut alice = accept(&alice, &published, &form, &mut Replays::default()).unwrap();
        assert_eq!(alice.agreed.hybrid, hybrid);
        let said = alice.open(&c).unwrap();
        assert_eq!((said.content.expose().trim_end(), said.is_last), ("<body>only this</body>", true));
        assert_eq!(alice.open(&c).unwrap_err(), Error::Misuse(Misuse::Closed));
    }
}

#[test]
fn what_came_once_does_not_come_again_whatever_is_new_about_it() {
    let [alice, bob] = pair();
    let published = published(&alice);
    let mut seen = Replays::default();
    let (form, _) = single(&bob, published.form(), 2, "<body>pay him</body>");
    accept(&alice, &published, &form, &mut seen).unwrap();
    // Also after she has been away again.
    let mut seen = Replays::restore(seen.marks().copied());
    assert_eq!(accept(&alice, &published, &form, &mut seen).unwrap_err(), Error::Replayed);

    // Bob is not to use one of his values twice, if he must use the other anew.
    let (other, _) = single(&bob, published.form(), 3, "<body>pay her</body>");
    for var in ["dhkeys", "my_nonce"] {
        let mut mixed = other.clone();
        set_values(&mut mixed, var, &[&value(&form, var)]);
        assert_eq!(accept(&alice, &published, &mixed, &mut seen).unwrap_err(), Error::Replayed, "{var}");
    }
    accept(&alice, &published, &other, &mut seen).unwrap();
    assert_eq!(seen.marks().count(), 4);
}

/// Else anybody could use up the values of who wrote in earnest.
#[test]
fn what_is_refused_leaves_no_mark() {
    let [alice, bob] = pair();
    let published = published(&alice);
    let mut seen = Replays::default();
    let (form, _) = single(&bob, published.form(), 2, "<body>hello</body>");
    let mut forged = form.clone();
    set_values(&mut forged, "mac", &[&base64(&[7; 32])]);
    assert_eq!(accept(&alice, &published, &forged, &mut seen).unwrap_err(), Error::DecryptFailed);
    assert_eq!(seen, Replays::default());
    accept(&alice, &published, &form, &mut seen).unwrap();
}

#[test]
fn nobody_writes_to_options_that_have_ended_and_nobody_reads_what_came_for_them() {
    let [alice, bob] = pair();
    let published = published(&alice);
    let write = |now| {
        let (policy, options) = (&bob.policy, published.form());
        OfflineSender::begin(policy, options, &bob.binding, &bob.credentials(), now, &mut Dice(2)).map(|(_, form)| form)
    };
    assert_eq!(write(LATER).unwrap_err(), Error::Expired);
    let form = write(LATER - 1).unwrap();
    let read = |now| {
        let (policy, credentials) = (&alice.policy, alice.credentials());
        published.accept(policy, &form, &alice.binding, &credentials, now, &mut Replays::default()).map(|_| ())
    };
    assert_eq!(read(LATER + 1).unwrap_err(), Error::Expired);
    read(LATER).unwrap();
}

/// Whoever could change them would have Bob write to somebody else, or with less.
#[test]
fn options_count_as_they_were_signed_by_somebody_bob_trusts() {
    let [alice, mut bob] = pair();
    let published = published(&alice);
    let vars: Vec<String> =
        published.form().children().filter_map(|field| Some(field.attr("var")?.to_owned())).collect();
    for var in &vars {
        if var == "signs" {
            continue;
        }
        let mut changed = published.form().clone();
        field(&mut changed, var).set_attr(Namespace::NONE, xml_ncname!("label").to_owned(), "changed");
        assert_eq!(begin(&bob, &changed, 2).unwrap_err(), Error::UnknownKey, "{var}");
    }
    let mut more = published.form().clone();
    add(&mut more, "x-more", &["1"]);
    assert_eq!(begin(&bob, &more, 2).unwrap_err(), Error::UnknownKey);
    let mut unsigned = published.form().clone();
    set_values(&mut unsigned, "signs", &[]);
    assert_eq!(begin(&bob, &unsigned, 2).unwrap_err(), Error::UnknownKey);
    set_values(&mut unsigned, "signs", &["?"]);
    assert_eq!(begin(&bob, &unsigned, 2).unwrap_err(), Error::BadField("signs".into()));
    // One that he trusts is enough.
    let mut two = published.form().clone();
    set_values(&mut two, "signs", &[&base64(&[1; 256]), &value(published.form(), "signs")]);
    begin(&bob, &two, 2).unwrap();
    bob.known_keys = vec![rsa_keys()[1].public().clone()];
    assert_eq!(begin(&bob, published.form(), 2).unwrap_err(), Error::UnknownKey);
}

#[test]
fn options_are_read_to_the_letter() {
    let [alice, bob] = pair();
    let published = published(&alice);
    for (var, values, error) in [
        ("expires", vec!["tomorrow"], Error::BadField("expires".into())),
        ("expires", vec!["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"], Error::BadField("expires".into())),
        ("match_resource", vec!["a", "b"], Error::BadField("match_resource".into())),
        ("my_nonce", vec!["AAAA"], Error::BadField("my_nonce".into())),
        ("dhkeys", vec![], Error::PeerIncompatible(vec!["dhkeys".into()])),
    ] {
        let mut changed = published.form().clone();
        remove(&mut changed, var);
        add(&mut changed, var, &values);
        assert_eq!(begin(&bob, &changed, 2).unwrap_err(), error, "{var}");
    }
    for var in ["expires", "my_nonce"] {
        let mut changed = published.form().clone();
        remove(&mut changed, var);
        assert_eq!(begin(&bob, &changed, 2).unwrap_err(), Error::BadField(var.into()));
    }
    // A request is no set of options, nor the other way round.
    let rng = &mut Dice(5);
    let (_, request) = esession::Initiator::begin_signed(&alice.policy, &alice.binding, rng).unwrap();
    assert_eq!(begin(&bob, &request, 2).unwrap_err(), Error::NotImplemented(vec!["dhkeys".into()]));
    let refused =
        esession::Responder::respond_signed(&bob.policy, published.form(), &bob.binding, bob.credentials(), rng);
    assert_eq!(refused.unwrap_err(), Error::NotImplemented(vec!["dhkeys".into()]));
}

#[test]
fn bobs_floor_holds_for_options_as_well() {
    let [mut alice, mut bob] = pair();
    (alice.policy.groups, alice.policy.insecure_groups) = (vec![esession::Group::Modp5], true);
    (bob.policy.groups, bob.policy.insecure_groups) = (vec![esession::Group::Modp5], false);
    let published = published(&alice);
    assert_eq!(begin(&bob, published.form(), 2).unwrap_err(), Error::Misuse(Misuse::Policy));
    bob.policy.groups = vec![esession::Group::Modp14];
    assert_eq!(begin(&bob, published.form(), 2).unwrap_err(), Error::PeerIncompatible(vec!["modp".into()]));
}

#[test]
fn what_bob_says_is_covered_to_the_last_field() {
    let [alice, bob] = pair();
    let published = published(&alice);
    let (form, _) = single(&bob, published.form(), 2, "<body>hello</body>");
    assert!(form.children().all(|field| !matches!(field.attr("var"), Some("accept" | "init_pubkey" | "resp_pubkey"))));
    let try_with = |change: &dyn Fn(&mut Element)| {
        let mut changed = form.clone();
        change(&mut changed);
        accept(&alice, &published, &changed, &mut Replays::default()).map(|_| ()).unwrap_err()
    };
    assert_eq!(try_with(&|form| remove(form, "terminate")), Error::DecryptFailed, "the session would stay open");
    assert_eq!(try_with(&|form| set_values(form, "stanzas", &["message"])), Error::DecryptFailed);
    assert_eq!(try_with(&|form| add(form, "x-more", &["1"])), Error::DecryptFailed);
    assert_eq!(try_with(&|form| set_values(form, "nonce", &[&base64(&[1; 16])])), Error::Stray);
    assert_eq!(try_with(&|form| set_values(form, "modp", &["14"])), Error::PeerIncompatible(vec!["modp".into()]));
    let small = Error::PeerMisbehaved(Misbehaviour::BadResponderValue);
    assert_eq!(try_with(&|form| set_values(form, "dhkeys", &[&base64(&[1])])), small);
    let mut identity = unbase64(&value(&form, "identity"));
    identity[0] ^= 1;
    assert_eq!(try_with(&|form| set_values(form, "identity", &[&base64(&identity)])), Error::DecryptFailed);
    let other = Published::make(&alice.policy, LATER, None, &[rsa_keys()[0].clone()], &mut Dice(9)).unwrap();
    assert_eq!(accept(&alice, &other, &form, &mut Replays::default()).unwrap_err(), Error::Stray);
}

#[test]
fn nothing_that_goes_wrong_is_answered() {
    for error in [Error::Expired, Error::Replayed, Error::Stray] {
        assert_eq!(error.to_stanza_error(), None);
    }
}

#[test]
fn what_was_written_for_others_is_refused() {
    let [mut alice, mut bob] = pair();
    alice.binding = Binding::between("alice@example.org", "bob@example.net");
    bob.binding = Binding::between("bob@example.net", "carol@example.org");
    let published = published(&alice);
    let (form, _) = single(&bob, published.form(), 2, "<body>for Carol</body>");
    let others = Error::PeerMisbehaved(Misbehaviour::OtherEnds);
    assert_eq!(accept(&alice, &published, &form, &mut Replays::default()).unwrap_err(), others);
}

#[test]
fn options_offer_messages_and_presence_and_for_one_resource_messages_alone() {
    let [alice, bob] = pair();
    let key = [alice.signing_key.clone().unwrap()];
    let make = |resource| Published::make(&alice.policy, LATER, resource, &key, &mut Dice(1)).unwrap();
    let kinds = |published: &Published| begin(&bob, published.form(), 2).unwrap().0;
    assert_eq!(kinds(&make(None)).agreed.stanzas, [StanzaKind::Message, StanzaKind::Presence]);
    let matched = kinds(&make(Some("phone")));
    assert_eq!(matched.agreed.stanzas, [StanzaKind::Message]);
    assert_eq!(matched.match_resource.as_deref(), Some("phone"));
}

#[test]
fn without_a_key_nobody_publishes_or_writes() {
    let [alice, mut bob] = pair();
    let unsigned = Published::make(&alice.policy, LATER, None, &[], &mut Dice(1));
    assert_eq!(unsigned.unwrap_err(), Error::Misuse(Misuse::SigningKey));
    bob.signing_key = None;
    assert_eq!(begin(&bob, published(&alice).form(), 2).unwrap_err(), Error::Misuse(Misuse::SigningKey));
    let iq_only = Policy { stanzas: vec![StanzaKind::Iq], ..alice.policy.clone() };
    let refused = Published::make(&iq_only, LATER, None, &[alice.signing_key.clone().unwrap()], &mut Dice(1));
    assert_eq!(refused.unwrap_err(), Error::Misuse(Misuse::Policy));
}

/// Nothing but the seed opens what came in, and it never shows.
#[test]
fn another_seed_opens_nothing() {
    let [alice, bob] = pair();
    let published = published(&alice);
    let (form, _) = single(&bob, published.form(), 2, "<body>hello</body>");
    let other = Published::restore(published.form().clone(), Secret::new(&[1; 32]));
    assert_eq!(accept(&alice, &other, &form, &mut Replays::default()).unwrap_err(), Error::DecryptFailed);
    assert_eq!(format!("{published:?}"), "Published(..)");
    let credentials = Credentials::default();
    let anybody = published.accept(&alice.policy, &form, &alice.binding, &credentials, NOW, &mut Replays::default());
    assert!(anybody.is_ok(), "whom to trust is for the caller to say");
}
