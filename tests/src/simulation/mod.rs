//! A simulated world: the real keeper and the real client, an XMPP server that loses what it likes, a far network in
//! memory. Everything that chance decides comes from one seed; the gateway's clock stands still unless it waits.
#![allow(clippy::panic, reason = "a world that cannot be set up is a failed test")]

mod chance;
mod gateway;
mod server;

use std::time::Duration;

use drawbridge_bridge::{ContactId, SendError};
use drawbridge_echo::{EchoWorld, FarUser};
use esession::Logging;
use esession_chat::{Chain, Command, Event, SessionState, Settings};

use chance::Chance;
use gateway::Gateway;
use server::Server;

/// The account that talks, and with whom.
pub const ALICE: &str = "alice@example.org";
const CONTACT: &str = "silent@echo";

/// Alice with her client, the gateway, and a contact on the far side.
pub struct Simulation {
    chance: Chance,
    dir: tempfile::TempDir,
    far: EchoWorld,
    gateway: Option<Gateway>,
    server: Server,
    sent: usize,
    said: usize,
}

impl Simulation {
    /// Alice has registered; her client is online.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Settings::default())
    }

    /// The same; her client demands that nothing is stored, and the far side is encrypted.
    pub fn unlogged(seed: u64) -> Self {
        let mut settings = Settings::default();
        settings.policy.logging = vec![Logging::MustNot];
        let mut simulation = Self::with(seed, settings);
        simulation.far_side_is_encrypted(true);
        simulation.settle(2);
        simulation
    }

    fn with(seed: u64, settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("a temporary directory: {error}"));
        let far = EchoWorld::default();
        let mut gateway = Gateway::start(dir.path(), &far);
        gateway.log_in(ALICE, "alice");
        let mut simulation = Self {
            chance: Chance::new(seed),
            dir,
            far,
            gateway: Some(gateway),
            server: Server::new(ALICE, "silent%echo", settings),
            sent: 0,
            said: 0,
        };
        simulation.server.come_online();
        simulation.settle(5);
        simulation
    }

    /// One thing happens that the seed chooses.
    pub fn step(&mut self) {
        match self.chance.below(23) {
            0..=6 => self.alice_writes(),
            7..=12 => self.contact_writes(),
            13..=16 => self.pump(),
            17 => self.crash(),
            18 => self.break_link(),
            19 => self.fail_next_send(),
            20 => self.alice_ends_her_session(),
            _ => self.rest(),
        }
    }

    /// Alice writes the next of her messages.
    pub fn alice_writes(&mut self) {
        self.sent += 1;
        let text = alices(self.sent);
        self.server.command(Command::Send { id: Some(format!("m{}", self.sent)), text, about: None, with: None });
    }

    /// The contact writes the next of theirs.
    pub fn contact_writes(&mut self) {
        self.said += 1;
        self.far_user().says(&ContactId::new(CONTACT), &contacts(self.said));
    }

    /// Alice ends her session, unless she still waits for a receipt: her client would give those messages back. It
    /// stays online.
    pub fn alice_ends_her_session(&mut self) {
        let receipts = self.server.events().iter().filter(|event| matches!(event, Event::Receipt { .. }));
        if receipts.count() == self.sent {
            self.server.command(Command::End { with: None });
        }
    }

    /// Time in which conversations may leave the gateway's memory.
    fn rest(&mut self) {
        let seconds = self.chance.below(12);
        self.settle(u32::try_from(seconds).unwrap_or(0));
    }

    /// How many conversations the gateway has in memory.
    pub fn awake(&self) -> usize {
        self.gateway.as_ref().map_or(0, Gateway::awake)
    }

    /// The gateway's process is killed, wherever it is, and another one starts. What it had sent may be lost.
    pub fn crash(&mut self) {
        self.lose();
        self.gateway = None;
        self.gateway = Some(Gateway::start(self.dir.path(), &self.far));
    }

    /// The link breaks and comes up again; what was on it may be lost, in both directions.
    pub fn break_link(&mut self) {
        self.lose();
        if let Some(gateway) = &mut self.gateway {
            gateway.relink();
        }
    }

    /// Both ends are in the middle of something, and what they have sent does not all arrive.
    fn lose(&mut self) {
        let turns = self.chance.below(200);
        if let Some(gateway) = &mut self.gateway {
            gateway.run_turns(turns);
            self.server.lose(gateway, &mut self.chance);
        }
    }

    fn fail_next_send(&mut self) {
        let failure = match self.chance.below(2) {
            0 => SendError::Uncertain,
            _ => SendError::Transient { reason: "chance".to_owned(), after: None },
        };
        self.far_user().fail_next_send(failure);
    }

    fn pump(&mut self) {
        let Some(gateway) = &mut self.gateway else { return };
        gateway.run_for(Duration::from_millis(20));
        self.server.exchange(gateway, Duration::from_millis(20));
    }

    /// Lets everything come to rest: seconds of the gateway's and the client's time.
    pub fn settle(&mut self, seconds: u32) {
        for _ in 0..seconds * 20 {
            let Some(gateway) = &mut self.gateway else { return };
            gateway.run_for(Duration::from_millis(50));
            self.server.exchange(gateway, Duration::from_millis(50));
        }
    }

    /// What the far side has got from Alice, in order.
    pub fn far_has(&self) -> Vec<String> {
        self.far_user().received().into_iter().map(|received| received.text.expose().to_owned()).collect()
    }

    /// What Alice's client has shown, in order, with how it came.
    pub fn alice_has(&self) -> Vec<(String, bool)> {
        let messages = self.server.events().iter().filter_map(|event| match event {
            Event::Message { text, encrypted, from, .. } if from.starts_with("silent%echo@") => {
                Some((text.clone(), *encrypted))
            }
            _ => None,
        });
        messages.collect()
    }

    /// The messages of Alice that her client has a receipt for, as texts.
    pub fn receipted(&self) -> Vec<String> {
        let ids = self.server.events().iter().filter_map(|event| match event {
            Event::Receipt { id, .. } => id.strip_prefix('m')?.parse().ok(),
            _ => None,
        });
        ids.map(alices).collect()
    }

    /// Alice writes without encryption.
    pub fn alice_writes_in_clear(&mut self, text: &str) {
        let text = text.to_owned();
        self.server.command(Command::ClearSend { id: Some("clear".to_owned()), text, with: None });
    }

    /// Conditions of the errors that Alice has been shown.
    pub fn errors(&self) -> Vec<&str> {
        let errors = self.server.events().iter().filter_map(|event| match event {
            Event::Error { condition, .. } => Some(condition.as_str()),
            _ => None,
        });
        errors.collect()
    }

    /// What Alice's client says of the sessions it has had: the chain, and what the gateway said about disclosure.
    pub fn sessions(&self) -> Vec<(Option<Chain>, Option<&str>)> {
        let sessions = self.server.events().iter().filter_map(|event| match event {
            Event::Session(session) if session.state == SessionState::Active => session.keys.as_ref(),
            _ => None,
        });
        sessions.map(|keys| (keys.chain, keys.disclosure.as_deref())).collect()
    }

    /// The contact's side becomes end-to-end encrypted, or ceases to be.
    pub fn far_side_is_encrypted(&mut self, encrypted: bool) {
        self.far_user().set_encrypted(&ContactId::new(CONTACT), encrypted);
    }

    /// What the far side must have got.
    pub fn alice_wrote(&self) -> Vec<String> {
        (1..=self.sent).map(alices).collect()
    }

    /// What Alice must have got.
    pub fn contact_wrote(&self) -> Vec<String> {
        (1..=self.said).map(contacts).collect()
    }

    /// Whether the words of a message of Alice that waits for the network are on the disk, as another process finds them.
    pub fn words_at_rest(&self) -> bool {
        gateway::words_at_rest(self.dir.path(), ALICE, &ContactId::new(CONTACT))
    }

    /// Everything the XMPP server has seen, as text.
    pub fn wire(&self) -> &[String] {
        self.server.wire()
    }

    fn far_user(&self) -> FarUser {
        self.far.user(&ContactId::new("alice@echo"))
    }
}

fn alices(number: usize) -> String {
    format!("canary of alice {number} <&☕>")
}

fn contacts(number: usize) -> String {
    format!("canary of the contact {number} <&😀>")
}
