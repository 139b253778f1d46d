//! A chat for people, line by line.

use std::collections::HashMap;
use std::io::Write;

use crate::about::{About, Kind};
use crate::command::Command;
use crate::event::{Chain, Event, Form, KeyInfo, SessionEvent, SessionKeys, SessionState};
use crate::run::Shell;
use input::{HELP, Line};

mod input;

/// How much of a message of ours is repeated when it has arrived.
const SNIPPET: usize = 40;

/// The shell for people.
pub(crate) struct Terminal<W: Write> {
    output: W,
    /// Whether this is a terminal that shows colours and prompts.
    style: Style,
    /// Our full JID.
    me: String,
    session: Option<SessionEvent>,
    presences: HashMap<String, String>,
    /// What the user calls them, by bare JIDs.
    names: HashMap<String, String>,
    /// What we said and nobody acknowledged yet.
    said: HashMap<String, String>,
    /// The last messages that others can be about.
    last_said: Option<String>,
    last_heard: Option<String>,
    counter: u64,
    /// Starts the ids of what we say.
    prefix: String,
}

/// What the output can show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Colours (never if NO_COLOR is set).
    pub(crate) colours: bool,
    /// A prompt, and lines that replace it.
    pub(crate) prompt: bool,
}

/// ANSI colours by what they say.
#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Faint,
    Peer,
    Good,
    Bad,
}

impl<W: Write> Terminal<W> {
    /// `prefix` starts the ids of messages and must be fresh.
    pub(crate) fn new(output: W, style: Style, prefix: String) -> Self {
        Self {
            output,
            style,
            me: String::new(),
            session: None,
            presences: HashMap::new(),
            names: HashMap::new(),
            said: HashMap::new(),
            last_said: None,
            last_heard: None,
            counter: 0,
            prefix,
        }
    }

    /// The first lines.
    pub(crate) fn greet(&mut self, account: &str, with: Option<&str>) {
        let with = with.map_or_else(String::new, |with| format!(", chatting with {with}"));
        self.line(Ink::Faint, &format!("esession-chat {}: {account}{with}", env!("CARGO_PKG_VERSION")));
        self.line(Ink::Faint, "Type a message, or /help.");
    }

    fn line(&mut self, ink: Ink, text: &str) {
        let text = printable(text);
        let code = match ink {
            Ink::Plain => "",
            Ink::Faint => "\x1b[2m",
            Ink::Peer => "\x1b[36m",
            Ink::Good => "\x1b[32m",
            Ink::Bad => "\x1b[1;31m",
        };
        let (before, after) = if self.style.colours && !code.is_empty() { (code, "\x1b[0m") } else { ("", "") };
        let (clear, prompt) = if self.style.prompt { ("\r\x1b[K", "> ") } else { ("", "") };
        // somebody who closed the terminal does not miss this
        let _ = write!(self.output, "{clear}{before}{text}{after}\n{prompt}").and_then(|()| self.output.flush());
    }

    fn show_session(&mut self, session: &SessionEvent) {
        let with = &session.with;
        let reason = session.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        match session.state {
            SessionState::Negotiating => self.line(Ink::Faint, &format!("-- agreeing on keys with {with} …")),
            SessionState::Failed => self.line(Ink::Bad, &format!("-- no encrypted session with {with}{reason}")),
            SessionState::Ended => {
                let ink = if session.acknowledged == Some(true) { Ink::Faint } else { Ink::Bad };
                self.line(ink, &format!("-- the encrypted session with {with} has ended{reason}"));
            }
            SessionState::Active => self.show_keys(session),
        }
        self.session = Some(session.clone());
    }

    fn show_keys(&mut self, session: &SessionEvent) {
        let Some(keys) = &session.keys else { return };
        let was_active = self.session.as_ref().is_some_and(|before| {
            before.state == SessionState::Active
                && before.keys.as_ref().is_some_and(|before| before.compare == keys.compare)
        });
        if !was_active {
            self.line(
                Ink::Good,
                &format!(
                    "-- encrypted with {} (group {}{}, {}; {} stanzas, {} octets, {} ms)",
                    session.with,
                    keys.group,
                    if keys.hybrid { " with X25519 and ML-KEM-768" } else { "" },
                    keys.cipher,
                    keys.stanzas,
                    keys.bytes,
                    keys.milliseconds
                ),
            );
            if keys.password {
                self.line(Ink::Faint, "   the peer has the password that you typed");
            }
            if let (Some(key), Some(standing)) = (&keys.key, keys.key_standing) {
                self.line(Ink::Faint, &format!("   its public key ({standing}): {key}"));
            }
        }
        let before = self.session.as_ref().filter(|_| was_active).and_then(|before| before.keys.as_ref());
        let logging = |keys: &SessionKeys| keys.logging.clone();
        match keys.logging.as_deref() {
            _ if before.is_some_and(|before| logging(before) == logging(keys)) => {}
            Some("mustnot") => {
                self.line(Ink::Faint, "   agreed: neither end stores what is written, not even encrypted");
            }
            _ if was_active => self.line(Ink::Plain, "   agreed: what is written may be stored"),
            _ => {}
        }
        match (keys.verified, keys.confirmed, keys.chain) {
            (true, ..) => match (&keys.through, &keys.certified_by) {
                (None, Some(authority)) => {
                    self.line(Ink::Good, &format!("   verified: {authority} certifies its key"));
                }
                (Some(gateway), _) => {
                    self.line(
                        Ink::Good,
                        &format!("   verified: {gateway} vouches for it, and you compared codes with that"),
                    );
                }
                (None, None) => self.line(Ink::Good, "   verified: this is the peer you compared codes or paired with"),
            },
            (false, false, _) => self.line(Ink::Faint, "   not confirmed yet: the peer has not used its keys so far"),
            (false, true, Some(Chain::Continued)) => {
                self.line(Ink::Plain, "   the same peer as last time, but you never compared codes:");
                self.show_codes(keys);
            }
            (false, true, _) => {
                self.line(
                    Ink::Plain,
                    "   NOT VERIFIED. Compare the code over another channel, then type /verify match",
                );
                self.show_codes(keys);
            }
        }
    }

    fn show_key_ring(&mut self, with: &str, own: Option<&str>, keys: &[KeyInfo]) {
        self.line(
            Ink::Plain,
            &format!("-- public keys of {with}{}", if keys.is_empty() { ": none is known" } else { "" }),
        );
        for KeyInfo { fingerprint, standing } in keys {
            let ink = if *standing == "verified" { Ink::Good } else { Ink::Plain };
            let standing = if *standing == "published" { "its server says so" } else { standing };
            self.line(ink, &format!("   {fingerprint}  ({standing})"));
        }
        if let Some(own) = own {
            self.line(Ink::Faint, &format!("   yours: {own}"));
        }
    }

    fn show_codes(&mut self, keys: &SessionKeys) {
        self.line(Ink::Plain, &format!("   code        {}", keys.compare));
        if let Some(sas) = keys.sas.as_ref().filter(|_| keys.long.as_ref() == Some(&keys.compare)) {
            self.line(
                Ink::Faint,
                &format!("   short code  {sas} (an old client shows only this one; it proves nothing)"),
            );
        }
    }

    fn show_form(&mut self, from: &str, form: &Form) {
        let title = form.title.as_deref().unwrap_or("a form");
        self.line(Ink::Plain, &format!("-- {from}: {title}"));
        for text in &form.instructions {
            self.line(Ink::Plain, &format!("   {text}"));
        }
        for field in form.fields.iter().filter(|field| field.kind != "hidden") {
            let label = field.label.as_deref().unwrap_or(&field.var);
            let shown = if field.kind == "text-private" { String::new() } else { field.values.join(", ") };
            let mark = if field.required { "*" } else { "" };
            let text = if field.kind == "fixed" { shown } else { format!("{label}{mark} ({}) {shown}", field.var) };
            self.line(Ink::Plain, &format!("   {text}"));
        }
    }

    fn who(&mut self) {
        match self.session.clone() {
            Some(session) if session.state == SessionState::Active => {
                self.session = None;
                self.show_session(&session);
                if let Some(keys) = &session.keys
                    && keys.verified
                {
                    self.show_codes(&keys.clone());
                }
            }
            _ => self.line(Ink::Plain, "-- no encrypted session"),
        }
        let mut presences: Vec<_> = self.presences.iter().map(|(jid, show)| format!("   {jid}: {show}")).collect();
        presences.sort();
        presences.iter().for_each(|line| self.line(Ink::Plain, line));
    }

    fn verify(&mut self) {
        match self.session.as_ref().and_then(|session| session.keys.clone()) {
            Some(keys) => {
                self.show_codes(&keys);
                self.line(Ink::Plain, "   If the peer sees the same code, type /verify match");
            }
            None => self.line(Ink::Bad, "-- there is no encrypted session to verify"),
        }
    }

    /// Something about the last message: of the user's own, or of the peer.
    fn about(&mut self, kind: Kind, text: String) -> Option<Command> {
        let own = matches!(kind, Kind::Correction | Kind::Retraction);
        let earlier = if own { &self.last_said } else { &self.last_heard };
        let Some(earlier) = earlier.clone() else {
            self.line(Ink::Bad, "-- there is no message yet that this could be about");
            return None;
        };
        let id = self.next_id();
        self.said.insert(id.clone(), snippet(&text));
        if kind == Kind::Reply {
            self.last_said = Some(id.clone());
        }
        Some(Command::Send { text, id: Some(id), about: Some(About { kind, id: earlier }), with: None })
    }

    fn next_id(&mut self) -> String {
        self.counter += 1;
        format!("{}-{}", self.prefix, self.counter)
    }
}

/// A message, and what it is to an earlier one.
fn in_words(text: &str, about: Option<&About>) -> String {
    match about.map(|about| about.kind) {
        None | Some(Kind::Reply) => text.to_owned(),
        Some(Kind::Correction) => format!("{text} (corrected)"),
        Some(Kind::Retraction) => "(has taken a message back)".to_owned(),
        Some(Kind::Reactions) if text.is_empty() => "(has taken a reaction back)".to_owned(),
        Some(Kind::Reactions) => format!("(reacts with {text})"),
    }
}

impl<W: Write> Shell for Terminal<W> {
    fn show(&mut self, event: &Event) -> Option<Command> {
        match event {
            Event::Online { jid } => {
                self.me.clone_from(jid);
                self.line(Ink::Faint, &format!("-- online as {jid}"));
            }
            Event::Offline { reason } => {
                let reason = reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                self.line(Ink::Bad, &format!("-- not connected, trying again{reason}"));
            }
            Event::Session(session) => self.show_session(session),
            Event::Keys { with, own, keys } => self.show_key_ring(with, own.as_deref(), keys),
            Event::Named { with, name } => match name {
                Some(name) => {
                    self.line(Ink::Faint, &format!("-- {with} is {name} to you"));
                    self.names.insert(with.clone(), name.clone());
                }
                None => drop(self.names.remove(with)),
            },
            Event::Message { from, text, id, about, encrypted, delayed } => {
                let text = &in_words(text, about.as_ref());
                if about.as_ref().is_none_or(|about| about.kind == Kind::Reply) {
                    self.last_heard.clone_from(id);
                }
                let bare = from.split_once('/').map_or(from.as_str(), |(bare, _)| bare);
                let name = self.names.get(bare).map_or(bare, String::as_str).to_owned();
                let when = delayed.as_deref().map(|stamp| format!(" [{stamp}]")).unwrap_or_default();
                if *encrypted {
                    self.line(Ink::Peer, &format!("{name}{when}: {text}"));
                    return id.clone().map(|id| Command::Displayed { id, with: Some(from.clone()) });
                }
                self.line(Ink::Bad, &format!("{name}{when} (NOT ENCRYPTED): {text}"));
            }
            Event::Receipt { id, .. } => {
                if let Some(text) = self.said.remove(id) {
                    self.line(Ink::Faint, &format!("   ✓ arrived: {text}"));
                }
            }
            Event::Typing { from, on: true } => self.line(Ink::Faint, &format!("   {from} is typing …")),
            Event::Sent { .. } | Event::Displayed { .. } | Event::Typing { on: false, .. } => {}
            Event::Presence { from, .. } if *from == self.me => {}
            Event::Presence { from, show, status, .. } => {
                let status = status.as_deref().map(|status| format!(" ({status})")).unwrap_or_default();
                self.presences.insert(from.clone(), format!("{show}{status}"));
                self.line(Ink::Faint, &format!("   {from} is {show}{status}"));
            }
            Event::Subscribe { from, nick, accepted } => {
                let nick = nick.as_deref().map(|nick| format!(" ({nick})")).unwrap_or_default();
                let how = if *accepted { "and may".to_owned() } else { format!("/accept {from} lets them") };
                self.line(Ink::Plain, &format!("-- {from}{nick} wants to see when you are online; {how}"));
            }
            Event::Roster { items, push } => {
                for item in items {
                    let name = item.name.as_deref().unwrap_or_default();
                    let ink = if *push { Ink::Faint } else { Ink::Plain };
                    self.line(ink, &format!("   {} {name} [{}]", item.jid, item.subscription));
                }
            }
            Event::Form { from, form } => self.show_form(from, form),
            Event::Registered { from } => self.line(Ink::Good, &format!("-- registered with {from}")),
            Event::Unregistered { from } => self.line(Ink::Good, &format!("-- no longer registered with {from}")),
            Event::Command { from, node, session, status, notes, form, .. } => {
                let session = session.as_deref().unwrap_or_default();
                self.line(Ink::Plain, &format!("-- {from}: {node} {status} {session}"));
                notes.iter().for_each(|note| self.line(Ink::Plain, &format!("   {}", note.text)));
                form.iter().for_each(|form| self.show_form(from, form));
            }
            Event::GatewayPrompt { from, description, prompt, jid } => {
                let said: Vec<&str> = [description, prompt, jid].into_iter().flatten().map(String::as_str).collect();
                self.line(Ink::Plain, &format!("-- {from}: {}", said.join(" ")));
            }
            Event::Stanza { xml, .. } => self.line(Ink::Plain, xml),
            Event::Error { id, condition, text, from, .. } => {
                let about = id.as_ref().and_then(|id| self.said.remove(id));
                let about = about.map(|about| format!(" [{about}]")).unwrap_or_default();
                let from = from.as_deref().map(|from| format!("{from}: ")).unwrap_or_default();
                let text = text.as_deref().unwrap_or(condition);
                self.line(Ink::Bad, &format!("-- {from}{text}{about}"));
            }
            Event::Notice { text } => self.line(Ink::Bad, &format!("-- {text}")),
            // to standard error, so that it can be looked at apart
            Event::Trace { direction, xml } => {
                let mark = if *direction == "in" { "<<" } else { ">>" };
                let _ = writeln!(std::io::stderr(), "{mark} {}", printable(xml));
            }
            Event::Closed { reason } => {
                self.style.prompt = false;
                if self.style.colours {
                    let _ = write!(self.output, "\r\x1b[K");
                }
                match reason {
                    Some(reason) => self.line(Ink::Bad, &format!("-- {reason}")),
                    None => self.line(Ink::Faint, "-- bye"),
                }
            }
        }
        None
    }

    fn read(&mut self, line: &str) -> Option<Command> {
        if self.style.prompt {
            let _ = write!(self.output, "> ").and_then(|()| self.output.flush());
        }
        match input::parse(line) {
            Line::Nothing => None,
            Line::Say(text) => {
                let id = self.next_id();
                self.said.insert(id.clone(), snippet(&text));
                self.last_said = Some(id.clone());
                Some(Command::Send { text, id: Some(id), about: None, with: None })
            }
            Line::About(kind, text) => self.about(kind, text),
            Line::Command(command) => Some(command),
            Line::Help => {
                self.line(Ink::Plain, HELP);
                None
            }
            Line::Who => {
                self.who();
                None
            }
            Line::Verify => {
                self.verify();
                None
            }
            Line::Wrong(why) => {
                self.line(Ink::Bad, &format!("-- {why}"));
                None
            }
        }
    }
}

fn snippet(text: &str) -> String {
    let short: String = text.chars().take(SNIPPET).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// What others wrote, without what would control the terminal: escape sequences, and marks that reverse the writing.
fn printable(text: &str) -> String {
    let is_control = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_control(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: &[Event]) -> String {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(&mut output, Style::default(), "x".to_owned());
        events.iter().for_each(|event| drop(terminal.show(event)));
        String::from_utf8(output).unwrap()
    }

    fn message(text: &str, encrypted: bool) -> Event {
        Event::Message {
            from: "bob@example.org/b".into(),
            text: text.into(),
            id: None,
            about: None,
            encrypted,
            delayed: None,
        }
    }

    #[test]
    fn clear_text_is_marked() {
        assert_eq!(shown(&[message("hi", true)]), "bob@example.org: hi\n");
        assert_eq!(shown(&[message("hi", false)]), "bob@example.org (NOT ENCRYPTED): hi\n");
    }

    #[test]
    fn nobody_controls_the_terminal() {
        let text = shown(&[message("\x1b[2J\x07\r\u{202E}evil\u{9b}1m", true)]);
        assert_eq!(text, "bob@example.org: \u{FFFD}[2J\u{FFFD}\u{FFFD}\u{FFFD}evil\u{FFFD}1m\n");
    }

    #[test]
    fn what_has_arrived_is_ticked_off_once() {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(&mut output, Style::default(), "x".to_owned());
        let Some(Command::Send { id: Some(id), .. }) = terminal.read("hello") else { panic!() };
        let receipt = Event::Receipt { id, encrypted: true };
        terminal.show(&receipt);
        terminal.show(&receipt);
        assert_eq!(String::from_utf8(output).unwrap(), "   ✓ arrived: hello\n");
    }
}
