//! One connection after the other, for ever.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_bridge::CancellationToken;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::connect::connect;
use super::connection::{Shared, serve};
use super::fault::Fault;
use super::outgoing::{Outgoing, Queued};
use super::tally::Tally;
use super::{INCOMING, Incoming, Link, LinkConfig, LinkState, RESERVED};

/// All times of the link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The first wait before another attempt.
    pub(super) first: Duration,
    /// The longest.
    pub(super) most: Duration,
    /// A connection that lasted as long was a good one: the waits begin anew.
    pub(super) proven: Duration,
    /// For connecting and authenticating.
    pub(super) connect: Duration,
    /// Without any octet for so long, a ping is sent; twice as long, and the connection is dead.
    pub(super) silence: Duration,
    /// Without anything to write for so long, a space is written.
    pub(super) keepalive: Duration,
    /// For the server to take what is written.
    pub(super) stall: Duration,
    /// For ending the stream well.
    pub(super) close: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            most: Duration::from_secs(30),
            proven: Duration::from_secs(10),
            connect: Duration::from_secs(20),
            silence: Duration::from_secs(45),
            keepalive: Duration::from_secs(45),
            stall: Duration::from_secs(60),
            close: Duration::from_secs(3),
        }
    }
}

pub(super) fn open(config: LinkConfig, stop: CancellationToken, pace: Pace) -> Link {
    let tally = Arc::new(Tally::default());
    let (state, watched) = watch::channel(LinkState::Connecting);
    let (outgoing, queue) = Outgoing::new(config.jid.clone(), config.limits.max_stanza, watched, Arc::clone(&tally));
    let (incoming, received) = mpsc::channel(INCOMING + RESERVED);
    let shared =
        Shared { domain: config.jid.clone(), max_stanza: config.limits.max_stanza, pace, incoming, tally, stop };
    tokio::spawn(Supervisor { config, shared, state, queue }.run());
    Link { outgoing, incoming: received }
}

struct Supervisor {
    config: LinkConfig,
    shared: Shared,
    state: watch::Sender<LinkState>,
    queue: mpsc::Receiver<Queued>,
}

impl Supervisor {
    async fn run(mut self) {
        let mut backoff = Backoff::new(self.shared.pace.first, self.shared.pace.most);
        while !self.is_over() {
            let (fault, lasted) = self.once().await;
            if lasted > self.shared.pace.proven {
                backoff.reset();
            }
            self.pause(fault, backoff.wait()).await;
        }
        self.state.send_replace(LinkState::Stopped);
    }

    fn is_over(&self) -> bool {
        self.shared.stop.is_cancelled() || self.shared.incoming.is_closed()
    }

    /// One connection, from the attempt to its end. Why it ended, and how long it was up.
    async fn once(&mut self) -> (Fault, Duration) {
        let connected = tokio::select! {
            () = self.shared.stop.cancelled() => Err(Fault::Stopped),
            connected = connect(&self.config, &self.shared.pace) => connected,
        };
        let (reading, writing) = match connected {
            Ok(connection) => connection,
            Err(fault) => {
                self.down(fault);
                return (fault, Duration::ZERO);
            }
        };
        let begun = Instant::now();
        self.shared.tally.connections.increment();
        tracing::info!("the component link is up");
        self.state.send_replace(LinkState::Up);
        self.tell(Incoming::Up).await;
        let fault = serve(&self.shared, reading, writing, &mut self.queue).await;
        let lasted = begun.elapsed();
        self.down(fault);
        self.tell(Incoming::Down).await;
        (fault, lasted)
    }

    fn down(&mut self, fault: Fault) {
        let before = self.state.send_replace(LinkState::Down(fault));
        match fault {
            Fault::Stopped => tracing::info!("the component link is closed"),
            fault if before == LinkState::Down(fault) => {
                tracing::debug!(reason = %fault, "the component link stays down");
            }
            fault => tracing::warn!(reason = %fault, "the component link is down"),
        }
    }

    /// There are places only for this, unless the owner slept through several connections: then there is no hurry.
    async fn tell(&self, news: Incoming) {
        let _ = self.shared.incoming.send(news).await;
    }

    /// Waits, and meanwhile lets go what is still queued, so that its senders know.
    async fn pause(&mut self, fault: Fault, wait: Duration) {
        if fault == Fault::Stopped {
            return;
        }
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                () = self.shared.stop.cancelled() => return,
                () = self.shared.incoming.closed() => return,
                Some(late) = self.queue.recv() => drop(late),
            }
        }
    }
}
