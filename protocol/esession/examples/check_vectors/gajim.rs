//! A negotiation between two Gajims, each role taken over by ours in turn: what one Gajim wrote convinces our machine in the
//! place of the other, and both machines come to the same keys as they did.

use esession::dangerous::{self, Keys};
use esession::{Group, Profile, Role, Session};
use serde_json::Value;

use super::negotiation::{Vector, base64_text, failure, wire_values};
use super::{counter, element, list, octets, same, text};

/// Drives both roles.
pub(crate) fn check(json: &Value) -> Result<(), String> {
    let vector = Vector::read(json)?;
    vector.check_normalization(&[
        ("formA", "x1_request"),
        ("formB", "x2_response"),
        ("formA2", "x3_identify_alice"),
        ("formB2", "x4_identify_bob"),
    ])?;
    let [form_a, form_b] = [element(json, "/wire/x1_request")?, element(json, "/wire/x2_response")?];

    let [nonce, y] = [octets(json, "/inputs/N_B")?, octets(json, "/inputs/y")?];
    let policy = vector.policy(Role::Responder);
    let (bob, _) =
        dangerous::respond(policy, &form_a, &nonce, counter(json, "/inputs/C_A")?, &y).map_err(failure("message 2"))?;
    let bob = dangerous::as_if_sent(bob, &form_b).map_err(failure("form B"))?;
    let rng = &mut super::negotiation::Script(Vec::new());
    let (mut bob, _) = bob
        .handle_identity(&element(json, "/wire/x3_identify_alice")?, vector.credentials(Role::Responder), rng)
        .map_err(failure("message 4"))?;
    same("SAS of Bob", &bob.sas.short, &text(json, "/values/SAS")?.to_owned())?;

    let other = octets(json, "/inputs/x_other_groups/5")?;
    let privates = [(Group::Modp14, octets(json, "/inputs/x")?), (Group::Modp5, other)];
    let alice = dangerous::await_response(vector.policy(Role::Initiator), &form_a, &privates);
    let alice = alice.map_err(failure("message 1"))?;
    let announced = wire_values(json, "/wire/x3_identify_alice", "rshashes")?;
    let announced: Vec<_> = announced.iter().map(|hash| base64_text(hash)).collect::<Result<_, _>>()?;
    // None: Alice finds out by herself that this is Gajim
    let (alice, _) = dangerous::identify(alice, &form_b, &announced, vector.credentials(Role::Initiator), None)
        .map_err(failure("message 3"))?;
    let (k, c_a_after, c_b) = dangerous::provisional(&alice);
    same("K_provisional", &k, &octets(json, "/values/K_provisional")?)?;
    same("C_A after the identity", &c_a_after, &counter(json, "/values/C_A_after_identity")?)?;
    same("C_B", &c_b, &counter(json, "/values/C_B")?)?;
    same_keys(json, "provisional", "A", &dangerous::provisional_keys(&alice, Role::Initiator))?;
    let own = vector.credentials(Role::Initiator);
    let (k_final, keys_a, keys_b) = dangerous::final_keys(&alice, own.secrets.first(), None);
    same("K_final", &k_final, &octets(json, "/values/K_final")?)?;
    same_keys(json, "final", "A", &keys_a)?;
    same_keys(json, "final", "B", &keys_b)?;
    let mut alice = alice.handle_completion(&element(json, "/wire/x4_identify_bob")?).map_err(failure("completion"))?;

    for (who, end) in [("Alice", &alice), ("Bob", &bob)] {
        same(&format!("profile that {who} sees"), &end.agreed.profile, &Profile::Gajim)?;
        same(&format!("chain of {who}"), &end.chain.is_verified(), &!own.secrets.is_empty())?;
        let new = octets(json, "/values/new_retained_secret")?;
        same(&format!("new retained secret of {who}"), &end.new_secret.value().expose().to_vec(), &new)?;
    }
    check_stanzas(json, &mut alice.session, &mut bob.session)
}

fn check_stanzas(json: &Value, alice: &mut Session, bob: &mut Session) -> Result<(), String> {
    for (name, stanza) in list(json, "/stanzas")? {
        let (sender, receiver) =
            if stanza["from"] == "A" { (&mut *alice, &mut *bob) } else { (&mut *bob, &mut *alice) };
        let plain = text(stanza, "/plaintext")?;
        let c = sender.seal(plain.trim_end()).map_err(failure(&name))?;
        let content = dangerous::stanza_content(&c).map_err(failure(&name))?;
        same(&format!("{name}/m_content"), &content, &text(stanza, "/m_content")?.to_owned())?;
        let mac = c.children().find(|child| child.name() == "mac").map(minidom::Element::text).unwrap_or_default();
        same(&format!("{name}/mac"), &base64_text(&mac)?, &octets(stanza, "/mac")?)?;
        let opened = receiver.open(&c).map_err(failure(&name))?;
        same(&format!("{name}/content"), &opened.content.expose().trim_end(), &plain.trim_end())?;
        let after = dangerous::state(sender).map(|state| state.sending_counter);
        same(&format!("{name}/C_after"), &after, &Some(counter(stanza, "/C_after")?))?;
    }
    Ok(())
}

fn same_keys(json: &Value, stage: &str, who: &str, keys: &Keys) -> Result<(), String> {
    for (key, ours) in [("KC", &keys.cipher), ("KM", &keys.mac), ("KS", &keys.sigma)] {
        let path = format!("/values/{stage}/{key}_{who}");
        same(&path, ours, &octets(json, &path)?)?;
    }
    Ok(())
}
