//! `verify`: whether the user's encrypted sessions really end here.
//!
//! Over XMPP it only tells: a channel cannot prove itself. Marking a session as verified takes the host's terminal.

use async_trait::async_trait;
use jid::BareJid;

use super::{Answers, Asker, Command, Door, Failure, Form, Kind, Output, Question, Steps, Who};
use crate::accounts::AccountError;
use crate::crossing::SessionCode;
use crate::keeper::Peer;
use crate::secure::comparison::Comparison;
use crate::store::trust::Trust;
use crate::store::{omemo, openpgp};

pub(super) const COMMAND: Command = Command {
    node: "verify",
    title: "Verify encryption",
    about: "show which of your encrypted sessions are verified, and how to verify them",
    who: Who::Registered,
    begin: || Box::new(Verify { asked: false }),
};

struct Verify {
    asked: bool,
}

#[async_trait]
impl Steps for Verify {
    async fn step(&mut self, asker: &Asker, answers: Answers) -> Result<Output, Failure> {
        let codes = asker.keeper.crossings.codes(&asker.jid).await;
        if asker.door != Door::Host {
            return Ok(Output::Done(told(&asker.jid, &codes)));
        }
        if codes.is_empty() {
            return Err(Failure::Refused(format!(
                "{} has no encrypted session with this gateway now. Start one in the client first.",
                asker.jid
            )));
        }
        if !std::mem::replace(&mut self.asked, true) {
            let code = Question::new("code", "Code that the client shows", Kind::Text).optional();
            return Ok(Output::Form(Form::new(shown(&codes, asker.keeper.domain.as_str()), [code])));
        }
        let Some(code) = answers.text("code") else {
            return Ok(Output::Done("Nothing was marked as verified.".into()));
        };
        match asker.keeper.crossings.verify(&asker.jid, code).await {
            Some(session) => Ok(Output::Done(format!("Verified: {}.{}", with_whom(&session), left_out(asker).await?))),
            None => Err(Failure::Again(
                "No session here has this code. If you typed it as the client shows it, somebody is in between: do \
                 not trust this session."
                    .into(),
            )),
        }
    }
}

/// Who verifies one trusts no other blindly.
async fn left_out(asker: &Asker) -> Result<String, Failure> {
    let user = asker.user().await?.id;
    let read = asker.keeper.store.call(move |db, _| Ok((omemo::known(db, user)?, openpgp::known(db, user)?)));
    let (devices, keys) = read.await.map_err(AccountError::Store)?;
    let trusts = devices.iter().map(|device| device.trust).chain(keys.iter().map(|key| key.trust));
    Ok(match trusts.filter(|trust| *trust == Trust::Blind).count() {
        0 => String::new(),
        count => format!(
            "\nFrom now on devices with OMEMO and keys with OpenPGP count only if they are verified too. {count} are not: see \
             \"drawbridge users devices {}\".",
            asker.jid
        ),
    })
}

/// For the user's own client: no code, since who reads along could change it.
fn told(user: &BareJid, codes: &[SessionCode]) -> String {
    let how = format!(
        "To verify, compare the code that your client shows with the one that \"drawbridge verify {}\" shows on the \
         host itself. It cannot be done here: whoever could sit between us could also change what I write.",
        user
    );
    if codes.is_empty() {
        return format!("You have no encrypted session with this gateway now. {how}");
    }
    let mut lines: Vec<_> = codes.iter().map(|code| format!("{}: {}", with_whom(code), standing(code))).collect();
    if codes.iter().any(|code| !code.verified) {
        lines.push(how);
    }
    lines.join("\n")
}

/// For the host's terminal.
fn shown(codes: &[SessionCode], gateway: &str) -> String {
    let mut lines = vec!["Compare with what the client shows.".to_owned()];
    if !codes.iter().any(|code| code.peer == Peer::Gateway && code.verified) {
        lines.push(format!(
            "A session with {gateway} itself vouches for all contacts, once it is verified here and in the client (if \
             the client can do that, as esession-chat can)."
        ));
    }
    for code in codes {
        lines.push(format!("{} ({})", with_whom(code), standing(code)));
        match &code.comparison {
            Comparison::Strings(sas) => {
                let short = if sas.code() == sas.short { "" } else { " (an old client: this one proves nothing)" };
                lines.push(format!("  short code: {}{short}", sas.short));
                lines.push(format!("  long code:  {sas:#}"));
            }
            Comparison::Keys(code) => lines.push(format!("  code of the two keys: {code}")),
        }
    }
    lines.join("\n")
}

fn standing(code: &SessionCode) -> &'static str {
    if code.verified { "verified" } else { "not verified" }
}

fn with_whom(code: &SessionCode) -> String {
    let peer = match &code.peer {
        Peer::Gateway => "the gateway itself".to_owned(),
        Peer::Contact(contact) => contact.to_string(),
    };
    format!("{peer}, from the client {}", code.resource.resource())
}

#[cfg(test)]
mod tests {
    use drawbridge_bridge::ContactId;
    use esession::{Sas, SasMethod};
    use jid::FullJid;

    use super::*;

    fn codes() -> [SessionCode; 3] {
        let session = |peer, verified, comparison| SessionCode {
            peer,
            resource: FullJid::new("alice@example.org/phone").unwrap(),
            comparison,
            verified,
        };
        let strings = |method, short: &str| {
            Comparison::Strings(Sas { method, short: short.to_owned(), long: format!("{short}{short}{short}{short}") })
        };
        let contact = |id| Peer::Contact(ContactId::new(id));
        [
            session(Peer::Gateway, true, strings(SasMethod::Committed28x5, "aaaa")),
            session(contact("bob@far"), false, strings(SasMethod::Sas28x5, "ssss")),
            session(contact("carol@far"), false, Comparison::Keys("00ff-12ab".to_owned())),
        ]
    }

    #[test]
    fn over_xmpp_no_code_is_ever_told() {
        let text = told(&BareJid::new("alice@example.org").unwrap(), &codes());
        assert!(!["aaaa", "ssss", "00ff"].iter().any(|code| text.contains(code)), "{text}");
        assert!(text.starts_with("the gateway itself, from the client phone: verified\n"), "{text}");
        assert!(text.contains("bob@far, from the client phone: not verified"), "{text}");
        assert!(text.contains("drawbridge verify alice@example.org"), "{text}");
    }

    #[test]
    fn once_everything_is_verified_there_is_nothing_to_do() {
        let text = told(&BareJid::new("alice@example.org").unwrap(), &codes()[..1]);
        assert!(!text.contains("drawbridge verify"), "{text}");
    }

    #[test]
    fn the_host_shows_all_codes() {
        let text = shown(&codes(), "gateway.example.org");
        for code in ["aaaa\n", "aaaa-aaaa-aaaa-aaaa", "ssss (an old client", "ssss-ssss-ssss-ssss", "keys: 00ff-12ab"] {
            assert!(text.contains(code), "{code} in {text}");
        }
    }
}
