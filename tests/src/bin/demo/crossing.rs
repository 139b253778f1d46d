//! One message as everybody on its way has it, and what the servers hold of all.

use std::fs;

use drawbridge_tests::Stage;
use rusqlite::{Connection, OpenFlags};

use crate::{
    failure::{Failure, while_doing},
    set::Set,
    story::Story,
    talk::Talk,
};

/// The namespace of encrypted content (XEP-0200).
const ENCRYPTED: &str = "http://www.xmpp.org/extensions/xep-0200.html#ns";
/// What clients that know no encryption show; the one text that may stand beside ciphertext.
const FALLBACK: &str = "<body>This message is encrypted (ESession, XEP-0200).</body>";
/// Longer runs that say nothing are shortened.
const RUN: usize = 30;

/// What the servers saw of the conversation.
pub(crate) struct Seen {
    /// Stanzas with encrypted content between alice and bob, as the XMPP server had them from her and for her.
    pub(crate) encrypted_stanzas: usize,
    /// Messages between them with a readable text beside or instead of that.
    pub(crate) clear_stanzas: usize,
    /// Events of the type `m.room.encrypted` on the homeserver.
    pub(crate) encrypted_events: usize,
    /// Events of the type `m.room.message` on the homeserver.
    pub(crate) clear_events: usize,
    /// The homeserver's name for alice's first message.
    pub(crate) event: String,
    /// The stanza with alice's first message.
    pub(crate) stanza: String,
}

/// Tells the way of alice's first message.
pub(crate) fn tell(story: &Story, set: &Set, talk: &Talk) -> Result<Seen, Failure> {
    let (id, typed) = talk.outward.said.first().cloned().unwrap_or_default();
    let Some(heard) = talk.outward.heard.first() else {
        return Err(Failure::Wrong(vec!["bob read nothing at all of what alice wrote".into()]));
    };
    let log = set.prosody.process.log();
    let log = fs::read(log).map_err(while_doing(format!("reading {}", log.display())))?;
    let log = String::from_utf8_lossy(&log);
    let stanzas: Vec<&str> = between_them(&log).collect();
    let stanza = stanzas.iter().find(|stanza| has_id(stanza, &id) && stanza.contains(ENCRYPTED));
    let stanza = stanza.map(ToString::to_string).unwrap_or_else(|| "no such stanza".into());
    let (kind, json) = stored(set, &heard.event)?;
    story.detail("alice typed", &typed);
    story.detail("Prosody saw", &shorten(&up_to_content(&stanza).replace("><", "> <")));
    story.detail("Synapse stored", &format!("{kind} {}", shorten(&json.replace(",\"", ", \""))));
    story.detail("bob read", &heard.text);
    Ok(Seen {
        encrypted_stanzas: stanzas.iter().filter(|stanza| stanza.contains(ENCRYPTED)).count(),
        clear_stanzas: stanzas.iter().filter(|stanza| stanza.replace(FALLBACK, "").contains("<body")).count(),
        encrypted_events: count(set, "m.room.encrypted")?,
        clear_events: count(set, "m.room.message")?,
        event: heard.event.clone(),
        stanza,
    })
}

/// The messages between alice and bob on her stream, in both directions, from the XMPP server's trace.
fn between_them(log: &str) -> impl Iterator<Item = &str> {
    let hers = log.lines().filter(|line| line.contains(" c2s"));
    let stanzas = hers.filter_map(|line| line.split_once("RECV: ").or(line.split_once("SEND: ")));
    let stanzas = stanzas.map(|(_, stanza)| stanza);
    let contact = format!("bob%{}@{}", Stage::SERVER_NAME, Stage::COMPONENT);
    stanzas.filter(move |stanza| stanza.starts_with("<message") && stanza.contains(&contact))
}

fn has_id(stanza: &str, id: &str) -> bool {
    let head = stanza.split('>').next().unwrap_or_default();
    head.contains(&format!("id='{id}'")) || head.contains(&format!("id=\"{id}\""))
}

/// The type of an event, and its content as the homeserver keeps it.
fn stored(set: &Set, event: &str) -> Result<(String, String), Failure> {
    let query = "SELECT events.type, event_json.json FROM events JOIN event_json USING (event_id) WHERE event_id = ?";
    let row: (String, String) =
        database(set)?.query_row(query, [event], |row| Ok((row.get(0)?, row.get(1)?))).map_err(asking())?;
    let event: serde_json::Value = serde_json::from_str(&row.1).map_err(while_doing("reading a stored event"))?;
    Ok((row.0, event["content"].to_string()))
}

fn count(set: &Set, kind: &str) -> Result<usize, Failure> {
    let query = "SELECT count(*) FROM events WHERE type = ?";
    database(set)?.query_row(query, [kind], |row| row.get(0)).map_err(asking())
}

fn database(set: &Set) -> Result<Connection, Failure> {
    Connection::open_with_flags(set.synapse.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(asking())
}

fn asking() -> impl FnOnce(rusqlite::Error) -> Failure {
    while_doing("asking Synapse's database")
}

/// The stanza without what follows its encrypted content.
fn up_to_content(stanza: &str) -> String {
    match stanza.split_once("</c>") {
        Some((begin, _)) => format!("{begin}</c> …"),
        None => stanza.to_owned(),
    }
}

/// The text with what nobody can read in it shortened.
fn shorten(text: &str) -> String {
    let mut short = String::new();
    for piece in
        text.split_inclusive(|character: char| !(character.is_ascii_alphanumeric() || "+/=".contains(character)))
    {
        let length = piece.chars().count();
        if length > RUN {
            short.extend(piece.chars().take(16).chain(['…']).chain(piece.chars().skip(length - 5)));
        } else {
            short.push_str(piece);
        }
    }
    short
}
