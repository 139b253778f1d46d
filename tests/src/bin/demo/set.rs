//! The set of the play: Prosody, Synapse, the gateway between them, and the accounts.

use std::{fs, process::ExitStatus, thread, time::Instant};

use drawbridge_tests::{
    Error, Stage,
    clients::ChatAccount,
    servers::{Component, Gateway, GatewaySettings, Prosody, ProsodySettings, Synapse},
};

use crate::{
    failure::{Failure, while_doing},
    meeting::Meeting,
    place::Place,
    story::Story,
};

/// Everything that runs. All of it dies with this process.
pub(crate) struct Set {
    pub(crate) prosody: Prosody,
    pub(crate) synapse: Synapse,
    pub(crate) gateway: Gateway,
    pub(crate) accounts: Accounts,
}

/// Who plays.
pub(crate) struct Accounts {
    /// alice on XMPP.
    pub(crate) alice: ChatAccount,
    /// Her password on Matrix, which she gives to the gateway and which must not be found there.
    pub(crate) alice_matrix: String,
    /// bob's password on Matrix.
    pub(crate) bob: String,
}

impl Set {
    /// Starts the servers and the gateway, and makes the accounts.
    pub(crate) fn raise(story: &Story, place: &Place) -> Result<Self, Failure> {
        let servers = "Prosody and Synapse start, with nothing in them, on loopback";
        let (prosody, synapse) = story.step(servers, || start_servers(place))?;
        let gateway = story.step("drawbridge starts between them", || {
            let network = ("matrix".into(), Stage::COMPONENT.into(), Stage::SECRET.into());
            let settings = GatewaySettings {
                owners: vec![Stage::DOMAIN.into()],
                networks: vec![network],
                allow: Vec::new(),
                more: String::new(),
            };
            Ok(Gateway::start(&place.of("gateway"), &prosody, &settings)?)
        })?;
        let (xmpp, matrix) = (Stage::DOMAIN, Stage::SERVER_NAME);
        let people = format!("accounts: alice@{xmpp}, @alice:{matrix}, @bob:{matrix}");
        let accounts = story.step(&people, || {
            let (alice, bob) = (format!("alice-matrix-{}", random()?), format!("bob-matrix-{}", random()?));
            synapse.add_user("alice", &alice)?;
            synapse.add_user("bob", &bob)?;
            let xmpp = ChatAccount::create(&prosody, "alice", &format!("alice-xmpp-{}", random()?))?;
            Ok(Accounts { alice: xmpp.with_resource("demo"), alice_matrix: alice, bob })
        })?;
        Ok(Self { prosody, synapse, gateway, accounts })
    }

    /// Nothing may die unnoticed.
    pub(crate) fn alive(&mut self) -> Result<(), Failure> {
        let processes = [&mut self.prosody.process, &mut self.synapse.process, &mut self.gateway.process];
        for process in processes {
            if !process.is_running() {
                let log = process.log().display();
                let why = format!("a server ended, and not by us. Its last words are at the end of {log}");
                return Err(Failure::Stopped(why));
            }
        }
        Ok(())
    }

    /// Ends everything in order, and tells how the gateway ended.
    pub(crate) fn lower(mut self, story: &Story, meeting: Meeting) -> Result<(), Failure> {
        meeting.bob_leaves()?;
        let start = Instant::now();
        let status = self.gateway.terminate()?;
        let what = format!("drawbridge was told to end (SIGTERM): {}", how(status));
        if !status.success() {
            story.bad(&what);
            return Err(Failure::Wrong(vec![what]));
        }
        story.done(&what, start.elapsed());
        story.step("Prosody and Synapse end", || {
            self.prosody.process.stop()?;
            self.synapse.process.stop()?;
            Ok(())
        })
    }
}

/// Something nobody guesses, and that is nowhere by chance: 16 hexadecimal digits.
pub(crate) fn random() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(while_doing("asking for random octets"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Starts both servers side by side.
fn start_servers(place: &Place) -> Result<(Prosody, Synapse), Failure> {
    for dir in ["people", "gateway"] {
        fs::create_dir_all(place.of(dir)).map_err(while_doing(format!("making {}", place.of(dir).display())))?;
    }
    let settings = ProsodySettings {
        domain: Stage::DOMAIN.into(),
        components: vec![Component { domain: Stage::COMPONENT.into(), secret: Stage::SECRET.into(), privileged: true }],
        takes_files: false,
        trace: true,
    };
    let (prosody, synapse) = thread::scope(|scope| {
        let synapse = scope.spawn(|| Synapse::start(&place.of("synapse"), Stage::SERVER_NAME));
        let prosody = Prosody::start(&place.of("prosody"), &settings);
        let gone = |_| Err(Error::Refused { asked: "starting Synapse".into(), answer: "panic".into() });
        (prosody, synapse.join().unwrap_or_else(gone))
    });
    Ok((prosody?, synapse?))
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}
