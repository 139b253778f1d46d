//! `devices`: the user's devices that encrypt with OMEMO and their OpenPGP keys, those of ours, and which are trusted.
//!
//! As with [`super::keys`], fingerprints are shown, and devices trusted, on the host's terminal only. That one is lost can be said
//! from everywhere: its owner may be far from the host then. Whoever forges it keeps words from one more device, as a server can
//! anyway, and has no other trusted by that.

use async_trait::async_trait;
use drawbridge_bridge::ContactId;
use jid::BareJid;
use omemo::ratchet::IdentityKey;
use omemo::trust_message::KeyId;
use omemo::{Dialect, nodes};
use openpgp_xmpp::Key;

use super::{Answers, Asker, Choice, Command, Door, Failure, Form, Kind, Output, Question, Steps, Who, qr};
use crate::accounts::AccountError;
use crate::keeper::Peer;
use crate::store::omemo::{self as rows, Known, Own, Trust};
use crate::store::trust::any_verified;
use crate::store::{openpgp, trust_messages};

pub(super) const COMMAND: Command = Command {
    node: "devices",
    title: "Devices and keys",
    about: "show your devices that encrypt with OMEMO and your OpenPGP keys, say that one is lost, and how to say which are yours",
    who: Who::Registered,
    begin: || Box::new(Devices::Begin),
};

enum Devices {
    Begin,
    /// Is one lost?
    Lost,
    /// What is to be done?
    What,
    /// With which device?
    Which(Change),
    /// Of which contact is a code to be shown?
    Whose,
}

#[derive(Clone, Copy)]
enum Change {
    Trust,
    Distrust,
    Forget,
}

impl Change {
    /// What people say by it; nothing if it is to be forgotten.
    fn trust(self) -> Option<Trust> {
        match self {
            Self::Trust => Some(Trust::Verified),
            Self::Distrust => Some(Trust::Distrusted),
            Self::Forget => None,
        }
    }
}

const LIST: &str = "list";
const LOST: &str = "lost";
/// The answers to the question what is to be done.
pub const TRUST: &str = "trust";
/// See [`TRUST`].
pub const DISTRUST: &str = "distrust";
/// See [`TRUST`].
pub const FORGET: &str = "forget";
/// See [`TRUST`].
pub const CODE: &str = "code";

#[async_trait]
impl Steps for Devices {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?.id;
        let read = asker.keeper.store.call(move |db, sealer| {
            let devices = (rows::known(db, user)?, rows::all_own(db, sealer, user)?);
            let keys = (openpgp::known(db, user)?, openpgp::all_own(db, sealer, user)?);
            Ok((devices, keys, any_verified(db, user)?))
        });
        let ((known, own), (keys, own_keys), any_verified) = read.await.map_err(AccountError::Store)?;
        match self {
            Self::Begin if asker.door != Door::Host && known.is_empty() && keys.is_empty() => {
                Ok(Output::Done(told(asker, &known, &keys, any_verified)))
            }
            Self::Begin if asker.door != Door::Host => {
                *self = Self::Lost;
                let asks = "The number of a device, or the fingerprint of a key, that is lost or none of yours: nothing is encrypted \
                            for it any more";
                let lost = Question::new(LOST, asks, Kind::Text).optional();
                Ok(Output::Form(Form::new(told(asker, &known, &keys, any_verified), [lost])))
            }
            Self::Lost => match answers.text(LOST).map(str::trim).filter(|lost| !lost.is_empty()) {
                Some(lost) => {
                    let done = change(asker, Change::Distrust, lost, &known, &keys).await?;
                    // In our words alone: what was asked may be forged.
                    let text = format!("Notice: the command \"devices\" was given from a client. {done}");
                    asker.keeper.crossings.say(&asker.keeper, &asker.user().await?, text).await;
                    Ok(Output::Done(done))
                }
                None => Ok(Output::Done("Nothing was changed.".to_owned())),
            },
            Self::Begin => {
                *self = Self::What;
                let choices = [
                    Choice::new(LIST, "show them"),
                    Choice::new(TRUST, "one is the user's own: from then on only such devices are trusted"),
                    Choice::new(DISTRUST, "one is not the user's: nothing is encrypted for it"),
                    Choice::new(FORGET, "one is gone, or is to be met anew"),
                    Choice::new(CODE, "show that of a contact as a code, for the user's client to scan"),
                ];
                let what = Question::new("what", "What about the devices", Kind::OneOf(choices.into())).or(LIST);
                Ok(Output::Form(Form::new("", [what])))
            }
            Self::What => {
                let shown = shown(asker, &known, &own, any_verified);
                let text = [shown, shown_keys(asker, &keys, &own_keys, any_verified)].join("\n");
                let text = text.trim_end().to_owned();
                let change = match answers.text("what") {
                    Some(TRUST) => Change::Trust,
                    Some(DISTRUST) => Change::Distrust,
                    Some(FORGET) => Change::Forget,
                    Some(CODE) => {
                        *self = Self::Whose;
                        let whose = Question::new("contact", "The contact's address", Kind::Text);
                        return Ok(Output::Form(Form::new("", [whose])));
                    }
                    _ => return Ok(Output::Done(text)),
                };
                *self = Self::Which(change);
                Ok(Output::Form(Form::new(text, [Question::new("key", "Its whole fingerprint", Kind::Text)])))
            }
            Self::Whose => {
                let whose = answers.text("contact").unwrap_or_default().trim().to_owned();
                let uris = own.iter().find_map(|own| uris(asker, own).filter(|(jid, _)| jid.as_str() == whose));
                let Some((_, uris)) = uris else {
                    let text = "No device was made for this contact so far: it is made when a client asks for it.";
                    return Err(Failure::Again(text.into()));
                };
                let titles = ["For most clients:", "For Kaidan:"];
                let drawn = titles
                    .into_iter()
                    .zip(uris)
                    .map(|(title, uri)| format!("{title}\n{}\n{uri}", qr::drawn(&uri).unwrap_or_default()));
                Ok(Output::Done(drawn.collect::<Vec<_>>().join("\n\n")))
            }
            Self::Which(which) => {
                let key = answers.text("key").unwrap_or_default();
                Ok(Output::Done(change(asker, *which, key, &known, &keys).await?))
            }
        }
    }
}

/// What people say of the device or key that is called so; what has come of it.
async fn change(
    asker: &Asker,
    change: Change,
    name: &str,
    known: &[Known],
    keys: &[openpgp::Known],
) -> Result<String, Failure> {
    let user = asker.user().await?.id;
    let print = digits(name);
    // A number can be another device's by chance or by will: it is enough to take trust away.
    let is_called = |known: &Known| matches!(change, Change::Distrust) && known.device.to_string() == name.trim();
    let device = known.iter().find(|known| digits(&fingerprint(known)) == print || is_called(known));
    let device = device.map(|known| known.device);
    let key = keys.iter().find(|key| digits(&key.fingerprint) == print).map(|key| key.fingerprint.clone());
    let found = match (device, &key) {
        (Some(device), _) => format!("device {device}"),
        (None, Some(key)) => format!("key {key}"),
        (None, None) => {
            let text = match change {
                Change::Distrust => {
                    "No device has this number, and none and no key this fingerprint. Give the whole of it."
                }
                Change::Trust | Change::Forget => "No device and no key has this fingerprint. Give the whole of it.",
            };
            return Err(Failure::Again(text.into()));
        }
    };
    let changed = asker.keeper.store.call(move |db, _| {
        match (change.trust(), device, key) {
            (Some(trust), Some(device), _) => rows::set_trust(db, user, device, trust)?,
            (None, Some(device), _) => rows::forget(db, user, device)?,
            (Some(trust), None, Some(key)) => openpgp::set_trust(db, user, &key, trust)?,
            (None, None, Some(key)) => openpgp::forget(db, user, &key)?,
            (_, None, None) => {}
        }
        trust_messages::settle(db, user)?;
        rows::known(db, user)
    });
    let now = changed.await.map_err(AccountError::Store)?;
    asker.keeper.crossings.devices_changed(&asker.jid);
    let done = match change {
        Change::Trust => "Trusted, and of others only those that you trust as well",
        Change::Distrust => "Not trusted any more: nothing is encrypted for it, and what it writes is refused",
        Change::Forget => "Forgotten",
    };
    let mut lines = vec![format!("{done}: {found}.")];
    for other in now.iter().filter(|other| Some(other.device) != device && !known.contains(other)) {
        let trust = in_words(other.trust, true);
        lines.push(format!("A verified device says so of device {}: {trust}.", other.device));
    }
    Ok(lines.join("\n"))
}

/// For the user's own client: no fingerprint of a device, since who reads along could change it.
fn told(asker: &Asker, known: &[Known], keys: &[openpgp::Known], any_verified: bool) -> String {
    let devices = known.iter().map(|it| (format!("device {}", it.device), it.trust));
    let keys_too = keys.iter().map(|key| (format!("key {}", key.fingerprint), key.trust));
    let all = devices.chain(keys_too).map(|(name, trust)| format!("  {name} ({})\n", in_words(trust, any_verified)));
    format!(
        "{}.\n{}To see their fingerprints and verify them, and the devices of your contacts, run \"drawbridge users devices {}\" on \
         the host itself. It cannot be done here: whoever could sit between us could also change what I write.",
        counted(known, keys),
        all.collect::<String>(),
        asker.jid
    )
}

/// How many there are.
pub(super) fn counted(known: &[Known], keys: &[openpgp::Known]) -> String {
    let trusts = known.iter().map(|known| known.trust).chain(keys.iter().map(|key| key.trust));
    let verified = trusts.filter(|trust| *trust == Trust::Verified).count();
    let (known, keys) = (known.len(), keys.len());
    format!(
        "Yours that encrypt here: {known} devices with OMEMO, {keys} keys with OpenPGP; {verified} of them verified"
    )
}

/// For the host's terminal.
fn shown(asker: &Asker, known: &[Known], own: &[(String, Own)], any_verified: bool) -> String {
    let mut lines = Vec::new();
    if known.is_empty() {
        lines.push(format!("No device of {} has encrypted with OMEMO so far.", asker.jid));
    }
    for one in known {
        let trust = in_words(one.trust, any_verified);
        lines.push(format!("{}, device {} ({trust}):", asker.jid, one.device));
        lines.push(format!("  {}", fingerprint(one)));
    }
    if !own.is_empty() {
        lines.push("What your clients should show of your contacts:".to_owned());
    }
    for one in own {
        let Some((jid, uris)) = uris(asker, one) else { continue };
        lines.push(format!("{jid}, device {}:", one.1.device));
        lines.push(format!("  {}", print_of(&one.1)));
        lines.extend(uris.map(|uri| format!("  {uri}")));
    }
    lines.join("\n")
}

/// The address of one of ours, and what clients scan and open: most of them by a scheme of their own, since XEP-0384 has none,
/// Kaidan by the one of trust messages (XEP-0434, section 9.1).
fn uris(asker: &Asker, (peer, own): &(String, Own)) -> Option<(BareJid, [String; 2])> {
    let peer = if peer.is_empty() { Peer::Gateway } else { Peer::Contact(ContactId::new(peer.clone())) };
    let jid = asker.keeper.jid(&peer)?;
    let address = in_uri(jid.as_str());
    let theirs = format!("xmpp:{address}?omemo-sid-{}={}", own.device, digits(&print_of(own)));
    let (encryption, key) = (nodes::namespace(Dialect::Omemo2), KeyId::of(&own.identity));
    Some((jid, [theirs, format!("xmpp:{address}?trust-message;encryption={encryption};trust={key}")]))
}

fn print_of(own: &Own) -> String {
    own.identity.public(Dialect::Axolotl).fingerprint().unwrap_or_default()
}

/// The same of OpenPGP.
fn shown_keys(asker: &Asker, keys: &[openpgp::Known], own: &[(String, Key)], any_verified: bool) -> String {
    let mut lines = Vec::new();
    for key in keys {
        let trust = in_words(key.trust, any_verified);
        let listed = if key.listed { "" } else { ", not published any more" };
        lines.push(format!("{}, OpenPGP key ({trust}{listed}):", asker.jid));
        lines.push(format!("  {}", key.fingerprint));
    }
    for (_, key) in own {
        lines.push(format!("{}, OpenPGP key:", key.jid()));
        lines.push(format!("  {}", key.fingerprint()));
    }
    lines.join("\n")
}

fn in_words(trust: Trust, any_verified: bool) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::Distrusted => "not trusted",
        Trust::Blind if any_verified => "not trusted, as nobody has verified it",
        Trust::Blind => "trusted blindly",
    }
}

fn fingerprint(known: &Known) -> String {
    IdentityKey::Curve(known.identity).fingerprint().unwrap_or_default()
}

/// RFC 5122, section 2.2: what has a meaning in URIs, or none, is written as octets.
fn in_uri(jid: &str) -> String {
    let mut written = String::new();
    for octet in jid.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => written.push(octet.into()),
            _ => written.push_str(&format!("%{octet:02X}")),
        }
    }
    written
}

fn digits(print: &str) -> String {
    print.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ours_is_written_so_that_it_comes_out_of_the_uri_again() {
        assert_eq!(in_uri("bob%matrix.org@gw.example.org"), "bob%25matrix.org@gw.example.org");
        assert_eq!(in_uri("a\\2fb%é@gw"), "a%5C2fb%25%C3%A9@gw");
    }
}
