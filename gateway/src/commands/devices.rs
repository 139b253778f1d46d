//! `devices`: the user's devices that encrypt with OMEMO, those of ours, and which are trusted.
//!
//! As with [`super::keys`], fingerprints are shown, and devices trusted, on the host's terminal only.

use async_trait::async_trait;
use drawbridge_bridge::ContactId;
use omemo::Dialect;
use omemo::ratchet::IdentityKey;

use super::{Answers, Asker, Choice, Command, Door, Failure, Form, Kind, Output, Question, Steps, Who};
use crate::accounts::AccountError;
use crate::keeper::Peer;
use crate::store::omemo::{self as rows, Known, Own, Trust};

pub(super) const COMMAND: Command = Command {
    node: "devices",
    title: "OMEMO devices",
    about: "show how many of your devices encrypt with OMEMO, and how to say which are yours",
    who: Who::Registered,
    begin: || Box::new(Devices::Begin),
};

enum Devices {
    Begin,
    /// What is to be done?
    What,
    /// With which device?
    Which(Change),
}

#[derive(Clone, Copy)]
enum Change {
    Trust,
    Distrust,
    Forget,
}

const LIST: &str = "list";
/// The answers to the question what is to be done.
pub const TRUST: &str = "trust";
/// See [`TRUST`].
pub const DISTRUST: &str = "distrust";
/// See [`TRUST`].
pub const FORGET: &str = "forget";

#[async_trait]
impl Steps for Devices {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let user = asker.user().await?.id;
        let read =
            asker.keeper.store.call(move |db, sealer| Ok((rows::known(db, user)?, rows::all_own(db, sealer, user)?)));
        let (known, own) = read.await.map_err(AccountError::Store)?;
        match self {
            Self::Begin if asker.door != Door::Host => Ok(Output::Done(told(asker, &known))),
            Self::Begin => {
                *self = Self::What;
                let choices = [
                    Choice::new(LIST, "show them"),
                    Choice::new(TRUST, "one is the user's own: from then on only such devices are trusted"),
                    Choice::new(DISTRUST, "one is not the user's: nothing is encrypted for it"),
                    Choice::new(FORGET, "one is gone, or is to be met anew"),
                ];
                let what = Question::new("what", "What about the devices", Kind::OneOf(choices.into())).or(LIST);
                Ok(Output::Form(Form::new("", [what])))
            }
            Self::What => {
                let text = shown(asker, &known, &own);
                let change = match answers.text("what") {
                    Some(TRUST) => Change::Trust,
                    Some(DISTRUST) => Change::Distrust,
                    Some(FORGET) => Change::Forget,
                    _ => return Ok(Output::Done(text)),
                };
                *self = Self::Which(change);
                Ok(Output::Form(Form::new(text, [Question::new("key", "Its whole fingerprint", Kind::Text)])))
            }
            Self::Which(change) => {
                let change = *change;
                let print = digits(answers.text("key").unwrap_or_default());
                let Some(found) = known.iter().find(|known| digits(&fingerprint(known)) == print) else {
                    let text = "No device has this fingerprint. Give the whole of it.";
                    return Err(Failure::Again(text.into()));
                };
                let device = found.device;
                let changed = asker.keeper.store.call(move |db, _| match change {
                    Change::Trust => rows::set_trust(db, user, device, Trust::Verified),
                    Change::Distrust => rows::set_trust(db, user, device, Trust::Distrusted),
                    Change::Forget => rows::forget(db, user, device),
                });
                changed.await.map_err(AccountError::Store)?;
                asker.keeper.crossings.devices_changed(&asker.jid);
                let done = match change {
                    Change::Trust => "Trusted, and of others only those that you trust as well",
                    Change::Distrust => {
                        "Not trusted any more: nothing is encrypted for it, and what it writes is refused"
                    }
                    Change::Forget => "Forgotten",
                };
                Ok(Output::Done(format!("{done}: device {device}.")))
            }
        }
    }
}

/// For the user's own client: no fingerprint, since who reads along could change it.
fn told(asker: &Asker, known: &[Known]) -> String {
    let verified = known.iter().filter(|known| known.trust == Trust::Verified).count();
    format!(
        "{} devices of yours encrypt with OMEMO here, {verified} of them verified. To see and verify them, and the devices of \
         your contacts, run \"drawbridge users devices {}\" on the host itself. It cannot be done here: whoever could sit \
         between us could also change what I write.",
        known.len(),
        asker.jid
    )
}

/// For the host's terminal.
fn shown(asker: &Asker, known: &[Known], own: &[(String, Own)]) -> String {
    let mut lines = Vec::new();
    if known.is_empty() {
        lines.push(format!("No device of {} has encrypted with OMEMO so far.", asker.jid));
    }
    let any_verified = known.iter().any(|known| known.trust == Trust::Verified);
    for known in known {
        let trust = match known.trust {
            Trust::Verified => "verified",
            Trust::Distrusted => "not trusted",
            Trust::Blind if any_verified => "not trusted, as nobody has verified it",
            Trust::Blind => "trusted blindly",
        };
        lines.push(format!("{}, device {} ({trust}):", asker.jid, known.device));
        lines.push(format!("  {}", fingerprint(known)));
    }
    if !own.is_empty() {
        lines.push("What your clients should show of your contacts:".to_owned());
    }
    for (peer, own) in own {
        let Some(jid) = asker.keeper.jid(&Peer::Contact(ContactId::new(peer.clone()))) else { continue };
        let print = own.identity.public(Dialect::Axolotl).fingerprint().unwrap_or_default();
        lines.push(format!("{jid}, device {}:", own.device));
        lines.push(format!("  {print}"));
        // XEP-0384 has no scheme of its own; this is the one that clients scan and open.
        lines.push(format!("  xmpp:{}?omemo-sid-{}={}", in_uri(jid.as_str()), own.device, digits(&print)));
    }
    lines.join("\n")
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
