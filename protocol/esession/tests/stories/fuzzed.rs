//! What any octets may do: nothing. The targets of `../fuzz` call these; here the corpora that they found are played again.

use esession::{
    Binding, Credentials, Element, Established, Group, Identification, Initiator, Management, OfflineSender, Policy,
    PublicKey, Published, PublishedKey, Replays, Responder, Session, SigningKey,
};

use crate::dice::Dice;

/// The octets as an element, as a caller parses what arrives: with a limit on the depth (that is its business).
fn element(data: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(data).ok()?;
    let shallow = text.matches('<').count() < 400;
    text.parse().ok().filter(|_| shallow)
}

fn toy() -> Policy {
    let every = vec![Identification::None, Identification::Key, Identification::Hash];
    Policy {
        groups: vec![Group::Toy],
        insecure_groups: true,
        own_identification: vec![Identification::None],
        peer_identification: every,
        ..Policy::default()
    }
}

/// Any form, as each of the four messages.
pub(crate) fn form(data: &[u8]) {
    let Some(form) = element(data) else { return };
    let (policy, rng, binding) = (toy(), &mut Dice(1), Binding::between("alice@x", "bob@y"));
    drop(esession::extra_fields(&form));
    let _ = esession::namespaces::negotiation_form(&form);
    drop(Responder::respond(&policy, &form, &binding, rng));
    drop(Responder::respond_signed(&policy, &form, &binding, Credentials::default(), rng));
    drop(Responder::decline(&form));
    let (alice, form_a) = Initiator::begin(&policy, &binding, rng).unwrap();
    let _ = alice.expects(&form);
    drop(alice.handle_response(&form, Credentials::default(), rng));
    let peer = Binding::between("bob@y", "alice@x");
    let (bob, form_b) = Responder::respond(&policy, &form_a, &peer, rng).unwrap();
    let _ = bob.expects(&form);
    drop(bob.handle_identity(&form, Credentials::default(), rng));
    let (alice, form_a) = Initiator::begin(&policy, &binding, rng).unwrap();
    drop(form_b);
    let (_, form_b) = Responder::respond(&policy, &form_a, &peer, rng).unwrap();
    let (alice, _) = alice.handle_response(&form_b, Credentials::default(), rng).unwrap();
    let _ = alice.expects(&form);
    drop(alice.handle_completion(&form));
}

/// Any `<c/>`, in an open session and in one that is ending.
pub(crate) fn c(data: &[u8]) {
    let Some(c) = element(data) else { return };
    let (mut alice, mut bob) = sessions();
    assert!(alice.open(&c).is_err(), "nobody can make one without the keys");
    drop(bob.terminate());
    assert!(bob.open(&c).is_err());
}

/// Any `<KeyValue/>`: one key has one spelling.
pub(crate) fn key_value(data: &[u8]) {
    let Some(key) = element(data).and_then(|element| PublicKey::from_element(&element).ok()) else { return };
    assert_eq!(PublicKey::from_element(&key.to_element()).as_ref(), Ok(&key));
    assert!(!key.verify(b"anything", data));
}

/// Any `<pubkey/>`: what is read is written and read again as the same.
pub(crate) fn pubkey(data: &[u8]) {
    let Some(key) = element(data).and_then(|element| PublishedKey::from_element(&element).ok()) else { return };
    assert_eq!(PublishedKey::from_element(&key.to_element().unwrap()).as_ref(), Ok(&key));
}

/// Any content of the peer: it is content, or says something about the session, and the session goes on or ends.
pub(crate) fn content(data: &[u8]) {
    let Ok(content) = std::str::from_utf8(data) else { return };
    let (mut alice, mut bob) = sessions();
    let Ok(opened) = bob.open(&alice.seal(content).unwrap()) else { return };
    assert_eq!(opened.content.expose(), content.trim_end_matches(' '));
    if let Some(Management::Proposed(proposal)) = &opened.management {
        let (terms, c) = bob.answer(proposal, &toy()).unwrap();
        assert!(terms.is_none_or(|terms| terms.logging != Some(esession::Logging::MustNot)), "not in the policy");
        assert_eq!(alice.open(&c).unwrap().management, None, "nobody had proposed anything");
    }
    if opened.ending.is_none() {
        assert!(alice.open(&bob.seal("<body/>").unwrap()).is_ok());
    }
}

/// Any changes to what is published, and to what is left. What is read is what was left.
pub(crate) fn offline(data: &[u8]) {
    let edits = Edit::all(data);
    let rng = &mut Dice(4);
    let (policy, [alice, bob]) = (toy(), keys());
    let now = 1_795_392_000;
    let published = Published::make(&policy, now + 1, None, std::slice::from_ref(&alice), rng).unwrap();
    let credentials = |own: &SigningKey, known: &SigningKey| Credentials {
        signing_key: Some(own.clone()),
        known_keys: vec![known.public().clone()],
        ..Credentials::default()
    };
    let options = Edit::apply_all(&edits, 0, published.form().clone());
    let (alices, bobs) = (Binding::between("alice@x", "bob@y"), Binding::between("bob@y", "alice@x"));
    let of_bob = credentials(&bob, &alice);
    let Ok((form, c)) = OfflineSender::single(&policy, &options, &bobs, &of_bob, now, "<body/>", rng) else { return };
    let form = Edit::apply_all(&edits, 1, form);
    let mut seen = Replays::default();
    let of_alice = credentials(&alice, &bob);
    let Ok(mut read) = published.accept(&policy, &form, &alices, &of_alice, now, &mut seen) else {
        assert_eq!(seen.marks().count(), 0);
        return;
    };
    assert_eq!(read.peer_key, *bob.public());
    assert_eq!(read.open(&c).unwrap().content.expose().trim_end(), "<body/>");
    assert!(published.accept(&policy, &form, &alices, &of_alice, now, &mut seen).is_err(), "twice");
}

/// Any changes to the fields of the forms while they are under way. Where both ends end up with a session it is the same.
pub(crate) fn machine(data: &[u8]) {
    let edits = Edit::all(data);
    let meddle = |message: u8, form: Element| Edit::apply_all(&edits, message, form);
    let (policy, rng) = (toy(), &mut Dice(3));
    let (alices, bobs) = (Binding::between("alice@x", "bob@y"), Binding::between("bob@y", "alice@x"));
    let (alice, form_a) = Initiator::begin(&policy, &alices, rng).unwrap();
    let Ok((bob, form_b)) = Responder::respond(&policy, &meddle(0, form_a), &bobs, rng) else { return };
    let Ok((alice, form_a2)) = alice.handle_response(&meddle(1, form_b), Credentials::default(), rng) else { return };
    let Ok((bob, form_b2)) = bob.handle_identity(&meddle(2, form_a2), Credentials::default(), rng) else { return };
    let Ok(alice) = alice.handle_completion(&meddle(3, form_b2)) else { return };
    assert_eq!((&alice.sas, alice.agreed.cipher, alice.agreed.hash), (&bob.sas, bob.agreed.cipher, bob.agreed.hash));
    assert_eq!((alice.agreed.disclosure, alice.agreed.logging), (bob.agreed.disclosure, bob.agreed.logging));
    let [mut alice, mut bob] = [alice, bob].map(|end: Established| end.session);
    assert_eq!(bob.open(&alice.seal("<body/>").unwrap()).unwrap().content.expose().trim_end(), "<body/>");
    assert_eq!(alice.open(&bob.seal("<body/>").unwrap()).unwrap().content.expose().trim_end(), "<body/>");
}

/// One change: at which message, to which field, and how.
struct Edit<'a> {
    message: u8,
    field: usize,
    how: u8,
    text: &'a [u8],
}

impl<'a> Edit<'a> {
    fn all(data: &'a [u8]) -> Vec<Self> {
        data.split(|octet| *octet == 0xff).filter_map(Self::read).take(8).collect()
    }

    fn apply_all(edits: &[Self], message: u8, form: Element) -> Element {
        edits.iter().filter(|edit| edit.message == message).fold(form, |form, edit| edit.apply(form))
    }

    fn read(data: &'a [u8]) -> Option<Self> {
        let [message, field, how, text @ ..] = data else { return None };
        Some(Self { message: message % 4, field: usize::from(*field), how: how % 6, text })
    }

    fn apply(&self, form: Element) -> Element {
        let mut fields: Vec<Element> = form.children().cloned().collect();
        let count = fields.len().max(1);
        let place = self.field % count;
        let text = String::from_utf8_lossy(self.text).replace(|c: char| c.is_control() || c > '\u{fff0}', "");
        let Some(field) = fields.get_mut(place) else { return form };
        let value = || Element::builder("value", "jabber:x:data").append(text.clone()).build();
        match self.how {
            0 => drop(fields.remove(place)),
            1 => {
                field.take_nodes();
                field.append_child(value());
            }
            2 => {
                field.append_child(value());
            }
            3 => fields.swap(place, 0),
            4 => {
                let copy = field.clone();
                fields.push(copy);
            }
            _ => drop(field.take_nodes()),
        }
        let mut changed = form;
        changed.take_nodes();
        for field in fields {
            changed.append_child(field);
        }
        changed
    }
}

/// Made by openssl, so that nobody has to wait for primes.
fn keys() -> [SigningKey; 2] {
    use base64::Engine;
    [include_str!("keys/rsa-2048-a.b64"), include_str!("keys/rsa-2048-b.b64")].map(|key| {
        let octets = base64::engine::general_purpose::STANDARD.decode(key.trim()).unwrap();
        SigningKey::from_pkcs8(&octets).unwrap()
    })
}

fn sessions() -> (Session, Session) {
    let (policy, rng) = (toy(), &mut Dice(2));
    let none = Credentials::default;
    let (alice, form_a) = Initiator::begin(&policy, &Binding::default(), rng).unwrap();
    let (bob, form_b) = Responder::respond(&policy, &form_a, &Binding::default(), rng).unwrap();
    let (alice, form_a2) = alice.handle_response(&form_b, none(), rng).unwrap();
    let (bob, form_b2) = bob.handle_identity(&form_a2, none(), rng).unwrap();
    (alice.handle_completion(&form_b2).unwrap().session, bob.session)
}

#[cfg(test)]
mod corpora {
    use super::*;

    #[test]
    fn whatever_was_found_is_still_harmless() {
        for (name, target) in [
            ("form", form as fn(&[u8])),
            ("c", c),
            ("key_value", key_value),
            ("machine", machine),
            ("pubkey", pubkey),
            ("content", content),
            ("offline", offline),
        ] {
            let dir = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(files.len() > 10, "{dir}: only {}", files.len());
            files.iter().for_each(|file| target(&std::fs::read(file).unwrap()));
        }
    }
}
