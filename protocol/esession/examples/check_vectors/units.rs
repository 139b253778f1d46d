//! The small known answers: groups, key schedule, cipher, normalization, SAS.

use esession::dangerous;
use esession::{Cipher, Group, Profile, RetainedSecret, Role, SasMethod, Secret};
use serde_json::Value;

use super::{counter, element, list, octets, same, text};

/// Checks each kind of known answer that the file has.
pub(crate) fn check(json: &Value) -> Result<(), String> {
    groups(json)?;
    public_values(json)?;
    for (name, entry) in list(json, "/mpi")? {
        same(&name, &dangerous::mpi(&octets(entry, "/n")?).to_vec(), &octets(entry, "/octets")?)?;
    }
    for (name, entry) in list(json, "/ctr")? {
        let cipher = Cipher::from_name(text(entry, "/cipher")?);
        let Some(cipher) = cipher else { continue };
        let plain = octets(entry, "/plain")?;
        let out = dangerous::keystream(cipher, &octets(entry, "/key")?, counter(entry, "/C")?, &plain);
        same(&name, &out, &octets(entry, "/out")?)?;
        let blocks = if cipher == Cipher::SignOnly { 1 } else { plain.len().div_ceil(16).max(1) };
        let next = counter(entry, "/C")?.wrapping_add(blocks as u128);
        same(&format!("{name}/C_next"), &next, &counter(entry, "/C_next")?)?;
    }
    schedule(json)?;
    for (name, entry) in list(json, "/sas28x5")? {
        let sas = dangerous::sas(SasMethod::Sas28x5, &octets(entry, "/M_A")?, "", text(entry, "/formB_text")?, &[]);
        same(&name, &sas.short, &text(entry, "/sas_text")?.to_owned())?;
    }
    for (name, entry) in list(json, "/normalize")? {
        // A form with a comment or a processing instruction never gets past the XML parser of an XMPP stream.
        let Ok(form) = element(entry, "/x_text") else { continue };
        let ours = dangerous::normalize(&form, Profile::Xep).map_err(|error| error.to_string())?;
        same(&name, &ours, &text(entry, "/without_identity_and_mac_text")?.to_owned())?;
    }
    Ok(())
}

fn groups(json: &Value) -> Result<(), String> {
    let groups = json["groups"].as_object().ok_or("groups is missing")?;
    for (name, entry) in groups {
        let Some(group) = Group::from_name(name) else {
            // 768 and 1024 bits are deliberately unknown
            same("groups that are refused", &["1", "2"].contains(&name.as_str()), &true)?;
            continue;
        };
        let p = octets(entry, "/p")?;
        let error = |error: esession::Error| error.to_string();
        // p-1 is -1, so its square is 1 and its cube is p-1: holds for this modulus only
        let mut minus_one = p.clone();
        *minus_one.last_mut().ok_or("p is empty")? -= 1;
        same(&format!("group {name}"), &dangerous::power(group, &minus_one, &[3]).map_err(error)?, &minus_one)?;
    }
    Ok(())
}

fn public_values(json: &Value) -> Result<(), String> {
    for (name, entry) in list(json, "/dh_check_14")? {
        let good = entry["range_ok"] == true && entry["quadratic_residue"] == true;
        let value = octets(entry, "/value")?;
        same(&name, &dangerous::check_public(Group::Modp14, &value).is_ok(), &good)?;
    }
    Ok(())
}

fn schedule(json: &Value) -> Result<(), String> {
    for (name, entry) in list(json, "/derive")? {
        let Some(cipher) = Cipher::from_name(text(entry, "/cipher")?) else { continue };
        let profile = match text(entry, "/profile")? {
            "gajim" => Profile::Gajim,
            "trunc217" => Profile::Truncated,
            _ => Profile::Xep,
        };
        let role = if entry["role"] == "Initiator" { Role::Initiator } else { Role::Responder };
        let keys = dangerous::derive(&octets(entry, "/K")?, role, cipher, profile);
        for (key, ours) in [("KC", &keys.cipher), ("KM", &keys.mac), ("KS", &keys.sigma)] {
            same(&format!("{name}/{key}"), ours, &octets(entry, &format!("/{key}"))?)?;
        }
    }
    for (name, entry) in list(json, "/derive_rekey")? {
        let Some(cipher) = Cipher::from_name(text(entry, "/cipher")?) else { continue };
        let (kc, km) = dangerous::derive_rekey(&octets(entry, "/K")?, entry["role"] == "Initiator", cipher);
        same(&format!("{name}/KC"), &kc, &octets(entry, "/KC")?)?;
        same(&format!("{name}/KM"), &km, &octets(entry, "/KM")?)?;
    }
    for (name, entry) in list(json, "/final_secret")? {
        let optional = |path| octets(entry, path).map(|secret| (!secret.is_empty()).then(|| Secret::new(&secret)));
        let (k, new) =
            dangerous::strengthen(&octets(entry, "/K")?, optional("/SRS")?.as_ref(), optional("/OSS")?.as_ref());
        same(&format!("{name}/K_final"), &k, &octets(entry, "/K_final")?)?;
        same(&format!("{name}/new_retained_secret"), &new, &octets(entry, "/new_retained_secret")?)?;
    }
    let secret = RetainedSecret::new(0, Secret::new(&octets(json, "/hashes/RS")?), false);
    let (rshash, srshash) = dangerous::secret_hashes(&secret, &octets(json, "/hashes/N_A")?);
    same("hashes/rshash", &rshash, &octets(json, "/hashes/rshash")?)?;
    same("hashes/srshash", &srshash, &octets(json, "/hashes/srshash")?)
}
