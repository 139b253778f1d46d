//! What people type: messages, and commands that begin with a slash.

use std::collections::BTreeMap;

use crate::about::Kind;
use crate::command::{Command, Values};

/// The answer to `/help`.
pub(super) const HELP: &str = "\
/start [JID]             ask for an encrypted session
/who                     show the session, its codes, and who is online
/verify                  show the codes; /verify match says that the long ones are the same
/pair CODE               a code that the peer's host shows (drawbridge users pair), in the place of comparing
/password [WORDS]        what you agreed on with the peer: the next session needs it; it does not replace comparing
/terms NAME=VALUE …      propose other terms: disclosure=never|disabled|enabled, logging=may|mustnot
/keys                    the peer's public keys: those it has shown, and those its server gives out
/trust FINGERPRINT       you know from elsewhere that this key is the peer's; /forget FINGERPRINT takes it away
/name [NAME]             what you call the peer; nobody else can have that name here
/end                     end the session
/leave TEXT              say something to a peer that is away: it waits at their server, encrypted
/single TEXT             say something, encrypted, that no session is to be kept for (both ends need public keys)
/reply TEXT              say something in answer to the peer's last message
/react SIGN …            react to it; without signs, take that back
/correct TEXT            say something in the place of your last message; /retract takes it back
/typing on|off           tell the peer
/presence SHOW [STATUS]  available, away, chat, dnd, xa; the status is told in sessions only
/subscribe JID           ask to see when somebody is online; /accept JID lets them see you
/roster                  your contacts
/register JID [NAME=VALUE …]   register with a gateway; without values its form is shown
/unregister JID
/command JID NODE [SESSION [NAME=VALUE …]]   run an ad-hoc command
/find GATEWAY TEXT       the JID of somebody behind a gateway
/do {\"command\": …}       any command in JSON, see --help
/quit                    end the session and leave
//text                   say something that begins with a slash";

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Nothing,
    Say(String),
    /// About the last message.
    About(Kind, String),
    Command(Command),
    Help,
    Who,
    Verify,
    Wrong(String),
}

/// Understands a line.
pub(super) fn parse(line: &str) -> Line {
    let line = line.trim_end_matches(['\r', '\n']);
    match line.strip_prefix('/') {
        None if line.trim().is_empty() => Line::Nothing,
        None => Line::Say(line.to_owned()),
        Some(text) if text.starts_with('/') => Line::Say(text.to_owned()),
        Some(command) => parse_command(command),
    }
}

fn parse_command(line: &str) -> Line {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let words: Vec<&str> = rest.split_whitespace().collect();
    let own = |word: &&str| (*word).to_owned();
    let command = match (name, words.as_slice()) {
        ("help" | "?", []) => return Line::Help,
        ("who", []) => return Line::Who,
        ("verify", []) => return Line::Verify,
        ("verify", ["match"]) => Command::Verify { with: None },
        ("start", [] | [_]) => Command::Start { with: words.first().map(own) },
        ("pair", [code]) => Command::Pair { code: own(code), with: None },
        ("password", _) => {
            Command::Password { password: Some(rest.to_owned()).filter(|words| !words.is_empty()), with: None }
        }
        ("terms", [_, ..]) => match terms(&words) {
            Some((disclosure, logging)) => Command::Terms { disclosure, logging, with: None },
            None => return Line::Wrong("terms are disclosure=… and logging=…".to_owned()),
        },
        ("keys", []) => Command::Keys { with: None },
        ("trust", [_, ..]) => Command::TrustKey { fingerprint: rest.to_owned(), with: None },
        ("forget", [_, ..]) => Command::ForgetKey { fingerprint: rest.to_owned(), with: None },
        ("name", _) => Command::Name { name: Some(rest.to_owned()).filter(|name| !name.is_empty()), with: None },
        ("reply", [_, ..]) => return Line::About(Kind::Reply, rest.to_owned()),
        ("react", _) => return Line::About(Kind::Reactions, words.join(" ")),
        ("correct", [_, ..]) => return Line::About(Kind::Correction, rest.to_owned()),
        ("retract", []) => return Line::About(Kind::Retraction, String::new()),
        ("end", []) => Command::End { with: None },
        ("leave", [_, ..]) => Command::SendOffline { text: rest.to_owned(), id: None, with: None },
        ("single", [_, ..]) => Command::SendSingle { text: rest.to_owned(), id: None, with: None },
        ("typing", ["on"]) => Command::Typing { on: true, with: None },
        ("typing", ["off"]) => Command::Typing { on: false, with: None },
        ("presence", [show, ..]) => {
            let status = rest.strip_prefix(show).map(str::trim).filter(|status| !status.is_empty());
            Command::Presence { show: Some(own(show)), status: status.map(str::to_owned), clear: false }
        }
        ("subscribe", [to]) => Command::Subscribe { to: own(to) },
        ("accept", [to]) => Command::Subscribed { to: own(to) },
        ("roster", []) => Command::Roster {},
        ("register", [to, values @ ..]) => match fields(values) {
            Ok(fields) => Command::Register { to: own(to), fields },
            Err(why) => return Line::Wrong(why),
        },
        ("unregister", [to]) => Command::Unregister { to: own(to) },
        ("command", [to, node, more @ ..]) => {
            let (session, values) = more.split_first().map_or((None, more), |(first, rest)| (Some(own(first)), rest));
            match fields(values) {
                Ok(fields) => Command::Command { to: own(to), node: own(node), session, action: None, fields },
                Err(why) => return Line::Wrong(why),
            }
        }
        ("find", [to, _, ..]) => {
            let text = rest.strip_prefix(to).map(str::trim).map(str::to_owned);
            Command::GatewayPrompt { to: own(to), text }
        }
        ("do", [_, ..]) => match serde_json::from_str(rest) {
            Ok(command) => command,
            Err(error) => return Line::Wrong(error.to_string()),
        },
        ("quit" | "exit", []) => Command::Quit {},
        _ => return Line::Wrong(format!("/{name} is not understood here; /help shows the commands")),
    };
    Line::Command(command)
}

fn terms(words: &[&str]) -> Option<(Option<String>, Option<String>)> {
    let (mut disclosure, mut logging) = (None, None);
    for word in words {
        match word.split_once('=')? {
            ("disclosure", value) => disclosure = Some(value.to_owned()),
            ("logging", value) => logging = Some(value.to_owned()),
            _ => return None,
        }
    }
    Some((disclosure, logging))
}

fn fields(values: &[&str]) -> Result<BTreeMap<String, Values>, String> {
    let pair = |value: &&str| {
        let (name, value) = value.split_once('=').ok_or_else(|| format!("{value:?} is not NAME=VALUE"))?;
        Ok((name.to_owned(), Values::One(value.to_owned())))
    };
    values.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_a_slash() {
        assert_eq!(parse("hello /there"), Line::Say("hello /there".into()));
        assert_eq!(parse("//etc/passwd"), Line::Say("/etc/passwd".into()));
        assert_eq!(parse("  "), Line::Nothing);
    }

    #[test]
    fn commands_are_understood_or_explained() {
        assert_eq!(parse("/end"), Line::Command(Command::End { with: None }));
        assert_eq!(parse("/verify"), Line::Verify);
        assert_eq!(parse("/verify match"), Line::Command(Command::Verify { with: None }));
        let lunch = Command::Presence { show: Some("away".into()), status: Some("at lunch".into()), clear: false };
        assert_eq!(parse("/presence away at lunch"), Line::Command(lunch));
        assert_eq!(parse("/do {\"command\":\"roster\"}"), Line::Command(Command::Roster {}));
        let unlogged = Command::Terms { disclosure: None, logging: Some("mustnot".into()), with: None };
        assert_eq!(parse("/terms logging=mustnot"), Line::Command(unlogged));
        assert_eq!(parse("/correct  tea "), Line::About(Kind::Correction, "tea".into()));
        assert_eq!(parse("/react + -"), Line::About(Kind::Reactions, "+ -".into()));
        assert_eq!(parse("/react"), Line::About(Kind::Reactions, String::new()));
        assert_eq!(parse("/name Bob the Builder"), named(Some("Bob the Builder")));
        assert_eq!(parse("/name"), named(None));
        let password =
            |words: Option<&str>| Line::Command(Command::Password { password: words.map(str::to_owned), with: None });
        assert_eq!(parse("/password at  lunch "), password(Some("at  lunch")));
        assert_eq!(parse("/password"), password(None));
        for wrong in [
            "/dance",
            "/retract now",
            "/reply",
            "/trust",
            "/terms mustnot",
            "/end now",
            "/subscribe",
            "/do {}",
            "/register gw.example name",
        ] {
            assert!(matches!(parse(wrong), Line::Wrong(_)), "{wrong}");
        }
    }

    fn named(name: Option<&str>) -> Line {
        Line::Command(Command::Name { name: name.map(str::to_owned), with: None })
    }

    #[test]
    fn help_names_every_command() {
        for name in [
            "start",
            "who",
            "verify",
            "pair",
            "password",
            "terms",
            "keys",
            "trust",
            "forget",
            "name",
            "end",
            "typing",
            "presence",
            "subscribe",
            "roster",
            "do",
            "quit",
        ] {
            assert!(HELP.contains(&format!("/{name}")), "{name}");
        }
    }
}
