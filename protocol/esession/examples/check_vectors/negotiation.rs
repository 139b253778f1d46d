//! A whole negotiation with its stanzas, both roles driven from the fixed values of the vector.

use esession::dangerous::{self, Keys};
use esession::{
    AwaitCompletion, Cipher, Credentials, CryptoRng, Disclosure, Ending, Established, Group, Identification, Logging,
    Policy, Profile, RetainedSecret, Role, Secret, Session, SigningKey, StanzaKind,
};
use minidom::Element;
use serde_json::Value;

use super::{counter, element, list, octets, same, text};

/// Gives the octets of the vector in order.
pub(crate) struct Script(pub(crate) Vec<u8>);

impl rand_core::TryRng for Script {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut word = [0; 4];
        self.try_fill_bytes(&mut word)?;
        Ok(u32::from_be_bytes(word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut word = [0; 8];
        self.try_fill_bytes(&mut word)?;
        Ok(u64::from_be_bytes(word))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
        let rest = self.0.split_off(octets.len().min(self.0.len()));
        octets.fill(0);
        octets.iter_mut().zip(&self.0).for_each(|(place, octet)| *place = *octet);
        self.0 = rest;
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Script {}

pub(crate) struct Vector<'a> {
    json: &'a Value,
    /// Alice's and Bob's.
    policies: [Policy; 2],
    credentials: [Credentials; 2],
    profile: Profile,
}

/// Drives both roles through the negotiation and through all stanzas.
pub(crate) fn check(json: &Value) -> Result<(), String> {
    let vector = Vector::read(json)?;
    vector.check_normalization(&[("formA", "x1"), ("formB", "x2"), ("formA2", "x3"), ("formB2", "x4")])?;
    let bob_form_b = vector.respond()?;
    let alice = vector.identify(&bob_form_b.1)?;
    let (mut bob, form_b2) = vector.complete(bob_form_b.0)?;
    let mut alice = vector.finish(alice, &form_b2)?;
    for (role, end) in [("Alice", &alice), ("Bob", &bob)] {
        let sas = text(json, "/values/SAS")?.to_owned();
        same(&format!("SAS of {role}"), &end.sas.short, &sas)?;
        let new = octets(json, "/values/new_retained_secret")?;
        same(&format!("new retained secret of {role}"), &end.new_secret.value().expose().to_vec(), &new)?;
    }
    same("long code", &alice.sas.long, &bob.sas.long)?;
    check_stanzas(json, &mut alice.session, &mut bob.session)
}

impl<'a> Vector<'a> {
    pub(crate) fn read(json: &'a Value) -> Result<Self, String> {
        let response = if json["profile"] == "gajim" { "/wire/x2_response" } else { "/wire/x2" };
        let group =
            json["modp"].as_u64().and_then(|group| Group::from_name(&group.to_string())).ok_or("modp is unknown")?;
        let cipher = Cipher::from_name(text(json, "/cipher")?).ok_or("cipher is unknown")?;
        let stanzas = wire_values(json, response, "stanzas")?;
        let policy = Policy {
            groups: vec![group],
            insecure_groups: group.is_insecure(),
            ciphers: vec![cipher],
            stanzas: stanzas.iter().filter_map(|name| StanzaKind::from_name(name)).collect(),
            logging: wire_values(json, response, "logging")?.iter().filter_map(|v| Logging::from_name(v)).collect(),
            disclosure: wire_values(json, response, "disclosure")?
                .iter()
                .filter_map(|v| Disclosure::from_name(v))
                .collect(),
            rekey_freq: 1,
            padding: 1,
            ..Policy::default()
        };
        let how = |field: &str| match json.get(field).and_then(Value::as_str) {
            None => Ok::<_, String>(vec![Identification::None]),
            Some(name) => Ok(vec![Identification::from_name(name).ok_or("unknown identification")?]),
        };
        let (init, resp) = (how("init_pubkey")?, how("resp_pubkey")?);
        let policy_of = |own: &[Identification], peer: &[Identification]| Policy {
            own_identification: own.to_vec(),
            peer_identification: peer.to_vec(),
            ..policy.clone()
        };
        let srs = octets(json, "/inputs/SRS")?;
        let secrets = if srs.is_empty() { vec![] } else { vec![RetainedSecret::new(7, Secret::new(&srs), true)] };
        let oss = octets(json, "/inputs/OSS")?;
        let other_secret = (!oss.is_empty()).then(|| Secret::new(&oss));
        let keys = [signing_key(json, "alice")?, signing_key(json, "bob")?];
        let credentials = |own: &Option<SigningKey>, peer: &Option<SigningKey>| Credentials {
            secrets: secrets.clone(),
            other_secret: other_secret.clone(),
            signing_key: own.clone(),
            known_keys: peer.iter().map(|key| key.public().clone()).collect(),
        };
        let profile = match text(json, "/profile")? {
            "trunc217" => Profile::Truncated,
            "gajim" => Profile::Gajim,
            _ => Profile::Xep,
        };
        let [alice, bob] = &keys;
        let credentials = [credentials(alice, bob), credentials(bob, alice)];
        Ok(Self { json, policies: [policy_of(&init, &resp), policy_of(&resp, &init)], credentials, profile })
    }

    pub(crate) fn policy(&self, role: Role) -> &Policy {
        let [alice, bob] = &self.policies;
        if role == Role::Initiator { alice } else { bob }
    }

    pub(crate) fn credentials(&self, role: Role) -> Credentials {
        let [alice, bob] = &self.credentials;
        if role == Role::Initiator { alice.clone() } else { bob.clone() }
    }

    /// Alice's groups with her exponents.
    pub(crate) fn privates(&self) -> Result<Vec<(Group, Vec<u8>)>, String> {
        let mut privates = Vec::new();
        for ((name, group), (_, x)) in list(self.json, "/modp_order")?.zip(list(self.json, "/inputs/x")?) {
            let group = group.as_u64().and_then(|group| Group::from_name(&group.to_string())).ok_or(name)?;
            privates.push((group, octets(x, "")?));
        }
        Ok(privates)
    }

    fn normalized(&self, name: &str) -> Result<String, String> {
        Ok(text(self.json, &format!("/normalized/{name}"))?.to_owned())
    }

    pub(crate) fn check_normalization(&self, forms: &[(&str, &str)]) -> Result<(), String> {
        for (form, wire) in forms {
            let wire = element(self.json, &format!("/wire/{wire}"))?;
            let ours = dangerous::normalize(&wire, self.profile).map_err(failure(form))?;
            same(&format!("normalized {form}"), &ours, &self.normalized(form)?)?;
        }
        Ok(())
    }

    /// Bob's answer to form A, made by Bob's machine.
    fn respond(&self) -> Result<(esession::AwaitIdentity, Element), String> {
        let json = self.json;
        let form_a = element(json, "/wire/x1")?;
        let nonce = octets(json, "/inputs/N_B")?;
        let y = octets(json, "/inputs/y")?;
        let c_a = counter(json, "/inputs/C_A")?;
        let (bob, form_b) =
            dangerous::respond(self.policy(Role::Responder), &form_a, &nonce, c_a, &y).map_err(failure("message 2"))?;
        let (formed, d) = dangerous::response_of(&bob);
        same("d", &d, &octets(json, "/values/d")?)?;
        same("form B made by Bob", &formed, &self.normalized("formB")?)?;
        Ok((bob, form_b))
    }

    /// Alice's identification, from the wire's form B as much as from Bob's.
    fn identify(&self, form_b: &Element) -> Result<AwaitCompletion, String> {
        let json = self.json;
        let form_a = element(json, "/wire/x1")?;
        let privates = self.privates()?;
        for (place, (group, x)) in privates.iter().enumerate() {
            let e = dangerous::power(*group, &[2], x).map_err(failure("e"))?;
            let e = dangerous::mpi(&e).to_vec();
            same("e", &e, &octets(json, &format!("/values/e/{place}"))?)?;
            same("He", &dangerous::sha256(&e), &octets(json, &format!("/values/He/{place}"))?)?;
        }
        if let Some((group, x)) = privates.first() {
            let dh = dangerous::power(*group, &octets(json, "/values/d")?, x).map_err(failure("dh"))?;
            same("dh", &dangerous::mpi(&dh).to_vec(), &octets(json, "/values/dh")?)?;
        }
        let announced = self.announced()?;
        let mut states = Vec::new();
        for form_b in [form_b, &element(json, "/wire/x2")?] {
            let alice = dangerous::await_response(self.policy(Role::Initiator), &form_a, &privates)
                .map_err(failure("message 1"))?;
            if !alice.expects(form_b) {
                return Err("Alice takes form B for a stray".into());
            }
            let (state, form_a2) =
                dangerous::identify(alice, form_b, &announced, self.credentials(Role::Initiator), Some(self.profile))
                    .map_err(failure("message 3"))?;
            same_form("form A2 made by Alice", &form_a2, &element(json, "/wire/x3")?)?;
            states.push(state);
        }
        let alice = states.pop().ok_or("no state")?;
        let (k, c_a_after, c_b) = dangerous::provisional(&alice);
        same("K", &k, &octets(json, "/values/K")?)?;
        same("C_A after the identity", &c_a_after, &counter(json, "/values/Alice/C_after")?)?;
        same("C_B", &c_b, &counter(json, "/values/C_B")?)?;
        for (role, name) in [(Role::Initiator, "keys_A_from_K"), (Role::Responder, "keys_B_from_K")] {
            same_keys(json, name, &dangerous::provisional_keys(&alice, role))?;
        }
        let own = self.credentials(Role::Initiator);
        let (k_final, keys_a, keys_b) = dangerous::final_keys(&alice, own.secrets.first(), own.other_secret.as_ref());
        same("K_final", &k_final, &octets(json, "/values/K_final")?)?;
        same_keys(json, "keys_A", &keys_a)?;
        same_keys(json, "keys_B", &keys_b)?;
        self.check_proof("Alice", "x3", &dangerous::provisional_keys(&alice, Role::Initiator), "/inputs/C_A")?;
        self.check_proof("Bob", "x4", &keys_b, "/values/C_B")?;
        Ok(alice)
    }

    /// ID and M as they are on the wire, and what ID hides.
    fn check_proof(&self, who: &str, wire: &str, keys: &Keys, initial: &str) -> Result<(), String> {
        let json = self.json;
        let [cipher] = self.policy(Role::Initiator).ciphers[..] else { return Err("one cipher".into()) };
        let id = wire_values(json, &format!("/wire/{wire}"), "identity")?;
        let id = base64_text(id.first().ok_or("no identity")?)?;
        same(&format!("ID of {who}"), &id, &octets(json, &format!("/values/{who}/ID"))?)?;
        let plain = dangerous::keystream(cipher, &keys.cipher, counter(json, initial)?, &id);
        let expected = text(json, &format!("/values/{who}/plain"))?;
        if expected.starts_with('<') {
            same(&format!("plain of {who}"), &String::from_utf8_lossy(&plain).into_owned(), &expected.to_owned())?;
        } else {
            same(&format!("mac of {who}"), &plain, &octets(json, &format!("/values/{who}/mac"))?)?;
            same(&format!("plain of {who}"), &plain, &octets(json, &format!("/values/{who}/plain"))?)?;
        }
        let m = wire_values(json, &format!("/wire/{wire}"), "mac")?;
        same(
            &format!("M of {who}"),
            &base64_text(m.first().ok_or("no mac")?)?,
            &octets(json, &format!("/values/{who}/M"))?,
        )
    }

    /// The real hash, if there is a secret, then the fillers. Without a secret the last filler is Bob's `srshash`.
    fn announced(&self) -> Result<Vec<Vec<u8>>, String> {
        wire_values(self.json, "/wire/x3", "rshashes")?.iter().map(|value| base64_text(value)).collect()
    }

    /// Bob's completion of the wire's form A2, made by Bob's machine.
    fn complete(&self, bob: esession::AwaitIdentity) -> Result<(Established, Element), String> {
        let form_a2 = element(self.json, "/wire/x3")?;
        if !bob.expects(&form_a2) {
            return Err("Bob takes form A2 for a stray".into());
        }
        let srshash = wire_values(self.json, "/wire/x4", "srshash")?;
        let mut script = Script(base64_text(srshash.first().ok_or("no srshash")?)?);
        let rng: &mut dyn CryptoRng = &mut script;
        let (bob, form_b2) =
            bob.handle_identity(&form_a2, self.credentials(Role::Responder), rng).map_err(failure("message 4"))?;
        same_form("form B2 made by Bob", &form_b2, &element(self.json, "/wire/x4")?)?;
        same("chain of Bob", &bob.chain.is_verified(), &!self.credentials(Role::Initiator).secrets.is_empty())?;
        Ok((bob, form_b2))
    }

    fn finish(&self, alice: AwaitCompletion, form_b2: &Element) -> Result<Established, String> {
        if !alice.expects(form_b2) {
            return Err("Alice takes form B2 for a stray".into());
        }
        let alice = alice.handle_completion(&element(self.json, "/wire/x4")?).map_err(failure("completion"))?;
        same("chain of Alice", &alice.chain.is_verified(), &!self.credentials(Role::Initiator).secrets.is_empty())?;
        Ok(alice)
    }
}

/// All stanzas in sending order. Crossing ones are both sealed before either is delivered.
pub(crate) fn check_stanzas(json: &Value, alice: &mut Session, bob: &mut Session) -> Result<(), String> {
    let stanzas: Vec<_> = list(json, "/stanzas")?.collect();
    let crosses = |place: usize| {
        stanzas.get(place).is_some_and(|(_, s)| s["note"].as_str().is_some_and(|n| n.contains("crossing")))
    };
    let mut acknowledgement = None;
    let mut place = 0;
    while place < stanzas.len() {
        let together = if crosses(place) && crosses(place + 1) { 2 } else { 1 };
        let mut in_flight = Vec::new();
        for (name, stanza) in stanzas.iter().skip(place).take(together) {
            let sender = if stanza["from"] == "A" { &mut *alice } else { &mut *bob };
            in_flight.push((name, *stanza, seal(name, stanza, sender, &mut acknowledgement)?));
        }
        for (name, stanza, c) in in_flight {
            let receiver = if stanza["from"] == "A" { &mut *bob } else { &mut *alice };
            acknowledgement = open(name, stanza, receiver, &c)?;
            for (end, session) in [("A", &*alice), ("B", &*bob)] {
                check_state(&format!("{name}/after/{end}"), &stanza["after"][end], session)?;
            }
        }
        place += together;
    }
    Ok(())
}

fn seal(name: &str, stanza: &Value, sender: &mut Session, ack: &mut Option<Element>) -> Result<Element, String> {
    let before = dangerous::state(sender);
    if let Some(before) = &before {
        same(&format!("{name}/C_before"), &before.sending_counter, &counter(stanza, "/C_before")?)?;
        same(&format!("{name}/KC"), &before.sending.0, &octets(stanza, "/KC")?)?;
        same(&format!("{name}/KM"), &before.sending.1, &octets(stanza, "/KM")?)?;
    }
    let rekey = octets(stanza, "/rekey_priv")?;
    let old: Vec<_> = list(stanza, "/old")?.map(|(_, old)| octets(old, "")).collect::<Result<_, _>>()?;
    let c = match stanza["note"].as_str() {
        Some("termination") => sender.terminate(),
        Some("acknowledgement") => ack.take().ok_or(esession::Error::Stray),
        _ => {
            let rekey = (!rekey.is_empty()).then_some(rekey.as_slice());
            dangerous::seal(sender, text(stanza, "/content")?, rekey, &old)
        }
    };
    let c = c.map_err(failure(name))?;
    let content = dangerous::stanza_content(&c).map_err(failure(name))?;
    same(&format!("{name}/m_content"), &content, &text(stanza, "/m_content")?.to_owned())?;
    same_form(&format!("{name}/c"), &c, &element(stanza, "/c")?)?;
    for (part, path) in [("data", "/ciphertext"), ("mac", "/mac")] {
        let part = c.children().find(|child| child.name() == part).map(Element::text).unwrap_or_default();
        same(&format!("{name}{path}"), &base64_text(&part)?, &octets(stanza, path)?)?;
    }
    if let Some(after) = dangerous::state(sender) {
        same(&format!("{name}/C_after"), &after.sending_counter, &counter(stanza, "/C_after")?)?;
    }
    Ok(c)
}

/// Opens the wire's element (equal to ours) and gives the acknowledgement, if it asks for one.
fn open(name: &str, stanza: &Value, receiver: &mut Session, c: &Element) -> Result<Option<Element>, String> {
    same_form(name, c, &element(stanza, "/c")?)?;
    let opened = receiver.open(&element(stanza, "/c")?).map_err(failure(name))?;
    same(&format!("{name}/content"), &opened.content.expose().to_owned(), &text(stanza, "/content")?.to_owned())?;
    if let Some(state) = dangerous::state(receiver) {
        same(&format!("{name}/C_after at the receiver"), &state.receiving_counter, &counter(stanza, "/C_after")?)?;
    }
    match (opened.ending, stanza["note"].as_str()) {
        (Some(Ending::ByPeer { acknowledgement }), Some("termination")) => Ok(Some(acknowledgement)),
        (Some(Ending::Acknowledged), Some("acknowledgement")) => Ok(None),
        (None, note) if note != Some("termination") && note != Some("acknowledgement") => Ok(None),
        _ => Err(format!("{name}: the end was not recognised")),
    }
}

fn check_state(name: &str, after: &Value, session: &Session) -> Result<(), String> {
    // The keys are gone when the session is over.
    let Some(state) = dangerous::state(session) else { return Ok(()) };
    same(&format!("{name}/KC_send"), &state.sending.0, &octets(after, "/KC_send")?)?;
    same(&format!("{name}/KM_send"), &state.sending.1, &octets(after, "/KM_send")?)?;
    let mut sets = Vec::new();
    for (_, set) in list(after, "/recv_sets")? {
        sets.push((octets(set, "/KC")?, octets(set, "/KM")?, octets(set, "/priv")?));
    }
    same(&format!("{name}/recv_sets"), &state.sets, &sets)
}

fn same_keys(json: &Value, name: &str, keys: &Keys) -> Result<(), String> {
    for (key, ours) in [("KC", &keys.cipher), ("KM", &keys.mac), ("KS", &keys.sigma)] {
        same(&format!("{name}/{key}"), ours, &octets(json, &format!("/values/{name}/{key}"))?)?;
    }
    Ok(())
}

/// Equal up to white space between elements and the order of attributes: the same children with the same texts.
pub(crate) fn same_form(what: &str, ours: &Element, theirs: &Element) -> Result<(), String> {
    let flat = |form: &Element| {
        let attribute = |e: &Element, name: &str| e.attr(name).unwrap_or_default().to_owned();
        let child = |e: &Element| {
            let leaf = e.children().next().is_none();
            let texts = if leaf { vec![e.text()] } else { e.children().map(Element::text).collect() };
            (e.name().to_owned(), attribute(e, "var"), attribute(e, "type"), texts)
        };
        (form.name().to_owned(), form.ns(), attribute(form, "type"), form.children().map(child).collect::<Vec<_>>())
    };
    same(what, &flat(ours), &flat(theirs))
}

/// The values of a field of a form on the wire.
pub(crate) fn wire_values(json: &Value, path: &str, var: &str) -> Result<Vec<String>, String> {
    let form = element(json, path)?;
    let field =
        form.children().find(|field| field.attr("var") == Some(var)).ok_or_else(|| format!("{path} lacks {var}"))?;
    Ok(field.children().map(Element::text).collect())
}

pub(crate) fn base64_text(text: &str) -> Result<Vec<u8>, String> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| error.to_string())
}

pub(crate) fn failure(what: &str) -> impl Fn(esession::Error) -> String {
    move |error| format!("{what}: {error}")
}

/// The key of one end, if the vector has keys; its spellings are checked on the way.
fn signing_key(json: &Value, who: &str) -> Result<Option<SigningKey>, String> {
    let Some(numbers) = json.pointer(&format!("/rsa/{who}")) else { return Ok(None) };
    let key = dangerous::rsa_key(&octets(numbers, "/n")?, &octets(numbers, "/e")?, &octets(numbers, "/d")?);
    let key = key.map_err(failure("RSA key"))?;
    same(&format!("KeyValue of {who}"), &key.public().key_value(), &text(numbers, "/KeyValue")?.to_owned())?;
    let print = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        key.public().fingerprint(esession::Hash::Sha256),
    );
    let print = format!("<fingerprint>{print}</fingerprint>");
    same(&format!("fingerprint of {who}"), &print, &text(numbers, "/fingerprint")?.to_owned())?;
    Ok(Some(key))
}
