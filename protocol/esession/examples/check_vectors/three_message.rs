//! A three-message negotiation with its stanzas, both roles driven from the fixed values of the vector.

use esession::{Role, dangerous};
use serde_json::Value;

use super::negotiation::{Vector, check_stanzas, failure, same_form};
use super::{counter, element, octets, same};

/// Drives both roles. The signatures are deterministic, so the forms must be equal to the last octet.
pub(crate) fn check(json: &Value) -> Result<(), String> {
    let vector = Vector::read(json)?;
    vector.check_normalization(&[("formA", "x1"), ("formB", "x2"), ("formA2", "x3")])?;
    let form_a = element(json, "/wire/x1")?;
    let [nonce, y] = [octets(json, "/inputs/N_B")?, octets(json, "/inputs/y")?];
    let bob = vector.credentials(Role::Responder);
    let policy = vector.policy(Role::Responder);
    let bob = dangerous::respond_signed(policy, &form_a, &nonce, counter(json, "/inputs/C_A")?, &y, bob);
    let (bob, form_b) = bob.map_err(failure("message 2"))?;
    same_form("form B made by Bob", &form_b, &element(json, "/wire/x2")?)?;

    let alice = dangerous::await_signed_response(vector.policy(Role::Initiator), &form_a, &vector.privates()?);
    let alice = alice.map_err(failure("message 1"))?;
    let form_b = element(json, "/wire/x2")?;
    same("Alice expects form B", &alice.expects(&form_b), &true)?;
    let (mut alice, form_a2) =
        alice.handle_response(&form_b, &vector.credentials(Role::Initiator)).map_err(failure("message 3"))?;
    same_form("form A2 made by Alice", &form_a2, &element(json, "/wire/x3")?)?;

    let form_a2 = element(json, "/wire/x3")?;
    same("Bob expects form A2", &bob.expects(&form_a2), &true)?;
    let mut bob = bob.handle_identity(&form_a2).map_err(failure("completion"))?;
    for (who, signed, role) in [("Alice", &alice, Role::Initiator), ("Bob", &bob, Role::Responder)] {
        let known = vector.credentials(role).known_keys;
        same(&format!("key that {who} saw"), &Some(&signed.peer_key), &known.first())?;
    }
    check_stanzas(json, &mut alice.session, &mut bob.session)
}
