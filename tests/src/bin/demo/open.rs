//! The stage stays open: how to come on it with a client of one's own, until Ctrl-C.

use std::{
    env,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use drawbridge_tests::Stage;
use serde_json::Value;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::{
    failure::{Failure, while_doing},
    meeting::Meeting,
    place::Place,
    set::{Set, random},
    story::Story,
    talk::is_message,
};

const POLL: Duration = Duration::from_millis(100);

/// Tells how to take part, and lets bob answer whoever writes to him, until Ctrl-C or SIGTERM.
pub(crate) fn stay(story: &Story, place: &Place, set: &mut Set, meeting: &mut Meeting) -> Result<(), Failure> {
    let ended = listen()?;
    invite(story, place, set, meeting)?;
    story.act("What happens now (Ctrl-C ends it)");
    while !ended.load(Ordering::Relaxed) {
        thread::sleep(POLL);
        for message in meeting.bob.take_events().iter().filter(|event| is_message(event)) {
            let (room, body) = (text(message, "room"), text(message, "body"));
            story.crossed(None, "bob read", body);
            meeting.bob.say(room, &format!("You wrote: {body}"))?;
        }
        set.alive()?;
    }
    Ok(())
}

fn invite(story: &Story, place: &Place, set: &Set, meeting: &Meeting) -> Result<(), Failure> {
    let alice = &set.accounts.alice;
    let (jid, contact) = (alice.bare(), &meeting.contact);
    let (port, homeserver) = (alice.port, set.synapse.url());
    let (chat, drawbridge) = (neighbour("esession-chat"), neighbour("drawbridge"));
    let gateway = place.of("gateway");
    let carol = format!("carol-matrix-{}", random()?);
    set.synapse.add_user("carol", &carol)?;

    story.act("Everything stays up. Try it yourself");
    story.plain("Be alice, and write to bob, who answers. In another terminal:");
    command(
        story,
        &[
            &format!("ESESSION_CHAT_PASSWORD={}", alice.password),
            &quoted(&chat),
            &format!("--account {jid} --with {contact}"),
            &format!("--server 127.0.0.1:{port} --insecure-plaintext --accept-subscriptions"),
            &format!("--state-dir {}", quoted(&place.of("people").join(alice.jid.replace('/', "-")))),
        ],
    );
    story.plain("See what the operator of the gateway sees:");
    let config = quoted(&gateway.join("drawbridge.toml"));
    command(story, &[&quoted(&drawbridge), &format!("--config {config}"), &format!("verify {jid}")]);
    story.plain("(or with status, users, doctor, check)");

    story.act("With clients of your own");
    story.detail("XMPP", &format!("127.0.0.1, port {port}, no TLS: {jid}, password {}", alice.password));
    story.detail("", &format!("The gateway is the contact {}.", Stage::COMPONENT));
    story.detail("Matrix", &format!("{homeserver}: @carol:{}, password {carol}", Stage::SERVER_NAME));
    story.detail("", &format!("Nobody uses her yet. alice reaches her as {}.", contact.replacen("bob", "carol", 1)));
    let (server, password) = (Stage::SERVER_NAME, &set.accounts.alice_matrix);
    story.detail("", &format!("@alice:{server}, password {password}, is alice herself."));
    let config = gateway.join("drawbridge.toml");
    story.detail("gateway", &format!("configuration {}", config.display()));
    story.detail("", &format!("log {}", set.gateway.process.log().display()));
    story.detail("Prosody's log", &set.prosody.process.log().display().to_string());
    story.detail("Synapse's log", &set.synapse.process.log().display().to_string());
    Ok(())
}

/// A command in several lines that a shell takes as it stands.
fn command(story: &Story, parts: &[&str]) {
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.iter().enumerate() {
        let (indent, end) = (if at == 0 { "  " } else { "    " }, if at == last { "" } else { " \\" });
        story.plain(&format!("{indent}{part}{end}"));
    }
}

fn neighbour(program: &str) -> std::path::PathBuf {
    env::current_exe().unwrap_or_default().with_file_name(program)
}

fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let plain = path.chars().all(|character| character.is_alphanumeric() || "/._-+@".contains(character));
    if plain { path.into_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Becomes true with Ctrl-C or SIGTERM.
fn listen() -> Result<Arc<AtomicBool>, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(while_doing("listening for Ctrl-C"))?;
    let ended = Arc::new(AtomicBool::new(false));
    let (interrupt, terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    let mut interrupt = interrupt.map_err(while_doing("listening for Ctrl-C"))?;
    let mut terminate = terminate.map_err(while_doing("listening for SIGTERM"))?;
    let flag = ended.clone();
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        flag.store(true, Ordering::Relaxed);
    });
    Ok(ended)
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}
