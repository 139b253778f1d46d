//! Two ends, a source of randomness that repeats itself, and a toy group that makes thousands of negotiations cheap.

use esession::{
    Binding, Credentials, Element, Error, Established, Group, Initiator, Policy, PublicKey, Responder, RetainedSecret,
    Secret, SigningKey, StanzaError,
};
use rxml::xml_ncname;

pub(crate) use crate::dice::Dice;

/// A policy over the toy group; everything else as in real life, but re-keying at any time.
pub(crate) fn toy() -> Policy {
    Policy { groups: vec![Group::Toy], insecure_groups: true, rekey_freq: 1, ..Policy::default() }
}

/// What each end brings to a negotiation.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) policy: Policy,
    pub(crate) binding: Binding,
    pub(crate) secrets: Vec<RetainedSecret>,
    pub(crate) oss: Option<Secret>,
    pub(crate) signing_key: Option<SigningKey>,
    pub(crate) known_keys: Vec<PublicKey>,
}

impl End {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, binding: Binding::default(), secrets: vec![], oss: None, signing_key: None, known_keys: vec![] }
    }

    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            secrets: self.secrets.clone(),
            other_secret: self.oss.clone(),
            signing_key: self.signing_key.clone(),
            known_keys: self.known_keys.clone(),
        }
    }

    pub(crate) fn toy() -> Self {
        Self::new(toy())
    }
}

/// Who noticed what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Bob1(Error),
    Alice2(Error),
    Bob3(Error),
    Alice4(Error),
}

impl Failure {
    pub(crate) fn error(&self) -> &Error {
        match self {
            Self::Bob1(error) | Self::Alice2(error) | Self::Bob3(error) | Self::Alice4(error) => error,
        }
    }

    /// Condition and fields of the stanza error, as "condition field field".
    pub(crate) fn on_the_wire(&self) -> String {
        on_the_wire(self.error().to_stanza_error())
    }
}

pub(crate) fn on_the_wire(error: Option<StanzaError>) -> String {
    error.map_or("silence".into(), |error| {
        format!("{} {}", error.condition.name(), error.fields.join(" ")).trim().into()
    })
}

/// A negotiation in which `meddle` may change each form on its way; it gets the number of the message.
pub(crate) fn negotiate_through(
    alice: &End,
    bob: &End,
    seed: u64,
    mut meddle: impl FnMut(u8, &mut Element),
) -> Result<(Established, Established), Failure> {
    let rng = &mut Dice(seed);
    let (alice_waits, mut form_a) = Initiator::begin(&alice.policy, &alice.binding, rng).unwrap();
    meddle(1, &mut form_a);
    let response = Responder::respond(&bob.policy, &over_the_wire(&form_a), &bob.binding, rng);
    let (bob_waits, mut form_b) = response.map_err(Failure::Bob1)?;
    meddle(2, &mut form_b);
    let identified = alice_waits.handle_response(&over_the_wire(&form_b), alice.credentials(), rng);
    let (alice_waits, mut form_a2) = identified.map_err(Failure::Alice2)?;
    meddle(3, &mut form_a2);
    let completed = bob_waits.handle_identity(&over_the_wire(&form_a2), bob.credentials(), rng);
    let (bob, mut form_b2) = completed.map_err(Failure::Bob3)?;
    meddle(4, &mut form_b2);
    let alice = alice_waits.handle_completion(&over_the_wire(&form_b2)).map_err(Failure::Alice4)?;
    Ok((alice, bob))
}

pub(crate) fn negotiate(alice: &End, bob: &End, seed: u64) -> (Established, Established) {
    negotiate_through(alice, bob, seed, |_, _| {}).unwrap()
}

/// Serialized and parsed again, as every stanza is.
pub(crate) fn over_the_wire(element: &Element) -> Element {
    String::from(element).parse().unwrap()
}

pub(crate) fn field<'a>(form: &'a mut Element, var: &str) -> &'a mut Element {
    form.children_mut().find(|field| field.attr("var") == Some(var)).unwrap_or_else(|| panic!("no field {var}"))
}

pub(crate) fn value(form: &Element, var: &str) -> String {
    let field = form.children().find(|field| field.attr("var") == Some(var)).unwrap();
    field.children().next().unwrap().text()
}

/// Replaces the values (or options, in a list of a request) of a field.
pub(crate) fn set_values(form: &mut Element, var: &str, values: &[&str]) {
    let field = field(form, var);
    let has_options = field.children().any(|child| child.name() == "option");
    field.take_nodes();
    for value in values {
        let value = Element::builder("value", "jabber:x:data").append(*value).build();
        field.append_child(match has_options {
            true => Element::builder("option", "jabber:x:data").append(value).build(),
            false => value,
        });
    }
}

pub(crate) fn remove(form: &mut Element, var: &str) {
    let kept: Vec<_> = form.children().filter(|field| field.attr("var") != Some(var)).cloned().collect();
    form.take_nodes();
    for field in kept {
        form.append_child(field);
    }
}

pub(crate) fn add(form: &mut Element, var: &str, values: &[&str]) {
    let field = Element::builder("field", "jabber:x:data").attr(xml_ncname!("var").to_owned(), var);
    let values = values.iter().map(|value| Element::builder("value", "jabber:x:data").append(*value).build());
    form.append_child(field.append_all(values).build());
}

pub(crate) fn base64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
